"""How alerts follow from what checks find. When that is certain, lasts and is over, `health.debounce` decides."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from botmon_cog.config import AlertsConfig
from botmon_cog.domain.alerts import SHARED, Alert
from botmon_cog.domain.alerts.machine import Look, Name, moved
from botmon_cog.domain.alerts.merging import merged
from botmon_cog.domain.reports import Problem
from tests.alert_helpers import INTERVAL_S, START, Life, bad, problem

CONFIG = AlertsConfig()
MINUTE = timedelta(minutes=1)


def look(at: datetime = START, seen: dict[Name, datetime] | None = None, **parts: Any) -> Look:
    return Look(at=at, instance="main", interval_s=INTERVAL_S, seen=seen or {}, **parts)


def move(alerts: tuple[Alert, ...], *problems: Problem, config: AlertsConfig = CONFIG, **parts: Any) -> list[Alert]:
    return list(moved(alerts, problems, look(**parts), config).alerts)


def alert(key: str = "memory", scope: str = "main", **parts: Any) -> Alert:
    """One that fires and was told."""
    usual: dict[str, Any] = {"state": "firing", "severity": "critical", "seen_at": START, "told": "critical"}
    return Alert(scope=scope, key=key, reason=bad(key), since=START, told_at=START, **(usual | parts))


def test_what_lasts_fires_as_what_it_has_lasted():
    (fired,) = move((), problem("memory", "critical", lasting="warning", relapses=2))
    assert (fired.scope, fired.state, fired.severity, fired.since, fired.relapses) == (
        "main", "firing", "warning", START, 2
    )  # fmt: skip
    assert (fired.told, fired.ended_at, fired.seen_at) == ("", None, START)


def test_what_does_not_last_yet_is_no_alert():
    assert move((), problem("memory", lasting=None)) == []


@pytest.mark.parametrize("key", ["monitor.failures", "monitor.spool", "monitor.unreachable"])
def test_what_nobody_has_to_act_on_is_no_alert(key: str):
    assert move((), problem(key)) == []


def test_below_the_level_nothing_fires_and_what_falls_below_it_is_not_over():
    config = AlertsConfig(level="critical")
    assert move((), problem("memory", "warning"), config=config) == []
    (after,) = move((alert(),), problem("memory", "warning"), config=config)
    assert (after.state, after.severity) == ("firing", "warning")


def test_it_is_over_from_when_it_looked_well():
    firing = (alert(),)
    well_at = START + MINUTE
    for n in range(1, 4):
        firing = tuple(move(firing, problem("memory", good_since=well_at), at=START + n * MINUTE))
        assert firing[0].state == "firing"
    (over,) = move(firing, at=START + 4 * MINUTE)
    assert (over.state, over.ended_at) == ("resolved", well_at)


def test_of_what_went_unseen_the_end_is_when_it_was_last_seen():
    (over,) = move((alert(seen_at=START + MINUTE),), at=START + 60 * MINUTE)
    assert over.ended_at == START + MINUTE


def test_the_end_is_never_before_the_beginning_nor_in_the_future():
    (over,) = move((alert(seen_at=START + 60 * MINUTE),), at=START + MINUTE)
    assert over.ended_at == START + MINUTE
    (over,) = move((alert(seen_at=START - MINUTE),), at=START + MINUTE)
    assert over.ended_at == START


def test_an_end_that_another_saw_is_no_new_beginning_while_it_looks_well():
    over = alert("database", SHARED, state="resolved", told="resolved", ended_at=START)
    parts: dict[str, Any] = {"is_shared": True, "since": START}
    assert move((over,), problem("database", good_since=START + MINUTE, **parts)) == [over]
    (again,) = move((over,), problem("database", **parts))
    assert again.state == "firing"


def test_what_fires_here_stays_where_it_was_forgotten_meanwhile():
    """The database is back; another process ended what was told before, and the row of it is gone."""
    ours = alert("database", SHARED, version=3)
    assert merged((), [ours]) == (replace(ours, version=0),)
    assert merged((), [replace(ours, state="resolved")]) == ()
    assert merged([replace(ours, version=4)], [ours]) == (replace(ours, version=4),)


def test_until_the_checks_have_recalled_what_fired_nothing_of_ones_own_ends():
    assert move((alert(),), is_recalled=False) == [alert()]
    (other,) = move((alert(),), problem("cpu"), is_recalled=False)[1:]
    assert (other.key, other.state) == ("cpu", "firing")


def test_what_nobody_was_told_of_is_forgotten_at_once():
    after = moved((alert(told=""),), (), look(), CONFIG)
    assert (after.alerts, [one.key for one in after.gone]) == ((), ["memory"])


def test_what_was_told_stays_known_until_its_end_is_told_and_a_while_longer():
    resolved = alert(state="resolved", ended_at=START)
    assert move((resolved,), at=START + 600 * MINUTE) == [resolved]
    told = replace(resolved, told="resolved")
    assert move((told,), at=START + MINUTE) == [told]
    assert move((told,), at=START + 3 * MINUTE) == []


def test_what_comes_back_before_its_end_was_told_has_never_been_over():
    (again,) = move(
        (alert(state="resolved", ended_at=START + MINUTE),), problem("memory", since=START + 9 * MINUTE, relapses=1)
    )
    assert (again.state, again.since, again.ended_at, again.told, again.relapses) == (
        "firing", START, None, "critical", 1
    )  # fmt: skip
    (new,) = move((alert(state="resolved", told="resolved"),), problem("memory", since=START + 9 * MINUTE))
    assert new.since == START + 9 * MINUTE


# -- what is shared ----------------------------------------------------------------------------------------------------

SLOW = (SHARED, "database.slow")


def test_what_is_shared_has_the_shared_scope():
    assert [each.scope for each in move((), problem("database", is_shared=True))] == [SHARED]


@pytest.mark.parametrize(("own", "minutes"), [(None, 3), (START - MINUTE, 3), (START, 0), (START + MINUTE, 0)])
def test_what_is_shared_is_over_once_nobody_has_seen_it_for_three_checks(own, minutes):
    """At once, where nobody saw it since this process did."""
    shared = (alert(SLOW[1], SHARED),)
    seen = {} if own is None else {SLOW: own}
    states = [move(shared, at=START + n * MINUTE, seen=seen)[0].state for n in range(4)]
    assert states == ["firing"] * minutes + ["resolved"] * (4 - minutes)


def test_a_process_that_has_not_recalled_anything_ends_what_is_shared_all_the_same():
    assert move((alert(SLOW[1], SHARED),), at=START + 9 * MINUTE, is_recalled=False)[0].state == "resolved"


def test_whoever_sees_it_keeps_it_even_where_it_does_not_last_there_yet():
    young = problem(SLOW[1], is_shared=True, lasting=None)
    (kept,) = move((alert(SLOW[1], SHARED),), young, at=START + 9 * MINUTE)
    assert (kept.state, kept.seen_at) == ("firing", START + 9 * MINUTE)


def test_one_to_whom_it_looks_well_takes_nothing_back():
    well = problem(SLOW[1], is_shared=True, good_since=START, relapses=0)
    (kept,) = move((alert(SLOW[1], SHARED, seen_at=START + 5 * MINUTE, relapses=2),), well, at=START + 6 * MINUTE)
    assert (kept.seen_at, kept.relapses) == (START + 5 * MINUTE, 2)


# -- anything at all ---------------------------------------------------------------------------------------------------

SERIES = st.lists(st.sampled_from([None, "warning", "critical", "unknown"]), max_size=60)


@settings(max_examples=150, deadline=None)
@given(SERIES, st.sampled_from(["warning", "critical"]))
def test_any_series_ends_where_it_should(series, level):
    """Whatever came before, lasting trouble fires, lasting peace forgets, and the fields fit the state."""
    life = Life(AlertsConfig(level=level))
    for one in series:
        life.bad = {"memory": one} if one in {"warning", "critical"} else {}
        life.check(unknown=["memory"] if one == "unknown" else [])
        for each in life.alerts:
            assert (each.ended_at is None) == (each.state == "firing")
            assert each.since <= each.seen_at <= life.now
    life.bad = {"memory": "critical"}
    life.checks(4)
    assert (life.alert("memory").state, life.alert("memory").told) == ("firing", "critical")
    life.bad = {}
    life.checks(200)
    assert life.alerts == ()


def test_a_warning_that_turns_critical_for_long_is_an_escalation():
    life = Life(AlertsConfig(after_s=(0, 120)))
    life.bad["memory"] = "warning"
    assert life.check() == ["alert: fired memory"]
    life.bad["memory"] = "critical"
    assert life.checks(3) == ["2 alert: worsened memory"]


def test_critical_that_becomes_a_warning_is_no_news_and_neither_is_the_way_back():
    life = Life()
    life.bad["memory"] = "critical"
    assert life.checks(3) == ["2 alert: fired memory"]
    for severity in ("warning", "critical", "warning"):
        life.bad["memory"] = severity
        assert life.checks(20) == []


def test_what_cannot_be_seen_is_neither_good_nor_bad():
    life = Life()
    life.bad = {"memory": "critical", "cpu": "critical"}
    life.checks(3)
    life.bad.clear()
    for _ in range(10):
        life.check(unknown=["memory"])
    assert {each.key: each.state for each in life.alerts} == {"memory": "firing"}
