"""Rounds of child processes, and what is made of their figures."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from _variants import BARE

Figures = dict[str, float]

_HERE = Path(__file__).resolve().parent
_CHILD_TIMEOUT_S = 600


class ChildFailedError(Exception):
    """A measurement did not come to its end. The message is what it wrote last."""


def run_child(variant: str, mode: str, n: int) -> Figures:
    """One measurement.

    Raises:
        ChildFailedError: it failed, or left another number of rows than of commands.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith("BOTMON_")}
    env = kept | {"PYTHONPATH": os.pathsep.join(filter(None, [str(_HERE.parent), kept.get("PYTHONPATH")]))}
    done = subprocess.run(
        [sys.executable, str(_HERE / "_child.py"), variant, mode, str(n)],
        env=env,
        capture_output=True,
        text=True,
        timeout=_CHILD_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise ChildFailedError(f"{variant}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout)


def run_rounds(
    variants: Sequence[str], mode: str, n: int, rounds: int, tell: Callable[[str], None]
) -> dict[str, list[Figures]]:
    """Each variant once per round, in an order that moves on by one with each round."""
    figures: dict[str, list[Figures]] = {variant: [] for variant in variants}
    for number in range(rounds):
        shift = number % len(variants)
        for variant in (*variants[shift:], *variants[:shift]):
            tell(f"round {number + 1} of {rounds}: {variant}")
            figures[variant].append(run_child(variant, mode, n))
    return figures


def summary(figures: dict[str, list[Figures]]) -> dict[str, Figures]:
    """Medians over the rounds. A ratio is the median of the ratios to the bare bot of the same round."""
    bare = figures[BARE]
    return {
        variant: {
            **{key: _median(f[key] for f in own) for key in own[0]},
            "cpu_ratio": _median(f["cpu_us"] / b["cpu_us"] for f, b in zip(own, bare, strict=True)),
            "loop_ratio": _median(f["loop_us"] / b["loop_us"] for f, b in zip(own, bare, strict=True)),
        }
        for variant, own in figures.items()
    }


_median = statistics.median
