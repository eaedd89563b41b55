"""Alerts over a database that other processes share, that goes away, and over restarts: each message once."""

from __future__ import annotations

import asyncio
import inspect
import sqlite3
import threading
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from botmon_cog.config import AlertsConfig, Config, HealthConfig
from botmon_cog.domain.alerts import EVERYTHING, SHARED, Alert, Notice, Sent
from botmon_cog.errors import StorageError
from botmon_cog.health.component import Finding
from botmon_cog.health.components.commands import Commands
from botmon_cog.health.debounce import Debouncer, Now
from botmon_cog.monitors import alert_sender
from botmon_cog.monitors.alert_teller import AlertContext
from botmon_cog.monitors.alerts import Alerts
from botmon_cog.monitors.failures import Failures
from botmon_cog.store.alerts import AlertStore
from botmon_cog.store.queue.spool import Spool
from botmon_cog.testing import ManualClock
from tests.alert_helpers import START, MemoryStorage, bad, problem, told
from tests.engines import Engine
from tests.test_alerts_notices import Owner

HOUR = timedelta(hours=1)
TOLD = Sent(state="told", words="DM to 1 owner")
QUICK = AlertsConfig(after_s=(0, 0), recover_after_s=0, repeat_after_s=(0, 0))


class Process:
    """One process of a bot.

    Attributes:
        sent: what reached the owners, with whether it said that it may be a repeat.
        answers: what becomes of the next attempts; all others are told.
    """

    spools: ClassVar[list[Spool]] = []

    def __init__(self, store: object, clock: ManualClock, config: AlertsConfig = QUICK, **options: object) -> None:
        self.clock = clock
        self.failures = Failures(clock)
        path = options.pop("spool", None)
        spool = None if path is None else Spool(lambda: path, max_bytes=10**7, clock=clock)
        if spool is not None:
            self.spools.append(spool)
        self.alerts = Alerts(store, clock, Config(alerts=config, **options), self.failures, spool)
        self.sent: list[tuple[str, bool]] = []
        self.notices: list[Notice] = []
        self.answers: list[Sent | BaseException] = []

    async def send(self, notice: Notice, is_repeat: bool) -> Sent:
        answer = self.answers.pop(0) if self.answers else TOLD
        if isinstance(answer, BaseException):
            raise answer
        if answer.state == "told":
            self.sent += [(text, is_repeat) for text in told([notice])]
            self.notices.append(notice)
        return answer

    async def step(self, *bad: str, shared: tuple[str, ...] = (), **context: int) -> None:
        problems = [problem(key, since=self.clock.now()) for key in bad]
        problems += [problem(key, since=self.clock.now(), is_shared=True) for key in shared]
        await self.alerts.step(problems, AlertContext(audience="app", **context))

    async def check(self, *bad: str, shared: tuple[str, ...] = (), **context: int) -> list[str]:
        """A step and a delivery, then a minute passes; what reached the owners."""
        before = len(self.sent)
        await self.step(*bad, shared=shared, **context)
        await self.alerts.deliver("app", self.send)
        self.clock.jump_wall(60)
        return [text for text, _ in self.sent[before:]]


@pytest.fixture(autouse=True)
async def _spools_are_closed() -> AsyncIterator[None]:
    yield
    while Process.spools:
        await Process.spools.pop().close()


def notes_in(spool: Path) -> list[str]:
    with closing(sqlite3.connect(spool)) as db:
        return [key for (key,) in db.execute("SELECT key FROM notes")]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def database() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def process(database: MemoryStorage, clock: ManualClock) -> Process:
    return Process(database.of("main"), clock)


# -- sending -----------------------------------------------------------------------------------------------------------


async def test_news_is_sent_once_and_its_result_kept(engine: Engine, clock: ManualClock) -> None:
    async with engine.storage(instance="main") as storage:
        process = Process(storage.alerts, clock)
        assert await process.check("memory", "cpu") == ["alert: fired cpu, fired memory"]
        assert await process.check("memory", "cpu") == []
        assert await process.check() == ["recovery: recovered cpu, recovered memory"]
        assert await process.check() == []
        history = await process.alerts.history(clock.now() - HOUR, 10)
        assert [(row.state, row.result, row.attempts) for row in history] == [("sent", TOLD.words, 1)] * 2
        assert (await storage.alerts.alerts(clock.now())).alerts == ()
        assert process.failures.n == 0


async def test_fifty_at_once_are_one_message(engine: Engine, clock: ManualClock) -> None:
    async with engine.storage(instance="main") as storage:
        process = Process(storage.alerts, clock)
        for _ in range(3):
            await process.check(*[f"commands.c{n}" for n in range(50)])
        assert [len(notice.items) for notice in process.notices] == [50]


async def test_when_discord_is_away_it_is_sent_later_and_in_order(process: Process) -> None:
    process.answers = [Sent(state="failed", words="Discord was not reached")] * 2
    assert await process.check("memory") == []
    assert await process.check("memory", "cpu") == []
    assert await process.check("memory", "cpu") == ["alert: fired memory", "alert: fired cpu"]
    assert not any(is_repeat for _, is_repeat in process.sent)


