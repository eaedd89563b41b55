"""The owners' answer to `/health`: the verdict, its cause, what to do, what else is not well, and the rest in a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import discord
import msgspec

from botmon_cog.cog.embeds.cause_words import root_cause_lines
from botmon_cog.cog.embeds.reasons import LONGEST_WHAT, behind, one_line, others, rows_wait, watched
from botmon_cog.cog.embeds.strips import day_strip, joined, uptime_items
from botmon_cog.discord_ui.parts import at, clamp, more, status_colour
from botmon_cog.domain import text
from botmon_cog.domain.alerts.cause import Cause
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports import HealthMoment, HealthReport
from botmon_cog.domain.reports.fleet import FleetHealth, ProcessHealth
from botmon_cog.domain.reports.health import DEGRADED, HEALTHY, UNHEALTHY
from botmon_cog.domain.uptime import Uptime
from botmon_cog.health.component import Component
from botmon_cog.health.components.commands import Commands
from botmon_cog.health.components.monitor import MonitorSample
from botmon_cog.health.phrases import shown
from botmon_cog.health.words import trouble_of, words_of

Components = Mapping[str, Component[Any]]
"""Those that tell their numbers, by name."""

FRESH_S = 3_600.0
"""So long after the start calm says little."""
_WORDS = {HEALTHY: "Healthy", DEGRADED: "Degraded", UNHEALTHY: "Unhealthy"}
_TROUBLED = (DEGRADED, UNHEALTHY)
_NOT_FINE = frozenset({"warning", "critical"})
_REMEDY_CHARS = 400
_MOST_OTHERS, _MOST_WATCHED = 6, 4


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside the report."""

    commands_1h: tuple[int, int] | None = None
    """(commands, faults of the bot) of `scope` within the last hour; None where nobody asked."""
    scope: str | None = None
    """The server whose commands are counted; None for all of them."""
    calm_since: datetime | None = None
    """The last time that it was not healthy; None where none is on record."""
    uptimes: tuple[Uptime, ...] = ()
    """The shortest period first; empty where that is not known."""
    fleet: FleetHealth = FleetHealth(processes=())
    """All processes on the same store."""
    instance: str = ""
    """The name of the process that made the report."""
    cause: Cause | None = None
    """Of a verdict about a failing command; None of any other."""
    errors_command: str | None = None
    """What has the traceback, `/botmon errors`; None if there is no such command."""


def health(
    report: HealthReport, components: Components, glance: Glance, moments: Sequence[HealthMoment], now: datetime
) -> discord.Embed:
    """`moments`: the verdicts of the last 24 hours, in any order."""
    past = sorted(moments, key=lambda moment: moment.occurred_at)
    not_fine, low = others(report), watched(report)
    paragraphs = (
        [*explanation(report, glance, past), *fleet_lines(report, glance)],
        not_fine[:_MOST_OTHERS] + more(not_fine, _MOST_OTHERS) + low[:_MOST_WATCHED] + more(low, _MOST_WATCHED),
        list(filter(None, [joined(_rest_in_a_row(report, components, glance)), uptime_line(glance)])),
    )
    embed = discord.Embed(
        title=headline(report, glance),
        description="\n\n".join(filter(None, map("\n".join, paragraphs))),
        colour=status_colour(_status(report, glance)),
    )
    if past:
        embed.add_field(name="Last 24 h", value=_strip(report, past, now), inline=False)
    embed.set_footer(text=footer(report, now))
    return clamp(embed)


# -- shared with the details -------------------------------------------------------------------------------------------


def headline(report: HealthReport, glance: Glance) -> str:
    """`🔴 Unhealthy: the database does not answer`; `🔴 Unhealthy (eu-2): …` where another process is worse."""
    elsewhere = _worse_elsewhere(report, glance)
    status = report.overall_status if elsewhere is None else elsewhere.status
    reason = report.reason if elsewhere is None else elsewhere.reason
    words = f"{text.status_emoji(status)} {_WORDS.get(status, 'Not known yet')}"
    if elsewhere is not None:
        words += f" ({text.plain(elsewhere.instance, 40)})"
    if status not in _TROUBLED or reason is None:
        return words
    return f"{words}: {text.plain(words_of(reason).what, LONGEST_WHAT)}"


