"""What was measured, to a report on how quick the bot was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from botmon_cog.config import ThresholdsConfig
from botmon_cog.domain.bottlenecks import bottleneck, worst_first
from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.reports import (
    Bottleneck,
    CommandCounts,
    CommandPerformance,
    ComponentCounts,
    FailingCommand,
    HourCount,
    OperationPerformance,
    Outcomes,
    Percentiles,
    PerformanceReport,
    Period,
    added_up,
)
from botmon_cog.domain.rollup import DURATION, FAILED, GATEWAY
from botmon_cog.domain.rollup import OPERATION as OPERATION_TIME
from botmon_cog.domain.rollup import RESPONSE as RESPONSE_TIME

COMMAND, RESPONSE, OPERATION = "command", "response", "operation"
"""What a duration is of."""


VOICE_CONNECT = "voice_connect"
"""The operation with a threshold of its own."""

MIN_FAULTS = 2
"""A single failure says nothing of a command."""
FAILING_SHARE, SEVERE_SHARE = 0.05, 0.25
"""From these on a command is said to fail: as `[health] error_rate_warning` and `error_rate_critical` by default."""

_NOTHING = Histogram()


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What the storage holds on one guild (or on all, where `guild_id` is None) for one period."""

    guild_id: str | None
    period: Period
    command: str | None = None
    """None: all commands."""
    latencies: Mapping[tuple[str, str], Histogram] = {}
    """By (command or operation, metric), see `domain.rollup.METRICS`."""
    earlier: Mapping[tuple[str, str], Histogram] = {}
    """The same for the period before."""
    counts: Sequence[CommandCounts] = ()
    """How the commands of the period ended."""
    hours: Sequence[HourCount] = ()
    """Of the one command that was asked for."""
    components: Sequence[ComponentCounts] = ()


def performance_report(measured: Measured, thresholds: ThresholdsConfig) -> PerformanceReport:
    """Everything but the days, which are asked for once it is known which command is the slowest."""
    durations = _of_metric(measured.latencies, DURATION)
    responses = _of_metric(measured.latencies, RESPONSE_TIME)
    operations = _of_metric(measured.latencies, OPERATION_TIME)
    failed = _of_metric(measured.latencies, FAILED)
    times = {(COMMAND, name): histogram for name, histogram in durations.items()}
    times |= {(RESPONSE, name): histogram for name, histogram in responses.items()}
    times |= {(OPERATION, name): histogram for name, histogram in operations.items()}
    outcomes = {counts.command: counts for counts in measured.counts}
    named = [*durations, *(name for name, counts in outcomes.items() if counts.faults and name not in durations)]
    commands = [
        CommandPerformance(
            command=name,
            duration=Percentiles.of(durations.get(name, _NOTHING)),
            response=Percentiles.of(responses.get(name, _NOTHING)),
            previous=Percentiles.of(measured.earlier.get((name, DURATION), _NOTHING)),
            slow_share=durations.get(name, _NOTHING).share_over(thresholds.command_s),
            outcomes=added_up([outcomes[name]]) if name in outcomes else Outcomes(),
        )
        for name in named
    ]
    sums = added_up(measured.counts)
    return PerformanceReport(
        guild_id=measured.guild_id,
        period=measured.period,
        command=measured.command,
        total_commands=sum(h.n for h in durations.values()),
        command_threshold_s=thresholds.command_s,
        response_threshold_s=thresholds.response_s,
        duration=Percentiles.of(_sum(durations.values())),
        response=Percentiles.of(_sum(responses.values())),
        gateway_delay=Percentiles.of(_sum(_of_metric(measured.latencies, GATEWAY).values())),
        late=sums.late,
        unanswered=sums.unanswered,
        commands=tuple(sorted(commands, key=_slowest_first)),
        operations=tuple(
            OperationPerformance(
                name=name,
                duration=Percentiles.of(histogram),
                failed=failed.get(name, _NOTHING).n,
            )
            for name, histogram in sorted(operations.items())
        ),
        bottlenecks=find_bottlenecks(times, thresholds),
        components=tuple(measured.components),
        outcomes=sums,
        failing=find_failing(measured.counts),
        by_hour=tuple(measured.hours),
    )


def with_days(report: PerformanceReport, command: str, days: Mapping[str, Histogram]) -> PerformanceReport:
    """Add one command's durations by day."""
    by_day = tuple((date, p95_or_max(Percentiles.of(histogram))) for date, histogram in sorted(days.items()))
    return msgspec.structs.replace(report, by_day=by_day, by_day_command=command)


def find_bottlenecks(
    times: Mapping[tuple[str, str], Histogram], thresholds: ThresholdsConfig
) -> tuple[Bottleneck, ...]:
    """What is over its threshold, worst first. `times` is by (what it is of, name)."""
    found: list[Bottleneck] = []
    for (metric, name), histogram in times.items():
        slow = bottleneck(name, metric, histogram, _threshold_s(metric, name, thresholds))
        if slow is not None:
            found.append(slow)
    return worst_first(found)


def find_failing(counts: Iterable[CommandCounts]) -> tuple[FailingCommand, ...]:
    """Commands that fail often enough to matter, severe ones first, then by how often they failed."""
    found = [
        FailingCommand(
            command=c.command, is_severe=(c.fault_rate or 0.0) >= SEVERE_SHARE, faults=c.faults, rated=c.rated
        )
        for c in counts
        if c.faults >= MIN_FAULTS and (c.fault_rate or 0.0) >= FAILING_SHARE
    ]
    return tuple(sorted(found, key=lambda c: (not c.is_severe, -c.faults, c.command)))


def p95_or_max(percentiles: Percentiles) -> float | None:
    """The p95, or with too few samples for it, the maximum."""
    return percentiles.max_s if percentiles.p95_s is None else percentiles.p95_s


def _threshold_s(metric: str, name: str, thresholds: ThresholdsConfig) -> float:
    if metric == RESPONSE:
        return thresholds.response_s
    return thresholds.voice_connect_s if name == VOICE_CONNECT else thresholds.command_s


def _of_metric(latencies: Mapping[tuple[str, str], Histogram], metric: str) -> dict[str, Histogram]:
    return {command: histogram for (command, of), histogram in latencies.items() if of == metric}


def _sum(histograms: Iterable[Histogram]) -> Histogram:
    return Histogram.merged(histograms)


def _slowest_first(command: CommandPerformance) -> tuple[float, int, str]:
    return (-(p95_or_max(command.duration) or 0.0), -command.duration.n, command.command)
