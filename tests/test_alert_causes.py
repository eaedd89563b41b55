"""What a message about commands leads to: the error, whom it hits, where the time goes, and what changed before it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from botmon_cog.config import Config, StorageConfig
from botmon_cog.domain.alerts import Notice, NoticeItem
from botmon_cog.domain.alerts.cause import Cause, Change, CommonError, Times
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports.errors import error_id
from botmon_cog.domain.uptime import Run
from botmon_cog.monitors.alert_causes import AlertCauses
from botmon_cog.monitors.windows import LiveWindows
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.testing import ManualClock
from tests.engines import Engine
from tests.storage_helpers import NOON, invocation
from tests.test_store_errors import LYRICS, PLAY, failed, group

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SINCE = NOON + 30 * MINUTE
NOW = NOON + 40 * MINUTE


def failing(fingerprint: int | None = LYRICS) -> NoticeItem:
    reason = Reason.of("commands.one_failing", command="lyrics", faults=3, calls=3, fingerprint=fingerprint)
    return item("commands.failing.lyrics", reason)


def item(key: str, reason: Reason, **parts: Any) -> NoticeItem:
    usual: dict[str, Any] = {"change": "fired", "severity": "critical", "since": SINCE}
    return NoticeItem(scope="main", key=key, reason=reason, **(usual | parts))


class Bot:
    """A process at twenty to one, an hour after noon at the most old."""

    def __init__(self, engine: Engine, *, age: timedelta = DAY) -> None:
        config = Config(storage=StorageConfig(url=engine.url, spool_max_mb=0))
        self.clock = ManualClock(NOW)
        self.system = MonitoringSystem(config, engine=engine.make(), clock=self.clock)
        self.engine = engine
        self.live = LiveWindows()
        self.age = age
        self.timeout_s = 5.0

    async def cause(self, of: NoticeItem) -> Cause | None:
        system = self.system
        causes = AlertCauses(
            system.errors,
            system.store.reports,
            self.live,
            self.clock,
            system.failures,
            self.timeout_s,
            self.age.total_seconds,
        )
        notice = Notice(kind="alert", items=(of,), instance="main", made_at=NOW)
        return (await causes.added_to(notice)).items[0].cause

    async def began(self, at: datetime, version: str) -> None:
        async with self.engine.storage() as other:
            await other.uptime.put_run(Run(started_at=at, seen_at=at, version=version))


async def test_a_failing_command_leads_to_its_error_and_to_what_changed(engine: Engine) -> None:
    bot = Bot(engine, age=15 * MINUTE)
    async with bot.system as system:
        for n in range(250):
            outcome = Outcome.ERROR if n == 0 else Outcome.OK
            system.recorder.record(invocation(command="lyrics", outcome=outcome, started_at=NOON - DAY + n * MINUTE))
        system.recorder.record(group())
        for n in range(25):
            system.recorder.record(failed(started_at=SINCE, user_id=str(10 + n % 14), guild_id=str(1 + n % 6)))
        system.recorder.record(failed(PLAY, command="lyrics", started_at=SINCE))
        await bot.began(NOW - 5 * DAY, "3f2a")
        cause = await bot.cause(failing())
        assert system.failures.n == 0
    assert cause == Cause(
        command="lyrics",
        error=CommonError(
            error_id=error_id(LYRICS),
            ended="failed",
            error_type="ValueError",
            message="API key wrong",
            file="cogs/lyrics.py",
            line=48,
            function="Lyrics.fetch",
            n=25,
            people=14,
            servers=6,
            others=1,
            is_new=True,
        ),
        change=Change(restarted_at=NOW - 15 * MINUTE, faults_before=1, calls_before=250),
    )


@pytest.mark.parametrize(
    ("age", "deployed", "restarted", "versions"),
    [
        (DAY, None, False, (None, None)),
        (5 * MINUTE, None, False, (None, None)),  # since the trouble began
        (15 * MINUTE, NOW - 15 * MINUTE, True, ("3f2a", "9c1d")),
        (DAY, NOW - 15 * MINUTE, False, ("3f2a", "9c1d")),  # another process was deployed
        (15 * MINUTE, NOW - 2 * DAY, True, (None, None)),
        (DAY, NOW - MINUTE, False, (None, None)),
    ],
)
async def test_only_what_changed_shortly_before_the_trouble_is_told(engine, age, deployed, restarted, versions) -> None:
    bot = Bot(engine, age=age)
    async with bot.system as system:
        await bot.began(NOW - 9 * DAY, "3f2a")
        if deployed is not None:
            await bot.began(deployed, "9c1d")
        cause = await bot.cause(failing())
        assert cause is not None
        assert cause.change is not None
        assert (cause.change.restarted_at is not None) == restarted
        assert (cause.change.version_before, cause.change.version) == versions
        assert (cause.error, system.failures.n) == (None, 0)


async def test_what_is_muted_is_no_cause_and_an_old_error_is_not_new(engine: Engine) -> None:
    bot = Bot(engine)
    async with bot.system as system:
        system.recorder.record(group())
        system.recorder.record(failed(started_at=NOON - 3 * DAY))
        for fingerprint, n in ((LYRICS, 2), (PLAY, 5)):
            for _ in range(n):
                system.recorder.record(failed(fingerprint, command="lyrics", started_at=SINCE))
        cause = await bot.cause(failing())
        assert cause is not None
        assert cause.error is not None
        assert (cause.error.error_id, cause.error.n, cause.error.others) == (error_id(LYRICS), 2, 5)
        assert not cause.error.is_new
        await system.errors.mute(LYRICS, NOW + HOUR, "1")
        cause = await bot.cause(failing())
        assert cause is not None
        assert cause.error is not None
        assert (cause.error.error_id, cause.error.others) == (error_id(PLAY), 0)


async def test_where_all_commands_fail_it_is_the_worst_error_of_all(engine: Engine) -> None:
    bot = Bot(engine)
    async with bot.system as system:
        for _ in range(3):
            system.recorder.record(failed(PLAY, command="play", started_at=SINCE))
        system.recorder.record(failed(started_at=SINCE))
        reason = Reason.of("commands.failing", faults=4, total=5, worst=["play", "lyrics"], fingerprint=None)
        cause = await bot.cause(item("commands.failing", reason))
        assert cause is not None
        assert cause.error is not None
        assert (cause.command, cause.error.error_id) == (None, error_id(PLAY))


async def test_of_a_slow_command_it_is_told_where_the_time_goes(engine: Engine) -> None:
    bot = Bot(engine)
    reason = Reason.of("commands.slow", command="play", p95_s=4.0, usual_s=0.9, n=20)
    async with bot.system:
        slow = item("commands.slow.play", reason)
        bot.live.add_invocations([invocation(duration_s=4.0, response_s=0.5)] * 19)
        few = await bot.cause(slow)
        assert few is not None
        assert few.times is None
        bot.live.add_invocations([invocation(duration_s=4.0, response_s=0.5)])
        cause = await bot.cause(slow)
    assert cause is not None
    assert cause.error is None
    assert cause.times == Times(response_s=pytest.approx(0.5, rel=0.03), duration_s=pytest.approx(4.0, rel=0.03))


@pytest.mark.parametrize(
    "of", [item("memory", Reason.of("memory.full")), item("commands.failing.x", failing().reason, change="recovered")]
)
async def test_nothing_else_is_looked_up(engine: Engine, of: NoticeItem) -> None:
    async with Bot(engine).system:
        assert await Bot(engine).cause(of) is None


async def test_without_the_database_the_message_goes_out_without_it(engine: Engine) -> None:
    bot = Bot(engine)

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    async with bot.system as system:
        bot.timeout_s = 0.01
        asked, system.errors.causes_of = system.errors.causes_of, hang
        assert await bot.cause(failing()) is None
        system.errors.causes_of = asked
        bot.timeout_s = 5.0
        assert await bot.cause(failing()) is not None
        assert system.failures.n == 0
