"""What in a statistics report an admin may want to act on."""

from __future__ import annotations

from collections.abc import Iterable

from botmon_cog.domain import text
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.performance import FAILING_SHARE, MIN_FAULTS
from botmon_cog.domain.reports import CommandCounts, Outcomes, StatisticsReport

_MOST = 3
_MISUSE_RATE = 0.2
_MIN_MISUSES = 5


def notable(report: StatisticsReport) -> list[str]:
    """A line for each command that fails or often does not run, worst first, and one for those nobody uses."""
    lines = failing(report.commands)[:_MOST] + misused(report.commands)[:_MOST]
    if report.unused_commands:
        names = ", ".join(text.code_name(name) for name in report.unused_commands[:_MOST])
        more = len(report.unused_commands) - _MOST
        were = text.plural(len(report.unused_commands), "was", "were")
        lines.append(f"{names}{f' and {text.count(more)} more' if more > 0 else ''} {were} not used for 30 days")
    return lines


def failing(commands: Iterable[CommandCounts]) -> list[str]:
    """A line for each command that fails often, worst first."""
    found = [c for c in commands if c.faults >= MIN_FAULTS and (c.fault_rate or 0) >= FAILING_SHARE]
    return [_failing(c) for c in sorted(found, key=lambda c: (-c.faults, c.command))]


def misused(commands: Iterable[CommandCounts]) -> list[str]:
    """A line for each command that often does not run: used wrongly, not allowed, or refused by Discord."""
    found = [c for c in commands if _misuses(c) >= _MIN_MISUSES and _misuses(c) / c.n >= _MISUSE_RATE]
    return [_misused(c) for c in sorted(found, key=lambda c: (-_misuses(c), c.command))]


def not_run(counts: Outcomes) -> list[str]:
    """What did not run, and why: `12 not allowed`, `3 refused by Discord`."""
    return [
        f"{text.count(counts.of(outcome))} {outcome.words.removeprefix('were ')}"
        for outcome in Outcome
        if not outcome.is_executed and counts.of(outcome)
    ]


def _misuses(command: CommandCounts) -> int:
    return command.n - command.executed


def _failing(command: CommandCounts) -> str:
    how = [f"failed in **{text.count(command.faults)} of {text.count(command.rated)}** calls"]
    if command.late:
        how.append(f"{text.count(command.late)} answered too late")
    if command.unanswered:
        how.append(f"{text.count(command.unanswered)} never answered")
    return f"{text.code_name(command.command)} {', '.join(how)}"


def _misused(command: CommandCounts) -> str:
    n = f"{text.count(_misuses(command))} of {text.count(command.n)}"
    return f"{text.code_name(command.command)} did not run in {n} calls: {', '.join(not_run(command))}"
