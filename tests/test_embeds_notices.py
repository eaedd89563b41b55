"""What owners read: in Discord, and as plain text everywhere else; and `/alerts`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from botmon_cog.cog import embeds
from botmon_cog.cog.views.buttons import notice_buttons
from botmon_cog.domain.alerts import SHARED, Alert, AlertMessage, AlertsOverview, Mute, Notice, NoticeItem
from botmon_cog.domain.alerts.cause import Cause, Change, CommonError, Times
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports import Problem
from botmon_cog.health.words import words_of
from tests.health_helpers import BLOCKED, FAILING, LOCKED, NOW, STOP_IT, ago, shown, stamp, values

FULL = Reason.of("memory.growing", growth_bytes_per_h=60 * 2**20, used_bytes=400 * 2**20)
UNBLOCK = words_of(BLOCKED).remedy
MEMORY = "The bot's memory grows by 60 MiB an hour"
SLOW = Reason.of("commands.slow", command="play", p95_s=4.1, usual_s=0.9, n=312)
ERROR = CommonError(
    error_id="7kq2m9xa",
    ended="failed",
    error_type="ValueError",
    message="API key wrong",
    file="cogs/lyrics.py",
    line=48,
    function="fetch",
    n=25,
    people=14,
    servers=6,
)
CAUSE = Cause(
    command="lyrics",
    error=ERROR,
    change=Change(
        restarted_at=ago(minutes=7), version_before="3f2a", version="9c1d", faults_before=5, calls_before=1_250
    ),
)


def one_failing(**values_: Any) -> Reason:
    usual: dict[str, Any] = {"command": "lyrics", "faults": 25, "calls": 25, "late": 0, "unanswered": 0}
    return Reason.of("commands.one_failing", **(usual | {"in_a_row": 25, "error": "ValueError"} | values_))


def rule(words: str) -> Reason:
    return Reason.of("rule.broken", metric="custom.players", message=words)


def item(key: str = "database", reason: Reason = LOCKED, severity: Any = "critical", **parts: Any) -> NoticeItem:
    usual: dict[str, Any] = {"scope": "cluster-1", "change": "fired", "since": ago(minutes=3)}
    return NoticeItem(key=key, reason=reason, severity=severity, **(usual | parts))


def notice(*items: NoticeItem, kind: Any = "alert", **parts: Any) -> Notice:
    return Notice(kind=kind, items=items, **({"instance": "cluster-1", "made_at": NOW} | parts))


def over(key: str = "database", reason: Reason = LOCKED, **parts: Any) -> NoticeItem:
    usual: dict[str, Any] = {"change": "recovered", "since": ago(seconds=580), "ended_at": NOW}
    return item(key, reason, **(usual | parts))


def lines_of(told: Notice, **options: Any) -> list[str]:
    return (embeds.notice(told, **options).description or "").splitlines()


# -- one ---------------------------------------------------------------------------------------------------------------


def test_an_alert_says_what_since_when_why_what_to_do_and_what_happens_meanwhile():
    embed = embeds.notice(notice(item(), waiting=214, next_reminder_at=NOW + timedelta(hours=4)))
    assert embed.title == "🔴 Unhealthy: the database does not answer"
    assert embed.description == f"Since {stamp(ago(minutes=3), 't')}, {stamp(ago(minutes=3), 'R')}"
    assert values(embed) == {
        "Why": "`database is locked`",
        "What to do": STOP_IT,
        "Meanwhile": "Commands run on. 214 rows wait, none is lost.",
    }
    assert (embed.footer.text, embed.colour) == ("cluster-1 · next reminder in 4 h", embeds.RED)


def test_a_blocked_loop_is_named_with_command_and_line():
    embed = embeds.notice(notice(item("loop.blocked", BLOCKED, "warning")))
    assert embed.title == "🟡 Degraded: the event loop was blocked for 4.2 s in ten minutes, most by /play"
    assert values(embed) == {
        "Why": "`cogs/music.py:42 in play, waiting in requests.sessions.send`",
        "What to do": UNBLOCK,
        "Meanwhile": "While it is blocked nobody gets an answer.",
    }
    assert embed.colour == embeds.YELLOW


def test_an_alert_does_not_hide_a_loss():
    assert values(embeds.notice(notice(item(), waiting=1, spooled=1, lost=2)))["Meanwhile"] == (
        "Commands run on. 1 row waits on disk, **2 are lost**."
    )
    assert values(embeds.notice(notice(item("memory", FULL), lost=2)))["Meanwhile"] == (
        "Commands run on. When the memory is full, the system kills the bot. Nothing waits, **2 are lost**."
    )


@pytest.mark.parametrize(
    ("told", "title"),
    [
        (item(change="worsened"), "🔴 Worse, now unhealthy: the database does not answer"),
        (item(change="still", since=ago(hours=4)), "🔴 Still unhealthy, for 4 h: the database does not answer"),
        (item("rule.players", rule("more than 200 players"), "warning"), "🟡 Alert: more than 200 players"),
        (
            item("rule.players", rule("more than 200 players"), change="still", since=ago(days=3)),
            "🔴 Still, for 3 d: more than 200 players",
        ),
        (item("commands.failing.lyrics", one_failing(), change="worsened"), "🔴 Worse: /lyrics fails every time"),
    ],
)
def test_escalation_reminder_and_rule(told: NoticeItem, title: str):
    kind = "reminder" if told.change == "still" else "alert"
    assert embeds.notice(notice(told, kind=kind)).title == title


def test_what_is_special_about_a_message_is_said_in_small_print():
    told = notice(item(relapses=4), held_back=("muted", "crowded"))
    assert lines_of(told, is_repeat=True)[1:] == [
        "The trouble came back **4 times**, soon after it looked well.",
        "-# Held back while muted and by the limit of messages per hour, sent now.",
        "-# May have been sent before: the process that was sending it was killed.",
    ]
    assert len(lines_of(notice(item()))) == 1


def test_a_date_stands_where_the_clock_is_not_enough():
    assert lines_of(notice(item(since=ago(hours=30))))[0].startswith(f"Since {stamp(ago(hours=30), 'f')}, ")


# -- over --------------------------------------------------------------------------------------------------------------


def test_a_recovery_says_how_long_it_lasted_what_it_was_and_what_was_lost():
    embed = embeds.notice(notice(over(), kind="recovery"))
    assert (embed.title, embed.colour) == ("🟢 Recovered: the database answers", embeds.GREEN)
    assert (embed.description or "").splitlines() == [
        f"It lasted **9 min 40 s** ({stamp(ago(seconds=580), 't')} to {stamp(NOW, 't')}).",
        "Nothing was lost.",
        "-# It was: the database does not answer (`database is locked`)",
    ]
    assert not embed.fields
    lossy = lines_of(notice(over(relapses=1), kind="recovery", lost=1204, waiting=40))
    assert lossy[1:3] == [
        "The trouble came back **once**, soon after it looked well.",
        "**1,204 rows were lost**. 40 rows are still being written.",
    ]


def test_what_was_not_about_rows_says_nothing_of_them():
    assert lines_of(notice(over("memory", FULL, since=ago(seconds=30)), kind="recovery")) == [
        "It lasted **30 s**.",
        "-# It was: the bot's memory grows by 60 MiB an hour (400 MiB now)",
    ]


@pytest.mark.parametrize(("key", "are_told"), [("monitor.spool", True), ("monitor.unreachable", False)])
def test_of_the_monitor_only_what_is_about_rows_says_what_became_of_them(key: str, are_told: bool):
    assert ("Nothing was lost." in lines_of(notice(over(key), kind="recovery"))) == are_told


@pytest.mark.parametrize(
    ("reason", "again"),
    [
        (LOCKED, "the database answers"),
        (one_failing(), "/lyrics works"),
        (SLOW, "/play is as fast as usual"),
        (Reason.of("rule.broken", metric="custom.players", value=9, limit=5), "players is within its limit"),
        (Reason.of("of a newer version"), "all is well"),
    ],
)
def test_a_recovery_says_what_is_well_again(reason: Reason, again: str):
    assert embeds.notice(notice(over("x", reason), kind="recovery")).title == f"🟢 Recovered: {again}"


# -- commands ----------------------------------------------------------------------------------------------------------


def test_a_failing_command_leads_to_the_line_and_to_what_changed():
    told = notice(item("commands.failing.lyrics", one_failing(), cause=CAUSE), message_id="m1")
    embed = embeds.notice(told, errors_command="/monitor errors")
    three, seven = (stamp(ago(minutes=minutes), "R") for minutes in (3, 7))
    assert (embed.title, embed.colour) == ("🔴 /lyrics fails every time", embeds.RED)
    assert embed.description == (
        f"**25 of 25** calls in the last hour, since {stamp(ago(minutes=3), 't')} ({three}). The other commands run on."
    )
    assert values(embed) == {
        "What breaks": "`ValueError: API key wrong` · 25×\n`cogs/lyrics.py:48 in fetch`",  # noqa: RUF001
        "Whom it hits": "14 people in 6 servers",
        "What changed": f"The bot was restarted {stamp(ago(minutes=7), 't')} ({seven}), version 3f2a → 9c1d; "
        "before that /lyrics failed in 0.4 % of calls.\n-# `/monitor errors id:7kq2m9xa`",
    }
    assert "id:7kq2m9xa" not in values(embeds.notice(told))["What changed"]
    buttons = [(button.label, button.custom_id) for button in notice_buttons(told).children]
    assert buttons == [
        ("Traceback", "botmon:errors:7:open:7kq2m9xa"),
        ("Mute 1 h", "botmon:mute:60:m1"),
        ("Mute 24 h", "botmon:mute:1440:m1"),
        ("Show health", "botmon:show"),
    ]


def test_without_its_cause_a_failing_command_is_told_all_the_same():
    embed = embeds.notice(notice(item("commands.failing.lyrics", one_failing(faults=5, in_a_row=5, calls=40))))
    assert embed.title == "🔴 /lyrics fails again and again"
    assert (embed.description or "").startswith("**5 times in a row**, 5 of 40 calls in the last hour, since ")
    assert values(embed) == {"What breaks": "`ValueError`", "What to do": "See the bot's log for the traceback."}


def test_what_comes_too_late_is_no_exception():
    error = replace(ERROR, ended="were answered too late", error_type=None, message=None, file=None, n=7, others=2)
    reason = one_failing(faults=9, calls=40, in_a_row=1, late=7, unanswered=2, error=None)
    embed = embeds.notice(notice(item("commands.failing.play", reason, cause=replace(CAUSE, error=error))))
    assert embed.title == "🔴 /lyrics fails often"
    assert "7 came too late for Discord and 2 never got an answer." in (embed.description or "")
    assert values(embed)["What breaks"] == "They were answered too late · 7×\nand 2 with other errors"  # noqa: RUF001
    assert "defer" in values(embed)["What to do"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Change(), "Nothing that is known: no restart, no new version in the hour before. Until then /lyrics was not"),
        (Change(calls_before=900), "Until then /lyrics never failed in 900 calls."),
        (Change(calls_before=7, faults_before=1), "Until then /lyrics failed in 1 of 7 calls."),
        (
            Change(version="9c1d", calls_before=1),
            "A new version began: 9c1d; before that /lyrics never failed in 1 call.",
        ),
    ],
)
def test_what_changed_or_that_nothing_is_known_to_have(change: Change, said: str):
    told = item("commands.failing.lyrics", one_failing(), cause=replace(CAUSE, change=change))
    assert said in values(embeds.notice(notice(told)))["What changed"]


@pytest.mark.parametrize(("response_s", "where"), [(3.8, "Before the"), (0.3, "After the"), (2.0, "Before and after")])
def test_of_a_slow_command_it_is_said_where_the_time_goes(response_s: float, where: str):
    cause = Cause(command="play", times=Times(response_s=response_s, duration_s=4.1), change=Change())
    said = values(embeds.notice(notice(item("commands.slow.play", SLOW, "warning", cause=cause))))
    assert said["Why"] == "p95 4.1 s, last week 0.9 s, 312 calls"
    assert said["Where the time goes"].startswith(where)
    assert said["What changed"] == "Nothing that is known: no restart, no new version in the hour before."


def test_nothing_that_a_host_names_formats_or_pings():
    error = replace(ERROR, message="`@everyone` **x**", file="`a.py`", function="<@1>")
    cause = replace(CAUSE, command="*x*", error=error, change=Change(version="**v**", calls_before=1))
    embed = embeds.notice(notice(item("commands.failing.x", one_failing(command="*x* @everyone"), cause=cause)))
    said = values(embed)
    assert said["What breaks"].count("`") == 4, "two pieces of code, and nothing ends them early"
    for words in (embed.title or "", said["What changed"]):
        assert "*x*" not in words
        assert "**v**" not in words
        assert "@everyone" not in words


# -- several -----------------------------------------------------------------------------------------------------------


def test_what_came_together_is_one_message():
    failing = item("commands.failing", FAILING, since=ago(minutes=20), cause=CAUSE)
    memory = item("memory.growth", FULL, "warning", relapses=2, change="worsened")
    told = notice(item(), failing, memory, waiting=214)
    embed = embeds.notice(told)
    assert embed.title == "🔴 3 alerts, the gravest: the database does not answer"
    three = stamp(ago(minutes=3), "R")
    lines = shown(embed.description).splitlines()
    assert lines[0] == f"🔴 The database does not answer: `database is locked`, {three}"
    assert lines[1].startswith("🔴 31 % of the last hour's commands failed (77 of 250")
    assert lines[2] == f"🟡 {MEMORY} (400 MiB now), worse than before, {three}, came back 2 times"
    assert list(values(embed)) == ["What to do", "Meanwhile"]
    assert values(embed)["What to do"].startswith(f"**Database:** {STOP_IT}\n**Memory:** ")
    assert values(embed)["Meanwhile"] == "Commands run on. 214 rows wait, none is lost."
    assert notice_buttons(told).children[0].label == "Traceback"


def test_a_metric_s_name_stays_as_it_is():
    both = [item(f"rule.custom.{name}", rule(f"{name} is 9, over 5"), "warning") for name in ("node_1", "players")]
    assert (embeds.notice(notice(*both)).description or "").splitlines()[1:] == [
        "🟡 node_1 is 9, over 5",
        "🟡 Players is 9, over 5",
    ]


def test_fifty_at_once_are_still_a_message_to_read():
    slow = [
        item(f"commands.slow.c{n}", Reason.of("commands.slow", command=f"c{n}", p95_s=2, usual_s=0.4, n=30), "warning")
        for n in range(49)
    ]
    embed = embeds.notice(notice(item(), *slow))
    lines = (embed.description or "").splitlines()
    assert embed.title == "🔴 50 alerts, the gravest: the database does not answer"
    assert lines[0] == f"Since {stamp(ago(minutes=3), 't')}, {stamp(ago(minutes=3), 'R')}"
    assert lines[-1] == "and 44 more (🟡 44)"
    assert len(lines) == 8
    assert values(embed)["What to do"].count("Look at what it waits for") == 1


def test_several_reminders_and_several_recoveries():
    still = embeds.notice(
        notice(
            item(change="still", since=ago(hours=4)), item("memory", FULL, "warning", change="still"), kind="reminder"
        )
    )
    assert still.title == "🔴 Still 2 alerts, the gravest: the database does not answer"
    assert (still.description or "").splitlines()[1] == f"🟡 {MEMORY} (400 MiB now), for 3 min"
    again = embeds.notice(notice(over(), over("commands.slow.play", SLOW, relapses=1), kind="recovery"))
    assert again.title == "🟢 2 alerts are over: the database answers, and more"
    assert (again.description or "").splitlines() == [
        "🟢 The database answers, after 9 min 40 s",
        "🟢 /play is as fast as usual, after 9 min 40 s, came back once",
        "Nothing was lost.",
    ]


# -- plain -------------------------------------------------------------------------------------------------------------


def test_plain_text_says_the_same_without_markup():
    told = notice(item(relapses=1), waiting=214, lost=2, held_back=("maintenance",))
    assert embeds.plain(told, is_repeat=True).splitlines() == [
        "🔴 Unhealthy: the database does not answer",
        "Since 21:01 UTC, 3 min ago",
        "The trouble came back once, soon after it looked well.",
        "Held back during maintenance, sent now.",
        "May have been sent before: the process that was sending it was killed.",
        "Why: database is locked",
        f"What to do: {STOP_IT}",
        "Meanwhile: Commands run on. 214 rows wait, 2 are lost.",
        "cluster-1",
    ]
    several = embeds.plain(notice(item(), item("memory", FULL, "warning")))
    assert f"What to do:\nDatabase: {STOP_IT}\nMemory: Look for" in several


def test_plain_text_leads_to_the_error_too():
    told = embeds.plain(notice(item("commands.failing.lyrics", one_failing(), cause=CAUSE)), errors_command="/b errors")
    assert shown(told).splitlines() == [
        "🔴 /lyrics fails every time",
        "25 of 25 calls in the last hour, since 21:01 UTC (3 min ago). The other commands run on.",
        "What breaks:",
        "ValueError: API key wrong · 25×",  # noqa: RUF001
        "cogs/lyrics.py:48 in fetch",
        "Whom it hits: 14 people in 6 servers",
        "What changed:",
        (
            "The bot was restarted 20:57 UTC (7 min ago), version 3f2a → 9c1d; before that /lyrics failed in 0.4 % of "
            "calls."
        ),
        "/b errors id:7kq2m9xa",
        "cluster-1",
    ]


def test_plain_recovery_has_the_date_where_it_was_another_day():
    told = embeds.plain(notice(over(since=ago(hours=30)), kind="recovery"))
    assert told.splitlines()[1] == "It lasted 30 h (2026-11-22 15:04 UTC to 21:04 UTC)."
    for mark in ("**", "-#", "<t:", "`"):
        assert mark not in told


# -- /alerts -----------------------------------------------------------------------------------------------------------


def alert(key: str, reason: Reason, severity: Any = "critical", state: Any = "firing", **parts: Any) -> Alert:
    usual: dict[str, Any] = {"scope": "cluster-1", "since": ago(minutes=13), "seen_at": NOW}
    return Alert(key=key, reason=reason, severity=severity, state=state, **(usual | parts))


def mute(key: str, by: str = "1234") -> Mute:
    return Mute(scope="cluster-1", key=key, until=NOW + timedelta(hours=1), by=by, made_at=NOW)


def test_the_list_has_what_is_on_with_its_key_what_may_come_and_what_is_muted():
    since, until = stamp(ago(minutes=13), "R"), NOW + timedelta(hours=1)
    embed = embeds.alerts_list(
        AlertsOverview(
            firing=(
                alert("database", LOCKED),
                alert("commands.slow.play", SLOW, "warning"),
            ),
            pending=(Problem(key="memory.growth", severity="warning", reason=FULL, since=ago(minutes=13)),),
            mutes=(mute("commands"),),
            maintenance_until=until,
        )
    )
    assert (embed.title, embed.colour) == ("🔴 2 active alerts", embeds.RED)
    assert (embed.description or "").splitlines() == [
        f"🔧 Maintenance until {stamp(until, 'f')}: anything still wrong then will be sent.",
        "🔴 The database does not answer: `database is locked`",
        f"-# `database` · began {since}",
        "🟡 /play is slow (p95 4.1 s, last week 0.9 s, 312 calls)",
        f"-# `commands.slow.play` · began {since} · 🔕 muted",
    ]
    assert values(embed) == {
        "Not sent yet": f"🟡 {MEMORY} (400 MiB now), began {since}",
        "🔕 Muted": f"`commands` until {stamp(until, 'f')}, by <@1234>",
    }


def test_the_list_says_in_how_many_processes_it_is():
    firing = (alert("database", LOCKED, scope=SHARED), alert("commands.slow.play", SLOW, "warning"))
    elsewhere = [alert("commands.slow.play", SLOW, "warning", scope=f"cluster-{n}") for n in range(2, 5)]
    embed = embeds.alerts_list(AlertsOverview(firing=firing, elsewhere=(*elsewhere, alert("cpu", FULL, scope="x"))))
    notes = [line for line in (embed.description or "").splitlines() if line.startswith("-# ")]
    assert [" processes" in note for note in notes] == [False, True]
    assert "in 4 processes" in notes[1]


def test_empty_list_says_what_would_appear_there():
    embed = embeds.alerts_list(AlertsOverview(mutes=(mute("*", by="?"),)))
    assert (embed.title, embed.colour) == ("🟢 No active alerts", embeds.GREEN)
    assert "the name to mute them by" in (embed.description or "")
    assert values(embed)["🔕 Muted"] == f"all alerts until {stamp(NOW + timedelta(hours=1), 'f')}"


def test_history_says_what_was_sent_and_how_it_went():
    def message(told: Notice, state: Any, result: str | None, **parts: Any) -> AlertMessage:
        return AlertMessage(
            message_id="1",
            instance="cluster-1",
            audience="1",
            notice=told,
            made_at=NOW,
            state=state,
            result=result,
            **parts,
        )

    sent = message(notice(item(), item("memory", FULL)), "sent", "DM to 1 owner", is_repeat=True)
    failed = message(notice(over(), kind="recovery"), "failed", "Discord was not reached")
    embed = embeds.alerts_history([failed, *[sent] * 14])
    now = stamp(NOW, "R")
    lines = (embed.description or "").splitlines()
    assert lines[:4] == [
        "🟢 The database answers",
        f"-# ❌ over {now} · Discord was not reached",
        "🔴 The database does not answer: `database is locked`, and 1 more",
        f"-# alert {now} · DM to 1 owner · may have come twice",
    ]
    assert lines[-1] == "and 5 more"
    two = embeds.alerts_history([sent, replace(sent, instance="cluster-2")])
    assert f"alert {now} · cluster-2 · DM" in (two.description or "")
    assert embed.footer.text == "❌ reached nobody"
    assert embeds.alerts_history([]).title == "No messages sent yet"


def test_mutes_are_confirmed():
    embed = embeds.muted(mute("database"))
    assert f"`database` is muted until {stamp(NOW + timedelta(hours=1), 'f')}" in (embed.description or "")
    assert "will be sent" in (embed.description or "")
    assert embeds.unmuted("*", was_muted=True).title == "🔔 Unmuted: all alerts"
    assert embeds.unmuted("x", was_muted=False).title == "Nothing to unmute: `x`"


def test_a_notice_is_no_verdict():
    embed = embeds.short_embed("Not for you", "Ask an admin.")
    assert (embed.title, embed.description, embed.colour) == ("Not for you", "Ask an admin.", embeds.NEUTRAL)
