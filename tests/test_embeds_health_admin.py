"""What a server's admins are told of the bot's health: what they notice, what they can do; nothing of the owners."""

from __future__ import annotations

import json
import typing
from datetime import timedelta
from typing import Any

import discord
import pytest

from botmon_cog.cog import embeds
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports import CommandCounts, HealthReport
from botmon_cog.domain.reports.errors import Refusal
from botmon_cog.domain.uptime import Gap, Uptime
from botmon_cog.health.component import Effect
from tests.test_embeds_health import NOW, ago, shown, stamp, values


def server(**parts: Any) -> embeds.ServerHour:
    return embeds.ServerHour(**({"commands": 22, "typical_s": 0.21, "usual_s": 0.2} | parts))


def view(status: str = "healthy", **parts: Any) -> embeds.AdminView:
    usual: dict[str, Any] = {"server": server(), "watched_s": 1e6, "checked_at": NOW}
    return embeds.AdminView(status=status, **(usual | parts))


def lines_of(seen: embeds.AdminView) -> list[str]:
    return shown(embeds.health_for_admins(seen, NOW).description).splitlines()


def fields_of(seen: embeds.AdminView) -> dict[str | None, str]:
    return values(embeds.health_for_admins(seen, NOW))


def refusal(command: str, lacks: str | None, n: int = 3) -> Refusal:
    return Refusal(command=command, lacks=lacks, error_message="50013 s3cret", n=n, last_at=NOW)


def test_slow_bot_as_its_admins_read_of_it():
    slow = view(
        "degraded",
        effect=Effect.SLOW,
        since=ago(minutes=19),
        told_at=ago(minutes=7),
        server=server(typical_s=1.2, slow=1),
        past=((ago(hours=3), "healthy"), (ago(minutes=5), "degraded")),
        uptimes=(Uptime(hours=24, up_share=0.999, watched_s=86_400.0, gaps=()),),
    )
    embed = embeds.health_for_admins(slow, NOW)
    assert (embed.title, embed.colour) == ("🟡 The bot answers slowly right now", embeds.YELLOW)
    now, usual = "Commands in this server take about **1.2 s** (usually 0.2 s)", "none has failed."
    assert shown(embed.description).splitlines() == [
        f"Since {stamp(ago(minutes=19), 't')}. {now}; {usual}",
        f"**You need not do anything.** The bot's owner was told {stamp(ago(minutes=7), 'R')}.",
    ]
    assert values(embed)["This server, last hour"] == "22 commands · 0 failed · 1 slow"
    assert values(embed)["Last 24 hours · up 99.9 %"].startswith("⬛" * 10 + "🟩🔶\n-# ")


@pytest.mark.parametrize(
    ("effect", "status", "title"),
    [
        (Effect.AWAY, "unhealthy", "🔴 The bot is not connected to Discord"),
        (Effect.FAILING, "unhealthy", "🔴 Some commands fail right now"),
        (Effect.SLOW, "unhealthy", "🔴 The bot answers slowly right now"),
        (Effect.NONE, "unhealthy", "🟡 The bot works; its owner has something to look at"),
    ],
)
def test_verdict_is_what_people_notice(effect: Effect, status: str, title: str):
    assert embeds.health_for_admins(view(status, effect=effect), NOW).title == title


def test_owner_is_told_not_told_or_can_not_be_told():
    assert lines_of(view("degraded"))[-1] == "**You need not do anything.** The bot's owner will be told if it lasts."
    unheard = lines_of(view("degraded", is_alerting=False))
    assert unheard[-1] == "If it lasts, tell the bot's owner: their alerts are off."
    assert "need not" not in "\n".join(unheard)


def test_failures_of_this_server_are_counted_whatever_the_verdict():
    assert lines_of(view(server=server(commands=3, failed=3, typical_s=None))) == [
        "In this server **3 of 3** failed in the last hour."
    ]
    assert "none has failed" in lines_of(view())[0]
    assert lines_of(view(watched_s=12.0, server=server(commands=3, failed=3)))[0] == "Watching for **12 s**."


