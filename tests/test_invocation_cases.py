"""Does your monitor count this? The cases of `invocation_cases.py`, and the table in docs/invocations.md."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from botmon_cog.domain.outcome import Outcome
from tests.harness import Rig, cog_of, make_bot, running, task_failures, until
from tests.invocation_cases import CASES, Case

DOCS = Path(__file__).parent.parent / "docs"


async def settled(rig: Rig, case: Case) -> None:
    """Let all that was done end, and the time pass that it takes to be sure."""
    observer = cog_of(rig.bot).observer
    await until(lambda: not observer.running)
    await rig.clock.advance(case.passes.total_seconds())
    await until(lambda: not observer.interactions.open and not observer.prefix.open)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.group}: {case.title}")
async def test_each_is_counted_as_what_it_was(case: Case) -> None:
    bot = make_bot()
    act = case.build(bot)
    async with task_failures(), running(bot) as rig:
        await act(rig)
        await settled(rig, case)
        rows = await rig.rows()
    assert tuple((row.kind.value, row.command, row.outcome.value) for row in rows) == case.rows


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module("make_invocations")


def test_the_page_has_the_tables_of_now(pages: ModuleType) -> None:
    page = (DOCS / "invocations.md").read_text()
    assert pages.written(page) == page
    assert page.count("| `") > len(Outcome)
