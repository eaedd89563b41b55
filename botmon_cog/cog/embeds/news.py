"""What the owners are told by DM, and short notices."""

from __future__ import annotations

from datetime import datetime, timedelta

import discord

from botmon_cog.cog.embeds.health import also, detail, headline, rows_wait, split_reason, why
from botmon_cog.cog.embeds.parts import NEUTRAL, at, clamp, sentence, status_colour
from botmon_cog.domain import text
from botmon_cog.domain.reports import HealthReport

_RECOVERED = (
    ("the database does not answer", "the database answers"),
    ("the database takes no rows", "the database takes rows again"),
    ("the database takes", "the database is quick"),
    ("memory", "memory is back to normal"),
    ("processor", "the processor is back to normal"),
    ("commands failed", "commands work"),
)
_LONG_TEXT = 1000


def alert(
    report: HealthReport, *, since: datetime, instance: str, waiting: int, next_reminder: datetime | None = None
) -> discord.Embed:
    """What is wrong, since when, why, what to do, and what happens meanwhile."""
    embed = discord.Embed(
        title=headline(report),
        description=f"Since {at(since, 't')}, {at(since, 'R')}",
        colour=status_colour(report.overall_status),
    )
    cause = why(report)
    if cause is not None:
        embed.add_field(name="Why", value=cause, inline=False)
    if report.remedy:
        embed.add_field(name="What to do", value=text.plain(report.remedy, _LONG_TEXT), inline=False)
    embed.add_field(name="Meanwhile", value=_meanwhile(report, waiting), inline=False)
    others = also(report)
    if others:
        embed.add_field(name="Also", value="\n".join(others), inline=False)
    reminder = [] if next_reminder is None else [f"next reminder at {next_reminder:%H:%M} UTC"]
    embed.set_footer(text=" · ".join([text.fit(text.clean(instance), 80), *reminder]))
    return clamp(embed)


def recovery(
    report: HealthReport, *, since: datetime, now: datetime, instance: str, was: str | None, lost: int
) -> discord.Embed:
    """That it is over, how long it lasted, and what was lost."""
    lasted = max(now - since, timedelta())
    style: discord.utils.TimestampStyle = "t" if lasted < timedelta(hours=20) else "f"
    span = f" ({at(since, style)} to {at(now, style)})" if lasted >= timedelta(minutes=1) else ""
    lines = [f"Unhealthy for **{text.duration(lasted.total_seconds())}**{span}."]
    lines.append(_losses(lost, report.monitor.waiting))
    if was:
        rest = detail(was)
        lines.append(f"-# It was: {text.plain(split_reason(was)[0])}" + (f" ({rest})" if rest else ""))
    emoji, _, verdict = headline(report).partition(" ")
    embed = discord.Embed(
        title=f"{emoji} Healthy again: {_recovered(was)}"
        if report.overall_status == "healthy"
        else f"{emoji} Better, but {verdict[:1].lower()}{verdict[1:]}",
        description="\n".join(lines),
        colour=status_colour(report.overall_status),
    )
    embed.set_footer(text=text.fit(text.clean(instance), 80))
    return clamp(embed)


def notice(title: str, words: str) -> discord.Embed:
    """Something to say that is no verdict."""
    return clamp(discord.Embed(title=title, description=words, colour=NEUTRAL))


def _meanwhile(report: HealthReport, waiting: int) -> str:
    if report.database.status == "error" or report.monitor.dropped:
        return "Commands run on. " + sentence(rows_wait(waiting, report.monitor.dropped, report.monitor.spooled))
    return "Commands run on, and all of them are still counted."


def _losses(lost: int, queued: int) -> str:
    late = f" {text.count(queued)} {text.plural(queued, 'row is', 'rows are')} still being written." if queued else ""
    if not lost:
        return f"Nothing was lost.{late}"
    return f"**{text.count(lost)} {text.plural(lost, 'row was', 'rows were')} lost**.{late}"


def _recovered(was: str | None) -> str:
    return next((now for then, now in _RECOVERED if was and then in was), "all is well")
