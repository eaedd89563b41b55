"""How alerts move: pending, firing, resolved."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botmon_cog.config import AlertsConfig
from botmon_cog.domain.alerts import SHARED, Alert
from botmon_cog.domain.alerts.machine import moved
from tests.alert_helpers import START, Life, problem

CONFIG = AlertsConfig()


def states(life: Life, n: int) -> list[str]:
    """The state of `memory` after each of `n` checks; `-` where there is none."""
    found = []
    for _ in range(n):
        life.check()
        found.append(next((alert.state for alert in life.alerts if alert.key == "memory"), "-"))
    return found


def fire(life: Life, key: str = "memory") -> Alert:
    """Let a critical problem last until it fires."""
    life.bad[key] = "critical"
    life.checks(3)
    assert life.alert(key).state == "firing"
    return life.alert(key)


def relapse(life: Life) -> None:
    """Resolve it and let it fire again as soon as can be."""
    life.bad.clear()
    while life.alert("memory").state != "resolved":
        life.check()
    fire(life)


@pytest.mark.parametrize(
    ("severity", "minutes"), [("critical", CONFIG.critical_after_s / 60), ("warning", CONFIG.warning_after_s / 60)]
)
def test_it_fires_when_it_has_lasted(severity, minutes):
    life = Life()
    life.bad["memory"] = severity
    assert states(life, int(minutes) + 1) == ["pending"] * int(minutes) + ["firing"]
    alert = life.alert("memory")
    assert (alert.since, alert.fired_at) == (START, START + timedelta(minutes=minutes))


def test_what_was_bad_long_before_it_was_certain_fires_at_once():
    life = moved((), [problem("memory", since=START - timedelta(minutes=5))], START, instance="main", config=CONFIG)
    assert [alert.state for alert in life.alerts] == ["firing"]


def test_a_rule_fires_at_once():
    life = Life()
    life.bad["rule.memory.percent"] = "warning"
    assert life.check() == ["alert: fired rule.memory.percent"]


def test_pending_that_looks_well_is_forgotten():
    life = Life()
    life.bad["memory"] = "critical"
    life.check()
    life.bad.clear()
    assert states(life, 1) == ["-"]
    assert life.news == []


def test_below_the_level_nothing_fires():
    life = Life(AlertsConfig(level="critical", warning_after_s=0))
    life.bad["memory"] = "warning"
    assert states(life, 3) == ["-"] * 3


def test_a_critical_alert_that_falls_below_the_level_is_not_over():
    life = Life(AlertsConfig(level="critical"))
    fire(life)
    life.bad["memory"] = "warning"
    assert states(life, 20) == ["firing"] * 20
    assert len(life.news) == 1


def test_it_is_over_from_when_it_was_well_once_that_is_certain():
    life = Life()
    fire(life)
    life.bad.clear()
    well_at = life.now
    assert states(life, 4) == ["firing", "firing", "firing", "resolved"]
    assert life.alert("memory").ended_at == well_at


@pytest.mark.parametrize(("relapses", "minutes"), [(0, 3), (1, 6), (2, 12), (3, 24), (4, 48), (5, 60), (50, 60)])
def test_each_relapse_doubles_the_wait_up_to_the_window(relapses, minutes):
    life = Life()
    fire(life)
    life.alerts = tuple(Alert(**{**_fields(alert), "relapses": relapses}) for alert in life.alerts)
    life.bad.clear()
    assert states(life, minutes + 1) == ["firing"] * minutes + ["resolved"]


def _fields(alert: Alert) -> dict[str, object]:
    return {name: getattr(alert, name) for name in alert.__struct_fields__}


def test_without_a_window_nothing_is_doubled():
    life = Life(AlertsConfig(flap_window_s=0))
    fire(life)
    relapse(life)
    life.bad.clear()
    assert states(life, 4)[-1] == "resolved"


def test_bad_again_while_it_waits_is_a_relapse():
    life = Life()
    fire(life)
    for expected in (1, 2, 3):
        life.bad.clear()
        life.check()
        life.bad["memory"] = "critical"
        life.check()
        assert (life.alert("memory").state, life.alert("memory").relapses) == ("firing", expected)
    assert len(life.news) == 1


def test_firing_again_soon_is_a_relapse_and_later_is_not():
    life = Life()
    fire(life)
    relapse(life)
    assert life.alert("memory").relapses == 1
    life.bad.clear()
    life.checks(7)
    assert life.alert("memory").state == "resolved"
    life.checks(61)
    assert life.alerts == ()
    assert fire(life).relapses == 0


def test_a_relapse_that_does_not_last_leaves_it_resolved():
    life = Life()
    fire(life)
    life.bad.clear()
    life.checks(4)
    ended_at = life.alert("memory").ended_at
    life.bad["memory"] = "critical"
    assert states(life, 1) == ["pending"]
    life.bad.clear()
    assert states(life, 1) == ["resolved"]
    assert life.alert("memory").ended_at == ended_at


def test_a_warning_that_turns_critical_for_long_is_an_escalation():
    life = Life(AlertsConfig(warning_after_s=0))
    life.bad["memory"] = "warning"
    assert life.check() == ["alert: fired memory"]
    life.bad["memory"] = "critical"
    assert life.checks(3) == ["2 alert: worsened memory"]


def test_a_warning_that_turns_critical_for_a_moment_is_no_news():
    life = Life(AlertsConfig(warning_after_s=0))
    life.bad["memory"] = "warning"
    life.check()
    for _ in range(5):
        life.bad["memory"] = "critical"
        assert life.checks(2) == []
        life.bad["memory"] = "warning"
        assert life.check() == []


def test_critical_that_becomes_a_warning_is_no_news_and_neither_is_the_way_back():
    life = Life()
    fire(life)
    for severity in ("warning", "critical", "warning"):
        life.bad["memory"] = severity
        assert life.checks(20) == []


@pytest.mark.parametrize("prefix", ["memory", "mem"])
def test_what_cannot_be_seen_is_neither_good_nor_bad(prefix):
    life = Life()
    fire(life, "memory")
    fire(life, "memory.growth")
    life.bad.clear()
    for _ in range(10):
        life.check(unknown=[prefix])
    expected = "firing" if prefix == "memory" else "resolved"
    assert {alert.state for alert in life.alerts} == {expected}


def test_a_problem_is_seen_even_where_the_rest_is_unknown():
    life = Life()
    life.bad["memory"] = "critical"
    for _ in range(3):
        life.check(unknown=["memory"])
    assert life.alert("memory").state == "firing"


def test_what_is_shared_has_the_shared_scope():
    after = moved((), [problem("database", is_shared=True)], START, instance="main", config=CONFIG)
    assert [alert.scope for alert in after.alerts] == [SHARED]


def test_of_two_problems_with_one_key_the_graver_counts():
    found = [problem("memory", "warning"), problem("memory", "critical"), problem("memory", "warning")]
    after = moved((), found, START, instance="main", config=CONFIG)
    assert [alert.severity for alert in after.alerts] == ["critical"]


SERIES = st.lists(st.sampled_from([None, "warning", "critical", "unknown"]), max_size=60)


@settings(max_examples=150, deadline=None)
@given(SERIES, st.sampled_from(["warning", "critical"]))
def test_any_series_ends_where_it_should(series, level):
    """Whatever came before, lasting trouble fires, lasting peace forgets, and the fields fit the state."""
    life = Life(AlertsConfig(level=level))
    for one in series:
        life.bad = {"memory": one} if one in {"warning", "critical"} else {}
        life.check(unknown=["memory"] if one == "unknown" else [])
        for alert in life.alerts:
            assert (alert.fired_at is not None) or alert.state != "firing"
            assert alert.good_since is None or alert.state == "firing"
            assert alert.ended_at is not None or alert.state != "resolved"
            assert alert.state != "firing" or alert.ended_at is None
    life.bad = {"memory": "critical"}
    life.checks(4)
    assert (life.alert("memory").state, life.alert("memory").told) == ("firing", "critical")
    life.bad = {}
    life.checks(200)
    assert life.alerts == ()
