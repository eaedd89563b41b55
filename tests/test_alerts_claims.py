"""Processes on one machine while the database is away: what all of them see is told by one, whatever befalls it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from botmon_cog.config import AlertsConfig
from botmon_cog.domain.alerts import Sent
from botmon_cog.testing import ManualClock
from tests.alert_helpers import MemoryStorage
from tests.test_alerts_monitor import QUICK, Process, notes_in

FAILED = Sent(state="failed", words="Discord was not reached")
REFUSED = Sent(state="refused", words="no owner can be reached")
FIRED = "alert: fired database"
AWAY = {"shared": ("database",)}

Start = Callable[..., Process]


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool.db"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def database() -> MemoryStorage:
    database = MemoryStorage()
    database.is_away = True
    return database


@pytest.fixture
async def start(database: MemoryStorage, clock: ManualClock, spool: Path) -> AsyncIterator[Start]:
    """Start a process on the machine."""

    def start(instance: str, config: AlertsConfig = QUICK) -> Process:
        return Process(database.of(instance), clock, config, spool=spool, instance=instance)

    yield start
    while Process.spools:
        await Process.spools.pop().close()


async def test_one_tells_and_one_that_starts_later_knows(start: Start, spool: Path) -> None:
    a, b = start("a"), start("b")
    assert await a.check(**AWAY) == [FIRED]
    assert await b.check(**AWAY) == []
    assert await start("c").check(**AWAY) == []
    assert sorted(notes_in(spool)) == ["alerts/a", "alerts/b", "alerts/c", "claims/app/fired database"]
    assert (a.failures.n, b.failures.n) == (0, 0)


async def test_what_it_sees_alone_is_told_by_each(start: Start) -> None:
    a, b = start("a"), start("b")
    assert await a.check("memory", **AWAY) == ["alert: fired database, fired memory"]
    assert await b.check("memory", **AWAY) == ["alert: fired memory"]


async def test_one_that_can_not_reach_discord_goes_on_trying(start: Start) -> None:
    a, b = start("a"), start("b")
    a.answers = [FAILED] * 2
    assert (await a.check(**AWAY), await b.check(**AWAY)) == ([], [])
    assert (await a.check(**AWAY), await b.check(**AWAY)) == ([], [])
    assert (await a.check(**AWAY), await b.check(**AWAY)) == ([FIRED], [])
    assert (await a.check(**AWAY), await b.check(**AWAY)) == ([], [])


@pytest.mark.parametrize("answer", [REFUSED, asyncio.CancelledError()])
async def test_another_tells_it_where_the_first_never_does(
    start: Start, clock: ManualClock, answer: Sent | BaseException
) -> None:
    a, b = start("a"), start("b")
    a.answers = [answer]
    if isinstance(answer, BaseException):
        with pytest.raises(asyncio.CancelledError):
            await a.check(**AWAY)
        clock.jump_wall(60)
    else:
        assert await a.check(**AWAY) == []
    assert await b.check(**AWAY) == [], "the first may still be at it"
    assert await b.check(**AWAY) == [FIRED]
    assert b.sent == [(FIRED, True)], "it may have been sent before"


async def test_a_reminder_comes_once_too(start: Start, clock: ManualClock) -> None:
    config = AlertsConfig(after_s=(0, 0), recover_after_s=0, repeat_after_s=(4 * 3600, 4 * 3600))
    a, b = start("a", config), start("b", config)
    await a.check(**AWAY)
    await b.check(**AWAY)
    for _ in range(3):
        clock.jump_wall(timedelta(hours=4).total_seconds())
        told = [*await a.check(**AWAY), *await b.check(**AWAY)]
        assert told == ["reminder: still database"]


async def test_the_next_time_that_it_is_away_is_told_again(start: Start, database: MemoryStorage, spool: Path) -> None:
    a, b = start("a"), start("b")
    for _ in range(2):
        database.is_away = True
        assert [*await a.check(**AWAY), *await b.check(**AWAY)] == [FIRED]
        database.is_away = False
        assert [*await a.check(), *await b.check()] == ["recovery: recovered database"]
        assert not any(note.startswith("claims/") for note in notes_in(spool))


async def test_what_another_was_about_to_tell_is_not_stored_twice(start: Start, database: MemoryStorage) -> None:
    a, b = start("a"), start("b")
    a.answers = [FAILED]
    assert (await a.check(**AWAY), await b.check(**AWAY)) == ([], [])
    database.is_away = False
    assert await b.check(**AWAY) == []
    assert await a.check(**AWAY) == [FIRED]
    assert [row.state for row in database.messages.values()] == ["sent"]


async def test_a_disk_that_fails_keeps_nobody_from_telling(start: Start, spool: Path) -> None:
    spool.write_bytes(b"no database" * 100)
    spool.chmod(0o400)
    a, b = start("a"), start("b")
    spool.with_name("spool.db-journal").mkdir()
    assert [*await a.check(**AWAY), *await b.check(**AWAY)] == [FIRED, FIRED]
