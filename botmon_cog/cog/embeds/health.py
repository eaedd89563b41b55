"""The answer to `/health`: the verdict, why, what to do, and what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import discord
import msgspec

from botmon_cog.cog.embeds.parts import at, clamp, sentence, status_colour
from botmon_cog.domain import text
from botmon_cog.domain.reports import ErrorRateHealth, HealthMoment, HealthReport, MonitorHealth

_WORDS = {"healthy": "Healthy", "degraded": "Degraded", "unhealthy": "Unhealthy"}
_NAMES = {
    "database": "Database",
    "error_rate": "Commands, last hour",
    "memory": "Memory",
    "cpu": "Processor",
    "monitor": "Monitor",
}
_SQUARES = {"healthy": "🟩", "degraded": "🟨", "unhealthy": "🟥"}
_WORST_FIRST = ("unhealthy", "degraded", "healthy")
_STRIP_SQUARES = 12
_STRIP_STEP = timedelta(hours=2)
_LONGEST_REASON = 90
_REMEDY_CHARS = 400


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside the verdict."""

    uptime_s: float
    gateway_latency_s: float | None
    """None before the first heartbeat was answered."""
    shards_ready: tuple[int, int] | None
    """(connected, all); None for a bot without shards."""
    commands_1h: int
    faults_1h: int
    scope: str | None
    """The guild whose commands are counted; None for all of them."""
    waiting: int
    """Rows recorded and not yet committed."""
    calm_since: datetime | None
    """The last time that it was not healthy; None where none is on record."""


def health(report: HealthReport, glance: Glance, moments: Sequence[HealthMoment], now: datetime) -> discord.Embed:
    """`moments`: the verdicts of the last 24 hours, in any order."""
    past = sorted(moments, key=lambda moment: moment.occurred_at)
    embed = discord.Embed(
        title=headline(report),
        description=_explanation(report, glance, past),
        colour=status_colour(report.overall_status),
    )
    embed.add_field(name="Bot", value="\n".join(_bot_lines(glance)))
    process = _process_lines(report)
    if process:
        embed.add_field(name="Process", value="\n".join(process))
    name = "Commands" if glance.scope is None else "Commands here"
    embed.add_field(name=name, value="\n".join(_command_lines(glance.commands_1h, glance.faults_1h)))
    if past:
        embed.add_field(name="Last 24 h", value=_history(report, past, now), inline=False)
    embed.set_footer(text=_footer(report, glance, now))
    return clamp(embed)


def health_details(report: HealthReport, glance: Glance, now: datetime) -> discord.Embed:
    """Every component in numbers."""
    embed = discord.Embed(
        title=headline(report),
        description=_explanation(report, glance, []),
        colour=status_colour(report.overall_status),
    )
    for key, lines in _numbers(report, glance).items():
        component = report.components[key]
        embed.add_field(
            name=f"{text.status_emoji(component.status)} {_NAMES[key]}", value=", ".join(lines), inline=False
        )
    embed.add_field(name="Bot", value=", ".join(_bot_lines(glance)), inline=False)
    if glance.scope is not None:
        here = f"{text.count(glance.commands_1h)}, {text.count(glance.faults_1h)} failed"
        embed.add_field(name=f"In {text.plain(glance.scope, 60)}, last hour", value=here, inline=False)
    if report.monitor.last_error:
        embed.add_field(
            name="The monitor's last error", value=text.inline_code(report.monitor.last_error), inline=False
        )
    embed.set_footer(text=_footer(report, glance, now))
    return clamp(embed)


# -- shared with the owners' news --------------------------------------------------------------------------------------


def split_reason(reason: str) -> tuple[str, str | None]:
    """(what, the rest): at the colon of `it does not answer: disk I/O error`, the bracket of `… failed (31 of 250)`."""
    for mark, end in ((": ", ""), (" (", ")")):
        what, found, rest = reason.partition(mark)
        if found and what.strip() and rest.strip():
            return what, rest.removesuffix(end)
    return reason, None


def headline(report: HealthReport) -> str:
    """`🔴 Unhealthy: the database does not answer`."""
    emoji = text.status_emoji(report.overall_status)
    word = _WORDS.get(report.overall_status, "Not known yet")
    if report.overall_status not in {"degraded", "unhealthy"} or not report.reason:
        return f"{emoji} {word}"
    return f"{emoji} {word}: {text.plain(split_reason(report.reason)[0], _LONGEST_REASON)}"


