"""A period's roll-ups of one scope, read once, and what reports make of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from botmon_cog.domain.histogram import LOWEST, Histogram
from botmon_cog.domain.outcome import FAULTS, Outcome
from botmon_cog.domain.reports import CommandCounts, HourCount
from botmon_cog.domain.rollup import HOURS_PER_DAY, METRICS, iso_date, start_of_hour
from botmon_cog.store.packed import Parts
from botmon_cog.store.script import Row

_OUTCOMES = tuple(Outcome)
_FAULTS = frozenset(code for code, outcome in enumerate(_OUTCOMES) if outcome in FAULTS)


class DayOfName(NamedTuple):
    """One command or operation on one day."""

    day: int
    name_id: int
    parts: Parts


class Counted:
    """What a scope did in a period.

    Counts are of the period's hours. Times are of the days (UTC) that it touches: they are not kept by hour.
    """

    def __init__(
        self,
        *,
        days: Sequence[DayOfName],
        hours: range,
        edges: Sequence[Row],
        odd_hours: Mapping[datetime, Sequence[tuple[int, int]]],
        has_whole_hours: bool,
        texts: Mapping[int, str],
    ) -> None:
        """What was read.

        Args:
            days: of the days that the period touches.
            hours: those of UTC that are wholly in the period.
            edges: (command, outcome's code, n) of the parts of hours at both ends.
            odd_hours: (outcome's code, n) of the hours that are not UTC's, by their start.
            has_whole_hours: whether the other hours of the period are UTC's.
            texts: names by their ids.
        """
        self._days = days
        self._hours = hours
        self._edges = edges
        self._odd_hours = odd_hours
        self._has_whole_hours = has_whole_hours
        self._texts = texts

    def command_counts(self) -> list[CommandCounts]:
        """Most used first."""
        found = {name_id: list(counts) for name_id, counts in self._sums[0].items()}
        for name_id, outcome, n in self._edges:
            found.setdefault(name_id, [0] * len(_OUTCOMES))[outcome] += n
        made = [
            CommandCounts(
                command=self._texts[name_id],
                n=sum(counts),
                **{outcome.value: n for outcome, n in zip(_OUTCOMES, counts, strict=True)},
            )
            for name_id, counts in found.items()
        ]
        return sorted(made, key=lambda counts: (-counts.n, counts.command))

    def hour_counts(self) -> list[HourCount]:
        """By the hours of the period's own zone, in order, without those in which nothing was."""
        found: dict[datetime, list[int]] = {}
        for start, counts in self._odd_hours.items():
            for outcome, n in counts:
                _count(found, start, outcome, n)
        if self._has_whole_hours:
            found |= {start_of_hour(hour): counts for hour, counts in self._sums[1].items()}
        return [HourCount(start=start, n=n, faults=faults) for start, (n, faults) in sorted(found.items())]

    def latencies(self, metric: str | None = None) -> Mapping[tuple[str, str], Histogram]:
        """By (command or operation, metric), of one metric if it is named."""
        found: dict[tuple[int, int], dict[int, int]] = {}
        wanted = range(len(METRICS)) if metric is None else [METRICS.index(metric)]
        for _, name_id, parts in self._days:
            for of in wanted:
                if of + 1 < len(parts) and (part := parts[of + 1]):
                    counts = found.get((name_id, of))
                    if counts is None:
                        found[name_id, of] = dict(zip(part[::2], part[1::2], strict=True))
                    else:
                        for bucket, n in zip(part[::2], part[1::2], strict=True):
                            counts[bucket] = counts.get(bucket, 0) + n
        return {(self._texts[name_id], METRICS[of]): _histogram(counts) for (name_id, of), counts in found.items()}

    def latency_by_day(self, command: str, metric: str) -> Mapping[str, Histogram]:
        """By ISO date (UTC)."""
        position = METRICS.index(metric) + 1
        return {
            iso_date(day): _histogram(dict(zip(parts[position][::2], parts[position][1::2], strict=True)))
            for day, name_id, parts in sorted(self._days)
            if self._texts[name_id] == command and position < len(parts) and parts[position]
        }

    @cached_property
    def _sums(self) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
        """Within the period's whole hours: by name a count per outcome, and by hour since 1970 (commands, faults)."""
        by_name: dict[int, list[int]] = {}
        by_hour: dict[int, list[int]] = {}
        for day, name_id, parts in self._days:
            if not parts or not (cells := parts[0]):
                continue
            first = day * HOURS_PER_DAY
            is_inside = first in self._hours and first + HOURS_PER_DAY - 1 in self._hours
            counts = by_name.setdefault(name_id, [0] * len(_OUTCOMES))
            for cell, n in zip(cells[::2], cells[1::2], strict=True):
                hour = first + cell % HOURS_PER_DAY
                if is_inside or hour in self._hours:
                    outcome = cell // HOURS_PER_DAY
                    counts[outcome] += n
                    sums = by_hour.get(hour)
                    if sums is None:
                        sums = by_hour[hour] = [0, 0]
                    sums[0] += n
                    if outcome in _FAULTS:
                        sums[1] += n
        return {name_id: counts for name_id, counts in by_name.items() if any(counts)}, by_hour


def _count(found: dict[datetime, list[int]], start: datetime, outcome: int, n: int) -> None:
    counts = found.setdefault(start, [0, 0])
    counts[0] += n
    counts[1] += n if outcome in _FAULTS else 0


def _histogram(counts: Mapping[int, int]) -> Histogram:
    return Histogram({bucket + LOWEST: n for bucket, n in counts.items()})
