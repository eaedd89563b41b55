"""The whole from its components: the worst, the first of equals, what is kept, and what a failing look costs."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import pytest

from botmon_cog.config import ComponentName, HealthConfig, RuleConfig
from botmon_cog.config.tables import AlertsConfig
from botmon_cog.domain.reports.health import DEGRADED, HEALTHY, UNHEALTHY, UNKNOWN
from botmon_cog.health.words import sentence
from tests.health_samples import NOON, Bot, keys, only, settled, shards

NAMES = get_args(ComponentName)
WARNINGS = {
    "database": {"response_time_s": 1.0},
    "gateway": {"shards": shards(1, {}, usual_latency_s=2.0)},
    "loop": {"p99_s": 0.5},
    "memory": {"used_bytes": 85, "limit_bytes": 100},
    "cpu": {"percent": 85.0},
    "files": {"files": 900},
    "rest": {"rate_limits_1h": 130},
    "voice": {"lost": 1, "lost_s": 70.0},
    "monitor": {"dropped": 1},
}
CRITICAL = {
    "database": {"error": "gone"},
    "gateway": {"shards": shards(1, {0: 90.0})},
    "loop": {"p99_s": 3.0},
    "memory": {"used_bytes": 99, "limit_bytes": 100},
    "cpu": {"percent": 99.0},
    "files": {"files": 1024},
    "rest": {"rate_limits_1h": 9_000},
}


def test_a_bot_that_is_well():
    report = settled()
    assert (report.overall_status, report.reason, report.problems, report.troubles) == (HEALTHY, None, (), ())
    assert list(report.components) == list(NAMES)
    assert {part.status for part in report.components.values()} == {HEALTHY}


def test_the_verdict_is_the_worst_of_its_components_and_tells_the_first_of_equals():
    assert settled(**WARNINGS).overall_status == DEGRADED
    order = [name for name in NAMES if name in WARNINGS]
    for earlier, later in pairwise(order):
        report = settled(**{later: WARNINGS[later], earlier: WARNINGS[earlier]})
        assert report.reason == report.components[earlier].problems[0].reason
    for name, grave in CRITICAL.items():
        report = settled(**(WARNINGS | {name: grave}))
        assert report.overall_status == UNHEALTHY
        assert report.reason == report.components[name].problems[0].reason, "a grave one comes before the first"
        assert report.components[name].status == "critical"


def test_only_what_is_watched_counts():
    report = settled(HealthConfig(watch=("cpu", "memory")), **(WARNINGS | {"memory": {}, "cpu": {}}))
    assert (report.overall_status, set(report.components)) == (HEALTHY, {"cpu", "memory"})


def test_what_nobody_sees_is_left_out_and_changes_nothing():
    report = settled(voice=None, loop=None)
    assert "voice" not in report.components
    assert report.overall_status == HEALTHY
    nothing = settled(HealthConfig(watch=("voice", "loop")), voice=None, loop={"p99_s": None})
    assert (nothing.overall_status, nothing.components["loop"].status) == (UNKNOWN, UNKNOWN)


def test_a_look_that_fails_costs_its_line_alone():
    bot = Bot(rest=RuntimeError("no socket"))
    report = bot.check(5)
    assert report.components["rest"].status == UNKNOWN
    assert report.overall_status == HEALTHY
    assert (bot.failures.n, "looking at discord's api" in str(bot.failures.last)) == (5, True)


def test_a_judge_that_fails_costs_its_line_alone():
    bot = Bot(rest=None)
    bot.samples["rest"] = bot.samples["memory"]
    report = bot.check()
    assert (report.components["rest"].status, report.overall_status) == (UNKNOWN, HEALTHY)
    assert "judging discord's api" in str(bot.failures.last)


def test_a_failing_look_neither_begins_nor_ends_anything():
    bot = Bot(rest=CRITICAL["rest"])
    assert keys(bot.check(3).problems) == ["rest.rate_limits"]
    assert keys(bot.check(9, rest=RuntimeError("no socket")).problems) == ["rest.rate_limits"]
    assert bot.check(9, rest={}).problems == ()


def test_the_verdict_is_kept_with_the_values_that_it_rests_on():
    bot = Bot()
    bot.check(database={"error": "gone", "response_time_s": None})
    bot.check(database={})
    first, second = bot.kept
    assert (first.status, first.occurred_at, sentence(first.reason)) == (
        UNHEALTHY,
        NOON,
        "the database does not answer (gone)",
    )
    assert (first.database_s, first.rss_bytes, first.cpu_percent) == (None, 100_000_000, 5.0)
    assert (second.status, second.reason, second.database_s) == (HEALTHY, None, 0.002)


def test_a_rule_of_the_owner_s_makes_a_trouble_and_no_verdict():
    rule = RuleConfig(metric="memory.rss_mb", over=90, for_s=120, message="too fat")
    bot = Bot(alerts=AlertsConfig(rule=(rule,)))
    assert bot.check(2).rules == ()
    report = bot.check()
    assert ([each.key for each in report.rules], report.overall_status) == (["rule.memory.rss_mb"], HEALTHY)
    assert sentence(report.rules[0].reason) == "too fat"
    assert keys(report.troubles) == ["rule.memory.rss_mb"]


def test_the_time_that_is_told_of():
    report = settled()
    assert (report.watched_s, report.uptime_s) == (300.0, 360.0)
    assert (report.checked_at - NOON).total_seconds() == 240.0


@pytest.mark.parametrize("seen", [CRITICAL["database"], CRITICAL["gateway"]])
def test_the_bot_is_not_well_while_the_last_check_said_so(seen):
    bot = Bot()
    assert bot.health.is_well(), "before the first check"
    name = "database" if "error" in seen else "gateway"
    bot.check(**{name: seen})
    assert not bot.health.is_well()
    bot.look(**{name: {}})
    assert not bot.health.is_well(), "a look is no check"
    bot.check(2)
    assert only(bot.check(**{name: seen})).severity == "critical"
    bot.check(**{name: {}})
    assert bot.health.is_well()
