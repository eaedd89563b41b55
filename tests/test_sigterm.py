"""SIGTERM: the end is noted, nothing is lost, and the process dies of it as it would have without us."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from botmon_cog.cog.sigterm import SigtermHandler
from botmon_cog.domain.uptime import Run
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.history import HistoryFilter
from tests.child import ROOT, Child
from tests.faults import drained, locked, make_system
from tests.sigterm_children import bot_at_work, two_endings

SOON_S = 10.0
"""More than it ever takes, and less than the patience of `docker stop`, for a machine that is busy."""
BOTH = [("hang", "cancelled"), ("ping", "ok")]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "bot.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "bot.db")


@pytest.fixture
def spool(tmp_path: Path) -> str:
    return str(tmp_path / "spool.db")


@asynccontextmanager
async def next_start(url: str, spool: str) -> AsyncIterator[MonitoringSystem]:
    async with make_system(url, spool=spool) as system:
        await drained(system)
        yield system


async def outcomes(system: MonitoringSystem) -> list[tuple[str, str]]:
    entries = await system.store.history.find(HistoryFilter(limit=100))
    return sorted((str(entry.command), str(entry.outcome)) for entry in entries)


async def last_run(system: MonitoringSystem) -> Run:
    return (await system.store.uptime.runs(datetime.now(UTC) - timedelta(days=1)))[-1]


async def ended(child: Child, signals: int = 1) -> int:
    """Its exit code, after so many SIGTERMs."""
    for _ in range(signals):
        os.kill(child.pid, signal.SIGTERM)
    return await asyncio.to_thread(child.wait, SOON_S)


async def test_sigterm_is_noted_and_nothing_is_lost(url: str, spool: str) -> None:
    with Child(bot_at_work, url, spool, "") as child:
        child.receive()
        assert await ended(child) == -signal.SIGTERM
    async with next_start(url, spool) as system:
        assert await outcomes(system) == BOTH
        run = await last_run(system)
        assert run.ending == "stopped"
        assert run.ended_at is not None
        await system.uptime.begin()
        assert system.uptime.previous is not None
        assert system.uptime.previous.ending == "stopped"


async def test_sigterm_while_the_database_is_locked_kills_in_time_and_the_spool_has_the_rows(
    file: str, spool: str
) -> None:
    async with make_system(file, spool=spool):
        pass
    with Child(bot_at_work, file, spool, "") as child:
        await child.answer()
        async with locked(file):
            since = time.monotonic()
            assert await ended(child) == -signal.SIGTERM
            assert time.monotonic() - since < SOON_S
    async with next_start(file, spool) as system:
        assert await outcomes(system) == BOTH


@pytest.mark.parametrize("how", ["switched off", "unloaded"])
async def test_sigterm_kills_at_once_without_us(file: str, spool: str, how: str) -> None:
    with Child(bot_at_work, file, spool, how) as child:
        child.receive()
        assert await ended(child) == -signal.SIGTERM
    async with next_start(file, spool) as system:
        assert (await last_run(system)).ending == ("unloaded" if how == "unloaded" else "")


@pytest.mark.parametrize("how", ["handler before", "handler after", "handler of the loop"])
async def test_a_handler_of_the_hosts_wins(file: str, spool: str, how: str) -> None:
    with Child(bot_at_work, file, spool, how) as child:
        child.receive()
        os.kill(child.pid, signal.SIGTERM)
        assert child.receive() == "the host's"
        os.kill(child.pid, signal.SIGTERM)
        assert child.receive() == "the host's"
        assert Path(f"/proc/{child.pid}").exists()


async def test_a_blocked_event_loop_delays_death_by_seconds_only(file: str, spool: str) -> None:
    with Child(bot_at_work, file, spool, "blocked") as child:
        child.receive()
        assert await ended(child) == -signal.SIGTERM


async def test_a_second_sigterm_kills_at_once(file: str, spool: str) -> None:
    with Child(bot_at_work, file, spool, "blocked") as child:
        child.receive()
        assert await ended(child, signals=2) == -signal.SIGTERM


async def test_a_fork_of_the_bot_dies_of_sigterm_as_it_always_did(file: str, spool: str) -> None:
    with Child(bot_at_work, file, spool, "forked") as child:
        assert child.receive() == -signal.SIGTERM


PROGRAM = """
import asyncio
from tests.sigterm_children import bot_at_work, two_endings

class Talk:
    def send(self, value):
        print(value, flush=True)

asyncio.run(bot_at_work(Talk(), {url!r}, {spool!r}, ""))
"""


@pytest.mark.skipif(not shutil.which("unshare") or os.geteuid() != 0, reason="makes a process number 1, as root only")
async def test_process_number_one_of_a_container_ends_as_well(file: str, spool: str) -> None:
    """The kernel spares it what has no handler: `docker stop` would wait ten seconds, and then kill."""
    command = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-c"]
    with subprocess.Popen(  # noqa: ASYNC220 (this test has nothing else to do)
        [*command, PROGRAM.format(url=file, spool=spool)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert (await asyncio.to_thread(process.stdout.readline)).strip() == "1"
            (first,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            os.kill(int(first), signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, SOON_S) == 128 + signal.SIGTERM
        finally:
            process.kill()
    async with next_start(file, spool) as system:
        assert await outcomes(system) == BOTH
        assert (await last_run(system)).ending == "stopped"


def test_two_bots_of_one_process_both_note_their_end() -> None:
    with Child(two_endings) as child:
        child.receive()
        os.kill(child.pid, signal.SIGTERM)
        assert {child.receive(), child.receive()} == {"first", "second"}
        assert child.wait(SOON_S) == -signal.SIGTERM


async def test_the_last_bot_to_go_restores_the_default() -> None:
    async def ending() -> None:
        raise AssertionError("nobody sends a signal")

    first, second = SigtermHandler(ending), SigtermHandler(ending)
    first.attach()
    handler = signal.getsignal(signal.SIGTERM)
    second.attach()
    assert signal.getsignal(signal.SIGTERM) is handler
    first.detach()
    assert signal.getsignal(signal.SIGTERM) is handler
    second.detach()
    second.detach()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_outside_of_the_main_thread_nothing_is_set() -> None:
    async def attach() -> None:
        SigtermHandler(attach).attach()

    await asyncio.to_thread(asyncio.run, attach())
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