def explanation(report: HealthReport, glance: Glance, past: Sequence[HealthMoment] = ()) -> list[str]:
    """Under the headline: since when, the detail, what is behind it, and what to do."""
    elsewhere = _worse_elsewhere(report, glance)
    if elsewhere is not None:
        return _of_another(elsewhere)
    if report.overall_status in _TROUBLED:
        return _trouble(report, glance, past)
    if report.overall_status != HEALTHY:
        return ["I have only just started. The first verdict comes with the first checks."]
    if watched(report):
        return ["Something failed, too seldom for a verdict so far. The rest works."]
    if report.watched_s < FRESH_S:
        return [f"Watching for **{text.duration(report.watched_s)}**: nothing is wrong so far."]
    return ["Everything answers." if others(report) else f"Everything answers. {_calm(glance, report.checked_at)}"]


def fleet_lines(report: HealthReport, glance: Glance) -> list[str]:
    """`3 of 4 processes are well; eu-2: the event loop was blocked`; nothing of a bot that is one process."""
    processes = glance.fleet.processes
    if len(processes) < 2:  # noqa: PLR2004
        return []
    worst = glance.fleet.worst
    if worst is None:
        unknown = len(processes) - glance.fleet.well
        rest = f", {text.count(unknown)} not checked yet" if unknown else ""
        return [f"{text.count(glance.fleet.well)} of {text.count(len(processes))} processes are well{rest}."]
    line = f"{text.count(glance.fleet.well)} of {text.count(len(processes))} processes are well"
    if _worse_elsewhere(report, glance) is worst:
        return [f"{line}, this one is {report.overall_status}."]
    why = "" if worst.reason is None else f": {one_line(worst.reason)}"
    return [f"{line}; {text.status_emoji(worst.status)} {text.plain(worst.instance, 40)}{why}"]


def commands(counts: tuple[int, int], scope: str | None) -> list[str]:
    """`318 commands in 1 h`, `0 failed`; those of one server are called `here`."""
    n, faults = counts
    here = "" if scope is None else " here"
    items = [f"{text.count(n)} {text.plural(n, 'command', 'commands')} in 1 h{here}"]
    if n:
        items.append(f"{text.count(faults)} failed ({text.percent(faults / n)})" if faults else "0 failed")
    return items


def uptime_line(glance: Glance) -> str:
    items = uptime_items(glance.uptimes)
    return joined([f"uptime {items[0]}", *items[1:]]) if items else ""


def footer(report: HealthReport, now: datetime) -> str:
    """How old this is, what waits, and what the monitor's own threads and data take, where that is known."""
    age_s = (now - report.checked_at).total_seconds()
    items = ["checked just now" if age_s < 1 else f"checked {text.duration(round(age_s))} ago"]
    monitor = report.sample("monitor", MonitorSample)
    if monitor is not None:
        items.append(f"{text.count(monitor.waiting)} waiting" if monitor.waiting else "nothing waiting")
        own = shown(("threads {cpu_percent:of_100} of a core", "data {held_bytes:bytes}"), monitor)
        if own:
            items.append(f"botmon itself: {', '.join(own)}")
    return " · ".join(items)


# -- parts -------------------------------------------------------------------------------------------------------------


def _gravity(status: str) -> int:
    return _TROUBLED.index(status) if status in _TROUBLED else -1


def _worse_elsewhere(report: HealthReport, glance: Glance) -> ProcessHealth | None:
    """The process that the store's verdict is from, where that is graver than this one's."""
    worst = glance.fleet.worst
    is_graver = worst is not None and _gravity(worst.status) > _gravity(report.overall_status)
    return worst if is_graver and worst is not None and worst.instance != glance.instance else None


