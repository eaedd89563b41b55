"""When a trouble is certain, when it has lasted, when it is over: one debouncer for verdict and alerts."""

from __future__ import annotations

import pytest

from botmon_cog.config import HealthConfig
from botmon_cog.config.tables import AlertsConfig
from botmon_cog.domain.alerts import Alert
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports.health import HealthReport, Problem
from botmon_cog.health.components.memory import MemorySample
from tests.health_samples import MINUTE, NOON, Bot, only, shards

OUT = {"error": "disk I/O error"}
AT_ONCE = AlertsConfig(after_s=(0, 0), recover_after_s=0)


def of_memory(percent: float | None) -> MemorySample:
    """A bot that uses so much of its memory."""
    return MemorySample(used_bytes=None if percent is None else percent, limit_bytes=100)  # pyright: ignore[reportArgumentType]


def letters(series: list[float | None], alerts: AlertsConfig = AT_ONCE) -> str:
    """A letter for each check: healthy, warning (from 80 %, left below 72), critical (92, left below 82.8), unknown."""
    bot = Bot(HealthConfig(watch=("memory",)), alerts)
    return "".join(bot.check(memory=of_memory(value)).components["memory"].status[0] for value in series)


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([79.99] * 5, "hhhhh"),
        ([80, 80, 80], "hhw"),
        ([80, 10, 80, 10, 80], "hhhhw"),
        ([80, 10, 10, 80, 80], "hhhhw"),
        ([80, 80, 10, 10, 10, 80], "hhhhhh"),
        ([80, 80, 80, 72, 72, 72, 72, 72], "hhwwwwww"),
        ([80, 80, 80, 71.9], "hhwh"),
        ([92, 92, 92], "hhc"),
        ([92, 92, 80, 92], "hhwc"),
        ([92, 92, 92, 83, 83], "hhccc"),
        ([92, 92, 92, 82], "hhcw"),
        ([92, 92, 92, 10], "hhch"),
        ([80, 80, 80, None, None, None], "hhwwww"),
        ([80, None, 80, None, 80], "huhuw"),
    ],
)
def test_a_level_is_entered_by_three_of_five_checks_and_left_below_nine_tenths(series, expected):
    assert letters(series) == expected


def test_a_level_is_over_once_it_has_been_well_for_long_enough():
    """Three minutes; what stays between leaving and entering begins that anew."""
    alerts = AlertsConfig(recover_after_s=180)
    assert letters([80, 80, 80, 71, 71, 71, 71], alerts) == "hhwwwwh"
    assert letters([80, 80, 80, 71, 71, 72, 71, 71, 71, 71], alerts) == "hhwwwwwwwh"


def test_a_relapse_doubles_how_long_it_must_be_well():
    bot = Bot(HealthConfig(watch=("memory",)), AlertsConfig(after_s=(0, 0), recover_after_s=180))

    def checks_until_over() -> tuple[int, int]:
        bot.check(3, memory=of_memory(80))
        relapses = only(bot.look()).relapses
        n = 0
        bot.samples["memory"] = of_memory(10)
        while bot.check().problems:
            n += 1
        return relapses, n

    assert [checks_until_over() for _ in range(3)] == [(0, 3), (1, 6), (2, 12)]
    bot.check(61)
    assert checks_until_over() == (0, 3), "an hour later it is none"


def lasting(reports: list[HealthReport]) -> list[str | None]:
    return [report.problems[0].lasting if report.problems else None for report in reports]


def test_it_lasts_once_it_has_been_for_long_enough_and_then_until_it_is_over():
    bot = Bot(HealthConfig(watch=("memory",)), AlertsConfig(after_s=(180, 60), recover_after_s=120))
    assert (
        lasting([bot.check(memory=of_memory(value)) for value in (80, 80, 80, 80, 80)]) == [None] * 3 + ["warning"] * 2
    )
    assert lasting([bot.check(memory=of_memory(value)) for value in (95, 95, 95)]) == ["warning"] * 2 + ["critical"]
    assert lasting([bot.check(memory=of_memory(value)) for value in (10, 10, 10)]) == ["critical"] * 2 + [None]


def test_what_calms_down_before_it_lasts_is_never_told():
    bot = Bot(HealthConfig(watch=("memory",)), AlertsConfig(after_s=(300, 300), recover_after_s=600))
    bot.check(3, memory=of_memory(80))
    reports = [bot.check(memory=of_memory(10)) for _ in range(12)]
    assert set(lasting(reports)) == {None}
    assert reports[8].problems
    assert reports[-1].problems == ()


