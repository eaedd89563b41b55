"""Events and roll-ups as rows of the tables."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from botmon_cog.domain.models import Event, HealthRecord, Invocation, MetricSample, MusicEvent, Outcome
from botmon_cog.domain.rollup import HOURS_PER_DAY, Rollup, iso_date
from botmon_cog.storage import tables
from botmon_cog.storage.tables import Table

Row = tuple[Any, ...]
Moment = Callable[[datetime], Any]
"""How an engine wants a moment."""

_COMMANDS, _USERS = (list(tables.BOT_STATS.merges).index(name) for name in ("commands_executed", "unique_users"))
"""Where these stand among the columns of `bot_stats`; the first four are those of `Rollup.music`."""
_NUL = b"\\u0000"
"""As JSON writes it."""
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def storable_events(events: Sequence[Event]) -> list[Event]:
    """The events without what no database takes: NUL and lone surrogates in texts, metrics without a value.

    An event id that comes twice is there once.

    Raises:
        TypeError: an event holds what is no value.
    """
    try:
        is_clean = _NUL not in msgspec.json.encode(events)
    except UnicodeEncodeError:
        is_clean = False
    distinct = {(type(event), event.event_id): event for event in reversed(events)}
    kept = events if len(distinct) == len(events) else list(reversed(distinct.values()))
    cleaned = kept if is_clean else map(_cleaned, kept)
    return [event for event in cleaned if type(event) is not MetricSample or math.isfinite(event.value)]


def _cleaned(event: Event) -> Event:
    texts = {name: value for name in event.__struct_fields__ if type(value := getattr(event, name)) is str}
    return msgspec.structs.replace(event, **{name: storable(text) for name, text in texts.items()})


def storable(text: str) -> str:
    """The text without NUL and lone surrogates."""
    return text.replace("\0", _REPLACEMENT).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def raw_rows(events: Iterable[Event], moment: Moment, instance: str) -> dict[Table, list[Row]]:
    """The rows of the raw tables, in the order of the events; the tables in one order, as whoever locks them does."""
    found: dict[Table, list[Row]] = {}
    for event in events:
        kind = type(event)
        found.setdefault(tables.RAW_TABLES[kind], []).append(_MAKERS[kind](event, moment, instance))
    return {table: found[table] for table in tables.RAW_TABLES.values() if table in found}


def _audit_row(event: Invocation, moment: Moment, instance: str) -> Row:
    outcome = event.outcome
    return (
        event.event_id,
        moment(event.started_at),
        event.command,
        str(event.kind),
        str(outcome),
        outcome == Outcome.OK,
        _number(event.duration_s),
        _number(event.response_s),
        _number(event.gateway_delay_s),
        event.guild_id,
        event.guild_name,
        event.channel_id,
        event.user_id,
        event.username,
        event.shard_id,
        event.parameters,
        event.details,
        event.error_type,
        event.error_message,
        instance,
    )


def _music_row(event: MusicEvent, moment: Moment, instance: str) -> Row:
    return (
        event.event_id,
        moment(event.occurred_at),
        str(event.type),
        event.guild_id,
        event.user_id,
        _number(event.duration_s) or 0.0,
        event.shard_id,
        instance,
    )


def _metric_row(event: MetricSample, moment: Moment, instance: str) -> Row:
    return (
        event.event_id,
        moment(event.occurred_at),
        event.name,
        event.value,
        event.unit,
        event.success,
        event.guild_id,
        event.user_id,
        event.shard_id,
        instance,
    )


def _health_row(event: HealthRecord, moment: Moment, instance: str) -> Row:
    return (
        event.event_id,
        moment(event.occurred_at),
        event.status,
        event.reason,
        event.rss_bytes,
        _number(event.cpu_percent),
        _number(event.database_s),
        _number(event.error_rate),
        instance,
    )


_MAKERS: Mapping[type, Callable[[Any, Moment, str], Row]] = {
    Invocation: _audit_row,
    MusicEvent: _music_row,
    MetricSample: _metric_row,
    HealthRecord: _health_row,
}


def _number(value: float | None) -> float | None:
    """A measurement that is no number was none."""
    return value if value is not None and math.isfinite(value) else None


def rollup_rows(rollup: Rollup) -> dict[Table, list[Row]]:
    """The rows of the roll-up tables but `bot_stats`, sorted by key: whoever writes them takes locks in one order."""
    found: dict[Table, Iterable[Row]] = {
        tables.COMMAND_HOURLY: [(*key, *counts) for key, counts in rollup.commands.items()],
        tables.COMMAND_SEEN: _seen(rollup),
        tables.ACTIVE_USERS: [(*key, hours) for key, hours in rollup.users.items()],
        tables.LATENCY_HOURLY: [(*key, n) for key, n in rollup.latencies.items()],
        tables.LATENCY_DAILY: [(*key, n) for key, n in rollup.guild_latencies.items()],
        tables.MUSIC_HOURLY: [(*key, *counts) for key, counts in rollup.music.items()],
        tables.GUILDS: rollup.guild_names.items(),
    }
    return {table: sorted(rows) for table, rows in found.items()}


def _seen(rollup: Rollup) -> Iterable[Row]:
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for hour, guild_id, command in rollup.commands:
        first, last = found.get((guild_id, command), (hour, hour))
        found[guild_id, command] = min(first, hour), max(last, hour)
    return [(*key, *hours) for key, hours in found.items()]


def bot_stats_rows(rollup: Rollup, new_users: Iterable[tuple[int, str]]) -> list[Row]:
    """The rows of `bot_stats`, sorted by key. `new_users`: (day, guild_id) of each user who was new to that day."""
    found: defaultdict[tuple[str, int], list[int]] = defaultdict(lambda: [0] * len(tables.BOT_STATS.merges))
    for (hour, guild_id), counts in rollup.music.items():
        totals = found[guild_id, hour // HOURS_PER_DAY]
        for position, n in enumerate(counts):
            totals[position] += n
    for (hour, guild_id, _), counts in rollup.commands.items():
        found[guild_id, hour // HOURS_PER_DAY][_COMMANDS] += counts[0]
    for day, guild_id in new_users:
        found[guild_id, day][_USERS] += 1
    dates = {day: iso_date(day) for _, day in found}
    # Direct messages are no guild's.
    return [(guild_id, dates[day], *counts) for (guild_id, day), counts in sorted(found.items()) if guild_id]
