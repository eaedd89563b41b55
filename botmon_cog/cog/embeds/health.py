"""The answer to `/health`: the verdict, why, what to do, what else is not well, and the rest in a row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import discord
import msgspec

from botmon_cog.cog.embeds.parts import at, clamp, more, status_colour
from botmon_cog.cog.embeds.reasons import LONGEST_WHAT, behind, one_line, others, rows_wait, split
from botmon_cog.domain import text
from botmon_cog.domain.reports import GatewayHealth, HealthMoment, HealthReport
from botmon_cog.domain.uptime import Uptime

_WORDS = {"healthy": "Healthy", "degraded": "Degraded", "unhealthy": "Unhealthy"}
_TROUBLED = frozenset({"degraded", "unhealthy"})
_NOT_FINE = frozenset({"warning", "critical", "slow", "error"})
_SQUARES = {"healthy": "🟩", "degraded": "🟨", "unhealthy": "🟥"}
_WORST_FIRST = ("unhealthy", "degraded", "healthy")
NO_SQUARE = "⬛"
_STRIP_SQUARES = 12
_STRIP_STEP = timedelta(hours=2)
_REMEDY_CHARS = 400
_MOST_OTHERS = 6
_UNBROKEN = "\u00a0"
_HOURS_AS_DAYS = 48


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside the report."""

    commands_1h: int
    faults_1h: int
    scope: str | None
    """The guild whose commands are counted; None for all of them."""
    calm_since: datetime | None
    """The last time that it was not healthy; None where none is on record."""
    uptimes: tuple[Uptime, ...] = ()
    """The shortest period first; empty where that is not known."""


def health(report: HealthReport, glance: Glance, moments: Sequence[HealthMoment], now: datetime) -> discord.Embed:
    """`moments`: the verdicts of the last 24 hours, in any order."""
    past = sorted(moments, key=lambda moment: moment.occurred_at)
    not_fine = [f"{emoji} {one_line(reason)}" for emoji, reason in others(report)]
    rest = [joined(_rest_in_a_row(report, glance))]
    if uptime := uptime_items(glance.uptimes):
        rest.append(f"uptime{_UNBROKEN}{joined(uptime)}")
    paragraphs = (
        [explanation(report, glance, past)],
        not_fine[:_MOST_OTHERS] + more(not_fine, _MOST_OTHERS),
        rest,
    )
    embed = discord.Embed(
        title=headline(report),
        description="\n\n".join(filter(None, map("\n".join, paragraphs))),
        colour=status_colour(report.overall_status),
    )
    if past:
        embed.add_field(name="Last 24 h", value=_strip(report, past, now), inline=False)
    embed.set_footer(text=footer(report, now))
    return clamp(embed)


# -- shared with the details and the history ---------------------------------------------------------------------------


def headline(report: HealthReport) -> str:
    """`🔴 Unhealthy: the database does not answer`."""
    emoji = text.status_emoji(report.overall_status)
    word = _WORDS.get(report.overall_status, "Not known yet")
    if report.overall_status not in _TROUBLED or not report.reason:
        return f"{emoji} {word}"
    return f"{emoji} {word}: {text.plain(split(report.reason).what, LONGEST_WHAT)}"


def explanation(report: HealthReport, glance: Glance, past: Sequence[HealthMoment]) -> str:
    """Under the headline: since when, the detail, and what to do."""
    if report.overall_status in _TROUBLED:
        return "\n".join(_trouble(report, past))
    if report.overall_status != "healthy":
        return "I have only just started. The first verdict comes with the first checks."
    return "Everything answers." if others(report) else f"Everything answers. {_calm(glance, report.checked_at)}"


def commands(glance: Glance) -> list[str]:
    """`318 commands in 1 h`, `0 failed`; those of one server are called `here`."""
    n, faults = glance.commands_1h, glance.faults_1h
    here = "" if glance.scope is None else " here"
    items = [f"{text.count(n)} {text.plural(n, 'command', 'commands')} in 1 h{here}"]
    if n:
        items.append(f"{text.count(faults)} failed ({text.percent(faults / n)})" if faults else "0 failed")
    return items


def of_hundred(value: float | None) -> str:
    """Of a value in 0..100."""
    known = text.finite(value)
    return text.percent(None if known is None else known / 100)


def joined(items: Sequence[str]) -> str:
    """In a row that breaks only between two items."""
    return " · ".join(item.replace(" ", _UNBROKEN) for item in items).replace(" ·", f"{_UNBROKEN}·")


def uptime_items(uptimes: Sequence[Uptime]) -> list[str]:
    """`24 h 99.9 %`, `7 d 99.7 %`: of a longer period only where it has seen more than the one before."""
    items: list[str] = []
    watched_s = 0.0
    for uptime in uptimes:
        if text.finite(uptime.up_share) is None or not uptime.watched_s > watched_s:
            continue
        watched_s = uptime.watched_s
        items.append(f"{period_name(uptime)} {text.percent(uptime.up_share)}")
    return items