async def test_refused_everywhere_is_not_tried_again(process: Process, database: MemoryStorage) -> None:
    process.answers = [Sent(state="refused", words="DMs are closed")]
    for _ in range(3):
        assert await process.check("memory") == []
    assert [(row.state, row.result) for row in database.messages.values()] == [("failed", "DMs are closed")]


async def test_a_message_that_crashes_is_noted_and_given_up(process: Process, database: MemoryStorage) -> None:
    process.answers = [ValueError("a bug")] * 5
    for _ in range(8):
        await process.check("memory")
    assert process.sent == []
    assert process.failures.n == 5
    assert [(row.state, row.result) for row in database.messages.values()] == [
        ("failed", "ValueError while sending it")
    ]


async def test_an_attempt_that_hangs_is_given_up_and_the_next_one_says_so(process, monkeypatch) -> None:
    monkeypatch.setattr(alert_sender, "_SEND_S", 0.01)
    real = process.send

    async def hang(notice: Notice, is_repeat: bool) -> Sent:
        await asyncio.Event().wait()
        return TOLD

    process.send = hang
    assert await process.check("memory") == []
    process.send = real
    assert [await process.check("memory") for _ in range(4)].count(["alert: fired memory"]) == 1
    assert process.sent == [("alert: fired memory", True)]


async def test_a_database_that_takes_no_claims_holds_nothing_up_that_it_does_not_have(process, database) -> None:
    process.answers = [Sent(state="failed", words="Discord was not reached")]
    await process.check("memory")
    storage, claim = process.alerts._store, process.alerts._store.claim_message

    async def full(*_: object) -> bool:
        raise StorageError("database or disk is full")

    storage.keep_alerts = storage.claim_message = full
    assert await process.check("memory", "database") == ["alert: fired database"]
    storage.claim_message = claim
    assert await process.check("memory", "database") == ["alert: fired memory"]


@pytest.mark.parametrize("verb", ["alerts", "keep_alerts", "due_messages", "claim_message", "finish_message"])
async def test_a_database_that_says_nothing_more_holds_nothing_up(database, clock, verb) -> None:
    storage = database.of("main")
    process = Process(storage, clock, health=HealthConfig(database_timeout_s=0.01))
    answers = getattr(storage, verb)

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    setattr(storage, verb, hang)
    async with asyncio.timeout(5):
        await process.check("memory")
        setattr(storage, verb, answers)
        for _ in range(4):
            await process.check("memory")
    assert process.sent == [("alert: fired memory", False)]
    assert process.failures.n == 0


async def test_what_is_being_sent_arrives_though_nobody_waits_for_it_any_more(process, database) -> None:
    is_sending, may_arrive = asyncio.Event(), asyncio.Event()

    async def send(notice: Notice, is_repeat: bool) -> Sent:
        is_sending.set()
        await may_arrive.wait()
        return TOLD

    await process.step("memory")
    delivering = asyncio.ensure_future(process.alerts.deliver("app", send))
    await is_sending.wait()
    delivering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await delivering
    closing = asyncio.ensure_future(process.alerts.settle())
    await asyncio.sleep(0)
    may_arrive.set()
    await closing
    assert [row.state for row in database.messages.values()] == ["sent"]


async def test_what_does_not_arrive_is_given_up_when_the_time_to_settle_is_over(process, database, monkeypatch) -> None:
    monkeypatch.setattr(alert_sender, "_SETTLE_S", 0.01)
    process.answers = []
    is_sending = asyncio.Event()

    async def send(notice: Notice, is_repeat: bool) -> Sent:
        is_sending.set()
        await asyncio.Event().wait()
        return TOLD

    await process.step("memory")
    delivering = asyncio.ensure_future(process.alerts.deliver("app", send))
    await is_sending.wait()
    delivering.cancel()
    await process.alerts.close()
    assert [(row.state, row.claimed_by is None) for row in database.messages.values()] == [("due", False)]
    assert len(asyncio.all_tasks()) == 2 - delivering.done()


async def test_what_a_killed_process_claimed_is_sent_by_another_once(engine: Engine, clock: ManualClock) -> None:
    async with engine.storage(instance="one") as first, engine.storage(instance="two") as second:
        killed, other = Process(first.alerts, clock, instance="one"), Process(second.alerts, clock, instance="two")
        killed.answers = [asyncio.CancelledError()]
        with pytest.raises(asyncio.CancelledError):
            await killed.check("memory")
        for _ in range(5):
            await other.check()
        assert other.sent == [("alert: fired memory", True)]


async def test_only_a_process_of_the_same_bot_sends(process: Process) -> None:
    await process.step("memory")
    await process.alerts.deliver("another app", process.send)
    assert process.sent == []
    assert await process.check("memory") == ["alert: fired memory"]


async def test_nothing_is_told_before_the_bot_is_known_and_nothing_is_lost(process: Process) -> None:
    await process.alerts.step([problem("memory")], AlertContext())
    assert await process.check("memory") == ["alert: fired memory"]


