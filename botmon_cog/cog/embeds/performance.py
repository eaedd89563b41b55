"""The answer to `/perf`: what fails or is slow, how slow, and since when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import discord

from botmon_cog.cog.embeds.causes import command_name, faults_by_outcome, what_was_raised, where_raised
from botmon_cog.cog.embeds.performance_verdict import most, verdict
from botmon_cog.discord_ui.notable import not_run
from botmon_cog.discord_ui.parts import NEUTRAL, TABLE_COLUMNS, at, clamp, days_of, table
from botmon_cog.domain import cells, text
from botmon_cog.domain.reports import (
    MIN_FOR_PERCENTILES,
    CommandPerformance,
    ComponentCounts,
    DeployComparison,
    Percentiles,
    PerformanceContext,
    PerformanceReport,
    added_up,
)
from botmon_cog.timezones import find_zone

_MOST_ROWS = 8
_MOST_CAUSES = 4
_MOST_OPERATIONS = 5
_SHORT_LINE = 8
_SLOW_DELIVERY_S = 0.5
_HOURS = 24
_MAX = "max"
_HOUR_LABELS = "0     6     12    18    ".replace(" ", "\u00a0")  # a plain space may be folded outside a code block
_NOTHING_BESIDE = PerformanceContext()


def performance(
    report: PerformanceReport,
    now: datetime,  # noqa: ARG001 (all embeds are made alike)
    context: PerformanceContext = _NOTHING_BESIDE,
) -> discord.Embed:
    """All commands, or the one that was asked for."""
    about = report.command
    one = next((c for c in report.commands if c.command == about), None)
    colour, lines = verdict(report, context)
    lines += _beside(context)
    embed = performance_heading(about, report.period.name)
    embed.description, embed.colour = "\n".join(lines), colour
    if about is not None:
        _add_failures(embed, report, context)
        if one is not None and one.duration.n:
            embed.add_field(name="Times", value=_one_table(one), inline=False)
    elif report.commands:
        name, value = _command_table(report)
        embed.add_field(name=name, value=value, inline=False)
    _add_answers(embed, report)
    _add_hours(embed, report, context)
    has_days = _add_days(embed, report)
    if report.operations:
        embed.add_field(name="Other operations", value=_operations(report), inline=False)
    if report.components:
        embed.add_field(name="Buttons, menus and modals", value=_components(report.components), inline=False)
    if report.total_commands or report.operations:
        embed.set_footer(text=_footer(report, has_days=has_days, timezone=context.timezone))
    return clamp(embed)


def performance_heading(command: str | None, period: str) -> discord.Embed:
    """The title alone, above a chart. `period`: `7 days`."""
    subject = "Performance" if command is None else f"Performance of {command_name(command)}"
    return clamp(discord.Embed(title=f"{subject}, last {period}", colour=NEUTRAL))


def _beside(context: PerformanceContext) -> list[str]:
    lines: list[str] = []
    if (servers := context.servers) is not None and servers.of:
        share = text.percent(servers.n / servers.of)
        are = text.plural(servers.of, "server", "servers")
        lines.append(f"-# Used in {text.count(servers.n)} of {text.count(servers.of)} {are} ({share})")
    if context.deploy is not None:
        lines.append(f"-# {_compared(context.deploy, is_for_owner=context.is_for_owner)}")
    return lines


def _compared(deploy: DeployComparison, *, is_for_owner: bool) -> str:
    what = f"version {text.code_name(deploy.version, 20)}" if is_for_owner else "the bot's last update"
    before, after = deploy.before, deploy.after
    times = f"p95 {text.duration(before.p95_s)} → {text.duration(after.p95_s)}, " if before.p95_s is not None else ""
    failed = f"failed {text.percent(before.fault_rate)} → {text.percent(after.fault_rate)}"
    return f"Since {what} ({at(deploy.started_at, 'R')}): {times}{failed}"


# -- failures ----------------------------------------------------------------------------------------------------------


def _add_failures(embed: discord.Embed, report: PerformanceReport, context: PerformanceContext) -> None:
    outcomes, causes = report.outcomes, context.causes.get(report.command or "", ())
    kinds = faults_by_outcome(outcomes)
    if not kinds and not causes:
        return
    lines = [" · ".join(kinds)] if kinds else []
    for cause in causes[:_MOST_CAUSES]:
        n = f"{text.count(cause.n)}×"  # noqa: RUF001
        lines.append(what_was_raised(cause))
        lines.append(f"-# {' · '.join(filter(None, (n, where_raised(cause), text.inline_code(cause.id))))}")
    if len(causes) > _MOST_CAUSES:
        lines.append(f"-# and {text.count(len(causes) - _MOST_CAUSES)} more causes")
    if causes and context.errors_command is not None:
        lines.append(f"-# Traceback: {text.inline_code(f'{context.errors_command}{causes[0].id}')}")
    if beside := not_run(outcomes):
        lines.append(f"-# Beside these: {', '.join(beside)}")
    failed = f"Failed: {text.count(outcomes.faults)} of {text.count(outcomes.rated)} calls"
    embed.add_field(name=failed if outcomes.rated else "Failed", value="\n".join(lines), inline=False)


def _add_hours(embed: discord.Embed, report: PerformanceReport, context: PerformanceContext) -> None:
    """By the hour of the clock: when the command is used, and when it fails."""
    used: Counter[int] = Counter()
    failed: Counter[int] = Counter()
    zone = find_zone(context.timezone)
    for hour in report.by_hour:
        position = hour.start.astimezone(zone).hour
        used[position] += hour.n
        failed[position] += hour.faults
    if used.total() < MIN_FOR_PERCENTILES:
        return
    lines = [f"`{_strip(used)}` used"]
    if failed.total():
        lines.append(f"`{_strip(failed)}` failed")
    city = text.plain(context.timezone.rpartition("/")[2].replace("_", " "), 60)
    embed.add_field(name=f"By hour, {city}", value="\n".join([*lines, f"`{_HOUR_LABELS}`"]), inline=False)


def _strip(per_hour: Counter[int]) -> str:
    largest = max(per_hour.values())
    return "".join(text.step(per_hour[h], largest) if per_hour[h] > 0 else "·" for h in range(_HOURS))


# -- numbers -----------------------------------------------------------------------------------------------------------


def _command_table(report: PerformanceReport) -> tuple[str, str]:
    """The field's name and the table: the slowest, and those that fail. Long names push the p50 out."""
    failing = {f.command for f in report.failing}
    slowest = report.commands[:_MOST_ROWS]
    quick = [c for c in report.commands[_MOST_ROWS:] if c.command in failing][: _MOST_ROWS // 2]
    shown = [*slowest[: _MOST_ROWS - len(quick)], *quick]
    heads = ["", "p50", "p95", "n"]
    rows = [[c.command, *_row(c.duration, c.outcomes.executed)] for c in shown]
    if any(c.outcomes.faults for c in shown):
        heads.append("fail")
        for row, command in zip(rows, shown, strict=True):
            row.append(_failed(command))
        if _columns([heads, *rows]) > TABLE_COLUMNS:
            del heads[1]
            for row in rows:
                if row.pop(1) == _MAX:
                    row[1] = f"≤{row[1]}"
    rest = len(report.commands) - len(shown)
    more = [[f"+{cells.count(rest)} more", *[""] * (len(heads) - 1)]] if rest > 0 else []
    return "Slowest and failing commands" if quick else "Slowest commands", table([heads, *rows, *more])


def _columns(rows: Sequence[Sequence[str]]) -> int:
    """What a table takes with a single space between its columns, and no name cut."""
    return sum(max(map(text.columns, column)) for column in zip(*rows, strict=True)) + len(rows[0]) - 1


def _failed(command: CommandPerformance) -> str:
    """A share, or with too few calls for one, how many; empty for none."""
    outcomes = command.outcomes
    if not outcomes.faults:
        return ""
    return str(outcomes.faults) if outcomes.rated < MIN_FOR_PERCENTILES else cells.percent(outcomes.fault_rate)


def _row(times: Percentiles, n: int = 0) -> tuple[str, str, str]:
    """p50, p95 and the count; below 20 samples `max` and the maximum instead."""
    calls = cells.count(max(times.n, n))
    if times.p50_s is None or times.p95_s is None:
        return (_MAX if times.n else "", cells.duration(times.max_s), calls)
    return cells.duration(times.p50_s), cells.duration(times.p95_s), calls


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
            rows.append((key, *(cells.duration(value) for value in values)))
    rows.append(("calls", *(cells.count(times.n) for _, times in kinds)))
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
    days = [day.isoformat() for day in days_of(report.period)][-TABLE_COLUMNS:]
    values = [known.get(day) for day in days]
    told = [value for value in values if value is not None]
    if len(told) < 2:  # noqa: PLR2004
        return False
    space = "  " if len(values) <= _SHORT_LINE else "\n"
    line = f"`{text.sparkline(values)}`{space}{text.duration(told[0])} → {text.duration(told[-1])}"
    if max(told) > max(told[0], told[-1]):
        line += f", at most {text.duration(max(told))}"
    embed.add_field(name=f"{command_name(report.by_day_command)} by day, p95", value=line, inline=False)
    return True


def _operations(report: PerformanceReport) -> str:
    shown = sorted(report.operations, key=lambda o: -(text.finite(most(o.duration)) or 0))
    shown = shown[:_MOST_OPERATIONS]
    rows = [(o.name, *_row(o.duration)) for o in shown]
    failed = [
        f"{text.code_name(o.name)} failed {text.count(o.failed)} of {text.count(o.duration.n)} times"
        for o in shown
        if o.failed
    ]
    rest = len(report.operations) - len(shown)
    more = [(f"+{cells.count(rest)} more", "", "", "")] if rest > 0 else []
    return "\n".join([*failed, table([("", "p50", "p95", "n"), *rows, *more])])


def _components(components: Sequence[ComponentCounts]) -> str:
    """One line: how many, how many of them failed, and the slowest."""
    sums = added_up(components)
    parts = [f"{text.count(sums.n)} {text.plural(sums.n, 'use', 'uses')}"]
    if sums.faults:
        parts.append(f"**{text.percent(sums.fault_rate)}** failed ({text.count(sums.faults)})")
    timed = [component for component in components if text.finite(most(component.duration)) is not None]
    if timed:
        slowest = max(timed, key=lambda component: most(component.duration) or 0.0)
        what = "p95" if slowest.duration.p95_s is not None else "at most"
        took = text.duration(most(slowest.duration))
        parts.append(f"slowest {text.code_name(slowest.name, 40)}, {what} {took}")
    return " · ".join(parts)


def _footer(report: PerformanceReport, *, has_days: bool, timezone: str) -> str:
    calls = f"{text.count(report.total_commands)} {text.plural(report.total_commands, 'call', 'calls')}"
    where = "all servers" if report.guild_id is None else "this server"
    precise = " · percentiles within 2 %" if report.duration.p95_s is not None else ""
    is_elsewhere = timezone != "UTC" or report.period.timezone != "UTC"
    days = f" · days in {report.period.timezone}" if has_days and is_elsewhere else ""
    return f"{calls} · {where}{precise}{days}"
