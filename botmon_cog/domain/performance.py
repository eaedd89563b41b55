"""What was measured, to a report on how quick the bot was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from botmon_cog.config import ThresholdsConfig
from botmon_cog.domain.bottlenecks import bottleneck, worst_first
from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.reports import (
    Bottleneck,
    CommandPerformance,
    ComponentCounts,
    OperationPerformance,
    Percentiles,
    PerformanceReport,
    Period,
)
from botmon_cog.domain.rollup import DURATION, FAILED, GATEWAY
from botmon_cog.domain.rollup import OPERATION as OPERATION_TIME
from botmon_cog.domain.rollup import RESPONSE as RESPONSE_TIME

COMMAND, RESPONSE, OPERATION = "command", "response", "operation"
"""What a duration is of."""


VOICE_CONNECT = "voice_connect"
"""The operation with a threshold of its own."""

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
    late: int = 0
    unanswered: int = 0
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
    commands = [
        CommandPerformance(
            command=name,
            duration=Percentiles.of(histogram),
            response=Percentiles.of(responses.get(name, _NOTHING)),
            previous=Percentiles.of(measured.earlier.get((name, DURATION), _NOTHING)),
            slow_share=histogram.share_over(thresholds.command_s),
        )
        for name, histogram in durations.items()
    ]
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
        late=measured.late,
        unanswered=measured.unanswered,
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
