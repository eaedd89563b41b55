"""The first lines of `/perf`: what fails, what is slow, or that all is well."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from botmon_cog.cog.embeds.causes import command_name, commonest
from botmon_cog.discord_ui.notable import not_run
from botmon_cog.discord_ui.parts import GREEN, NEUTRAL, RED, YELLOW
from botmon_cog.domain import text
from botmon_cog.domain.performance import FAILING_SHARE, MIN_FAULTS
from botmon_cog.domain.reports import (
    MIN_FOR_PERCENTILES,
    Bottleneck,
    CommandPerformance,
    FailingCommand,
    Percentiles,
    PerformanceContext,
    PerformanceReport,
)

_SEVERE = frozenset({"high", "critical"})
_MOST_FAILING = 3
_MOST_BOTTLENECKS = 4
_LATE_SHARE = 0.01
_OF_COMMANDS = frozenset({"command", "response"})

Verdict = tuple[discord.Colour, list[str]]


def verdict(report: PerformanceReport, context: PerformanceContext) -> Verdict:
    """The colour, and the lines that answer the question."""
    if not context.is_known:
        return NEUTRAL, _unknown(report, context)
    failing, bottlenecks = report.failing[:_MOST_FAILING], _once_each(report.bottlenecks)
    slow = bottlenecks[:_MOST_BOTTLENECKS]
    if not failing and not slow:
        return _inconspicuous(report)
    is_severe = any(f.is_severe for f in failing) or any(b.severity in _SEVERE for b in slow)
    lines: list[str] = []
    for found in failing:
        lines += _fails(found, report, context)
    lines += _and_more(len(report.failing) - len(failing), "that fail")
    by_name = {c.command: c for c in report.commands}
    before = "the week before" if report.period.name == "7 days" else f"the {report.period.name} before"
    for each in slow:
        lines += _is_slow(each, by_name.get(each.name), before)
    lines += _and_more(len(bottlenecks) - len(slow), "that are slow") or _rest(report)
    return RED if is_severe else YELLOW, lines


def _once_each(bottlenecks: Sequence[Bottleneck]) -> list[Bottleneck]:
    """Without the first answers of commands that are named as slow in all: that says enough."""
    slow = {b.name for b in bottlenecks if b.metric == "command"}
    return [b for b in bottlenecks if b.metric != "response" or b.name not in slow]


def _and_more(n: int, which: str) -> list[str]:
    return [f"and {text.count(n)} more {which}"] if n > 0 else []


def most(times: Percentiles) -> float | None:
    """The p95, or with too few samples for it, the maximum."""
    return times.max_s if times.p95_s is None else times.p95_s


# -- what is wrong -----------------------------------------------------------------------------------------------------


def _fails(found: FailingCommand, report: PerformanceReport, context: PerformanceContext) -> list[str]:
    emoji = "🔴" if found.is_severe else "🟡"
    share = f"**{text.count(found.faults)} of {text.count(found.rated)}** calls"
    line = f"{emoji} **{command_name(found.command)}** fails: {share}"
    if report.command is not None:  # its causes have a field of their own
        return [line]
    return [line, *commonest(context.causes.get(found.command, ()), found.faults)]


def _is_slow(found: Bottleneck, command: CommandPerformance | None, before: str) -> list[str]:
    emoji = "🔴" if found.severity in _SEVERE else "🟡"
    over = f"over {text.duration(found.threshold_s)}"
    does = f"needs {over} for its first answer" if found.metric == "response" else f"takes {over}"
    share = f"**{text.percent(found.slow_share)}** of {text.count(found.n)} calls"
    name = command_name(found.name) if found.metric in _OF_COMMANDS else text.name(found.name)
    lines = [f"{emoji} **{name}** {does} in {share}", f"p95 **{text.duration(found.p95_s)}**"]
    if found.metric == "command" and command is not None and command.previous.p95_s is not None:
        lines[-1] += f", {before} **{text.duration(command.previous.p95_s)}**"
    return lines


def _rest(report: PerformanceReport) -> list[str]:
    """What is to be said of everything that is not named; nothing unless it is well."""
    if report.command is not None:
        is_quick = not report.bottlenecks and report.duration.n >= MIN_FOR_PERCENTILES
        return [f"🟢 it is quick: {_took(report)}"] if is_quick and not _is_slow_in_all(report) else []
    named = {b.name for b in report.bottlenecks} | {f.command for f in report.failing}
    others = [c for c in report.commands if c.command not in named]
    are_quick = all((text.finite(most(c.duration)) or 0) <= report.command_threshold_s for c in others)
    if not others or not are_quick or any(c.outcomes.faults for c in others):
        return []
    return ["🟢 everything else works and is quick" if report.failing else "🟢 everything else is quick"]


# -- what is not -------------------------------------------------------------------------------------------------------


def _inconspicuous(report: PerformanceReport) -> Verdict:
    n, outcomes = report.duration.n, report.outcomes
    if not n and not report.operations:
        return NEUTRAL, _untimed(report) if outcomes.n else _empty(report)
    if n < MIN_FOR_PERCENTILES:
        return NEUTRAL, _too_few(report)
    took, failed = _took(report), f"{text.count(outcomes.faults)} of {text.count(outcomes.rated)} calls failed"
    if outcomes.faults >= MIN_FAULTS and (outcomes.fault_rate or 0.0) >= FAILING_SHARE:
        share = f"**{text.percent(outcomes.fault_rate)} of calls fail**"
        return YELLOW, [f"🟡 {share}, no command stands out: {failed}.", f"{took}."]
    if _is_slow_in_all(report):
        return YELLOW, [f"🟡 **Slow in all**: {took}.", "-# No single command has enough calls to be named."]
    if report.late + report.unanswered > _LATE_SHARE * max(report.total_commands, 1):
        return YELLOW, ["🟡 **Some answers do not arrive**, though commands are quick.", f"{took}."]
    if report.command is not None:
        is_what = "Quick"
    else:
        is_what = "Commands are quick" if outcomes.faults else "Everything is quick"
    lines = [f"🟢 **{is_what}**: {took}."]
    if outcomes.faults and report.command is None:  # of one command it stands in a field of its own
        lines.append(f"-# {failed}.")
    return GREEN, lines


def _too_few(report: PerformanceReport) -> list[str]:
    n, faults = report.duration.n, report.outcomes.faults
    calls = f"{text.count(n)} {text.plural(n, 'call', 'calls')} so far"
    some = f", {text.count(faults)} failed" if faults else ""
    longest = f"; the longest took {text.duration(report.duration.max_s)}" if n else ""
    return [f"⚪ **Too few to judge**: {calls}{some}{longest}.", f"-# Percentiles need {MIN_FOR_PERCENTILES} calls."]


def _took(report: PerformanceReport) -> str:
    n, p95_s = report.duration.n, report.duration.p95_s
    return f"95 % of {text.count(n)} calls took at most **{text.duration(p95_s)}**"


def _is_slow_in_all(report: PerformanceReport) -> bool:
    return (text.finite(report.duration.p95_s) or 0) > report.command_threshold_s


def _untimed(report: PerformanceReport) -> list[str]:
    n = report.outcomes.n
    lines = [f"**{text.count(n)}** {text.plural(n, 'call', 'calls')} in the last {report.period.name}, none timed."]
    beside = not_run(report.outcomes)
    return [*lines, f"-# {', '.join(beside)}"] if beside else lines


def _empty(report: PerformanceReport) -> list[str]:
    if report.by_day_command is not None:
        name = text.code_name(report.by_day_command, 60)
        return [f"{name} was not used in the last {report.period.name}.", "Its times appear here with its next use."]
    return [
        f"Nothing measured in the last {report.period.name}.",
        f"Times appear here as soon as somebody uses a command, percentiles from the {MIN_FOR_PERCENTILES}th call on.",
    ]


def _unknown(report: PerformanceReport, context: PerformanceContext) -> list[str]:
    name = text.code_name(report.command or "", 60)
    alike = [text.code_name(name, 60) for name in context.suggestions]
    if not alike:
        return [f"There is no command {name}, and none was used.", "Pick one of those offered as you type."]
    meant = alike[0] if len(alike) == 1 else f"{', '.join(alike[:-1])} or {alike[-1]}"
    return [f"There is no command {name}, and none was used.", f"Did you mean {meant}?"]
