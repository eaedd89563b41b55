"""The examples in docs/testing.md run, and its list of what is imitated is that of the code."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from botmon_cog import testing
from botmon_cog.testing.rest.table import ROUTES

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


def made() -> dict[str, Any]:
    return runpy.run_path(str(DOCUMENT.with_name("make_testing.py")))


def test_the_list_of_what_is_imitated_is_that_of_the_code():
    assert DOCUMENT.read_text(encoding="utf-8") == made()["page"](), "run python docs/make_testing.py"


def test_the_list_leaves_nothing_out():
    make = made()
    assert make["limits_without_words"]() == []
    listed = make["imitated"]()
    assert all(f"| `{route.template}` |" in listed for route in ROUTES)
    assert {"MESSAGE_CREATE", "INTERACTION_CREATE", "THREAD_CREATE", "GUILD_DELETE"} <= make["events"]()
    assert all(f"| {code} |" in listed for code in (10014, 30010, 30015, 40060, 50006, 50035, 50278))


def test_thirty_one_kinds_of_tests_are_told():
    make = made()
    assert len(make["newcomers"]()) == 31
    told = re.findall(r"^\| (.+?) \| \[`(\w+\.py)`\]", make["kinds"](), re.MULTILINE)
    assert [name for _, name in told] == [path.name for path in make["newcomers"]()]
    assert len({words for words, _ in told}) == 31


def test_the_public_names_are_sorted_and_exist():
    assert testing.__all__ == sorted(testing.__all__)
    assert all(hasattr(testing, name) for name in testing.__all__)