def test_fresh_start_and_empty_hour():
    fresh = view(watched_s=12.0, server=embeds.ServerHour())
    assert lines_of(fresh) == ["Watching for **12 s**: nothing is wrong so far."]
    assert fields_of(fresh) == {"This server, last hour": "0 commands"}
    assert fields_of(view(server=None)) == {"This server, last hour": "These numbers can't be read right now."}
    assert "just started" in lines_of(view("unknown"))[0]


def test_refusals_are_this_servers_business_and_say_what_is_lacking():
    lacking = view(server=server(refusals=(refusal("purge", "Manage Messages", 12), refusal("role add", None))))
    embed = embeds.health_for_admins(lacking, NOW)
    assert (embed.title, embed.colour) == ("🟡 The bot lacks a permission in this server", embeds.YELLOW)
    lines = values(embed)["What you can do"].splitlines()
    assert lines[0] == "`/purge` 12x: the bot lacks **Manage Messages**"
    assert lines[1].startswith("`/role add` 3x: Discord refused it")
    assert "Server Settings" in lines[2]
    assert "s3cret" not in json.dumps(embed.to_dict())


def test_details_are_this_servers_commands():
    counts = tuple(CommandCounts(command=f"play{n}", n=9, ok=7, error=2) for n in range(17))
    found = values(embeds.details_for_admins(view(server=server(by_command=counts)), NOW))
    lines = found["This server, last hour"].splitlines()
    assert [line.split() for line in lines[1:3]] == [["n", "failed"], ["play0", "9", "2"]]
    assert lines[-1] == "and 2 more"
    empty = values(embeds.details_for_admins(view(), NOW))["This server, last hour"]
    assert empty == "No commands used yet. They will appear here."


def test_history_tells_times_and_what_was_noticed():
    changes = embeds.changes_for_admins(
        [
            (ago(hours=9), "degraded", Effect.SLOW),
            (ago(hours=8), "healthy", Effect.NONE),
            (ago(hours=7), "degraded", Effect.SLOW),
            (ago(hours=6), "unhealthy", Effect.NONE),
            (ago(hours=5), "healthy", Effect.NONE),
        ]
    )
    lines = shown(embeds.health_history(changes, (), NOW).description).splitlines()
    assert lines[3:] == [
        "🔴 **Mon 15:04**, 1 h: Commands worked as usual",
        "🔶 **2x**, 2 h in all, last **Mon 14:04**: The bot answered slowly",
    ]


def fields_within(kind: object) -> set[object]:
    """Every type that a value of a type may hold."""
    found: set[object] = set()
    waiting = [kind]
    while waiting:
        each = waiting.pop()
        if each in found:
            continue
        found.add(each)
        waiting += typing.get_args(each)
        if isinstance(each, type) and hasattr(each, "__struct_fields__"):
            waiting += typing.get_type_hints(each).values()
    return found


def test_no_reason_and_no_report_fits_into_what_admins_are_shown():
    held = fields_within(embeds.AdminView)
    assert {Effect, Refusal, Uptime, Gap} <= held
    assert not {Reason, HealthReport} & held


def test_limits_of_discord_hold_for_the_longest_names():
    long = "`*_~|<@1>" * 300
    counts = tuple(CommandCounts(command=long, n=10**30, ok=1, error=10**30) for _ in range(60))
    refusals = tuple(refusal(long, long, 10**30) for _ in range(60))
    crowded = view("unhealthy", server=server(by_command=counts, refusals=refusals), since=NOW - timedelta(days=9_000))
    for embed in (embeds.health_for_admins(crowded, NOW), embeds.details_for_admins(crowded, NOW)):
        assert isinstance(embed, discord.Embed)
        assert len(embed) <= 6000
        assert all(len(field.value or "") <= 1024 for field in embed.fields)
