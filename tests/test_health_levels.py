"""When a value out of its limits counts, and when it is over: hysteresis, N of M checks, facts."""

from __future__ import annotations

import math

import pytest

from botmon_cog.config import HealthConfig
from botmon_cog.domain.health import Judge
from tests.health_samples import DEFAULTS, MINUTE, NOON, of_memory, only, samples, settled, steps

OUT = {"error": "disk I/O error"}


def verdicts(series: list[float | None], config: HealthConfig = DEFAULTS) -> str:
    """A letter for each check: healthy, warning (80 %, left below 72), critical (92 %, left below 82.8), unknown."""
    reports = steps(Judge(config), [of_memory(value, at) for at, value in enumerate(series)])
    return "".join(report.memory.status[0] for report in reports)


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([79.99] * 5, "hhhhh"),
        ([80, 80, 80], "hhw"),
        ([80, 10, 80, 10, 80], "hhhhw"),
        ([80, 10, 10, 80, 80], "hhhhw"),
        ([80, 80, 10, 10, 10, 80], "hhhhhh"),
        ([80, 80, 80, 72, 72, 72, 72, 72], "hhwwwwww"),
        ([80, 80, 80, 71.9, 71.9, 71.9], "hhwwwh"),
        ([80, 80, 80, 71, 71, 72, 71, 71, 71], "hhwwwwwwh"),
        ([80, 80, 80, 71, 71, 71, 80, 80, 80], "hhwwwhhhw"),
        ([92, 92, 92], "hhc"),
        ([92, 92, 80, 92], "hhwc"),
        ([92, 92, 92, 83, 83, 83, 83], "hhccccc"),
        ([92, 92, 92, 82, 82, 82], "hhcccw"),
        ([92, 92, 92, 10, 10, 10], "hhccch"),
        ([80, 80, 80, None, None, None], "hhwwww"),
        ([80, None, 80, None, 80], "huhuw"),
        ([80, 80, 80, 10, 10, None, 10], "hhwwwwh"),
    ],
)
def test_a_level_is_entered_by_three_of_five_checks_and_left_by_three_below_nine_tenths(series, expected):
    assert verdicts(series) == expected


@pytest.mark.parametrize(
    ("config", "series", "expected"),
    [
        (HealthConfig(checks_to_enter=1, checks_window=1, checks_to_leave=1), [80, 71, 80], "whw"),
        (HealthConfig(checks_to_enter=1, checks_window=1, checks_to_leave=1), [80, 72, 71], "wwh"),
        (HealthConfig(checks_to_enter=2, checks_window=2), [80, 10, 80, 80], "hhhw"),
        (HealthConfig(checks_to_enter=5, checks_window=5), [80] * 5, "hhhhw"),
        (HealthConfig(leave_share=1.0, checks_to_leave=2), [80, 80, 80, 79.9, 79.9], "hhwwh"),
        (HealthConfig(leave_share=0.5), [80, 80, 80, 40, 40, 40, 39, 39, 39], "hhwwwwwwh"),
    ],
)
def test_the_configuration_sets_how_many_checks_and_how_far_below(config, series, expected):
    assert verdicts(series, config) == expected


def test_a_level_says_since_when_and_a_worse_one_keeps_that():
    judge = Judge(DEFAULTS)
    series = [80, 10, 80, 80, 92, 92, 92]
    found = [only(report).since for report in steps(judge, map(of_memory, series, range(7))) if report.problems]
    assert found == [NOON] * 4
    series = [10, 10, 10, 80, 80, 80]
    reports = steps(judge, map(of_memory, series, range(7, 13)))
    assert reports[2].problems == ()
    assert only(reports[-1]).since == NOON + 10 * MINUTE


def test_while_it_calms_down_a_level_says_what_it_was():
    judge = Judge(DEFAULTS)
    reports = steps(judge, map(of_memory, [85, 85, 85, 75, 30, None], range(6)))
    told = [only(report).reason for report in reports[2:]]
    assert told == [f"the bot uses {n} % of this machine's memory" for n in (85, 75, 75, 75)]
    looked = judge.look(of_memory(78, 6), 0.0)
    assert only(looked).reason == "the bot uses 78 % of this machine's memory"
    assert "75 %" in only(judge.look(of_memory(30, 6), 0.0)).reason


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_no_number_neither_enters_nor_leaves(value):
    judge = Judge(DEFAULTS)
    seen = {"loop": {"p99_s": value}, "gateway": {"shards": ()}, "process": {"cpu_percent": value}}
    assert steps(judge, [samples(n, **seen) for n in range(9)])[-1].problems == ()
    steps(judge, [samples(n, process={"cpu_percent": 99.0}) for n in range(10, 15)])
    assert steps(judge, [samples(n, **seen) for n in range(20, 30)])[-1].cpu.status == "critical"


def test_a_fact_counts_at_the_first_check_and_ends_with_the_first_that_does_not_see_it():
    judge = Judge(DEFAULTS)
    first, second, third, again = steps(
        judge, [samples(0, database=OUT), samples(1, database=OUT), samples(2), samples(3, database=OUT)]
    )
    assert (first.database.status, second.database.status, third.database.status) == ("error", "error", "healthy")
    assert only(first).since == only(second).since == NOON
    assert third.problems == ()
    assert only(again).since == NOON + 3 * MINUTE


def test_a_look_sees_facts_as_they_are_and_levels_as_the_last_step_left_them():
    judge = Judge(DEFAULTS)
    steps(judge, [of_memory(80, at) for at in range(2)])
    for _ in range(9):
        assert judge.look(of_memory(95, 2), 0.0).overall_status == "healthy"
    assert judge.step(of_memory(80, 2), 0.0).memory.status == "warning"
    for _ in range(9):
        assert judge.look(of_memory(5, 3), 0.0).memory.status == "warning"
    assert judge.look(samples(4, database=OUT), 0.0).database.status == "error"
    assert judge.look(samples(4), 0.0).database.status == "healthy"
    fact = only(Judge(DEFAULTS).look(samples(4, database=OUT), 0.0))
    assert fact.since == NOON + 4 * MINUTE


def test_a_fact_that_a_look_sees_keeps_the_time_of_the_step_that_saw_it_first():
    judge = Judge(DEFAULTS)
    judge.step(samples(0, database=OUT), 0.0)
    assert only(judge.look(samples(1, database=OUT), 0.0)).since == NOON


def test_a_bot_that_is_well_leaves_nothing_behind():
    judge = Judge(DEFAULTS)
    steps(judge, [samples(n, process={"cpu_percent": 99.0}, database=OUT) for n in range(9)])
    steps(judge, [samples(n) for n in range(10, 20)])
    assert (judge._levels.tracks, judge._levels.facts) == ({}, {})


def test_a_bot_without_limits_to_hold_its_values_against_is_not_judged_by_them():
    report = settled(process={"limit_bytes": None, "files_limit": None, "files": 10_000})
    assert (report.overall_status, report.memory.status, report.memory.percent) == ("healthy", "unknown", None)
    assert (report.files.status, report.files.files) == ("healthy", 10_000)
