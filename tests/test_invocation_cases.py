"""Does your monitor count this? The cases of `invocation_cases.py`, and the table in docs/invocations.md."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import discord
import pytest

from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports import HistoryEntry
from botmon_cog.store.history import HistoryFilter
from tests.child import Child
from tests.crash_children import die_within
from tests.faults import drained, make_system
from tests.harness import Rig, cog_of, make_bot, make_config, running, task_failures, until
from tests.invocation_cases import CASES, Case, Row, uses

DOCS = Path(__file__).parent.parent / "docs"


async def settled(rig: Rig, case: Case) -> None:
    """Let all that was done end, and the time pass that it takes to be sure."""
    observer = cog_of(rig.bot).observer
    await until(lambda: not observer.running)
    await rig.clock.advance(case.passes.total_seconds())
    await until(lambda: not observer.interactions.open and not observer.prefix.open)


def id_of(case: Case) -> str:
    return f"{case.group}: {case.title}"


@pytest.mark.parametrize("case", [case for case in CASES if case.build is not None], ids=id_of)
async def test_each_is_counted_as_what_it_was(case: Case) -> None:
    bot = make_bot()
    assert case.build is not None
    act = case.build(bot)
    async with task_failures(), running(bot) as rig:
        await act(rig)
        await settled(rig, case)
        rows = await rig.rows()
    assert told(rows) == case.rows


def told(rows: Iterable[HistoryEntry]) -> tuple[Row, ...]:
    return tuple((row.kind.value, row.command, row.outcome.value) for row in rows)


async def stop_while_it_runs(url: str) -> None:
    """The bot is closed, as by its owner."""
    bot = make_bot()
    bot.botmon_config = make_config(url)

    @bot.tree.command(name="play", description="p")
    async def play(interaction: discord.Interaction) -> None:
        await bot.wait_for("never")

    async with running(bot) as rig:
        await uses("play")(rig)
        await until(lambda: bool(cog_of(bot).observer.running))


@pytest.mark.parametrize("case", [case for case in CASES if case.how], ids=id_of)
async def test_each_end_of_the_process_is_counted_after_the_next_start(case: Case, tmp_path: Path) -> None:
    url, spool = str(tmp_path / "bot.db"), tmp_path / "spool.db"
    if case.how == "stop":
        await stop_while_it_runs(url)
    else:
        with Child(die_within, url, spool, case.how) as child:
            assert await asyncio.to_thread(child.wait) != 0
    async with make_system(url, spool=str(spool)) as system:
        await drained(system)
        await system.crashes.step()
        rows = await system.store.history.find(HistoryFilter(limit=100))
    assert told(sorted(rows, key=lambda row: row.discord_id or 0)) == case.rows


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module("make_invocations")


def test_the_page_has_the_tables_of_now(pages: ModuleType) -> None:
    page = (DOCS / "invocations.md").read_text()
    assert pages.written(page) == page
    assert page.count("| `") > len(Outcome)
    assert len(CASES) == 40
