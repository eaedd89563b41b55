"""One trouble in several processes: what was told of it through one, was told of it through all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from botmon_cog.domain.alerts import SHARED, Alert, OtherAlert
from botmon_cog.domain.alerts.incidents import Basis, decided, ended, parted, told_by, undecided, united, waiting
from botmon_cog.domain.alerts.machine import is_told
from tests.alert_helpers import START, bad

MINUTE = timedelta(minutes=1)
NOW = START + 60 * MINUTE
RADIO = "commands.failing.radio"


def alert(scope: str = "one", key: str = RADIO, **parts: Any) -> Alert:
    """One that fires, and that nobody was told of."""
    usual: dict[str, Any] = {"state": "firing", "severity": "critical", "since": START, "seen_at": NOW}
    return Alert(scope=scope, key=key, reason=bad(key), **(usual | parts))


def told(scope: str = "two", told: str = "critical", **parts: Any) -> Alert:
    return alert(scope, **({"told": told, "told_at": NOW - MINUTE} | parts))


def over(scope: str = "one", told: str = "critical", **parts: Any) -> Alert:
    usual: dict[str, Any] = {"state": "resolved", "ended_at": NOW, "told": told, "told_at": NOW - 9 * MINUTE}
    return alert(scope, **(usual | parts))


def test_what_the_owners_know_from_another_is_joined_with_its_beginning_and_its_last_message():
    (joined,) = united([alert(since=START + MINUTE)], [told(), told("three", since=START - MINUTE)], NOW)
    assert (joined.told, joined.told_at, joined.since) == ("critical", NOW - MINUTE, START - MINUTE)


@pytest.mark.parametrize(
    "other", [alert("two"), over("two", "resolved"), told(key="commands.failing.play"), told(SHARED)]
)
def test_what_nobody_told_or_told_the_end_of_joins_nothing(other: Alert):
    for own in (alert(), over()):
        assert united([own], [other], NOW) == (own,)


def test_what_is_shared_is_one_alert_already():
    assert united([alert(SHARED)], [told()], NOW) == (alert(SHARED),)


def test_graver_than_what_was_told_stays_to_be_told():
    (joined,) = united([alert()], [told("two", "warning")], NOW)
    assert (joined.severity, joined.told) == ("critical", "warning")
    (joined,) = united([alert(severity="warning")], [told()], NOW)
    assert (joined.severity, joined.told) == ("warning", "critical")


def test_it_ends_quietly_while_it_is_told_elsewhere_and_the_last_end_is_to_be_told():
    assert [each.told for each in united([over()], [told()], NOW)] == ["resolved"]
    assert [each.told for each in united([over()], [over("two", "resolved")], NOW)] == ["critical"]
    assert [each.told for each in united([over(), over("gone"), over("too")], [], NOW)] == [
        "resolved",
        "resolved",
        "critical",
    ]


def test_an_end_waits_until_the_others_have_taken_up_how_grave_it_was():
    worse, other = over(), told("two", "warning")
    assert united([worse], [other], NOW) == (worse,)
    assert waiting([worse], [other], can_agree=True) == {("one", RADIO)}
    (other,) = united([other], [worse], NOW)
    assert other.told == "critical"
    assert [each.told for each in united([worse], [other], NOW)] == ["resolved"]


def test_while_nobody_can_say_how_the_others_are_nothing_of_theirs_is_told_again():
    known = [told("one"), told("one", key="memory"), told(SHARED)]
    assert waiting(known, [told()], can_agree=False) == {("one", RADIO)}
    assert waiting(known, [told()], can_agree=True) == frozenset()


@pytest.mark.parametrize(("minutes", "is_joined"), [(59, True), (60, False)])
def test_what_is_told_once_for_ever_is_the_same_only_at_about_the_same_time(minutes: int, is_joined: bool):
    lost = "monitor.lost"
    other = told(key=lost, told_at=NOW - minutes * MINUTE)
    assert [is_told(each) for each in united([alert(key=lost)], [other], NOW)] == [is_joined]
    known = (told("one", key=lost), over(key=lost))
    for each in known:
        assert united([each], [other], NOW) == (each,)


def test_of_a_process_that_is_gone_the_alerts_are_left_behind():
    others = [OtherAlert(alert=alert(str(n)), alive_at=NOW - n * MINUTE) for n in (0, 14, 15, 16)]
    assert [[each.scope for each in part] for part in parted(others, NOW, 60.0)] == [["0", "14"], ["15", "16"]]
    assert [[each.scope for each in part] for part in parted(others, NOW, 600.0)] == [["0", "14", "15", "16"], []]


def test_what_was_left_behind_was_over_when_it_was_seen_last():
    left = ended(told(seen_at=START + MINUTE), NOW)
    assert (left.state, left.ended_at, left.told) == ("resolved", START + MINUTE, "critical")
    assert ended(told(seen_at=NOW + MINUTE), NOW).ended_at == NOW
    assert ended(over(ended_at=START), NOW).ended_at == START


def test_a_decision_holds_while_the_others_have_told_the_same():
    basis = Basis(audience="app", told={RADIO: told_by([told()])[RADIO], "memory": None})
    assert basis.holds([told(), told("three", since=START - MINUTE), alert(key="memory"), told(key="cpu")])
    assert not basis.holds([])
    assert not basis.holds([told(), told("three", key="memory")])
    assert not basis.holds([told("two", "warning")])
    assert not basis.holds([told(told_at=NOW)])


def test_what_was_decided_quietly_is_taken_back_and_what_is_in_a_message_is_not():
    before = (alert(), over(key="memory"), alert(key="cpu"), alert(key="files"))
    after = (
        *united(before[:2], [told(), told(key="memory")], NOW),
        replace(before[2], told="critical", told_at=NOW),
        before[3],
    )
    assert decided(before, after) == {RADIO, "memory", "cpu"}
    assert undecided(before, after, [("one", "cpu")]) == (*before[:2], *after[2:])


# -- anything at all ---------------------------------------------------------------------------------------------------

SEVERITY = st.sampled_from(["warning", "critical"])
ALERT = st.builds(
    alert,
    key=st.sampled_from(["memory", "cpu"]),
    state=st.sampled_from(["firing", "resolved"]),
    severity=SEVERITY,
    told=st.sampled_from(["", "warning", "critical", "resolved"]),
    told_at=st.integers(0, 60).map(lambda n: START + n * MINUTE),
    since=st.integers(-60, 0).map(lambda n: START + n * MINUTE),
)
ALERTS = st.lists(ALERT, min_size=1, max_size=5, unique_by=lambda each: each.key)
OTHERS = st.lists(ALERT, max_size=6)


@settings(max_examples=300, deadline=None)
@given(ALERTS, OTHERS)
def test_whatever_was_told_the_owners_go_on_to_know_it(alerts, others):
    """Nothing that they were told is forgotten, or was told as less grave; and nothing is known that was not told."""
    others = [replace(each, scope=f"other {n}") for n, each in enumerate(others)]
    after = united(alerts, others, NOW)
    assert united(after, others, NOW) == after
    before_all, after_all = told_by([*alerts, *others]), told_by([*after, *others])
    assert {key: each.severity for key, each in after_all.items()} == {
        key: each.severity for key, each in before_all.items()
    }
    elsewhere = told_by(others)
    for was, each in zip(alerts, after, strict=True):
        assert (each.state, each.severity, each.ended_at) == (was.state, was.severity, was.ended_at)
        if each.key not in elsewhere:
            assert each == was
        elif each.state == "firing":
            assert is_told(each)
            assert each.told_at >= elsewhere[each.key].told_at
        else:
            name = (each.scope, each.key)
            assert not is_told(each) or name in waiting(after, others, can_agree=True)