def _status(report: HealthReport, glance: Glance) -> str:
    elsewhere = _worse_elsewhere(report, glance)
    return report.overall_status if elsewhere is None else elsewhere.status


def _of_another(process: ProcessHealth) -> list[str]:
    if process.reason is None:
        return []
    checked = "" if process.checked_at is None else f"checked {at(process.checked_at, 'R')}"
    parts = [part for part in (behind(process.reason), checked) if part]
    return list(filter(None, [", ".join(parts), *_remedy(process.reason)]))


def _rest_in_a_row(report: HealthReport, components: Components, glance: Glance) -> list[str]:
    """What is fine, each in a few words. What is not has had its line."""
    items = [f"up {text.duration(report.uptime_s)}"] if report.uptime_s > 0 else []
    for name, component in report.components.items():
        is_counted = name == Commands.name and glance.commands_1h is not None  # in `glance`, of one server
        is_fine = component.sample is not None and component.status not in _NOT_FINE
        if name in components and is_fine and not is_counted:
            items += components[name].brief(component.sample)
    return items if glance.commands_1h is None else items + commands(glance.commands_1h, glance.scope)


def _calm(glance: Glance, now: datetime) -> str:
    if glance.calm_since is None:
        return "No trouble is on record."
    passed = now - glance.calm_since
    days = passed // timedelta(days=1)
    lasted = f"{days:,} days" if days > 1 else text.duration(passed.total_seconds())
    return f"Nothing has needed attention for **{lasted}**."


def _trouble(report: HealthReport, glance: Glance, past: Sequence[HealthMoment]) -> list[str]:
    reason = report.reason
    since = report.problems[0].since if report.problems else _since(past)
    cause = glance.cause
    is_explained = cause is not None and cause.error is not None
    what = None if reason is None or is_explained else behind(reason)
    parts = [part for part in (what, since and f"{'since' if what else 'Since'} {at(since, 'R')}") if part]
    told = ", ".join(parts)
    means = "" if reason is None else _meanwhile(report, reason)
    if cause is not None and is_explained:
        lines = [f"{told}. {means}", *root_cause_lines(cause, glance.errors_command)]
    else:
        lines = [told, means, *([] if reason is None else _remedy(reason))]
        lines += [] if cause is None else root_cause_lines(cause, glance.errors_command)
    return [line for line in lines if line]


def _remedy(reason: Reason) -> list[str]:
    remedy = words_of(reason).remedy
    return [f"**What to do:** {text.plain(remedy, _REMEDY_CHARS)}"] if remedy else []


def _meanwhile(report: HealthReport, reason: Reason) -> str:
    """With what waits for a database that is away."""
    monitor = report.sample("monitor", MonitorSample)
    is_database = bool(report.problems) and report.problems[0].key.partition(".")[0] == "database"
    if not is_database or monitor is None or not (monitor.waiting or monitor.dropped):
        return trouble_of(reason).meanwhile
    waits = rows_wait(monitor.waiting, monitor.dropped, monitor.spooled)
    return f"{trouble_of(reason).meanwhile} {waits[:1].upper()}{waits[1:]}"


def _since(past: Sequence[HealthMoment]) -> datetime | None:
    """When the present run of troubled verdicts began."""
    since = None
    for moment in reversed(past):
        if moment.status == HEALTHY:
            break
        since = moment.occurred_at
    return since


def _strip(report: HealthReport, past: Sequence[HealthMoment], now: datetime) -> str:
    lines = [day_strip([(moment.occurred_at, moment.status) for moment in past], now)]
    worst = [moment for moment in past if moment.status in _TROUBLED]
    if report.overall_status == HEALTHY and worst:
        last = worst[-1]
        reason = "" if last.reason is None else f": {one_line(last.reason)}"
        lines.append(f"{text.status_emoji(last.status)} last at {at(last.occurred_at, 't')}{reason}")
    return "\n".join(lines)
