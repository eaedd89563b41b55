"""What a server's admins are told of the bot's health: the verdict, what they notice of it, and their own server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import discord
import msgspec

from botmon_cog.cog.embeds.health import FRESH_S
from botmon_cog.cog.embeds.history import Change
from botmon_cog.cog.embeds.strips import StatusAt, day_strip, joined, uptime_items
from botmon_cog.discord_ui.parts import at, clamp, more, status_colour, table
from botmon_cog.domain import text
from botmon_cog.domain.reports import CommandCounts
from botmon_cog.domain.reports.errors import Refusal
from botmon_cog.domain.reports.health import DEGRADED, HEALTHY, UNHEALTHY
from botmon_cog.domain.uptime import Uptime
from botmon_cog.health.component import Effect

_TITLES = {
    Effect.AWAY: "The bot is not connected to Discord",
    Effect.FAILING: "Some commands fail right now",
    Effect.SLOW: "The bot answers slowly right now",
    Effect.NONE: "The bot works; its owner has something to look at",
}
_IN_THE_PAST = {
    Effect.AWAY: "The bot was not connected to Discord",
    Effect.FAILING: "Some commands failed",
    Effect.SLOW: "The bot answered slowly",
    Effect.NONE: "Commands worked as usual",
}
_MOST_REFUSALS = 5
_MOST_COMMANDS = 15
_HOUR = "This server, last hour"
_UNREADABLE = "These numbers can't be read right now."
_NOTHING_TO_DO = "**You need not do anything.**"


class ServerHour(msgspec.Struct, frozen=True, kw_only=True):
    """One server's last hour."""

    commands: int = 0
    failed: int = 0
    """By the bot's fault."""
    slow: int = 0
    typical_s: float | None = None
    """The median of their durations; None of too few."""
    usual_s: float | None = None
    """The same of the last seven days."""
    by_command: tuple[CommandCounts, ...] = ()
    """Most used first."""
    refusals: tuple[Refusal, ...] = ()
    """What Discord refused there, the most frequent first: that server's admins can do something about it."""


class AdminView(msgspec.Struct, frozen=True, kw_only=True):
    """All that an admin's answer is made of. It has no room for a reason, so nothing of the owners' can get into it."""

    status: str
    effect: Effect = Effect.NONE
    """The worst of what is wrong now."""
    since: datetime | None = None
    """Since when that is so."""
    told_at: datetime | None = None
    """When the owners were told; None: they were not."""
    is_alerting: bool = True
    """Whether the owners are told of anything."""
    server: ServerHour | None = None
    """None while the database does not tell."""
    past: tuple[StatusAt, ...] = ()
    """The verdicts of the last 24 hours, in any order."""
    uptimes: tuple[Uptime, ...] = ()
    """The shortest period first."""
    watched_s: float
    checked_at: datetime


def health_for_admins(view: AdminView, now: datetime) -> discord.Embed:
    embed = _headed(view)
    if view.past:
        up = uptime_items(view.uptimes)[:1]
        share = f" · up {up[0].partition(' h ')[2]}" if up else ""
        embed.add_field(name=f"Last 24 hours{share}", value=day_strip(view.past, now), inline=False)
    hour = _UNREADABLE if view.server is None else joined(_hour(view.server))
    embed.add_field(name=_HOUR, value=hour, inline=False)
    return _footed(embed, view, now)


def details_for_admins(view: AdminView, now: datetime) -> discord.Embed:
    """The same, with this server's commands one by one."""
    embed = _headed(view)
    by_command = () if view.server is None else view.server.by_command
    if by_command:
        rows = [("", "n", "failed"), *(_row(each) for each in by_command[:_MOST_COMMANDS])]
        value = "\n".join([table(rows), *more(by_command, _MOST_COMMANDS)])
    else:
        value = _UNREADABLE if view.server is None else "No commands used yet. They will appear here."
    embed.add_field(name=_HOUR, value=value, inline=False)
    return _footed(embed, view, now)


def changes_for_admins(changes: Iterable[tuple[datetime, str, Effect]]) -> list[Change]:
    """The history of verdicts, of whose reasons only the effect is left: (when, status, effect)."""
    return [
        Change(at=moment, status=status, kind=(effect,), words=_IN_THE_PAST[effect])
        for moment, status, effect in changes
    ]