def period_name(uptime: Uptime) -> str:
    if uptime.hours < _HOURS_AS_DAYS:
        return f"{uptime.hours:.0f} h"
    return f"{uptime.hours / 24:.0f} d"


def footer(report: HealthReport, now: datetime) -> str:
    age_s = (now - report.checked_at).total_seconds()
    checked = "checked just now" if age_s < 1 else f"checked {text.duration(round(age_s))} ago"
    waiting = report.monitor.waiting
    return f"{checked} · {text.count(waiting)} waiting" if waiting else f"{checked} · nothing waiting"


def square(statuses: set[str]) -> str:
    """The worst of what was seen."""
    return next((_SQUARES[status] for status in _WORST_FIRST if status in statuses), NO_SQUARE)


# -- parts -------------------------------------------------------------------------------------------------------------


def _rest_in_a_row(report: HealthReport, glance: Glance) -> list[str]:
    """What is fine, each in a few words. What is not has had its line."""
    fine = {name for name, component in report.components.items() if component.status not in _NOT_FINE}
    items = [f"up {text.duration(report.uptime_s)}"] if report.uptime_s > 0 else []
    if "gateway" in fine:
        items += _ping(report.gateway)
    if "memory" in fine and report.memory.rss_bytes is not None:
        items.append(text.bytes_(report.memory.rss_bytes))
    if "cpu" in fine and text.finite(report.cpu.percent) is not None:
        items.append(f"CPU {of_hundred(report.cpu.percent)}")
    if "loop" in fine and report.loop.sample is not None and text.finite(report.loop.sample.p99_s) is not None:
        items.append(f"loop {text.latency(report.loop.sample.p99_s)}")
    if "database" in fine and report.database.response_time_s is not None:
        items.append(f"database {text.latency(report.database.response_time_s)}")
    if glance.scope is not None or report.error_rate.status not in _NOT_FINE:
        items += commands(glance)
    return items


def _ping(gateway: GatewayHealth) -> list[str]:
    """`ping 41 ms` of the slowest shard, and `15/16 shards` where there are several."""
    shards = () if gateway.sample is None else gateway.sample.shards
    latencies = [latency for shard in shards if (latency := text.finite(shard.latency_s)) is not None]
    items = [f"ping {text.latency(max(latencies))}"] if latencies else []
    if len(shards) > 1:
        items.append(f"{text.compact(sum(shard.is_connected for shard in shards))}/{text.compact(len(shards))} shards")
    return items


def _calm(glance: Glance, now: datetime) -> str:
    if glance.calm_since is None:
        return "No trouble is on record."
    passed = now - glance.calm_since
    days = passed // timedelta(days=1)
    lasted = f"{days:,} days" if days > 1 else text.duration(passed.total_seconds())
    return f"Nothing has needed attention for **{lasted}**."


def _trouble(report: HealthReport, past: Sequence[HealthMoment]) -> list[str]:
    since = _since(report, past)
    what = behind(report.reason) if report.reason else None
    parts = [part for part in (what, since and f"{'since' if what else 'Since'} {at(since, 'R')}") if part]
    lines = [", ".join(parts)] if parts else []
    if report.remedy:
        lines.append(f"**What to do:** {text.plain(report.remedy, _REMEDY_CHARS)}")
    if report.database.status == "error":
        monitor = report.monitor
        lines.append(f"Commands run on; {rows_wait(monitor.waiting, monitor.dropped, monitor.spooled)}")
    return lines


def _since(report: HealthReport, past: Sequence[HealthMoment]) -> datetime | None:
    """When the trouble was first seen or, where no problem tells, when the present run of troubled verdicts began."""
    for problem in report.problems:
        if problem.reason == report.reason:
            return problem.since
    since = None
    for moment in reversed(past):
        if moment.status == "healthy":
            break
        since = moment.occurred_at
    return since


def _strip(report: HealthReport, past: Sequence[HealthMoment], now: datetime) -> str:
    squares: list[str] = []
    for index in range(_STRIP_SQUARES):
        start = now - (_STRIP_SQUARES - index) * _STRIP_STEP
        end = start + _STRIP_STEP
        is_last = index == _STRIP_SQUARES - 1
        squares.append(square({m.status for m in past if start <= m.occurred_at and (is_last or m.occurred_at < end)}))
    lines = ["".join(squares)]
    worst = [m for m in past if m.status in _TROUBLED]
    if report.overall_status == "healthy" and worst:
        reason = f": {one_line(worst[-1].reason)}" if worst[-1].reason else ""
        lines.append(f"{text.status_emoji(worst[-1].status)} last at {at(worst[-1].occurred_at, 't')}{reason}")
    return "\n".join(lines)
