"""A period's roll-ups of one scope, read once, and what reports make of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from botmon_cog.domain.histogram import LOWEST, Histogram
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports import AutocompleteCounts, CommandCounts, ComponentCounts, HourCount, Percentiles
from botmon_cog.domain.rollup import (
    COMMANDS,
    COMPLETION_DURATIONS,
    COMPLETIONS,
    COMPONENT_DURATIONS,
    COMPONENT_RESPONSES,
    COMPONENTS,
    HOURS_PER_DAY,
    METRICS,
    iso_date,
    start_of_hour,
)
from botmon_cog.store.packed import Parts
from botmon_cog.store.script import Row

_OUTCOMES = tuple(Outcome)
_EXECUTED = frozenset(code for code, outcome in enumerate(_OUTCOMES) if outcome.is_executed)
_FAULTS = frozenset(code for code, outcome in enumerate(_OUTCOMES) if outcome.is_fault and outcome.is_rated)
_COMPLETION_CELLS = 2
"""Those that did not fail, and those that did."""


_NOTHING = Histogram()


class DayOfName(NamedTuple):
    """One command, component or operation on one day."""

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
        edges: Mapping[int, Sequence[Row]],
        odd_hours: Mapping[datetime, Sequence[tuple[int, int]]],
        has_whole_hours: bool,
        texts: Mapping[int, str],
    ) -> None:
        """What was read.

        Args:
            days: of the days that the period touches.
            hours: those of UTC that are wholly in the period.
            edges: of the parts of hours at both ends, by `COMMANDS`, `COMPONENTS` and `COMPLETIONS`: (name, outcome's
                code, n), of completions whether they failed in place of the outcome.
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
        found = self._with_edges(COMMANDS, self._sums[0], len(_OUTCOMES))
        made = [CommandCounts(command=self._texts[name_id], **_fields(counts)) for name_id, counts in found.items()]
        return sorted(made, key=lambda counts: (-counts.n, counts.command))

    def component_counts(self) -> list[ComponentCounts]:
        """Buttons, select menus and modals, most used first."""
        found = self._with_edges(COMPONENTS, self._cells(COMPONENTS, len(_OUTCOMES)), len(_OUTCOMES))
        durations, responses = self._histograms(COMPONENT_DURATIONS), self._histograms(COMPONENT_RESPONSES)
        made = [
            ComponentCounts(
                name=self._texts[name_id],
                duration=Percentiles.of(durations.get(name_id, _NOTHING)),
                response=Percentiles.of(responses.get(name_id, _NOTHING)),
                **_fields(counts),
            )
            for name_id, counts in found.items()
        ]
        return sorted(made, key=lambda counts: (-counts.n, counts.name))

    def autocomplete_counts(self) -> list[AutocompleteCounts]:
        """Commands whose options were completed, most often first; none of a single guild."""
        found = self._with_edges(COMPLETIONS, self._cells(COMPLETIONS, _COMPLETION_CELLS), _COMPLETION_CELLS)
        durations = self._histograms(COMPLETION_DURATIONS)
        made = [
            AutocompleteCounts(
                command=self._texts[name_id],
                n=sum(counts),
                failed=counts[1],
                duration=Percentiles.of(durations.get(name_id, _NOTHING)),
            )
            for name_id, counts in found.items()
        ]
        return sorted(made, key=lambda counts: (-counts.n, counts.command))

    def hour_counts(self) -> list[HourCount]:
        """By the hours of the period's own zone, in order, without those in which nothing ran."""
        found: dict[datetime, list[int]] = {}
        for start, counts in self._odd_hours.items():
            for outcome, n in counts:
                _count(found, start, outcome, n)
        if self._has_whole_hours:
            found |= {start_of_hour(hour): counts for hour, counts in self._sums[1].items()}
        return [HourCount(start=start, n=n, faults=faults) for start, (n, faults) in sorted(found.items()) if n]

    def hours_of(self, command: str) -> list[HourCount]:
        """One command by hours of UTC, in order, without those in which it did not run."""
        found: dict[datetime, list[int]] = {}
        for day, name_id, parts in self._days:
            cells = parts[COMMANDS] if parts and self._texts[name_id] == command else ()
            for cell, n in zip(cells[::2], cells[1::2], strict=True):
                outcome, hour = divmod(cell, HOURS_PER_DAY)
                if day * HOURS_PER_DAY + hour in self._hours:
                    _count(found, start_of_hour(day * HOURS_PER_DAY + hour), outcome, n)
        return [HourCount(start=start, n=n, faults=faults) for start, (n, faults) in sorted(found.items()) if n]

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

    def latency_by_day(self, command: str | None, metric: str) -> Mapping[str, Histogram]:
        """By ISO date (UTC), of all commands where none is named."""
        position = METRICS.index(metric) + 1
        found: dict[int, dict[int, int]] = {}
        for day, name_id, parts in sorted(self._days):
            if position < len(parts) and (part := parts[position]) and command in {None, self._texts[name_id]}:
                counts = found.setdefault(day, {})
                for bucket, n in zip(part[::2], part[1::2], strict=True):
                    counts[bucket] = counts.get(bucket, 0) + n
        return {iso_date(day): _histogram(counts) for day, counts in found.items()}

    def _with_edges(self, part: int, sums: Mapping[int, Sequence[int]], cells: int) -> dict[int, list[int]]:
        found = {name_id: list(counts) for name_id, counts in sums.items()}
        for name_id, cell, n in self._edges[part]:
            found.setdefault(name_id, [0] * cells)[cell] += n
        return found

    def _cells(self, part: int, cells: int) -> dict[int, list[int]]:
        """Within the period's whole hours: by name, how often each cell of a part came in any hour."""
        found: dict[int, list[int]] = {}
        for day, name_id, parts in self._days:
            flat = parts[part] if part < len(parts) else ()
            for cell, n in zip(flat[::2], flat[1::2], strict=True):
                of, hour = divmod(cell, HOURS_PER_DAY)
                if day * HOURS_PER_DAY + hour in self._hours:
                    found.setdefault(name_id, [0] * cells)[of] += n
        return found

    def _histograms(self, part: int) -> dict[int, Histogram]:
        """Of the days that the period touches, by name."""
        found: dict[int, dict[int, int]] = {}
        for _, name_id, parts in self._days:
            flat = parts[part] if part < len(parts) else ()
            for bucket, n in zip(flat[::2], flat[1::2], strict=True):
                counts = found.setdefault(name_id, {})
                counts[bucket] = counts.get(bucket, 0) + n
        return {name_id: _histogram(counts) for name_id, counts in found.items()}

    @cached_property
    def _sums(self) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
        """Within the period's whole hours: by name a count per outcome, and by hour since 1970 (executed, faults)."""
        by_name: dict[int, list[int]] = {}
        by_hour: dict[int, list[int]] = {}
        for day, name_id, parts in self._days:
            if not parts or not (cells := parts[COMMANDS]):
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
                    if outcome in _EXECUTED:
                        sums[0] += n
                    if outcome in _FAULTS:
                        sums[1] += n
        return {name_id: counts for name_id, counts in by_name.items() if any(counts)}, by_hour


def _fields(counts: Sequence[int]) -> dict[str, int]:
    """What is known of outcomes, by the fields of a report."""
    return {"n": sum(counts), **{outcome.value: n for outcome, n in zip(_OUTCOMES, counts, strict=True)}}


def _count(found: dict[datetime, list[int]], start: datetime, outcome: int, n: int) -> None:
    counts = found.setdefault(start, [0, 0])
    counts[0] += n if outcome in _EXECUTED else 0
    counts[1] += n if outcome in _FAULTS else 0


def _histogram(counts: Mapping[int, int]) -> Histogram:
    return Histogram({bucket + LOWEST: n for bucket, n in counts.items()})