async def test_a_message_says_what_waits_and_what_was_lost_meanwhile(process: Process) -> None:
    await process.check(dropped=5)
    await process.check("memory", waiting=7, spooled=4, dropped=6)
    await process.check(dropped=9)
    await process.check("memory", dropped=9)
    assert [(notice.waiting, notice.spooled, notice.lost) for notice in process.notices] == [
        (7, 4, 1),
        (0, 0, 4),
        (0, 0, 0),
    ]


async def test_switched_off_does_nothing(database: MemoryStorage, clock: ManualClock) -> None:
    process = Process(database.of("main"), clock, AlertsConfig(enabled=False))
    assert await process.check("memory") == []
    assert (database.rows, database.messages) == ({}, {})


# -- several processes -------------------------------------------------------------------------------------------------


async def test_what_all_see_is_told_by_one(engine: Engine, clock: ManualClock) -> None:
    async with engine.storage(instance="one") as first, engine.storage(instance="two") as second:
        both = [Process(first.alerts, clock, instance="one"), Process(second.alerts, clock, instance="two")]
        for shared in (("database.slow",), ("database.slow",), (), ()):
            await asyncio.gather(*(process.step(shared=shared) for process in both))
            await asyncio.gather(*(process.alerts.deliver("app", process.send) for process in both))
            clock.jump_wall(60)
        assert Counter(one for process in both for one in process.sent) == {
            ("alert: fired database.slow", False): 1,
            ("recovery: recovered database.slow", False): 1,
        }
        assert [process.failures.n for process in both] == [0, 0]


async def test_what_one_sees_and_another_does_not_is_told_once(database: MemoryStorage, clock: ManualClock) -> None:
    one, two = (Process(database.of(name), clock, AlertsConfig(), instance=name) for name in ("one", "two"))
    bad = problem("database.slow", since=clock.now(), is_shared=True)
    for minute in range(90):
        await one.alerts.step([bad] if minute < 60 else [], AlertContext(audience="app"))
        await one.alerts.deliver("app", one.send)
        await two.check()
    assert one.sent + two.sent == [("alert: fired database.slow", False), ("recovery: recovered database.slow", False)]
    assert [item.relapses for notice in one.notices + two.notices for item in notice.items] == [0, 0]


async def test_a_step_is_taken_again_where_another_process_was_quicker(
    database: MemoryStorage, clock: ManualClock
) -> None:
    storage = database.of("one")
    slow, quick = Process(storage, clock, instance="one"), Process(database.of("two"), clock, instance="two")
    keep = storage.keep_alerts
    tries = 0

    async def be_late(*args):
        nonlocal tries
        tries += 1
        if tries == 1:
            await quick.step(shared=("database.slow",))
        return await keep(*args)

    storage.keep_alerts = be_late
    await slow.step("memory", shared=("database.slow",))
    assert tries == 2
    assert sorted(told(row.notice for row in database.messages.values())) == [
        "alert: fired database.slow",
        "alert: fired memory",
    ]


async def test_another_instances_alerts_are_its_own(database: MemoryStorage, clock: ManualClock) -> None:
    one, two = (Process(database.of(name), clock, instance=name) for name in ("one", "two"))
    assert await one.check("memory") == ["alert: fired memory"]
    assert await two.check() == []
    assert await two.alerts.firing() == ()
    assert (await two.alerts.overview()).firing == ()
    assert await two.check("cpu") == ["alert: fired cpu"]


async def test_what_fires_in_several_is_told_once_and_its_end_with_the_last_one(engine: Engine, clock) -> None:
    async with AsyncExitStack() as stack:
        names = ("one", "two", "three")
        storages = [await stack.enter_async_context(engine.storage(instance=name)) for name in names]
        pairs = zip(storages, names, strict=True)
        one, two, three = (Process(storage.alerts, clock, instance=name) for storage, name in pairs)
        assert await one.check("memory") == ["alert: fired memory"]
        assert await two.check("memory") == []
        assert await three.check("memory", "cpu") == ["alert: fired cpu"]
        overview = await two.alerts.overview()
        assert [(each.scope, each.key) for each in overview.firing] == [("two", "memory")]
        assert sorted((each.scope, each.key) for each in overview.elsewhere) == [
            ("one", "memory"),
            ("three", "cpu"),
            ("three", "memory"),
        ]
        assert await one.check() == []
        assert await three.check() == ["recovery: recovered cpu"]
        assert await one.check("memory") == []
        assert await two.check() == []
        assert await one.check() == ["recovery: recovered memory"]
        for process in (one, two, three):
            assert await process.check() == []
            assert process.failures.n == 0
        assert engine.sql("SELECT COUNT(*) FROM @alerts") == [(0,)]


async def test_worse_in_several_is_told_once(database: MemoryStorage, clock: ManualClock) -> None:
    one, two = (Process(database.of(name), clock, instance=name) for name in ("one", "two"))
    for severity in ("warning", "critical"):
        for process in (one, two, one, two):
            await process.alerts.step([problem("memory", severity)], AlertContext(audience="app"))
            await process.alerts.deliver("app", process.send)
    assert await two.check() == []
    assert await one.check() == ["recovery: recovered memory"]
    assert (one.sent[:2], two.sent) == ([("alert: fired memory", False), ("alert: worsened memory", False)], [])


