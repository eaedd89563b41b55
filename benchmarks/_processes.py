"""One measurement in a fresh interpreter, which prints one line of JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from _root import ROOT

_HERE = Path(__file__).resolve().parent
_CHILD_TIMEOUT_S = 3_600


class ChildFailedError(Exception):
    """A measurement did not come to its end. The message is what it wrote last."""


def run_child(script: str, *arguments: object, env: Mapping[str, str] | None = None) -> Any:
    """What a script of this folder found. No setting of the machine's reaches it but those in `env`.

    Raises:
        ChildFailedError: it failed, or the database did not hold what it should.
    """
    words = [str(argument) for argument in arguments]
    done = subprocess.run(
        [sys.executable, str(_HERE / script), *words],
        env=child_environment() | dict(env or {}),
        capture_output=True,
        text=True,
        timeout=_CHILD_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise ChildFailedError(
            f"{script} {' '.join(words)} ended with {done.returncode}: {done.stderr.strip()[-2000:]}"
        )
    return json.loads(done.stdout)


def child_environment() -> dict[str, str]:
    """The environment of a child: it finds botmon_cog, and no setting of the machine's."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("BOTMON_")}
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), kept.get("PYTHONPATH")]))
    return kept


def tell(text: str) -> None:
    """What is going on, beside the figures."""
    print(text, file=sys.stderr, flush=True)
