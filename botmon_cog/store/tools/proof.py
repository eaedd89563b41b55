"""The proof that the roll-ups are right: the log counted anew, day by day, and held against what is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from botmon_cog.domain.metric_days import MetricDay, MetricKey, add_points
from botmon_cog.domain.rollup import HOURS_PER_DAY, MS_PER_DAY, MS_PER_HOUR, NO_GUILD, Tally, iso_date
from botmon_cog.store import metric_days, rollup
from botmon_cog.store.columns import LogTable, Table
from botmon_cog.store.labels import texts_of
from botmon_cog.store.packed import unpack
from botmon_cog.store.packed_metrics import unpack_metric
from botmon_cog.store.retention import first_whole_day, raw_since
from botmon_cog.store.rollup import commands_of
from botmon_cog.store.schema import (
    AUTOCOMPLETE_CALLS,
    COUNTED_COMMANDS,
    GUILD_HOURLY,
    GUILDS,
    INVOCATIONS,
    METRIC_DAYS,
    METRIC_POINTS,
    MUSIC_EVENTS,
    PEOPLE,
    ROLLUPS,
    SAMPLES,
    SONG_TITLES,
)
from botmon_cog.store.script import Lookup, Pause, Query, Script
from botmon_cog.store.tools.proof_words import HOURLY, Values, differing, of_group, of_hour, of_metric, of_person

_COUNTED_TABLES = (INVOCATIONS, MUSIC_EVENTS, COUNTED_COMMANDS, SAMPLES, AUTOCOMPLETE_CALLS, METRIC_POINTS)
_DATED = (
    *((table, table.moment, MS_PER_DAY) for table in _COUNTED_TABLES),
    (ROLLUPS, "day", 1),
    (PEOPLE, "day", 1),
    (GUILD_HOURLY, "hour", HOURS_PER_DAY),
    (SONG_TITLES, "day", 1),
    (METRIC_DAYS, "day", 1),
)
"""Where days stand: a table, the column, and how much of it is a day."""


def _of_an_hour(query: str, table: LogTable) -> str:
    """One of the queries that roll up, over what is rolled up of an hour in place of a stretch of a run."""
    rolled_up = "seq <= (SELECT rolled_up_seq FROM @runs WHERE id = run_id)"
    return query.replace(
        "run_id = :run_id AND seq > :after AND seq <= :upto",
        f"{table.moment} >= :since AND {table.moment} < :until AND {rolled_up}",
    )


_INVOCATIONS = _of_an_hour(rollup.INVOCATIONS, INVOCATIONS)
_MUSIC_EVENTS = _of_an_hour(rollup.MUSIC, MUSIC_EVENTS)
_COUNTED = _of_an_hour(rollup.COUNTED, COUNTED_COMMANDS)
_SAMPLES = _of_an_hour(rollup.SAMPLES, SAMPLES)
_COMPLETIONS = _of_an_hour(rollup.COMPLETIONS, AUTOCOMPLETE_CALLS)
_POINTS = _of_an_hour(metric_days.POINTS, METRIC_POINTS)
_GROUPS = "SELECT scope, name_id, n, data FROM @rollups WHERE day = :day"
_PEOPLE = "SELECT guild_id, user_id, hours FROM @people WHERE day = :day"
_TITLES = "SELECT guild_id, title, n FROM @song_titles WHERE day = :day"
_METRICS = "SELECT name_id, labels_id, kind, unit_id, data FROM @metric_days WHERE day = :day"
_HOURS = f"""
SELECT hour, guild_id, {", ".join(HOURLY)} FROM @guild_hourly WHERE hour >= :first AND hour < :end
"""  # noqa: S608 (names)


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the roll-ups that is not what the log says.

    Attributes:
        when: the day, and the hour in a table of hours (UTC).
        guild_id: None for the whole bot, and for direct messages.
        name: of the command, operation or song, in a table of those.
        user_id: in a table of people.
        stored: only what differs; None if there is no such row.
        counted: likewise; None if there should be none.
    """

    table: str
    when: str
    guild_id: str | None = None
    guild_name: str | None = None
    name: str | None = None
    user_id: str | None = None
    stored: Values | None
    counted: Values | None


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """A `Difference` whose ids and names are those of the database."""

    table: Table
    when: str
    guild: int
    name_id: int = 0
    title: str | None = None
    metric: MetricKey | None = None
    user: int = 0
    stored: Values | None
    counted: Values | None