async def test_of_several_one_reminds(database: MemoryStorage, clock: ManualClock) -> None:
    config = replace(QUICK, repeat_after_s=(1800, 1800))
    both = [Process(database.of(name), clock, config, instance=name) for name in ("one", "two")]
    found: list[int] = []
    for minute in range(70):
        for process in both:
            await process.step("memory")
            await process.alerts.deliver("app", process.send)
        found += [minute] * (sum(len(process.sent) for process in both) - len(found))
        await clock.advance(60)
    assert found == [0, 30, 60]


async def test_processes_of_another_bot_have_nothing_to_do_with_it(database: MemoryStorage, clock) -> None:
    one, two = (Process(database.of(name), clock, instance=name) for name in ("one", "two"))
    await one.check("memory")
    await one.alerts.mute([("one", "cpu")], clock.now() + HOUR, "7")
    await two.alerts.step([problem("memory"), problem("cpu")], AlertContext(audience="another app"))
    await two.alerts.deliver("another app", two.send)
    assert two.sent == [("alert: fired cpu, fired memory", False)]
    assert (await two.alerts.overview()).elsewhere == ()


async def test_rows_lost_on_another_day_are_told_again(database: MemoryStorage, clock: ManualClock) -> None:
    """What stays until the next start is the same in two processes only where they find it at about the same time."""
    one, two, three = (Process(database.of(name), clock, instance=name) for name in ("one", "two", "three"))
    assert await one.check("monitor.lost") == ["alert: fired monitor.lost"]
    assert await two.check("monitor.lost") == []
    await clock.advance(2 * HOUR.total_seconds())
    assert await three.check("monitor.lost") == ["alert: fired monitor.lost"]


async def test_a_mute_of_what_is_in_several_holds_in_all_of_them(database: MemoryStorage, clock: ManualClock) -> None:
    one, two = (Process(database.of(name), clock, instance=name) for name in ("one", "two"))
    await one.check("memory")
    await two.check("memory")
    await one.alerts.mute([("one", "memory")], clock.now() + HOUR, "7")  # the button under the message
    assert await one.check() == []
    assert await two.check() == []
    assert await two.alerts.unmute([("two", "memory")])
    assert (await one.alerts.overview()).mutes == ()
    assert await two.check() == ["recovery: recovered memory"]


@pytest.mark.parametrize("is_ill", [True, False])
async def test_a_process_that_is_gone_for_good_holds_nothing_open(database, clock, is_ill: bool) -> None:
    """As where each deploy has other names: what the old one told ends with it, or goes on in the new one."""
    old = Process(database.of("pod-1"), clock, instance="pod-1")
    assert await old.check("memory", "cpu") == ["alert: fired cpu, fired memory"]
    new = Process(database.of("pod-2"), clock, instance="pod-2")
    found: list[tuple[int, str]] = []
    for minute in range(30):
        await new.step(*(["memory"] if is_ill else []))
        await new.alerts.deliver("app", new.send)
        found += [(minute, text) for text, _ in new.sent[len(found) :]]
        await clock.advance(60)
    over = "recovered cpu" if is_ill else "recovered cpu, recovered memory"
    assert [text for _, text in found] == [f"recovery: {over}"]
    assert 13 <= found[0][0] <= 15
    assert {name for name, _ in database.rows} == ({"pod-2"} if is_ill else set())
    assert await new.check() == (["recovery: recovered memory"] if is_ill else [])


async def test_without_the_database_an_end_waits_for_what_the_others_found(database, clock) -> None:
    one, two = (Process(database.of(name), clock, instance=name) for name in ("one", "two"))
    await one.check("memory", "cpu")
    await two.check("memory")
    await one.check("memory", "cpu")
    database.is_away = True
    assert await one.check() == ["recovery: recovered cpu"]
    assert await two.check("memory", "files") == ["alert: fired files"]
    database.is_away = False
    assert await one.check() == []
    assert await two.check("memory", "files") == []
    assert await two.check() == ["recovery: recovered memory, recovered files"]


async def test_a_quiet_end_that_could_not_be_stored_is_decided_anew(database, clock) -> None:
    storage = database.of("one")
    one, two = Process(storage, clock, instance="one"), Process(database.of("two"), clock, instance="two")
    await one.check("memory")
    await two.check("memory")
    keep = storage.keep_alerts

    async def fail(*_: object) -> bool:
        raise StorageError("connection lost")

    storage.keep_alerts = fail
    assert await one.check() == []
    assert await two.check() == []
    storage.keep_alerts = keep
    assert await one.check() + await two.check() == ["recovery: recovered memory"]


# -- restarts ----------------------------------------------------------------------------------------------------------


async def test_a_restart_neither_forgets_nor_repeats(engine: Engine, clock: ManualClock) -> None:
    async with engine.storage(instance="main") as storage:
        assert await Process(storage.alerts, clock).check("memory", shared=("database.slow",)) == [
            "alert: fired database.slow, fired memory"
        ]
        process = Process(storage.alerts, clock)
        await process.alerts.recall()
        assert {each.key for each in await process.alerts.firing() or ()} == {"memory", "database.slow"}
        for _ in range(9):  # its checks know nothing of it yet
            assert await process.check("cpu", is_recalled=False) in (
                ["alert: fired cpu"],
                ["recovery: recovered database.slow"],
                [],
            )
        assert await process.check("memory", "cpu") == []
        assert [alert.relapses for alert in (await process.alerts.overview()).firing] == [0, 0]
        assert await process.check("cpu") == ["recovery: recovered memory"]


