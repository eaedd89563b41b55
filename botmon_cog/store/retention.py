"""What is too old, and how it goes: in chunks, each a short transaction, so that a writer never waits for long.

Days (UTC) go as a whole. Before the first single row of a day goes, the mark `RAW_SINCE` says so, and the roll-ups of a
day outlive its single rows: for every day from that mark on, the roll-ups can be counted again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from botmon_cog.config import RetentionConfig
from botmon_cog.domain import text
from botmon_cog.domain.rollup import MS_PER_DAY, MS_PER_HOUR
from botmon_cog.store import schema
from botmon_cog.store.columns import LogTable, Table
from botmon_cog.store.script import Exclude, Execute, Query, Script
from botmon_cog.store.sql import insert_statement

RAW_SINCE = "raw_since"
"""The mark that says since when no single row was removed, in milliseconds since 1970."""

_RAISE_MARK = (
    insert_statement(schema.MARKS, "VALUES (:name, :value)", "replace")
    + " WHERE CAST(stored.value AS BIGINT) < CAST(excluded.value AS BIGINT)"
)
_MARK = "SELECT value FROM @marks WHERE name = :name"


# -- what grows old ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Aged:
    """A table whose rows grow old.

    Attributes:
        age: when a row ended, as SQL, in units of `unit_ms`.
        words: what one row is, and what several are.
        and_if: what else must hold for a row to go, as SQL.
        and_if_seen_ahead: the same as `and_if` will be once all of the log is counted, and what is too old of it is
            gone. None: it does not change.
    """

    table: Table
    age: str
    words: tuple[str, str]
    unit_ms: int = 1
    and_if: str = "TRUE"
    and_if_seen_ahead: str | None = None


def _log(table: LogTable, *words: str) -> Aged:
    is_counted = "seq <= (SELECT rolled_up_seq FROM @runs WHERE id = run_id)"
    return Aged(table=table, age=table.moment, words=(words[0], words[1]), and_if=is_counted, and_if_seen_ahead="TRUE")


_RAW = (
    _log(schema.INVOCATIONS, "command", "commands"),
    _log(schema.MUSIC_EVENTS, "music event", "music events"),
    _log(schema.COUNTED_COMMANDS, "counted command", "counted commands"),
    _log(schema.SAMPLES, "measured operation", "measured operations"),
    _log(schema.METRIC_POINTS, "point of a metric", "points of metrics"),
    _log(schema.AUTOCOMPLETE_CALLS, "minute of autocompletion", "minutes of autocompletion"),
    _log(schema.ANSWERED_ELSEWHERE, "command answered elsewhere", "commands answered elsewhere"),
)
_CHECKS = _log(schema.HEALTH_CHECKS, "health check", "health checks")
_FAILURES = _log(schema.BACKGROUND_FAILURES, "failure in the background", "failures in the background")
_MEMBERSHIPS = _log(schema.GUILD_MEMBERSHIPS, "server joined or left", "servers joined or left")
_KEPT_LIKE_CHECKS = (
    _CHECKS,
    _FAILURES,
    Aged(
        table=schema.ALERT_MESSAGES,
        age="made_ms",
        words=("alert message", "alert messages"),
        and_if="finished_ms IS NOT NULL",
    ),
    Aged(table=schema.GATEWAY_LOSSES, age="ended_ms", words=("gateway outage", "gateway outages")),
    Aged(table=schema.POSTS, age="due_ms", words=("posted report", "posted reports")),
)


def _has_failures(fingerprint: str, *, since: str = "0") -> str:
    return " OR ".join(
        f"EXISTS (SELECT 1 FROM @{table.name} WHERE fingerprint = {fingerprint} AND started_ms >= {since})"  # noqa: S608
        for table in (schema.INVOCATIONS, schema.BACKGROUND_FAILURES)
    )


_GROUP_WORDS = ("error group", "error groups")
_GROUPS = Aged(
    table=schema.ERROR_GROUPS,
    age="first_ms",
    words=_GROUP_WORDS,
    and_if=f"NOT ({_has_failures('@error_groups.fingerprint')})",
    and_if_seen_ahead=f"NOT ({_has_failures('@error_groups.fingerprint', since=':end')})",
)
MOST_GROUPS = 5_000
"""Of a store: what goes beyond them is told from its failures, without place and traceback."""


def _surplus_groups(most: int) -> Aged:
    """Those that failed least lately, of more than so many."""
    return Aged(
        table=schema.ERROR_GROUPS,
        age="first_ms",
        words=_GROUP_WORDS,
        and_if=f"""fingerprint IN (
            SELECT fingerprint FROM @error_groups AS g ORDER BY COALESCE(
                (SELECT MAX(started_ms) FROM @invocations AS i WHERE i.fingerprint = g.fingerprint),
                (SELECT MAX(started_ms) FROM @background_failures AS b WHERE b.fingerprint = g.fingerprint),
                g.first_ms
            ) DESC, fingerprint LIMIT 1000000 OFFSET {most}
        )""",  # noqa: S608 (a number)
    )


_SURPLUS_GROUPS = _surplus_groups(MOST_GROUPS)
_ERROR_MARKS = Aged(
    table=schema.ERROR_MARKS,
    age="COALESCE(muted_until_ms, resolved_ms, 0)",
    words=("note on an error group", "notes on error groups"),
    and_if=f"""NOT (
        EXISTS (SELECT 1 FROM @error_groups AS g WHERE g.fingerprint = @error_marks.fingerprint)
        OR {_has_failures("@error_marks.fingerprint")}
    )""",  # noqa: S608 (text of ours)
)
_MUTES = Aged(table=schema.ALERT_MUTES, age="until_ms", words=("ended mute", "ended mutes"))
_PEOPLE = Aged(table=schema.PEOPLE, age="day", unit_ms=MS_PER_DAY, words=("day of a person", "days of people"))
_HOURLY = Aged(table=schema.GUILD_HOURLY, age="hour", unit_ms=MS_PER_HOUR, words=("hour of a guild", "hours of guilds"))
_TITLES = Aged(
    table=schema.SONG_TITLES, age="day", unit_ms=MS_PER_DAY, words=("day of a song's title", "days of songs' titles")
)
_DAILY = Aged(table=schema.ROLLUPS, age="day", unit_ms=MS_PER_DAY, words=("daily count", "daily counts"))
_METRICS = Aged(table=schema.METRIC_DAYS, age="day", unit_ms=MS_PER_DAY, words=("day of a metric", "days of metrics"))
_HAS_ROWS = " OR ".join(
    f"EXISTS (SELECT 1 FROM @{table.name} WHERE run_id = @runs.id)"  # noqa: S608 (names from the code)
    for table in schema.LOG_TABLES.values()
    if not table.is_once  # what is kept once does without the run that brought it
)
# The newest run of an instance says since when it has been away.
_HAS_NEWER = """EXISTS (
    SELECT 1 FROM @runs AS newer WHERE newer.instance = @runs.instance AND newer.started_ms > @runs.started_ms
)"""
_RUNS = Aged(
    table=schema.RUNS,
    age="COALESCE(seen_ms, started_ms)",
    words=("run", "runs"),
    and_if=f"rolled_up_seq >= last_seq AND {_HAS_NEWER} AND NOT ({_HAS_ROWS})",
)
_WORDS = {
    aged.table.name: aged.words
    for aged in (
        *_RAW,
        *_KEPT_LIKE_CHECKS,
        _MEMBERSHIPS,
        _GROUPS,
        _ERROR_MARKS,
        _MUTES,
        _PEOPLE,
        _HOURLY,
        _TITLES,
        _DAILY,
        _METRICS,
        _RUNS,
    )
}


def in_words(table: str, n: int) -> str:
    """So many rows of a table: `1,204 commands`."""
    return f"{text.count(n)} {text.plural(n, *_WORDS[table])}"


class Cut(NamedTuple):
    """All rows of a table from before `end_ms` go."""

    aged: Aged
    end_ms: int

    @property
    def old(self) -> str:
        return f"FROM @{self.aged.table.name} WHERE {self.aged.age} < :end AND {self.aged.and_if}"

    @property
    def values(self) -> dict[str, Any]:
        return {"end": self.end_ms // self.aged.unit_ms}


# -- what goes ---------------------------------------------------------------------------------------------------------


def raw_cuts(config: RetentionConfig, as_of_ms: int) -> list[Cut]:
    """What goes of the single rows that the roll-ups count."""
    end_ms = _end(config.raw_days, as_of_ms)
    return [] if end_ms is None else [Cut(aged, end_ms) for aged in _RAW]


def other_cuts(config: RetentionConfig, as_of_ms: int, raw_since_ms: int | None) -> list[Cut]:
    """What goes of all else. The roll-ups of days whose single rows are all there stay."""
    raw, health = _end(config.raw_days, as_of_ms), _end(config.health_days, as_of_ms)
    cuts = [] if health is None else [Cut(aged, health) for aged in _KEPT_LIKE_CHECKS]
    if raw_since_ms is not None:
        bound = first_whole_day(raw_since_ms) * MS_PER_DAY
        for aged, days in (
            (_PEOPLE, config.people_days),
            (_HOURLY, config.people_days),
            (_TITLES, config.people_days),
            (_DAILY, config.rollup_days),
            (_METRICS, config.rollup_days),
        ):
            end_ms = _end(days, as_of_ms)
            if end_ms is not None:
                cuts.append(Cut(aged, min(end_ms, bound, end_ms if raw is None else raw)))
    memberships = _end(config.rollup_days, as_of_ms)
    if memberships is not None:
        cuts.append(Cut(_MEMBERSHIPS, memberships))
    today = as_of_ms // MS_PER_DAY * MS_PER_DAY
    cuts.append(Cut(_MUTES, today))
    if raw is not None and health is not None:
        cuts += [Cut(_GROUPS, min(raw, health)), Cut(_RUNS, min(raw, health))]
    cuts += [Cut(_SURPLUS_GROUPS, today + MS_PER_DAY), Cut(_ERROR_MARKS, today)]
    return cuts


def first_cuts(end_ms: int) -> list[Cut]:
    """What goes first if there is too much: all single rows from before `end_ms`, and groups of nothing but these."""
    return [Cut(aged, end_ms) for aged in (*_RAW, _CHECKS, _FAILURES, _GROUPS)]


def first_whole_day(raw_since_ms: int | None) -> int:
    """The first day (whole ones since 1970) of which no single row was removed."""
    return 0 if raw_since_ms is None else -(-raw_since_ms // MS_PER_DAY)


def _end(days: int, as_of_ms: int) -> int | None:
    """The beginning of the day `days` ago; None is for ever."""
    return max(as_of_ms // MS_PER_DAY - days, 0) * MS_PER_DAY if days else None


# -- scripts -----------------------------------------------------------------------------------------------------------


def raise_raw_since(ms: int) -> Script[None]:
    """Say that single rows from before `ms` may be gone; never takes back what was said before."""
    yield Exclude()  # a rebuild that is under way relies on the mark that it found
    yield Execute(_RAISE_MARK, {"name": RAW_SINCE, "value": str(ms)})


def raw_since() -> Script[int | None]:
    """Since when no single row was removed, in milliseconds since 1970; None if none ever was."""
    rows = yield Query(_MARK, {"name": RAW_SINCE})
    return int(rows[0][0]) if rows else None


def count(cut: Cut) -> Script[int]:
    """How many rows are to go, once all of the log is counted and what is too old of it is gone."""
    ahead = cut.aged.and_if_seen_ahead
    aged = cut.aged if ahead is None else replace(cut.aged, and_if=ahead)
    return int((yield Query(f"SELECT COUNT(*) {cut._replace(aged=aged).old}", cut.values))[0][0])


def oldest(cuts: list[Cut]) -> Script[int | None]:
    """When the oldest of the rows to go ended; None if there are none."""
    found: list[int] = []
    for cut in cuts:
        rows = yield Query(f"SELECT {cut.aged.age} {cut.old} ORDER BY {cut.aged.age} LIMIT 1", cut.values)
        found += [int(age) * cut.aged.unit_ms for (age,) in rows]
    return min(found, default=None)


def remove_some(cut: Cut, most: int) -> Script[int]:
    """Remove rows that are to go, the oldest first; returns how many went."""
    key = ", ".join(cut.aged.table.key)
    some = f"SELECT {key} {cut.old} ORDER BY {cut.aged.age} LIMIT :most"
    statement = f"DELETE FROM @{cut.aged.table.name} WHERE ({key}) IN ({some})"  # noqa: S608 (names from the code)
    return (yield Execute(statement, cut.values | {"most": most}))
