"""What is told of alerts, and what is held back for how long."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botmon_cog.config import AlertsConfig
from botmon_cog.domain.alerts import EVERYTHING, Notice, covers
from botmon_cog.health.components import INHIBITS
from tests.alert_helpers import Life, mute, told

HOUR = timedelta(hours=1)
QUICK = AlertsConfig(after_s=(0, 0), recover_after_s=0)
"""Everything fires and is over at once."""
SILENT = AlertsConfig(repeat_after_s=(0, 0))


def fired(config: AlertsConfig | None = None, key: str = "memory") -> Life:
    """A life in which one key was told as critical."""
    life = Life(config)
    life.bad[key] = "critical"
    assert life.checks(3) == [f"2 alert: fired {key}"]
    return life


def test_fifty_at_once_are_one_message():
    life = Life()
    life.bad = {f"commands.c{n}": "critical" if n % 2 else "warning" for n in range(50)}
    life.checks(16)
    assert [(one.kind, len(one.items)) for one in life.notices] == [("alert", 25), ("alert", 25)]
    life = Life(QUICK)
    life.bad = {f"commands.c{n}": "critical" if n % 2 else "warning" for n in range(50)}
    life.checks(5)
    assert [(one.kind, len(one.items)) for one in life.notices] == [("alert", 50)]
    assert [item.severity for item in life.notices[0].items] == ["critical"] * 25 + ["warning"] * 25


def test_recoveries_of_one_check_are_one_message_beside_what_fires():
    life = Life(QUICK)
    life.bad = {"memory": "critical", "cpu": "warning"}
    life.check()
    life.bad = {"files": "warning"}
    assert life.check() == ["alert: fired files", "recovery: recovered memory, recovered cpu"]
    recovery = life.notices[-1]
    assert [(item.severity, item.ended_at is not None) for item in recovery.items] == [
        ("critical", True),
        ("warning", True),
    ]
    assert recovery.next_reminder_at is None


def test_reminders_come_at_their_interval_and_as_one():
    life = Life(AlertsConfig(repeat_after_s=(3600, 3600)))
    life.bad = {"memory": "critical", "cpu": "critical"}
    both = "memory, still cpu" if life.check() else "cpu, still memory"
    found = life.checks(2 * 60 + 5)
    assert found == ["1 alert: fired cpu, fired memory", f"61 reminder: still {both}", f"121 reminder: still {both}"]
    assert [one.next_reminder_at - one.made_at for one in life.notices] == [HOUR] * 3


def test_a_reminder_goes_with_what_fires_at_the_same_check():
    life = fired(AlertsConfig(repeat_after_s=(600, 600)))
    life.checks(7)
    life.bad["cpu"] = "critical"
    assert life.checks(4) == ["2 alert: fired cpu, still memory"]


def test_without_an_interval_there_are_no_reminders():
    life = fired(SILENT)
    assert life.checks(3000) == []
    assert life.notices[0].next_reminder_at is None


def test_what_fired_and_ended_while_muted_is_not_told():
    life = Life(QUICK)
    life.mutes = [mute("memory", life.now + HOUR)]
    life.bad["memory"] = "critical"
    assert life.checks(10) == []
    life.bad.clear()
    assert life.checks(100) == []


def test_what_still_fires_when_the_mute_ends_is_told_then():
    life = Life(QUICK)
    life.mutes = [mute("memory", life.now + HOUR)]
    life.bad["memory"] = "critical"
    assert life.checks(100) == ["60 alert: fired memory"]
    assert life.notices[0].held_back == ("muted",)


def test_the_recovery_of_what_ended_while_muted_is_told_when_the_mute_ends():
    life = fired()
    life.mutes = [mute("memory", life.now + HOUR)]
    life.bad.clear()
    assert life.checks(100) == ["60 recovery: recovered memory"]
    assert life.notices[-1].held_back == ("muted",)
    assert life.notices[-1].items[0].ended_at == life.notices[0].made_at + timedelta(minutes=1)


def test_what_was_told_before_the_mute_is_not_told_again_at_its_end():
    life = fired(SILENT)
    life.mutes = [mute("memory", life.now + HOUR)]
    assert life.checks(300) == []


@pytest.mark.parametrize("how", ["mute", "maintenance"])
def test_what_became_due_meanwhile_is_told_at_the_end_and_what_did_not_at_its_time(how):
    life = fired(AlertsConfig(repeat_after_s=(1800, 1800)))
    life.mutes = [mute("memory", life.now + HOUR)] if how == "mute" else []
    life.is_maintained = how == "maintenance"
    assert life.checks(60) == []
    life.is_maintained = False
    assert life.checks(30) == ["0 reminder: still memory"]
    assert life.notices[-1].held_back == ("muted" if how == "mute" else "maintenance",)
    assert life.checks(2) == ["0 reminder: still memory"]
    assert life.notices[-1].held_back == ()


def test_it_is_one_incident_where_the_recovery_was_held_back_and_it_came_back():
    life = fired(SILENT)
    life.mutes = [mute("memory", life.now + HOUR)]
    life.bad.clear()
    life.checks(10)
    assert life.alert("memory").state == "resolved"
    life.bad["memory"] = "critical"
    assert life.checks(60) == []
    assert life.alert("memory").since == life.notices[0].items[0].since
    life.bad.clear()
    assert [text.partition(" ")[2] for text in life.checks(60)] == ["recovery: recovered memory"]


def test_what_was_held_back_in_two_ways_is_told_after_both():
    life = Life(SILENT)
    life.mutes = [mute("commands.play", life.now + timedelta(minutes=10))]
    life.bad = {"gateway": "critical", "commands.play": "critical"}
    assert life.checks(20) == ["2 alert: fired gateway"]
    del life.bad["gateway"]
    assert life.checks(20) == ["3 recovery: recovered gateway", "6 alert: fired commands.play"]


def test_a_mute_ended_by_hand_ends_as_any_other():
    life = fired(SILENT)
    life.mutes = [mute("memory", life.now + HOUR)]
    life.bad["memory.growth"] = "critical"
    life.checks(5)
    life.mutes = []
    assert life.check() == ["alert: fired memory.growth"]


@pytest.mark.parametrize(
    ("key", "scope", "is_muted"),
    [
        ("gateway.shard.3", "main", True),
        ("gateway", "main", True),
        ("gateway.shard", "main", True),
        (EVERYTHING, "main", True),
        ("gateway.shard.33", "main", False),
        ("gate", "main", False),
        (EVERYTHING, "", False),
        ("gateway", "other", True),  # one trouble may be in several processes
        (EVERYTHING, "other", False),
        ("gateway", "", False),
    ],
)
def test_a_mute_covers_its_key_and_what_is_beneath(key, scope, is_muted):
    life = Life(QUICK)
    life.mutes = [mute(key, life.now + HOUR, scope)]
    life.bad["gateway.shard.3"] = "critical"
    assert bool(life.check()) != is_muted


def test_maintenance_holds_everything_back_and_loses_nothing():
    life = fired(SILENT)
    life.is_maintained = True
    life.bad |= {"cpu": "critical", "files": "critical"}
    assert life.checks(30) == []
    del life.bad["cpu"], life.bad["memory"]
    assert life.checks(30) == []
    life.is_maintained = False
    assert life.check() == ["alert: fired files", "recovery: recovered memory"]
    assert [one.held_back for one in life.notices[-2:]] == [("maintenance",)] * 2


# -- what is worth a message -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["monitor.failures", "monitor.spool", "monitor.unreachable"])
def test_what_nobody_has_to_act_on_is_no_alert(key: str):
    life = Life(QUICK)
    life.bad = {key: "warning"}
    assert life.checks(5) == []
    assert life.alerts == ()


@pytest.mark.parametrize("key", ["monitor.broken", "monitor.lost", "monitor.trouble"])
def test_what_lasts_until_the_next_start_is_told_once_and_its_end_is_no_news(key: str):
    life = Life(QUICK)
    life.bad = {key: "warning"}
    assert life.check() == [f"alert: fired {key}"]
    assert life.notices[-1].next_reminder_at is None
    life.is_maintained = True
    assert life.checks(3) == []
    life.is_maintained = False
    assert life.check(minutes=60 * 24 * 8) == []
    assert life.check() == []
    life.bad = {}
    assert life.checks(5) == []
    assert life.alerts == ()


def test_of_a_warning_a_reminder_comes_once_a_day():
    life = Life(QUICK)
    life.bad = {"memory": "critical", "cpu": "warning"}
    life.check()
    assert life.notices[-1].next_reminder_at == life.notices[-1].made_at + timedelta(seconds=QUICK.repeat_after_s[1])
    assert life.check(minutes=60 * 4) == []
    assert life.check() == ["reminder: still memory"]
    life.bad = {"cpu": "warning"}
    life.check(minutes=60 * 20)
    assert life.check() == ["reminder: still cpu"]
    assert life.notices[-1].next_reminder_at == life.notices[-1].made_at + timedelta(days=1)
    assert life.check(minutes=60 * 23) == []


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("gateway", "gateway.shard.3"),
        ("gateway", "rest.rate_limits"),
        ("gateway", "commands.play"),
        ("database", "monitor.loops"),
        ("database", "database.slow"),
        ("loop.blocked", "gateway.latency"),
        ("loop.lag", "database.slow"),
        ("loop.blocked", "loop.lag"),
        ("loop.blocked", "commands.slow.play"),
        ("commands.failing", "commands.failing.play"),
    ],
)
def test_what_follows_from_something_else_is_not_told_beside_it(source, target):
    life = fired(SILENT, source)
    life.bad[target] = "critical"
    assert life.checks(30) == []
    del life.bad[source], life.bad[target]
    found = " ".join(life.checks(60))
    assert f"recovered {source}" in found
    assert target not in found.replace(f"recovered {source}", "")


@pytest.mark.parametrize(
    ("source", "other"),
    [
        ("gateway", "memory"),
        ("gateway.shard.3", "commands.play"),
        ("database.slow", "monitor.x"),
        ("loop.blocked", "commands.failing.play"),
    ],
)
def test_what_does_not_follow_is_told(source, other):
    life = fired(SILENT, source)
    life.bad[other] = "critical"
    assert life.checks(5) == [f"2 alert: fired {other}"]


def test_what_stays_when_its_cause_is_over_is_told_after_a_while():
    life = fired(SILENT, "gateway")
    life.bad = {"commands.play": "critical"}
    config = life.config
    certain_min = config.recover_after_s / 60
    assert life.checks(60) == [
        f"{certain_min:g} recovery: recovered gateway",
        f"{certain_min + config.recover_after_s / 60:g} alert: fired commands.play",
    ]


def test_what_does_not_last_yet_holds_back_what_follows_from_it():
    life = Life(AlertsConfig(after_s=(900, 120), repeat_after_s=(0, 0)))
    life.bad = {"loop.blocked": "warning", "commands.slow.play": "warning", "loop.lag": "warning"}
    assert life.checks(60) == ["15 alert: fired loop.blocked"]


def test_what_is_graver_than_its_explanation_is_not_held_back():
    """Or a critical lag would wait for a block that is only a warning, and is told later."""
    life = Life(AlertsConfig(after_s=(900, 120), repeat_after_s=(0, 0)))
    life.bad = {"loop.blocked": "warning", "commands.slow.play": "critical", "loop.lag": "critical"}
    assert life.checks(60) == ["2 alert: fired loop.lag", "15 alert: fired loop.blocked"], "lag explains what is slow"
    life.bad["loop.blocked"] = "critical"
    life.bad["loop.lag"] = "warning"
    del life.bad["commands.slow.play"]
    assert life.checks(5) == ["2 alert: worsened loop.blocked"]


def test_nothing_follows_from_itself():
    """Else two that are bad together would hold each other back for ever."""
    for key in ("gateway", "database", "loop.blocked", "commands.failing"):
        assert follows(key, INHIBITS)
        assert key not in follows(key, INHIBITS)


def follows(key: str, inhibits: Mapping[str, Sequence[str]]) -> set[str]:
    """All patterns that one key holds back, over others too; patterns stand for the keys that they cover."""
    found: set[str] = set()
    wanted = [key]
    while wanted:
        source = wanted.pop()
        for pattern, patterns in inhibits.items():
            if pattern == source or (pattern.endswith(".*") and source.startswith(pattern[:-1])):
                wanted += set(patterns) - found
                found.update(patterns)
    return found


def test_beyond_the_limit_it_is_told_together_when_there_is_room():
    life = Life(AlertsConfig(**{**_fields(QUICK), "messages_per_h": 3}))
    for n in range(10):
        life.bad[f"commands.c{n}"] = "critical"
        life.check()
    assert told(life.notices) == [f"alert: fired commands.c{n}" for n in range(3)]
    found = life.checks(60)
    assert found == ["50 alert: " + ", ".join(f"fired commands.c{n}" for n in range(3, 10))]
    assert life.notices[-1].held_back == ("crowded",)


def _fields(config: AlertsConfig) -> dict[str, object]:
    return {name: getattr(config, name) for name in config.__struct_fields__}


def test_flapping_is_told_a_few_times_a_day():
    life = Life(SILENT)
    for minute in range(24 * 60):
        life.bad = {"gateway": "critical"} if minute % 10 < 5 else {}
        life.check()
    assert told(life.notices)[:2] == ["alert: fired gateway", "recovery: recovered gateway"]
    assert len(life.notices) <= 4


# -- anything at all ---------------------------------------------------------------------------------------------------

KEYS = ("gateway", "gateway.shard.1", "rest.rate_limits", "commands.play", "memory", "rule.players", "loop.lag")
BAD = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["warning", "critical"]), max_size=4)
STEP = st.tuples(
    BAD,
    st.integers(1, 12),  # for how many checks
    st.none() | st.tuples(st.sampled_from([*KEYS, EVERYTHING]), st.integers(1, 60)),  # a mute and its minutes
    st.booleans(),  # whether in maintenance
    st.lists(st.sampled_from(["gateway", "memory"]), max_size=1),  # what is unknown
)
CONFIGS = st.builds(
    AlertsConfig,
    level=st.sampled_from(["warning", "critical"]),
    after_s=st.tuples(st.sampled_from([0, 300]), st.sampled_from([0, 120])),
    recover_after_s=st.sampled_from([0, 180]),
    repeat_after_s=st.tuples(st.sampled_from([0, 1800]), st.sampled_from([0, 1800])),
    messages_per_h=st.sampled_from([1, 3, 12, 1000]),
)


class Owner:
    """Reads the messages, and complains of any that makes no sense after those before it."""

    def __init__(self) -> None:
        self.believes: dict[str, str] = {}

    def read(self, notice: Notice) -> None:
        for item in notice.items:
            before = self.believes.get(item.key)
            if item.change == "fired":
                assert before is None, f"{item.key} is told twice"
                self.believes[item.key] = item.severity
            elif item.change == "worsened":
                assert (before, item.severity) == ("warning", "critical")
                self.believes[item.key] = "critical"
            elif item.change == "still":
                assert before is not None, f"{item.key} is told again, and was not told"
            else:
                assert before == item.severity, f"{item.key} is over, and was not told as it was"
                assert item.ended_at is not None
                del self.believes[item.key]


def hold_against(
    life: Life, owner: Owner, bad: Mapping[str, str], unknown: Collection[str] = (), minutes: float = 1
) -> None:
    """One check: what it tells must follow from what was told, and what it does not tell must be held back."""
    at = life.now
    before = len(life.notices)
    muted = [one.key for one in life.mutes if one.until > at]
    life.bad = dict(bad)
    life.check(unknown, minutes=minutes)
    for notice in life.notices[before:]:
        owner.read(notice)
        keys = [item.key for item in notice.items]
        assert len(set(keys)) == len(keys)
        assert not life.is_maintained
        assert not any(one == EVERYTHING or covers(one, key) for one in muted for key in keys)
    recent = [one for one in life.notices if at - HOUR < one.made_at <= at]
    assert len(recent) <= life.config.messages_per_h
    for alert in life.alerts:
        assert (owner.believes.get(alert.key) is not None) == (alert.told in {"warning", "critical"})
        if alert.key in {"memory", "rule.players", "loop.lag", "gateway"}:
            # Nothing inhibits these: what is not told of them is held back by hand, or by the limit.
            is_held = life.is_maintained or any(one == EVERYTHING or covers(one, alert.key) for one in muted)
            is_held = is_held or len(recent) == life.config.messages_per_h
            worth = alert.severity == "critical" or life.config.level == "warning"
            if not is_held and alert.state == "firing" and worth:
                assert owner.believes[alert.key] in {alert.severity, "critical"}
            if not is_held and alert.state == "resolved":
                assert alert.key not in owner.believes


@settings(max_examples=300, deadline=None)
@given(CONFIGS, st.lists(STEP, max_size=12))
def test_whatever_happens_the_owner_is_told_once_of_each_change_and_of_every_end(config, steps):
    life, owner = Life(config), Owner()
    for bad, n, muting, is_maintained, unknown in steps:
        life.is_maintained = is_maintained
        if muting is not None:
            life.mutes.append(mute(muting[0], life.now + timedelta(minutes=muting[1])))
        for _ in range(n):
            hold_against(life, owner, bad, unknown)
    life.is_maintained = False
    for _ in range(30):  # no mute lasts as long, and within some hours there is room for all that is held back
        hold_against(life, owner, {"memory": "critical"}, minutes=10)
    assert owner.believes["memory"] == "critical"
    for _ in range(40):
        hold_against(life, owner, {}, minutes=10)
    assert owner.believes == {}
    assert life.alerts == ()