async def test_what_fired_is_not_known_while_neither_the_database_nor_the_disk_tells(database, clock, tmp_path) -> None:
    before = Process(database.of("main"), clock, spool=tmp_path / "spool.db")
    await before.check("memory")
    other = Process(database.of("other"), clock, instance="other")
    await other.check("cpu")
    database.is_away = True
    process = Process(database.of("main"), clock, spool=tmp_path / "spool.db")
    assert await process.alerts.firing() is None
    await process.alerts.recall()
    assert [each.key for each in await process.alerts.firing() or ()] == ["memory"]
    without_disk = Process(database.of("main"), clock)
    await without_disk.alerts.recall()
    assert await without_disk.alerts.firing() is None
    assert await without_disk.check("memory", is_recalled=False) == ["alert: fired memory"], "nobody can know"
    database.is_away = False
    assert [each.key for each in await without_disk.alerts.firing() or ()] == ["memory"]
    assert await Process(database.of("main"), clock, AlertsConfig(enabled=False)).alerts.firing() == ()


async def test_the_limit_per_hour_holds_over_a_restart(database: MemoryStorage, clock: ManualClock) -> None:
    config = replace(QUICK, messages_per_h=2)
    process = Process(database.of("main"), clock, config)
    for n in range(2):
        assert await process.check(*[f"commands.c{i}" for i in range(n + 1)])
    process = Process(database.of("main"), clock, config)
    for _ in range(58):
        assert await process.check("commands.c0", "commands.c1", "memory") == []
    assert await process.check("commands.c0", "commands.c1", "memory") == ["alert: fired memory"]


# -- without the database ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_spool", [True, False])
async def test_while_the_database_is_away_notices_are_sent_and_stored_later(
    database, clock, tmp_path, has_spool
) -> None:
    spool = tmp_path / "spool.db" if has_spool else None
    process = Process(database.of("main"), clock, spool=spool)
    await process.check("memory")
    database.is_away = True
    assert await process.check("memory", shared=("database",)) == ["alert: fired database"]
    assert await process.check(shared=("database",)) == ["recovery: recovered memory"]
    assert await process.check(shared=("database",)) == []
    assert spool is None or notes_in(spool) == ["alerts/main", "claims/app/fired database"]
    with pytest.raises(StorageError):
        await process.alerts.history(clock.now() - HOUR, 10)
    database.is_away = False
    assert await process.check() == ["recovery: recovered database"]
    assert await process.check() == []
    assert [row.state for row in database.messages.values()] == ["sent"] * 4
    assert database.rows == {}
    assert spool is None or notes_in(spool) == []
    assert process.failures.n == 0


@pytest.mark.parametrize("is_back", [True, False])
async def test_a_restart_while_the_database_is_away_repeats_nothing(database, clock, tmp_path, is_back) -> None:
    before = Process(database.of("main"), clock, spool=tmp_path / "spool.db")
    await before.check("memory", "cpu")
    database.is_away = True
    assert await before.check("cpu", shared=("database",)) == [
        "alert: fired database",
        "recovery: recovered memory",
    ]
    database.is_away = not is_back
    process = Process(database.of("main"), clock, spool=tmp_path / "spool.db")
    await process.alerts.recall()
    for _ in range(4):
        assert await process.check("cpu", shared=("database",)) == []
    assert await process.check("cpu") == ["recovery: recovered database"]
    database.is_away = False
    assert await process.check() == ["recovery: recovered cpu"]
    assert await process.check() == []
    assert [row.state for row in database.messages.values()] == ["sent"] * 5
    assert notes_in(tmp_path / "spool.db") == []


async def test_a_restart_at_which_the_database_goes_away_repeats_nothing(database, clock, tmp_path) -> None:
    await Process(database.of("main"), clock, spool=tmp_path / "spool.db").check("memory")
    database.is_away = True
    process = Process(database.of("main"), clock, spool=tmp_path / "spool.db")
    await process.alerts.recall()
    assert await process.check("memory") == []
    assert await process.check() == ["recovery: recovered memory"]


async def test_the_database_is_right_where_the_file_is_old(database, clock, tmp_path) -> None:
    """The shared alert ended, and began anew, while this process was off: both times it is at the same version."""
    await Process(database.of("main"), clock, spool=tmp_path / "spool.db").check(shared=("database.slow",))
    other = Process(database.of("other"), clock, instance="other")
    for _ in range(6):
        await other.check()
    assert database.rows == {}
    await other.alerts.mute([(SHARED, "database.slow")], clock.now() + HOUR, "7")
    assert await other.check(shared=("database.slow",)) == []
    await other.alerts.unmute([(SHARED, "database.slow")])
    process = Process(database.of("main"), clock, spool=tmp_path / "spool.db")
    await process.alerts.recall()
    assert await process.check(shared=("database.slow",)) == ["alert: fired database.slow"]