def test_a_level_says_since_when_and_a_worse_one_keeps_that():
    bot = Bot(HealthConfig(watch=("memory",)), AT_ONCE)
    found = [bot.check(memory=of_memory(value)) for value in (80, 10, 80, 80, 92, 92, 92)]
    assert [only(report).since for report in found if report.problems] == [NOON] * 4
    assert bot.check(memory=of_memory(10)).problems == ()
    assert only(bot.check(3, memory=of_memory(80))).since == NOON + 8 * MINUTE


def test_while_it_calms_down_a_level_says_what_it_was_and_since_when_it_is_better():
    bot = Bot(HealthConfig(watch=("memory",)))
    worst = only(bot.check(4, memory=of_memory(85)))
    assert worst.good_since is None
    calmer = only(bot.check(2, memory=of_memory(30)))
    assert (calmer.reason, calmer.good_since) == (worst.reason, NOON + 4 * MINUTE)


def test_a_fact_counts_at_the_first_check_and_is_off_the_verdict_with_the_first_that_does_not_see_it():
    bot = Bot()
    first, second, third, again = (bot.check(database=seen) for seen in (OUT, OUT, {}, OUT))
    assert [report.components["database"].status for report in (first, second, third, again)] == [
        "critical",
        "critical",
        "healthy",
        "critical",
    ]
    assert only(first).since == only(second).since == only(again).since == NOON
    (fading,) = third.troubles
    assert (fading.key, fading.good_since, fading.is_seen) == ("database", NOON + 2 * MINUTE, False)


def test_a_fact_began_when_it_began():
    bot = Bot()
    assert only(bot.check(gateway={"shards": shards(1, {0: 600.0})})).since == NOON - 10 * MINUTE


def test_a_look_sees_facts_as_they_are_and_levels_as_the_last_check_left_them():
    bot = Bot(alerts=AT_ONCE)
    bot.check(2, memory=of_memory(80))
    assert {bot.look(memory=of_memory(95)).overall_status for _ in range(9)} == {"healthy"}
    assert bot.check(memory=of_memory(80)).components["memory"].status == "warning"
    assert {bot.look(memory=of_memory(5)).components["memory"].status for _ in range(9)} == {"warning"}
    assert bot.look(database=OUT).components["database"].status == "critical"
    assert bot.look(database={}).components["database"].status == "healthy"
    bot.check(database=OUT)
    assert bot.look(database={}).components["database"].status == "healthy"
    assert bot.look(database=OUT).components["database"].status == "critical"


def test_a_bot_that_is_well_again_leaves_nothing_behind():
    bot = Bot()
    bot.check(9, cpu={"percent": 99.0}, database=OUT)
    assert bot.health._debouncer._tracks
    bot.check(70, cpu={}, database={})
    assert bot.health._debouncer._tracks == {}


def test_the_wall_clock_moves_nothing():
    bot = Bot(HealthConfig(watch=("memory",)), AlertsConfig(after_s=(240, 240)))
    bot.check(3, memory=of_memory(80))
    bot.clock.jump_wall(-86_400)
    problem = only(bot.check())
    assert problem.lasting is None
    assert bot.clock.now() - problem.since == 3 * MINUTE
    assert only(bot.check()).lasting == "warning"


# -- what an earlier process told --------------------------------------------------------------------------------------


def alert(key: str, reason: Reason) -> Alert:
    since = NOON - 30 * MINUTE
    return Alert(scope="", key=key, state="firing", severity="warning", reason=reason, since=since, seen_at=since)


def recalled(key: str, checks: int, **seen: dict[str, object]) -> Problem | None:
    """What is left of it after so many checks of a new process."""
    bot = Bot(**seen)
    bot.health.recall([alert(key, Reason.of(key))])
    report = bot.check(checks)
    return next((each for each in report.troubles if each.key == key), None)


def test_what_was_told_goes_on_without_a_new_proof_and_is_over_as_if_nobody_had_restarted():
    problem = recalled("cpu", 1, cpu={"percent": 85.0})
    assert problem is not None
    assert (problem.lasting, problem.since) == ("warning", NOON - 30 * MINUTE)
    assert recalled("cpu", 3) is not None
    assert recalled("cpu", 4) is None


def test_a_young_process_does_not_know_that_what_it_counts_by_the_hour_is_over():
    assert recalled("rest.rate_limits", 50) is not None
    assert recalled("rest.rate_limits", 64) is None