def detail(reason: str | None) -> str | None:
    """What the headline leaves out of a reason: a message of somebody else's as code, a count as it is."""
    rest = split_reason(reason)[1] if reason else None
    if rest is None:
        return None
    return f"{text.plain(rest)}" if rest.replace(",", "").replace(" of ", "").isdigit() else text.inline_code(rest)


def why(report: HealthReport) -> str | None:
    """The reason in full: what the headline leaves out, or the numbers behind it."""
    if report.reason is None:
        return None
    if report.reason == report.error_rate.reason and report.error_rate.total:
        errors, total = report.error_rate.errors or 0, report.error_rate.total
        return f"{text.count(errors)} of {text.count(total)} commands failed: an error, a late answer, or none at all."
    if report.reason == report.memory.reason and report.memory.rss_bytes is not None:
        return f"The process holds {text.bytes_(report.memory.rss_bytes)}."
    return detail(report.reason) or text.plain(sentence(report.reason))


def also(report: HealthReport) -> list[str]:
    """The reasons of those components that are not well either."""
    return [
        f"{text.status_emoji(component.status)} {text.plain(sentence(component.reason))}"
        for component in report.components.values()
        if component.reason is not None and component.reason != report.reason
    ]


def rows_wait(waiting: int, lost: int, spooled: int = 0) -> str:
    """`214 rows wait, none is lost.` `spooled` of those that wait are on disk."""
    waits = f"{text.count(waiting)} {text.plural(waiting, 'row waits', 'rows wait')}" if waiting else "nothing waits"
    if spooled:
        waits += " on disk" if spooled >= waiting else f", {text.count(spooled)} of them on disk"
    losses = f"**{text.count(lost)} {text.plural(lost, 'is', 'are')} lost**" if lost else "none is lost"
    return f"{waits}, {losses}."


# -- parts -------------------------------------------------------------------------------------------------------------


def _explanation(report: HealthReport, glance: Glance, past: Sequence[HealthMoment]) -> str:
    ready, shards = glance.shards_ready or (0, 0)
    missing = [f"⚠️ **{text.count(ready)} of {text.count(shards)}** shards are connected."] if ready < shards else []
    if report.overall_status == "healthy":
        lines = [*missing, ("" if missing else "Everything answers. ") + _calm(glance, report.checked_at)]
    elif report.overall_status in {"degraded", "unhealthy"}:
        lines = [*_trouble(report, past), *missing]
    else:
        lines = ["I have only just started. The first verdict comes with the first check.", *missing]
    return "\n".join(lines + also(report))


def _calm(glance: Glance, now: datetime) -> str:
    if glance.calm_since is None:
        return "No trouble is on record."
    return f"Nothing has needed attention for **{_coarse(now - glance.calm_since)}**."


def _coarse(passed: timedelta) -> str:
    days = passed // timedelta(days=1)
    return f"{days:,} days" if days > 1 else text.duration(passed.total_seconds())


def _trouble(report: HealthReport, past: Sequence[HealthMoment]) -> list[str]:
    since = _since(past)
    what = detail(report.reason)
    parts = [part for part in (what, since and f"{'since' if what else 'Since'} {at(since, 'R')}") if part]
    lines = [", ".join(parts)] if parts else []
    if report.remedy:
        lines.append(f"**What to do:** {text.plain(report.remedy, _REMEDY_CHARS)}")
    if report.database.status == "error":
        monitor = report.monitor
        lines.append(f"Commands run on; {rows_wait(monitor.waiting, monitor.dropped, monitor.spooled)}")
    return lines


def _since(past: Sequence[HealthMoment]) -> datetime | None:
    """When the present run of troubled verdicts began, as far as it is on record."""
    since = None
    for moment in reversed(past):
        if moment.status == "healthy":
            break
        since = moment.occurred_at
    return since