async def test_what_was_being_sent_at_a_kill_without_the_database_may_be_a_repeat(database, clock, tmp_path) -> None:
    database.is_away = True
    killed = Process(database.of("main"), clock, spool=tmp_path / "spool.db")
    killed.answers = [asyncio.CancelledError()]
    with pytest.raises(asyncio.CancelledError):
        await killed.check("memory")
    process = Process(database.of("main"), clock, spool=tmp_path / "spool.db")
    await process.alerts.recall()
    await process.check("memory")
    await process.check("memory")
    assert process.sent == [("alert: fired memory", True)]


async def test_a_result_that_could_not_be_stored_is_stored_later(database, clock, tmp_path) -> None:
    process = Process(database.of("main"), clock, spool=tmp_path / "spool.db")

    async def send(notice: Notice, is_repeat: bool) -> Sent:
        database.is_away = True
        return TOLD

    await process.step("memory")
    await process.alerts.deliver("app", send)
    clock.jump_wall(600)
    database.is_away = False
    restarted = Process(database.of("main"), clock, spool=tmp_path / "spool.db")
    await restarted.alerts.recall()
    await restarted.alerts.deliver("app", restarted.send)
    assert await restarted.check("memory") == []
    assert restarted.sent == []
    assert [(row.state, row.result) for row in database.messages.values()] == [("sent", TOLD.words)]


async def test_a_commit_whose_answer_was_lost_is_not_told_twice(database, clock) -> None:
    storage = database.of("main")
    process = Process(storage, clock)
    keep = storage.keep_alerts

    async def lose_the_answer(*args):
        await keep(*args)
        storage.keep_alerts = keep
        raise StorageError("connection lost")

    storage.keep_alerts = lose_the_answer
    assert await process.check("memory") == ["alert: fired memory"]
    assert await process.check("memory") == []
    assert await process.check() == ["recovery: recovered memory"]
    assert [row.state for row in database.messages.values()] == ["sent"] * 2


@pytest.mark.parametrize("content", ["", "{", '{"alerts": 5}', "\0"])
async def test_note_that_cannot_be_read_costs_a_failure(database, clock, tmp_path, content) -> None:
    process = Process(database.of("main"), clock, spool=tmp_path / "spool.db")
    await process.spools[-1].write_note("alerts/main", content.encode())
    await process.alerts.recall()
    assert process.failures.n == 1
    assert await process.check("memory") == ["alert: fired memory"]


async def test_a_disk_that_fails_costs_a_note(database, clock, tmp_path) -> None:
    (tmp_path / "file").touch()
    database.is_away = True
    process = Process(database.of("main"), clock, spool=tmp_path / "file" / "spool.db")
    await process.alerts.recall()
    assert await process.check("memory") == ["alert: fired memory"]
    assert process.failures.n > 0


async def test_a_disk_that_hangs_holds_nothing_up(database, clock, tmp_path, monkeypatch) -> None:
    database.is_away = True
    monkeypatch.setattr(Spool, "write_note", lambda *_: asyncio.Event().wait())
    process = Process(
        database.of("main"), clock, health=HealthConfig(database_timeout_s=0.01), spool=tmp_path / "spool.db"
    )
    async with asyncio.timeout(5):
        assert await process.check("memory") == ["alert: fired memory"]
        await process.check("memory", "cpu")
        await process.alerts.close()
    assert process.failures.n > 0


async def test_what_was_on_when_alerts_were_switched_off_is_not_shown_as_being_on(database, clock) -> None:
    await Process(database.of("main"), clock).check("memory")
    off = Process(database.of("main"), clock, AlertsConfig(enabled=False))
    await off.check("memory")
    assert (await off.alerts.overview()).firing == ()
    assert off.sent == []


async def test_it_leaves_no_thread(database, clock, tmp_path) -> None:
    before = set(threading.enumerate())
    database.is_away = True
    process = Process(database.of("main"), clock, spool=tmp_path / "spool.db")
    await process.alerts.recall()
    await process.check("memory")
    await process.alerts.close()
    await process.spools.pop().close()
    assert set(threading.enumerate()) == before


# -- mutes and maintenance ---------------------------------------------------------------------------------------------


async def test_a_mute_holds_back_until_it_ends(engine: Engine, clock: ManualClock) -> None:
    async with engine.storage(instance="main") as storage:
        process = Process(storage.alerts, clock)
        await process.alerts.mute([("main", "gateway"), (SHARED, EVERYTHING)], clock.now() + HOUR, "7")
        for _ in range(60):
            clock.jump_wall(-59)  # a check each second; the mute ends after an hour, by the wall
            assert await process.check("gateway.shard.3", shared=("database",)) == []
        clock.jump_wall(HOUR.total_seconds())
        assert await process.check("gateway.shard.3", shared=("database",)) == [
            "alert: fired database, fired gateway.shard.3"
        ]
        assert process.notices[0].held_back == ("muted",)