def _headed(view: AdminView) -> discord.Embed:
    status, title = _verdict(view)
    embed = discord.Embed(
        title=f"{text.status_emoji(status)} {title}",
        description="\n".join(filter(None, _explanation(view))),
        colour=status_colour(status),
    )
    if view.server is not None and view.server.refusals:
        embed.add_field(name="What you can do", value="\n".join(_refusals(view.server.refusals)), inline=False)
    return embed


def _footed(embed: discord.Embed, view: AdminView, now: datetime) -> discord.Embed:
    age_s = (now - view.checked_at).total_seconds()
    embed.set_footer(text="checked just now" if age_s < 1 else f"checked {text.duration(round(age_s))} ago")
    return clamp(embed)


def _row(counts: CommandCounts) -> tuple[str, str, str]:
    return counts.command, text.compact(counts.n), text.compact(counts.faults)


def _verdict(view: AdminView) -> tuple[str, str]:
    """(the status that colours it, the headline)."""
    if view.status in {DEGRADED, UNHEALTHY}:
        # What nobody notices is no alarm of theirs, however grave it is to the owners.
        return (DEGRADED if view.effect is Effect.NONE else view.status), _TITLES[view.effect]
    if view.server is not None and view.server.refusals:
        return DEGRADED, "The bot lacks a permission in this server"
    return (HEALTHY, "Healthy") if view.status == HEALTHY else (view.status, "Not known yet")


def _explanation(view: AdminView) -> list[str]:
    server = None if view.server is None else _in_this_server(view.server)
    if view.status in {DEGRADED, UNHEALTHY}:
        usual = "; commands run on" if view.effect is Effect.NONE else ""
        since = "" if view.since is None else f"Since {at(view.since, 't')}{usual}."
        return [" ".join(filter(None, [since, server])), _owner(view)]
    if view.status != HEALTHY:
        return ["The bot has only just started. The first verdict comes with the first checks."]
    if view.watched_s < FRESH_S:
        calm = "." if view.server is not None and view.server.failed else ": nothing is wrong so far."
        return [f"Watching for **{text.duration(view.watched_s)}**{calm}", server or ""]
    return [server or "Nothing is wrong."]


def _owner(view: AdminView) -> str:
    if view.told_at is not None:
        return f"{_NOTHING_TO_DO} The bot's owner was told {at(view.told_at, 'R')}."
    if view.is_alerting:
        return f"{_NOTHING_TO_DO} The bot's owner will be told if it lasts."
    return "If it lasts, tell the bot's owner: their alerts are off."


def _in_this_server(server: ServerHour) -> str | None:
    """`Commands in this server take about **1.2 s** (usually 0.2 s); none has failed.`"""
    if not server.commands:
        return None
    failed = f"**{text.count(server.failed)} of {text.count(server.commands)}** failed in the last hour"
    failed = failed if server.failed else "none has failed"
    if server.typical_s is None:
        commands = text.plural(server.commands, "command", "commands")
        none = f"{text.count(server.commands)} {commands} in this server in the last hour; none has failed."
        return f"In this server {failed}." if server.failed else none
    usual = "" if server.usual_s is None else f" (usually {text.duration(server.usual_s)})"
    return f"Commands in this server take about **{text.duration(server.typical_s)}**{usual}; {failed}."


def _hour(server: ServerHour) -> list[str]:
    items = [f"{text.count(server.commands)} {text.plural(server.commands, 'command', 'commands')}"]
    if server.commands:
        items += [f"{text.count(server.failed)} failed", f"{text.count(server.slow)} slow"]
    return items


def _refusals(refusals: Sequence[Refusal]) -> list[str]:
    lines = [_refusal(refusal) for refusal in refusals[:_MOST_REFUSALS]] + more(refusals, _MOST_REFUSALS)
    if any(refusal.lacks for refusal in refusals):
        lines.append("-# Allow it to the bot's role, in Server Settings → Roles or in the channel's permissions.")
    return lines


def _refusal(refusal: Refusal) -> str:
    times = f"{text.count(refusal.n)}x"
    command = text.code_name("/" + refusal.command.removeprefix("/"))
    if refusal.lacks:
        return f"{command} {times}: the bot lacks **{text.plain(refusal.lacks)}**"
    return f"{command} {times}: Discord refused it; a permission is missing, or what it was about is gone"