def _bot_lines(glance: Glance) -> list[str]:
    lines = [f"up {text.duration(glance.uptime_s)}"]
    if text.finite(glance.gateway_latency_s) is not None:
        lines.append(f"ping {text.latency(glance.gateway_latency_s)}")
    if glance.shards_ready is not None:
        ready, shards = glance.shards_ready
        lines.append(f"{text.compact(ready)}/{text.compact(shards)} shards")
    return lines


def _process_lines(report: HealthReport) -> list[str]:
    memory, cpu = report.memory, report.cpu
    known = [] if memory.rss_bytes is None else [text.bytes_(memory.rss_bytes)]
    return known if text.finite(cpu.percent) is None else [*known, f"CPU {_percent(cpu.percent)}"]


def _command_lines(commands: int, faults: int) -> list[str]:
    lines = [f"{text.count(commands)} in 1 h"]
    if commands:
        rate = f"{text.percent(faults / commands)} failed ({text.compact(faults)})"
        lines.append(rate if faults else "0 failed")
    return lines


def _percent(value: float | None) -> str:
    """Of a value in 0..100."""
    known = text.finite(value)
    return text.percent(None if known is None else known / 100)


def _history(report: HealthReport, past: Sequence[HealthMoment], now: datetime) -> str:
    squares: list[str] = []
    for index in range(_STRIP_SQUARES):
        start = now - (_STRIP_SQUARES - index) * _STRIP_STEP
        end = start + _STRIP_STEP
        is_last = index == _STRIP_SQUARES - 1
        seen = {m.status for m in past if start <= m.occurred_at and (is_last or m.occurred_at < end)}
        squares.append(next((_SQUARES[status] for status in _WORST_FIRST if status in seen), "⬛"))
    lines = ["".join(squares)]
    worst = [m for m in past if m.status in {"degraded", "unhealthy"}]
    if report.overall_status == "healthy" and worst:
        reason = f": {text.plain(worst[-1].reason)}" if worst[-1].reason else ""
        lines.append(f"{text.status_emoji(worst[-1].status)} last at {at(worst[-1].occurred_at, 't')}{reason}")
    return "\n".join(lines)


def _footer(report: HealthReport, glance: Glance, now: datetime) -> str:
    age_s = (now - report.checked_at).total_seconds()
    parts = ["checked just now" if age_s < 1 else f"checked {text.duration(round(age_s))} ago"]
    if report.database.response_time_s is not None:
        parts.append(f"database {text.latency(report.database.response_time_s)}")
    parts.append(f"{text.count(glance.waiting)} waiting" if glance.waiting else "nothing waiting")
    return " · ".join(parts)


def _numbers(report: HealthReport, glance: Glance) -> dict[str, list[str]]:
    memory, cpu, database, monitor = report.memory, report.cpu, report.database, report.monitor
    answer = database.response_time_s
    return {
        "memory": [
            text.bytes_(memory.rss_bytes),
            f"{_percent(memory.percent)} of the machine",
            f"{text.bytes_(memory.vms_bytes)} virtual",
        ],
        "cpu": [f"{_percent(cpu.percent)} of a core", f"whole machine {_percent(cpu.system_percent)}"],
        "database": [
            "no answer" if answer is None else f"answers in {text.latency(answer)}",
            *([f"{text.bytes_(database.size_bytes)} on disk"] if database.size_bytes is not None else []),
        ],
        "error_rate": _rate_lines(report.error_rate, glance),
        "monitor": [
            f"{text.count(monitor.waiting)} waiting",
            *_spool_lines(monitor),
            f"{text.count(monitor.dropped)} lost",
            f"{text.count(monitor.failures)} {text.plural(monitor.failures, 'failure', 'failures')} of its own",
        ],
    }


def _spool_lines(monitor: MonitorHealth) -> list[str]:
    if not monitor.spooled:
        return []
    return [f"{text.count(monitor.spooled)} of them on disk ({text.bytes_(monitor.spool_bytes)})"]


def _rate_lines(component: ErrorRateHealth, glance: Glance) -> list[str]:
    total = glance.commands_1h if component.total is None else component.total
    errors = glance.faults_1h if component.errors is None else component.errors
    lines = [text.count(total), f"{text.count(errors)} failed"]
    if component.error_rate is not None:
        lines[-1] += f" ({text.percent(component.error_rate)})"
    elif total:
        lines.append("too few for a rate")
    return lines
