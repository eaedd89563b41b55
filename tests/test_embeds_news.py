"""What owners read: in Discord, and as plain text everywhere else; and `/alerts`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from botmon_cog.cog import embeds
from botmon_cog.domain.alerts import Alert, AlertMessage, AlertsOverview, Mute, News, NewsItem
from tests.health_helpers import BLOCKED, FAILING, LOCKED, NOW, STOP_IT, ago, stamp, values

MEMORY = "the bot uses 83 % of this container's memory"


def item(key: str = "database", reason: str = LOCKED, severity: Any = "critical", **parts: Any) -> NewsItem:
    usual: dict[str, Any] = {"scope": "cluster-1", "change": "fired", "since": ago(minutes=3)}
    return NewsItem(key=key, reason=reason, severity=severity, **(usual | parts))


def news(*items: NewsItem, kind: Any = "alert", **parts: Any) -> News:
    return News(kind=kind, items=items, **({"instance": "cluster-1", "made_at": NOW} | parts))


def over(key: str = "database", reason: str = LOCKED, **parts: Any) -> NewsItem:
    usual: dict[str, Any] = {"change": "recovered", "since": ago(seconds=580), "ended_at": NOW}
    return item(key, reason, **(usual | parts))


def lines_of(told: News, **options: Any) -> list[str]:
    return (embeds.news(told, **options).description or "").splitlines()


# -- one ---------------------------------------------------------------------------------------------------------------


def test_an_alert_says_what_since_when_why_what_to_do_and_what_happens_meanwhile():
    embed = embeds.news(news(item(remedy=STOP_IT), waiting=214, next_reminder_at=NOW + timedelta(hours=4)))
    assert embed.title == "🔴 Unhealthy: the database does not answer"
    assert embed.description == f"Since {stamp(ago(minutes=3), 't')}, {stamp(ago(minutes=3), 'R')}"
    assert values(embed) == {
        "Why": "`database is locked`",
        "What to do": STOP_IT,
        "Meanwhile": "Commands run on. 214 rows wait, none is lost.",
    }
    assert (embed.footer.text, embed.colour) == ("cluster-1 · next reminder in 4 h", embeds.RED)


def test_a_blocked_loop_is_named_with_command_and_line():
    embed = embeds.news(news(item("loop.blocked", BLOCKED, "warning")))
    assert embed.title == "🟡 Degraded: the event loop was blocked for 4.2 s in ten minutes, most by /play"
    assert values(embed) == {
        "Why": "`cogs/music.py:42 in play, waiting in requests.sessions.send`",
        "Meanwhile": "While it is blocked nobody gets an answer.",
    }
    assert embed.colour == embeds.YELLOW


def test_an_alert_does_not_hide_a_loss():
    assert values(embeds.news(news(item(), waiting=1, spooled=1, lost=2)))["Meanwhile"] == (
        "Commands run on. 1 row waits on disk, **2 are lost**."
    )
    assert values(embeds.news(news(item("memory", MEMORY), lost=2)))["Meanwhile"] == (
        "Commands run on. Nothing waits, **2 are lost**."
    )
    assert values(embeds.news(news(item("memory", MEMORY))))["Meanwhile"] == "Commands run on."


@pytest.mark.parametrize(
    ("key", "meanwhile"),
    [
        ("gateway", "What people do does not reach the bot."),
        ("gateway.shard.3", "What people do in that shard's servers does not reach the bot."),
        ("gateway.latency", "Some answers come late or not at all."),
        ("error_rate", "The other commands run on."),
        ("commands.play", "It works, only slowly."),
        ("rule.players", "Commands run on."),
        ("", "Commands run on."),
    ],
)
def test_what_happens_meanwhile_is_not_claimed_too_rosy(key: str, meanwhile: str):
    assert values(embeds.news(news(item(key, MEMORY))))["Meanwhile"] == meanwhile


@pytest.mark.parametrize(
    ("told", "title"),
    [
        (item(change="worsened"), "🔴 Worse, now unhealthy: the database does not answer"),
        (item(change="still", since=ago(hours=4)), "🔴 Still unhealthy, for 4 h: the database does not answer"),
        (item("rule.players", "more than 200 players: 214", "warning"), "🟡 Alert: more than 200 players"),
        (
            item("rule.players", "more than 200 players", change="still", since=ago(days=3)),
            "🔴 Still, for 3 d: more than 200 players",
        ),
    ],
)
def test_escalation_reminder_and_rule(told: NewsItem, title: str):
    kind = "reminder" if told.change == "still" else "alert"
    assert embeds.news(news(told, kind=kind)).title == title


def test_what_is_special_about_a_message_is_said_in_small_print():
    told = news(item(relapses=4), held_back="while muted")
    assert lines_of(told, is_repeat=True)[1:] == [
        "The trouble came back **4 times**, soon after it looked well.",
        "-# Held back while muted, and told now.",
        "-# May have been sent before: the process that was sending it was killed.",
    ]
    assert len(lines_of(news(item()))) == 1


def test_a_date_stands_where_the_clock_is_not_enough():
    assert lines_of(news(item(since=ago(hours=30))))[0].startswith(f"Since {stamp(ago(hours=30), 'f')}, ")


# -- over --------------------------------------------------------------------------------------------------------------


def test_a_recovery_says_how_long_it_lasted_what_it_was_and_what_was_lost():
    embed = embeds.news(news(over(), kind="recovery"))
    assert (embed.title, embed.colour) == ("🟢 Recovered: the database answers", embeds.GREEN)
    assert (embed.description or "").splitlines() == [
        f"It lasted **9 min 40 s** ({stamp(ago(seconds=580), 't')} to {stamp(NOW, 't')}).",
        "Nothing was lost.",
        "-# It was: the database does not answer (`database is locked`)",
    ]
    assert not embed.fields
    lossy = lines_of(news(over(relapses=1), kind="recovery", lost=1204, waiting=40))
    assert lossy[1:3] == [
        "The trouble came back **once**, soon after it looked well.",
        "**1,204 rows were lost**. 40 rows are still being written.",
    ]


def test_a_long_reason_is_told_once_when_it_is_over():
    what = "the event loop was blocked for 1 s in ten minutes, most by /administration playlists rebuild"
    told = news(over("loop.blocked", f"{what} (cogs/a.py:26 in rebuild)"), kind="recovery")
    assert lines_of(told)[-1] == f"-# It was: {what} (`cogs/a.py:26 in rebuild`)"


def test_what_was_not_about_rows_says_nothing_of_them():
    assert lines_of(news(over("memory", MEMORY, since=ago(seconds=30)), kind="recovery")) == [
        "It lasted **30 s**.",
        f"-# It was: {MEMORY}",
    ]


@pytest.mark.parametrize(("key", "are_told"), [("monitor.spool", True), ("monitor.unreachable", False)])
def test_of_the_monitor_only_what_is_about_rows_says_what_became_of_them(key: str, are_told: bool):
    assert ("Nothing was lost." in lines_of(news(over(key), kind="recovery"))) == are_told


@pytest.mark.parametrize(
    ("key", "again"),
    [
        ("database", "the database answers"),
        ("database.slow", "the database is quick"),
        ("gateway", "the bot is connected to Discord"),
        ("gateway.shard.3", "shard 3 is connected"),
        ("loop.blocked", "the event loop runs freely"),
        ("error_rate", "commands work"),
        ("commands.play", "/play is as quick as it used to be"),
        ("memory", "memory is back to normal"),
        ("memory.growth", "memory grows no more"),
        ("cpu", "the processor is back to normal"),
        ("files", "open files are back to normal"),
        ("rest.rate_limits", "Discord takes requests"),
        ("monitor.failures", "the monitor works"),
        ("rule.custom.players", "players is within its limit"),
        ("rule.custom.players.over_10", "players is within its limit"),
        ("rule.memory.rss_mb", "the memory of this process is within its limit"),
        ("rule.cpu.percent.under_1.5e-07", "the processor time of this process (of one core) is within its limit"),
        ("", "all is well"),
    ],
)
def test_a_recovery_says_what_is_well_again(key: str, again: str):
    assert embeds.news(news(over(key), kind="recovery")).title == f"🟢 Recovered: {again}"


# -- several -----------------------------------------------------------------------------------------------------------


def test_what_came_together_is_one_message():
    error_rate = item("error_rate", FAILING, remedy="See the log.", since=ago(minutes=20))
    memory = item("memory", MEMORY, "warning", remedy="Restart.", relapses=2, change="worsened")
    embed = embeds.news(news(item(remedy=STOP_IT), error_rate, memory, waiting=214))
    assert embed.title == "🔴 3 alerts, the gravest: the database does not answer"
    three = stamp(ago(minutes=3), "R")
    assert (embed.description or "").splitlines() == [
        f"🔴 The database does not answer: `database is locked`, {three}",
        f"🔴 31 % of the last hour's commands failed (77 of 250), {stamp(ago(minutes=20), 'R')}",
        f"🟡 The bot uses 83 % of this container's memory, worse than before, {three}, came back 2 times",
    ]
    assert values(embed) == {
        "What to do": f"**Database:** {STOP_IT}\n**Commands, last hour:** See the log.",
        "Meanwhile": "Commands run on. 214 rows wait, none is lost.",
    }


def test_a_metric_s_name_stays_as_it_is():
    both = [item(f"rule.custom.{name}", f"{name} is 9, over 5", "warning") for name in ("node_1", "players")]
    assert (embeds.news(news(*both)).description or "").splitlines()[1:] == [
        "🟡 node_1 is 9, over 5",
        "🟡 Players is 9, over 5",
    ]


def test_fifty_at_once_are_still_a_message_to_read():
    slow = [
        item(f"commands.c{n}", f"/c{n} is slow (p95 2 s, last week 0.4 s)", "warning", remedy="Look.")
        for n in range(48)
    ]
    embed = embeds.news(news(item(remedy=STOP_IT), item("error_rate", FAILING), *slow))
    lines = (embed.description or "").splitlines()
    assert embed.title == "🔴 50 alerts, the gravest: the database does not answer"
    assert lines[0] == f"Since {stamp(ago(minutes=3), 't')}, {stamp(ago(minutes=3), 'R')}"
    assert lines[-1] == "and 44 more (🟡 44)"
    assert len(lines) == 8
    assert values(embed)["What to do"].count("Look.") == 1


def test_several_reminders_and_several_recoveries():
    still = embeds.news(
        news(
            item(change="still", since=ago(hours=4)), item("memory", MEMORY, "warning", change="still"), kind="reminder"
        )
    )
    assert still.title == "🔴 Still 2 alerts, the gravest: the database does not answer"
    assert (still.description or "").splitlines()[1] == "🟡 The bot uses 83 % of this container's memory, for 3 min"
    again = embeds.news(news(over(), over("commands.play", relapses=1), kind="recovery"))
    assert again.title == "🟢 2 alerts are over: the database answers, and more"
    assert (again.description or "").splitlines() == [
        "🟢 The database answers, after 9 min 40 s",
        "🟢 /play is as quick as it used to be, after 9 min 40 s, came back once",
        "Nothing was lost.",
    ]


# -- plain -------------------------------------------------------------------------------------------------------------


def test_plain_text_says_the_same_without_markup():
    told = news(item(remedy=STOP_IT, relapses=1), waiting=214, lost=2, held_back="during maintenance")
    assert embeds.plain(told, is_repeat=True).splitlines() == [
        "🔴 Unhealthy: the database does not answer",
        "Since 21:01 UTC, 3 min ago",
        "The trouble came back once, soon after it looked well.",
        "Held back during maintenance, and told now.",
        "May have been sent before: the process that was sending it was killed.",
        "Why: database is locked",
        f"What to do: {STOP_IT}",
        "Meanwhile: Commands run on. 214 rows wait, 2 are lost.",
        "cluster-1",
    ]
    several = embeds.plain(news(item(remedy="a *b*"), item("memory", MEMORY, "warning", remedy="Restart.")))
    assert "What to do:\nDatabase: a *b*\nMemory: Restart." in several


def test_plain_recovery_has_the_date_where_it_was_another_day():
    told = embeds.plain(news(over(since=ago(hours=30)), kind="recovery"))
    assert told.splitlines()[1] == "It lasted 30 h (2026-11-22 15:04 UTC to 21:04 UTC)."
    for mark in ("**", "-#", "<t:", "`"):
        assert mark not in told


# -- /alerts -----------------------------------------------------------------------------------------------------------


def alert(key: str, reason: str, severity: Any = "critical", state: Any = "firing", **parts: Any) -> Alert:
    usual: dict[str, Any] = {"scope": "cluster-1", "since": ago(minutes=13)}
    return Alert(key=key, reason=reason, severity=severity, state=state, **(usual | parts))


def mute(key: str, by: str = "1234") -> Mute:
    return Mute(scope="cluster-1", key=key, until=NOW + timedelta(hours=1), by=by, made_at=NOW)


def test_the_list_has_what_is_on_with_its_key_what_may_come_and_what_is_muted():
    since, until = stamp(ago(minutes=13), "R"), NOW + timedelta(hours=1)
    embed = embeds.alerts_list(
        AlertsOverview(
            firing=(
                alert("database", LOCKED),
                alert("commands.play", "/play is slow", "warning", good_since=ago(minutes=2)),
            ),
            pending=(alert("memory", MEMORY, "warning", "pending"),),
            mutes=(mute("commands"),),
            maintenance_until=until,
        )
    )
    assert (embed.title, embed.colour) == ("🔴 2 alerts are on", embeds.RED)
    assert (embed.description or "").splitlines() == [
        f"🔧 Maintenance until {stamp(until, 'f')}: what is news then is told then.",
        "🔴 The database does not answer: `database is locked`",
        f"-# `database` · since {since}",
        "🟡 /play is slow",
        f"-# `commands.play` · since {since} · looks well since {stamp(ago(minutes=2), 'R')} · 🔕 muted",
    ]
    assert values(embed) == {
        "Not told yet": f"🟡 The bot uses 83 % of this container's memory, since {since}",
        "🔕 Muted": f"`commands` until {stamp(until, 'f')}, by <@1234>",
    }


def test_an_empty_list_says_what_would_stand_there():
    embed = embeds.alerts_list(AlertsOverview(mutes=(mute("*", by="?"),)))
    assert (embed.title, embed.colour) == ("🟢 No alert is on", embeds.GREEN)
    assert "can be muted" in (embed.description or "")
    assert values(embed)["🔕 Muted"] == f"all alerts until {stamp(NOW + timedelta(hours=1), 'f')}"


def test_the_history_says_what_was_told_how_it_went_and_what_did_not():
    def message(told: News, state: Any, result: str | None, **parts: Any) -> AlertMessage:
        return AlertMessage(
            message_id="1",
            instance="cluster-1",
            audience="1",
            news=told,
            made_at=NOW,
            state=state,
            result=result,
            **parts,
        )

    sent = message(news(item(), item("memory", MEMORY)), "sent", "DM to 1 owner", is_repeat=True)
    failed = message(news(over(), kind="recovery"), "failed", "Discord was not reached")
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
    assert embeds.alerts_history([]).title == "Nothing was told yet"


def test_mutes_are_confirmed():
    embed = embeds.muted(mute("database"))
    assert f"Nothing is told of `database` until {stamp(NOW + timedelta(hours=1), 'f')}" in (embed.description or "")
    assert "told then" in (embed.description or "")
    assert embeds.unmuted("*", was_muted=True).title == "🔔 Unmuted: all alerts"
    assert embeds.unmuted("x", was_muted=False).title == "Nothing to unmute: `x`"


def test_a_notice_is_no_verdict():
    embed = embeds.notice("Not for you", "Ask an admin.")
    assert (embed.title, embed.description, embed.colour) == ("Not for you", "Ask an admin.", embeds.NEUTRAL)