async def test_mutes_are_seen_and_ended(process: Process, clock: ManualClock) -> None:
    await process.alerts.mute([("main", "memory")], clock.now() + HOUR, "7")
    assert [(one.key, one.by, one.until) for one in (await process.alerts.overview()).mutes] == [
        ("memory", "7", clock.now() + HOUR)
    ]
    assert await process.check("memory") == []
    assert not await process.alerts.unmute([("main", "cpu")])
    assert await process.alerts.unmute([("main", "memory"), ("main", "cpu")])
    assert (await process.alerts.overview()).mutes == ()
    assert await process.check("memory") == ["alert: fired memory"]


async def test_a_mute_works_without_the_database_and_over_a_restart(database, clock, tmp_path) -> None:
    process = Process(database.of("main"), clock, spool=tmp_path / "spool.db")
    await process.alerts.mute([("main", "cpu")], clock.now() + HOUR, "7")
    await process.check()
    database.is_away = True
    await process.alerts.mute([("main", "memory")], clock.now() + HOUR, "7")
    assert await process.alerts.unmute([("main", "cpu")])
    process = Process(database.of("main"), clock, spool=tmp_path / "spool.db")
    await process.alerts.recall()
    assert await process.check("memory", "cpu") == ["alert: fired cpu"]
    assert [one.key for one in (await process.alerts.overview()).mutes] == ["memory"]
    assert len((await process.alerts.overview()).firing) == 2
    database.is_away = False
    await process.check("memory", "cpu")
    assert list(database.mutes) == [("main", "memory")]


async def test_a_maintenance_window_holds_back_and_is_shown(database: MemoryStorage, clock: ManualClock) -> None:
    process = Process(database.of("main"), clock, replace(QUICK, maintenance=("daily 12:00-12:30",)))
    assert (await process.alerts.overview()).maintenance_until == clock.now() + HOUR / 2
    for _ in range(30):
        assert await process.check("memory") == []
    assert (await process.alerts.overview()).maintenance_until is None
    assert await process.check("memory") == ["alert: fired memory"]
    assert process.notices[0].held_back == ("maintenance",)


async def test_the_overview_has_the_gravest_first(database: MemoryStorage, clock: ManualClock) -> None:
    process = Process(database.of("main"), clock, AlertsConfig(level="critical"))
    problems = [
        problem("memory", since=clock.now() - HOUR),
        problem("cpu", since=clock.now() - 2 * HOUR),
        problem("files", since=clock.now(), lasting=None),
        problem("gateway", since=clock.now() - HOUR, lasting=None),
        problem("loop.lag", "warning", since=clock.now(), lasting=None),
        problem("rest", since=clock.now(), lasting=None, good_since=clock.now()),
        problem("monitor.failures", since=clock.now(), lasting=None),
    ]
    await process.alerts.step(problems, AlertContext(audience="app"))
    overview = await process.alerts.overview()
    assert [alert.key for alert in overview.firing] == ["cpu", "memory"]
    assert [alert.key for alert in overview.pending] == ["gateway", "files"]
    database.is_away = True
    assert await process.alerts.overview() == overview


# -- anything at all ---------------------------------------------------------------------------------------------------

KEYS = ("memory", "cpu", "files", "rule.players")
CHECK = st.tuples(
    st.sets(st.sampled_from(KEYS), max_size=3),
    st.booleans(),  # whether the database is away
    st.booleans(),  # whether the process is restarted before
    st.sampled_from(["told", "told", "told", "failed"]),
    st.none() | st.tuples(st.sampled_from(KEYS), st.integers(0, 5)),  # a mute and its minutes
)


def read(every: list[Notice]) -> dict[str, bool]:
    """What the owners believe in the end; each change was told once."""
    believes: dict[str, bool] = {}
    for notice in sorted(every, key=lambda notice: (notice.made_at, notice.kind)):
        for item in notice.items:
            if item.change == "still":
                assert believes.get(item.key), f"{item.key} is told again, and was not told"
            else:
                is_bad = item.change == "fired"
                assert believes.get(item.key, False) != is_bad, f"{item.key} {item.change} is told twice"
                believes[item.key] = is_bad
    return believes


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CHECK, max_size=15))
def test_whatever_happens_each_change_is_told_once(tmp_path_factory: pytest.TempPathFactory, checks) -> None:
    spool: Path = tmp_path_factory.mktemp("alerts") / "spool.db"

    async def run() -> None:
        database, clock = MemoryStorage(), ManualClock()
        config = replace(QUICK, messages_per_h=1000)
        every: list[Notice] = []

        async def start() -> Process:
            process = Process(database.of("main"), clock, config, spool=spool)
            process.notices = every
            await process.alerts.recall()
            return process

        process = await start()
        for keys, is_away, is_restart, answer, muting in checks:
            database.is_away = is_away
            if is_restart:
                process = await start()
            if muting is not None:
                await process.alerts.mute([("main", muting[0])], clock.now() + timedelta(minutes=muting[1]), "7")
            process.answers = [Sent(state=answer, words="")]
            await process.check(*keys)
            assert process.failures.n == 0
        database.is_away = False
        process.answers = []
        for _ in range(8):
            await process.check("memory")
        assert read(every)["memory"]
        for _ in range(3):
            await process.check()
        assert not any(read(every).values())
        assert not any(is_repeat for _, is_repeat in process.sent)
        assert database.rows == {}
        assert {row.state for row in database.messages.values()} == {"sent"}

        while Process.spools:
            await Process.spools.pop().close()

    asyncio.run(run())
    assert not spool.exists() or notes_in(spool) == []


