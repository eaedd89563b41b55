"""What `/perf` shows beside the times: why commands fail, what the last deploy changed, how many servers use one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Protocol

from msgspec.structs import replace

from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.models import ErrorSource
from botmon_cog.domain.reports import (
    MIN_FOR_PERCENTILES,
    DeployComparison,
    Percentiles,
    PerformanceContext,
    PerformanceReport,
    Period,
    Stretch,
)
from botmon_cog.domain.reports.errors import Deploy, ErrorCounts
from botmon_cog.store.reports import Reports
from botmon_cog.store.sampled_calls import SampledCall

_MOST_GROUPS = 1_000
_MOST_SUGGESTIONS = 3
_ALIKE = 0.6


class ErrorReader(Protocol):
    """What is asked of the monitor of errors."""

    async def counts(self, period: Period, guild_id: str | None = None, *, limit: int = 100) -> list[ErrorCounts]: ...

    async def causes_of(self, command: str, period: Period, guild_id: str | None = None) -> list[ErrorCounts]: ...

    async def deploys(self, since: datetime) -> list[Deploy]: ...


async def performance_context(
    report: PerformanceReport, reports: Reports, errors: ErrorReader, now: datetime, *, is_for_owner: bool
) -> PerformanceContext:
    """What stands beside a report. Causes, versions and other servers are for the bot's owners only.

    Raises:
        StorageError: the database can't be read.
    """
    context = PerformanceContext(deploy=await _compare(report, reports, errors, now), is_for_owner=is_for_owner)
    if not is_for_owner:
        return context
    causes: dict[str, list[ErrorCounts]] = {}
    if report.failing or report.command is not None:
        for cause in sorted(await _groups(report, errors), key=lambda cause: -cause.n):
            if cause.outcome.is_fault:
                causes.setdefault(cause.what, []).append(cause)
    servers = None
    if report.command is not None and report.guild_id is None and report.outcomes.n:
        servers = await reports.servers_using(report.command, report.period)
    return replace(context, causes={command: tuple(found) for command, found in causes.items()}, servers=servers)


async def _groups(report: PerformanceReport, errors: ErrorReader) -> list[ErrorCounts]:
    if report.command is not None:
        return await errors.causes_of(report.command, report.period, report.guild_id)
    found = await errors.counts(report.period, report.guild_id, limit=_MOST_GROUPS)
    failing = {command.command for command in report.failing}
    return [group for group in found if group.source is ErrorSource.COMMAND and group.what in failing]


def suggestions(wanted: str, known: Iterable[str]) -> tuple[str, ...]:
    """Names like the one that was asked for, the nearest first."""
    by_folded = {name.casefold(): name for name in sorted(known)}
    folded = wanted.casefold()
    alike = get_close_matches(folded, by_folded, _MOST_SUGGESTIONS, _ALIKE)
    alike += [name for name in by_folded if folded in name.split() and name not in alike]  # `enqueue`: `music enqueue`
    return tuple(by_folded[name] for name in alike[:_MOST_SUGGESTIONS])


async def _compare(
    report: PerformanceReport, reports: Reports, errors: ErrorReader, now: datetime
) -> DeployComparison | None:
    """The calls before and after the last deploy of the period; None with fewer than 20 on either side."""
    period = report.period
    deploys = await errors.deploys(period.start)
    if len(deploys) < 2 or deploys[-1].version is None or deploys[-1].started_at <= period.start:  # noqa: PLR2004 (two)
        return None
    last = deploys[-1]
    before = _stretch(await reports.sampled_calls(report.command, report.guild_id, period.start, last.started_at))
    after = _stretch(await reports.sampled_calls(report.command, report.guild_id, last.started_at, now))
    if min(before.rated, after.rated) < MIN_FOR_PERCENTILES:
        return None
    return DeployComparison(version=last.version or "", started_at=last.started_at, before=before, after=after)


def _stretch(calls: Sequence[SampledCall]) -> Stretch:
    rated = [call for call in calls if call.outcome.is_rated]
    times = Percentiles.of(Histogram.of([call.duration_s for call in calls if call.duration_s is not None]))
    return Stretch(rated=len(rated), faults=sum(call.outcome.is_fault for call in rated), p95_s=times.p95_s)
