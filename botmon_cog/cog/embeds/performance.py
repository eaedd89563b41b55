"""The answer to `/perf`: what is slow, how slow, and since when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import discord

from botmon_cog.cog.embeds.parts import GREEN, NEUTRAL, RED, YELLOW, clamp, days_of, table
from botmon_cog.domain import text
from botmon_cog.domain.reports import (
    MIN_FOR_PERCENTILES,
    Bottleneck,
    CommandPerformance,
    ComponentCounts,
    Percentiles,
    PerformanceReport,
    added_up,
)

_SEVERE = frozenset({"high", "critical"})
_MOST_BOTTLENECKS = 4
_MOST_ROWS = 8
_MOST_OPERATIONS = 5
_LONGEST_LINE = 28
_SHORT_LINE = 8
_SLOW_DELIVERY_S = 0.5
_LATE_SHARE = 0.01


def performance(report: PerformanceReport, now: datetime) -> discord.Embed:  # noqa: ARG001 (all embeds are made alike)
    """All commands, or the one that was asked for."""
    about = report.command
    one = report.commands[0] if about is not None and report.commands else None
    subject = "Performance" if about is None else f"Performance of {text.plain(about, 60)}"
    colour, lines = _verdict(report, one)
    embed = discord.Embed(title=f"{subject}, last {report.period.name}", description="\n".join(lines), colour=colour)
    if one is not None:
        embed.add_field(name="Times", value=_one_table(one), inline=False)
    elif report.commands:
        embed.add_field(name="Slowest commands", value=_command_table(report), inline=False)
    _add_answers(embed, report)
    has_days = _add_days(embed, report)
    if report.operations:
        embed.add_field(name="Other operations", value=_operations(report), inline=False)
    if report.components:
        embed.add_field(name="Buttons, menus and modals", value=_components(report.components), inline=False)
    if report.total_commands or report.operations:
        embed.set_footer(text=_footer(report, has_days=has_days))
    return clamp(embed)


# -- the verdict -------------------------------------------------------------------------------------------------------


def _verdict(report: PerformanceReport, one: CommandPerformance | None) -> tuple[discord.Colour, list[str]]:
    if report.bottlenecks:
        return _slow(report)
    if not report.duration.n and not report.operations:
        return NEUTRAL, _empty(report)
    n = report.duration.n
    if n < MIN_FOR_PERCENTILES:
        longest = f"; the longest took {text.duration(report.duration.max_s)}" if n else ""
        calls = f"{text.count(n)} {text.plural(n, 'call', 'calls')}"
        return NEUTRAL, [
            f"⚪ **Too few to judge**: {calls} so far{longest}.",
            f"-# Percentiles need {MIN_FOR_PERCENTILES} calls.",
        ]
    took = f"95 % of {text.count(n)} calls took at most **{text.duration(report.duration.p95_s)}**"
    if (text.finite(report.duration.p95_s) or 0) > report.command_threshold_s:
        return YELLOW, [f"🟡 **Slow in all**: {took}.", "-# No single command has enough calls to be named."]
    if report.late + report.unanswered > _LATE_SHARE * max(report.total_commands, 1):
        return YELLOW, ["🟡 **Some answers do not arrive**, though commands are quick.", f"{took}."]
    return GREEN, [f"🟢 **{'Quick' if one else 'Everything is quick'}**: {took}."]


def _empty(report: PerformanceReport) -> list[str]:
    if report.by_day_command is not None:
        name = text.inline_code(report.by_day_command, 60)
        return [f"{name} was not used in the last {report.period.name}.", "Its times appear here with its next use."]
    return [
        f"Nothing measured in the last {report.period.name}.",
        f"Times appear here as soon as somebody uses a command, percentiles from the {MIN_FOR_PERCENTILES}th call on.",
    ]


def _slow(report: PerformanceReport) -> tuple[discord.Colour, list[str]]:
    is_severe = any(b.severity in _SEVERE for b in report.bottlenecks)
    by_name = {c.command: c for c in report.commands}
    before = "the week before" if report.period.name == "7 days" else f"the {report.period.name} before"
    lines: list[str] = []
    for found in report.bottlenecks[:_MOST_BOTTLENECKS]:
        lines += _bottleneck(found, by_name.get(found.name), before)
    more = len(report.bottlenecks) - _MOST_BOTTLENECKS
    named = {b.name for b in report.bottlenecks}
    others = [c.duration for c in report.commands if c.command not in named]
    if more > 0:
        lines.append(f"and {text.count(more)} more")
    elif others and all((text.finite(_most(d)) or 0) <= report.command_threshold_s for d in others):
        lines.append("🟢 everything else is quick")
    return RED if is_severe else YELLOW, lines


def _most(times: Percentiles) -> float | None:
    return times.max_s if times.p95_s is None else times.p95_s


def _bottleneck(found: Bottleneck, command: CommandPerformance | None, before: str) -> list[str]:
    emoji = "🔴" if found.severity in _SEVERE else "🟡"
    over = f"over {text.duration(found.threshold_s)}"
    does = f"needs {over} for its first answer" if found.metric == "response" else f"takes {over}"
    share = f"**{text.percent(found.slow_share)}** of {text.count(found.n)} calls"
    lines = [f"{emoji} **{text.plain(found.name, 60)}** {does} in {share}", f"p95 **{text.duration(found.p95_s)}**"]
    if found.metric == "command" and command is not None and command.previous.p95_s is not None:
        lines[-1] += f", {before} **{text.duration(command.previous.p95_s)}**"
    return lines


# -- numbers -----------------------------------------------------------------------------------------------------------


def _command_table(report: PerformanceReport) -> str:
    rows = [(c.command, *_row(c.duration)) for c in report.commands[:_MOST_ROWS]]
    rest = len(report.commands) - len(rows)
    return table([("", "p50", "p95", "n"), *rows, *([(f"+{text.compact(rest)} more", "", "", "")] if rest > 0 else [])])


def _row(times: Percentiles) -> tuple[str, str, str]:
    """p50, p95 and the count; below 20 samples `max` and the maximum instead."""
    if times.p50_s is None or times.p95_s is None:
        return "max", text.short_duration(times.max_s), text.compact(times.n)
    return text.short_duration(times.p50_s), text.short_duration(times.p95_s), text.compact(times.n)


def _one_table(command: CommandPerformance) -> str:
    kinds = [("in all", command.duration)]
    if command.response.n:
        kinds.append(("answer", command.response))
    if command.previous.n:
        kinds.append(("before", command.previous))
    rows = [("", *(name for name, _ in kinds))]
    for key in ("p50", "p90", "p95", "p99", "max"):
        values = [getattr(times, f"{key}_s") for _, times in kinds]
        if any(value is not None for value in values):
            rows.append((key, *(text.short_duration(value) for value in values)))
    rows.append(("calls", *(text.compact(times.n) for _, times in kinds)))
    return table(rows)


def _add_answers(embed: discord.Embed, report: PerformanceReport) -> None:
    parts: list[str] = []
    answers = report.response
    if answers.p95_s is not None:
        parts.append(f"p95 **{text.duration(answers.p95_s)}** ({text.count(answers.n)})")
    elif answers.n:
        parts.append(f"at most **{text.duration(answers.max_s)}** ({text.count(answers.n)})")
    if report.late:
        parts.append(f"{text.count(report.late)} too late")
    if report.unanswered:
        parts.append(f"{text.count(report.unanswered)} never")
    if parts:
        embed.add_field(name="First answer (Discord allows 3 s)", value=" · ".join(parts), inline=False)
    delay_s = text.finite(report.gateway_delay.p95_s)
    if delay_s is not None and delay_s >= _SLOW_DELIVERY_S:
        value = f"p95 **{text.duration(delay_s)}** ({text.count(report.gateway_delay.n)})"
        embed.add_field(name="On the way from Discord to the bot", value=value, inline=False)


def _add_days(embed: discord.Embed, report: PerformanceReport) -> bool:
    """Whether there was a development to show."""
    known = {day: value for day, value in report.by_day if text.finite(value) is not None}
    if len(known) < 2 or report.by_day_command is None:  # noqa: PLR2004 (one day is no development)
        return False
    days = [day.isoformat() for day in days_of(report.period)][-_LONGEST_LINE:]
    values = [known.get(day) for day in days]
    told = [value for value in values if value is not None]
    if len(told) < 2:  # noqa: PLR2004
        return False
    space = "  " if len(values) <= _SHORT_LINE else "\n"
    line = f"`{text.sparkline(values)}`{space}{text.duration(told[0])} → {text.duration(told[-1])}"
    if max(told) > max(told[0], told[-1]):
        line += f", at most {text.duration(max(told))}"
    embed.add_field(name=f"{text.plain(report.by_day_command, 60)} by day, p95", value=line, inline=False)
    return True


def _operations(report: PerformanceReport) -> str:
    shown = sorted(report.operations, key=lambda o: -(text.finite(_most(o.duration)) or 0))
    shown = shown[:_MOST_OPERATIONS]
    rows = [(o.name, *_row(o.duration)) for o in shown]
    failed = [
        f"{text.inline_code(o.name, 32)} failed {text.count(o.failed)} of {text.count(o.duration.n)} times"
        for o in shown
        if o.failed
    ]
    rest = len(report.operations) - len(shown)
    more = [(f"+{text.compact(rest)} more", "", "", "")] if rest > 0 else []
    return "\n".join([*failed, table([("", "p50", "p95", "n"), *rows, *more])])


def _components(components: Sequence[ComponentCounts]) -> str:
    """One line: how many, how many of them failed, and the slowest."""
    sums = added_up(components)
    parts = [f"{text.count(sums.n)} {text.plural(sums.n, 'use', 'uses')}"]
    if sums.faults:
        parts.append(f"**{text.percent(sums.fault_rate)}** failed ({text.count(sums.faults)})")
    timed = [component for component in components if text.finite(_most(component.duration)) is not None]
    if timed:
        slowest = max(timed, key=lambda component: _most(component.duration) or 0.0)
        what = "p95" if slowest.duration.p95_s is not None else "at most"
        took = text.duration(_most(slowest.duration))
        parts.append(f"slowest {text.inline_code(slowest.name, 40)}, {what} {took}")
    return " · ".join(parts)


def _footer(report: PerformanceReport, *, has_days: bool) -> str:
    calls = f"{text.count(report.total_commands)} {text.plural(report.total_commands, 'call', 'calls')}"
    where = "all servers" if report.guild_id is None else "this server"
    precise = " · percentiles within 2 %" if report.duration.p95_s is not None else ""
    days = f" · days in {report.period.timezone}" if has_days and report.period.timezone != "UTC" else ""
    return f"{calls} · {where}{precise}{days}"