class _Sums:
    """What is counted, or stored, of one day, by the keys within the day."""

    def __init__(self) -> None:
        self.groups: dict[tuple[int, int], Counter[int]] = {}
        self.commands: dict[tuple[int, int], int] = {}
        self.people: dict[tuple[int, int], int] = {}
        self.hourly: dict[tuple[int, int], tuple[int, ...]] = {}
        self.titles: Counter[tuple[int, str]] = Counter()
        self.metrics: dict[MetricKey, MetricDay] = {}

    def add(self, tally: Tally) -> None:
        for (_, scope, name_id), codes in tally.groups.items():
            self.groups.setdefault((scope, name_id), Counter()).update(codes)
        for (_, guild, user), hours in tally.people.items():
            self.people[guild, user] = self.people.get((guild, user), 0) | hours
        for (_, guild, title), n in tally.titles.items():
            self.titles[guild, title] += n
        for key, of_hour_ in tally.metrics.items():
            self.metrics.setdefault(key, MetricDay()).add_day(of_hour_)
        self.hourly |= {key: tuple(counts) for key, counts in tally.hourly.items()}  # of an hour each


# -- days --------------------------------------------------------------------------------------------------------------


def first_provable_day() -> Script[int]:
    """The first day (since 1970) of which no row was removed from the log."""
    return first_whole_day((yield from raw_since()))