NAMES = ("one", "two", "three")
SIGHT = st.none() | st.dictionaries(st.sampled_from(KEYS[:2]), st.sampled_from(["warning", "critical"]))
"""What a process finds; None: it is off."""
ROUND = st.tuples(
    st.tuples(SIGHT, SIGHT, SIGHT),
    st.booleans(),  # whether the processes are restarted before
    st.booleans(),  # whether they check at the same time
    st.sampled_from([TOLD, TOLD, Sent(state="failed", words="")]),
    st.none() | st.tuples(st.sampled_from(NAMES), st.sampled_from(KEYS[:2]), st.integers(1, 40)),  # a mute, its minutes
    st.sampled_from([1, 1, 10, 20]),  # minutes
)


class Fleet:
    """Three processes of a bot on one database, which stays."""

    def __init__(self, repeat_s: float) -> None:
        self.database, self.clock = MemoryStorage(), ManualClock(START)
        self.processes: dict[str, Process] = {}
        self._config = replace(QUICK, messages_per_h=1000, repeat_after_s=(repeat_s, repeat_s))

    async def live(
        self, sights: tuple[Mapping[str, str] | None, ...], *, together: bool, answer: Sent = TOLD, minutes: int = 1
    ) -> None:
        """Each of them checks once; then time passes."""
        found = ((name, sight) for name, sight in zip(NAMES, sights, strict=True) if sight is not None)
        checks = [self._check(name, sight, answer) for name, sight in found]
        if together:
            await asyncio.gather(*checks)
        else:
            for check in checks:
                await check
        await self.clock.advance(60 * minutes)

    async def _check(self, name: str, found: Mapping[str, str], answer: Sent) -> None:
        if name not in self.processes:
            self.processes[name] = Process(self.database.of(name), self.clock, self._config, instance=name)
        process = self.processes[name]
        process.answers = [answer]
        problems = [problem(key, severity, since=self.clock.now()) for key, severity in found.items()]
        await process.alerts.step(problems, AlertContext(audience="app"))
        await process.alerts.deliver("app", process.send)
        assert process.failures.n == 0

    def believed(self) -> dict[str, str]:
        """What the owners believe, having read the messages in the order in which they were stored."""
        owner = Owner()
        for row in self.database.messages.values():
            owner.read(row.notice)
        return owner.believes


@settings(max_examples=100, deadline=None)
@given(st.lists(ROUND, max_size=12), st.sampled_from([0, 1800]))
def test_whatever_several_processes_find_each_change_is_told_once(rounds, repeat_s: float) -> None:
    async def run() -> None:
        fleet = Fleet(repeat_s)
        for sights, is_restart, together, answer, muting, minutes in rounds:
            if is_restart:
                fleet.processes.clear()
            if muting is not None and muting[0] in fleet.processes:
                until = fleet.clock.now() + timedelta(minutes=muting[2])
                await fleet.processes[muting[0]].alerts.mute([muting[:2]], until, "7")
            await fleet.live(sights, together=together, answer=answer, minutes=minutes)
        for _ in range(50):  # all mutes end, and who is gone for good is known to be
            await fleet.live(({"memory": "critical"}, None, {}), together=False)
        assert fleet.believed() == {"memory": "critical"}
        for _ in range(6):
            await fleet.live(({}, {}, {}), together=True)
        assert fleet.believed() == {}
        assert fleet.database.rows == {}
        assert {row.state for row in fleet.database.messages.values()} <= {"sent"}

    asyncio.run(run())


def test_the_store_in_memory_is_as_the_real_one() -> None:
    """Its verbs are those of the protocol, by name and by parameters."""
    fake = MemoryStorage().of("main")
    real = AlertStore
    verbs: Mapping[str, object] = {
        name: verb for name, verb in inspect.getmembers(type(fake), inspect.isfunction) if not name.startswith("_")
    }
    assert len(verbs) == 8
    for name, verb in verbs.items():
        assert list(inspect.signature(verb).parameters) == list(inspect.signature(getattr(real, name)).parameters)


@pytest.mark.parametrize(("key", "minutes"), [("commands.slow.play", 60), ("memory", 3)])
def test_a_young_process_does_not_end_what_it_would_need_an_hour_to_find(key: str, minutes: int) -> None:
    debouncer = Debouncer(AlertsConfig())
    firing = Alert(
        scope="main", key=key, state="firing", severity="warning", reason=bad(key), since=START, seen_at=START
    )
    debouncer.recall([firing], Now(at=START, at_s=0.0, age_s=0.0), Commands.looks_back_s)
    looks: dict[str, list[Finding]] = {"commands": [], "memory": []}
    held = 0
    while debouncer.step(looks, Now(at=START, at_s=60.0 * held, age_s=60.0 * held)):
        held += 1
    assert minutes <= held <= minutes + 3
