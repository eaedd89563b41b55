"""The examples in docs/testing.md run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from botmon_cog import testing

DOCUMENT = Path(__file__).parent.parent / "docs" / "testing.md"


def examples() -> dict[str, Any]:
    blocks = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    namespace: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, str(DOCUMENT), "exec"), namespace)  # noqa: S102  # our own document
    return {name: value for name, value in namespace.items() if name.startswith("test_")}


@pytest.mark.parametrize("name", list(examples()))
async def test_the_example_runs(name: str):
    await examples()[name]()


def test_the_public_names_are_sorted_and_exist():
    assert testing.__all__ == sorted(testing.__all__)
    assert all(hasattr(testing, name) for name in testing.__all__)