def provable_days() -> Script[list[int]]:
    """All days, from the first whole one on, that the log or the roll-ups know."""
    first = yield from first_provable_day()
    found: set[int] = set()
    for table, column, per_day in _DATED:
        day = first
        while True:  # from one to the next through the index
            query = f"SELECT MIN({column}) FROM @{table.name} WHERE {column} >= :after"  # noqa: S608 (names)
            ((value,),) = yield Query(query, {"after": day * per_day})
            if value is None:
                break
            found.add(value // per_day)
            day = value // per_day + 1
    return sorted(found)


def date_of(day: int) -> str:
    try:
        return iso_date(day)
    except OverflowError:
        return f"day {day}"


# -- one day -----------------------------------------------------------------------------------------------------------


def differences(day: int, most: int) -> Script[tuple[int, list[Difference]] | None]:
    """How many rows of a day's roll-ups differ, and the first of them. None: rows of it were removed from the log."""
    if day < (yield from first_provable_day()):
        return None
    counted = yield from _counted(day)
    stored = yield from _stored(day)
    rows = [
        *_groups(day, stored, counted),
        *_people(day, stored, counted),
        *_hourly(stored, counted),
        *_titles(day, stored, counted),
        *_metrics(day, stored, counted),
    ]
    return len(rows), (yield from _named(rows[:most]))


def _counted(day: int) -> Script[_Sums]:
    sums = _Sums()
    for hour in range(day * HOURS_PER_DAY, (day + 1) * HOURS_PER_DAY):
        tally = Tally()
        values = {"since": hour * MS_PER_HOUR, "until": (hour + 1) * MS_PER_HOUR}
        tally.add_invocations((yield Query(_INVOCATIONS, values)))
        tally.add_music((yield Query(_MUSIC_EVENTS, values)))
        tally.add_counted((yield Query(_COUNTED, values)))
        tally.add_samples((yield Query(_SAMPLES, values)))
        tally.add_completions(rollup.completions((yield Query(_COMPLETIONS, values))))
        add_points(tally.metrics, metric_days.points((yield Query(_POINTS, values))))
        sums.add(tally)
        yield Pause()
    sums.commands = {key: commands_of(counts) for key, counts in sums.groups.items()}
    return sums


def _stored(day: int) -> Script[_Sums]:
    sums = _Sums()
    for scope, name_id, n, data in (yield Query(_GROUPS, {"day": day})):
        sums.groups[scope, name_id] = Counter(unpack(bytes(data)))
        sums.commands[scope, name_id] = n
    sums.people = {(guild, user): hours for guild, user, hours in (yield Query(_PEOPLE, {"day": day}))}
    sums.titles.update({(guild, title): n for guild, title, n in (yield Query(_TITLES, {"day": day}))})
    for *key, data in (yield Query(_METRICS, {"day": day})):
        sums.metrics[MetricKey(day, *key)] = unpack_metric(bytes(data))
    hours = {"first": day * HOURS_PER_DAY, "end": (day + 1) * HOURS_PER_DAY}
    sums.hourly = {(hour, guild): tuple(counts) for hour, guild, *counts in (yield Query(_HOURS, hours))}
    return sums


def _groups(day: int, stored: _Sums, counted: _Sums) -> Iterable[_Row]:
    for key in sorted(stored.groups.keys() | counted.groups.keys()):
        there, here = stored.groups.get(key), counted.groups.get(key)
        if there != here or stored.commands[key] != counted.commands[key]:
            parts = differing(of_group(there, stored.commands.get(key)), of_group(here, counted.commands.get(key)))
            yield _Row(table=ROLLUPS, when=date_of(day), guild=key[0], name_id=key[1], **parts)


def _people(day: int, stored: _Sums, counted: _Sums) -> Iterable[_Row]:
    for guild, user in sorted(stored.people.keys() | counted.people.keys()):
        there, here = stored.people.get((guild, user)), counted.people.get((guild, user))
        if there != here:
            parts = differing(of_person(there), of_person(here))
            yield _Row(table=PEOPLE, when=date_of(day), guild=guild, user=user, **parts)


def _hourly(stored: _Sums, counted: _Sums) -> Iterable[_Row]:
    for hour, guild in sorted(stored.hourly.keys() | counted.hourly.keys()):
        there, here = stored.hourly.get((hour, guild)), counted.hourly.get((hour, guild))
        if there != here:
            day, hour_of_day = divmod(hour, HOURS_PER_DAY)
            when = f"{date_of(day)} {hour_of_day:02}:00"
            parts = differing(of_hour(there), of_hour(here))
            yield _Row(table=GUILD_HOURLY, when=when, guild=guild, **parts)


def _titles(day: int, stored: _Sums, counted: _Sums) -> Iterable[_Row]:
    for guild, title in sorted(stored.titles.keys() | counted.titles.keys()):
        there, here = stored.titles.get((guild, title)), counted.titles.get((guild, title))
        if there != here:
            parts = differing(None if there is None else {"n": there}, None if here is None else {"n": here})
            yield _Row(table=SONG_TITLES, when=date_of(day), guild=guild, title=title, **parts)


def _metrics(day: int, stored: _Sums, counted: _Sums) -> Iterable[_Row]:
    for key in sorted(stored.metrics.keys() | counted.metrics.keys()):
        there, here = of_metric(stored.metrics.get(key)), of_metric(counted.metrics.get(key))
        if there != here:
            parts = differing(there, here)
            yield _Row(table=METRIC_DAYS, when=date_of(day), guild=NO_GUILD, metric=key, **parts)


# -- names -------------------------------------------------------------------------------------------------------------


def _named(rows: list[_Row]) -> Script[list[Difference]]:
    ids = {id_ for row in rows for id_ in (row.guild, row.user)}
    names_of = {
        id_ for row in rows for id_ in (row.name_id, *((row.metric.name, row.metric.labels) if row.metric else ()))
    }
    labels = yield from texts_of({-id_ for id_ in ids if id_ < 0} | (names_of - {0}))
    guilds = sorted({(row.guild,) for row in rows})
    names = dict((yield Lookup(GUILDS, guilds, ("guild_id", "name"))))

    def label(id_: int) -> str:
        return labels.get(id_, f"label {id_}")

    def id_text(id_: int) -> str | None:
        return None if id_ == NO_GUILD else str(id_) if id_ > 0 else label(-id_)

    def name(row: _Row) -> str | None:
        if row.metric is None:
            return label(row.name_id) if row.table is ROLLUPS else row.title
        return f"{label(row.metric.name)} {label(row.metric.labels)}".strip()

    return [
        Difference(
            table=row.table.name,
            when=row.when,
            guild_id=id_text(row.guild),
            guild_name=names.get(row.guild),
            name=name(row),
            user_id=id_text(row.user),
            stored=row.stored,
            counted=row.counted,
        )
        for row in rows
    ]
