"""What a row of the roll-ups counts, in words: each number by a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botmon_cog.domain import text
from botmon_cog.domain.histogram import LOWEST, value_of
from botmon_cog.domain.metric_days import MetricDay
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.rollup import (
    COMPLETION_DURATIONS,
    COMPLETIONS,
    COMPONENT_DURATIONS,
    COMPONENT_RESPONSES,
    COMPONENTS,
    EXECUTED,
    HOURS_PER_DAY,
    METRICS,
    PART,
)
from botmon_cog.store.schema import GUILD_HOURLY

Values = Mapping[str, float]
"""Numbers by their names."""

HOURLY = tuple(column for column in GUILD_HOURLY.columns if column not in GUILD_HOURLY.key)
_OUTCOMES = tuple(Outcome)
_TIMES = {
    **dict(enumerate(METRICS, start=1)),
    COMPONENT_DURATIONS: "duration of a component",
    COMPONENT_RESPONSES: "response of a component",
    COMPLETION_DURATIONS: "duration of a completion",
}


def differing(stored: Values | None, counted: Values | None) -> dict[str, Any]:
    if stored is None or counted is None:
        return {"stored": stored, "counted": counted}
    names = [name for name in {**stored, **counted} if stored.get(name, 0) != counted.get(name, 0)]
    return {
        "stored": {name: stored.get(name, 0) for name in names},
        "counted": {name: counted.get(name, 0) for name in names},
    }


def of_group(counts: Mapping[int, int] | None, commands: int | None) -> Values | None:
    if counts is None or commands is None:
        return None
    return ({"commands": commands} if commands else {}) | {_name_of(code): n for code, n in sorted(counts.items())}


def _name_of(code: int) -> str:
    part, of = divmod(code, PART)
    if part in _TIMES:
        return f"{_TIMES[part]} of about {text.latency(value_of(of + LOWEST))} (bucket {of})"
    what, hour = divmod(of, HOURS_PER_DAY)
    if part == COMPLETIONS:
        return f"completions that failed at {hour:02}:00" if what else f"completions at {hour:02}:00"
    return f"{'components that were ' if part == COMPONENTS else ''}{_OUTCOMES[what]} at {hour:02}:00"


def of_person(hours: int | None) -> Values | None:
    if hours is None:
        return None
    found = {f"at {hour:02}:00": 1 for hour in range(HOURS_PER_DAY) if hours >> hour & 1}
    return found | ({"executed a command": 1} if hours & EXECUTED else {})


def of_hour(counts: tuple[int, ...] | None) -> Values | None:
    return None if counts is None else dict(zip(HOURLY, counts, strict=True))


def of_metric(day: MetricDay | None) -> Values | None:
    if day is None:
        return None
    found: dict[str, float] = {
        f"{what} at {hour:02}:00": value
        for hour, of in sorted(day.hours.items())
        for what, value in of._asdict().items()
        if value is not None
    }
    return found | {f"bucket {bucket}": n for bucket, n in sorted(day.buckets.items())}
