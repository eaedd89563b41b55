"""Commands that are slow, and what is told of all of them in numbers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from botmon_cog.config.metrics import METRICS
from botmon_cog.domain.models import Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.errors import StorageError
from botmon_cog.health.command_durations import RETRY_S, SlowCommand
from botmon_cog.health.component import Effect
from botmon_cog.health.rules import metric
from botmon_cog.health.words import trouble_of
from tests.test_command_durations import was_used
from tests.test_health_commands import ERROR, LATE, OK, Away, Rig

# -- slow --------------------------------------------------------------------------------------------------------------


async def test_a_command_is_held_against_its_own_week_before(storage):
    rig = Rig(storage.reports)
    for name, usual_s in [("play", 0.9), ("slower", 0.5), ("report", 4.0), ("quick", 0.01)]:
        await was_used(storage, rig.clock, name, usual_s)
    for name, now_s in [("play", 4.1), ("slower", 5.0), ("report", 5.0), ("quick", 0.5), ("new", 9.0)]:
        rig.use(name, OK, 30, duration_s=now_s)
    assert await rig.reached() == {"commands.slow.play": "warning", "commands.slow.slower": "warning"}
    reason = (await rig.findings())["commands.slow.play"].reason
    assert trouble_of(reason).effect is Effect.SLOW
    assert reason.values["n"] == 30
    assert (reason.values["p95_s"], reason.values["usual_s"]) == (pytest.approx(4.1, 0.03), pytest.approx(0.9, 0.03))


@pytest.mark.parametrize("error", [StorageError("gone"), None, RuntimeError("odd")])
async def test_a_database_that_is_away_costs_the_comparison_only_and_is_asked_again_later(error: Exception | None):
    away = Away(error)
    rig = Rig(away, timeout_s=0.05)
    rig.use("play", OK, 30, duration_s=4.1)
    sample = await rig.commands.sample()
    assert (sample.total, sample.errors, sample.slow) == (30, 0, ())
    assert rig.failures.n == isinstance(error, RuntimeError)
    await rig.commands.sample()
    assert away.reads == 1
    await rig.clock.advance(RETRY_S)
    await rig.commands.sample()
    assert away.reads == 2


# -- numbers -----------------------------------------------------------------------------------------------------------


async def test_numbers_say_who_fails_and_who_is_slow():
    rig = Rig()
    rig.use("play", OK, 30)
    rig.use("play", LATE, 2)
    rig.use("ly*rics*", ERROR, 8)
    slow = SlowCommand(command="stats", p95_s=4.1, usual_s=0.9, n=312)
    usual = SlowCommand(command="report", p95_s=4.1, usual_s=4.0, n=312)
    sample = replace(await rig.commands.sample(), slow=(slow, usual))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert list(rig.commands.numbers(sample, now)) == [
        "40 in 1 h, 10 failed (25 %), 2 too late",
        "failing: **/ly\\*rics\\*** 8 of 8, **/play** 2 of 32",
        "**/stats** p95 4.1 s, last week 0.9 s, 312 calls",
    ]
    assert list(rig.commands.brief(sample)) == ["40 commands in 1 h", "10 failed"]


async def test_metrics_give_no_rate_of_too_few_commands():
    rig = Rig()
    rig.use("play", OK, 18)
    rig.use("play", LATE)
    sample = await rig.commands.sample()
    assert metric("commands.error_rate", {"commands": sample}) is None
    rig.use("play", Outcome.UNANSWERED)
    sample = await rig.commands.sample()
    assert {name: metric(name, {"commands": sample}) for name in METRICS if name.startswith("commands.")} == {
        "commands.total_1h": 20,
        "commands.error_rate": 0.1,
        "commands.late_1h": 1,
        "commands.unanswered_1h": 1,
    }


async def test_our_own_commands_and_buttons_are_no_commands():
    rig = Rig()
    for user in range(9):
        rig.use("health", ERROR, user_id=user, is_own=True)
        rig.use("skip", ERROR, user_id=user, kind=Kind.BUTTON)
    assert await rig.reached() == {}
    assert (await rig.commands.sample()).total == 0
