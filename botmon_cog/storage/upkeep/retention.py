"""What is too old, and how it goes: in chunks, each a short transaction, so that a writer never waits for long.

Days (UTC) go as a whole. Before the first single row of a day goes, the mark `RAW_SINCE` says so, and the roll-ups of a
day outlive its single rows: what the roll-ups say can be computed again for every day from that mark on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botmon_cog.config import RetentionConfig
from botmon_cog.domain.rollup import day_of, hour_of, iso_date, start_of_day, start_of_hour
from botmon_cog.storage import queries, tables
from botmon_cog.storage.script import Ask, Do, Script
from botmon_cog.storage.tables import Table
from botmon_cog.storage.upkeep.maintained import RAW
from botmon_cog.storage.upkeep.rebuilding import RAW_SINCE, Dialect

CLEANED = "cleaned"
"""The mark that says when the last clean-up began, as ISO text."""

_PUNCTUAL = 0.9
"""Of the interval: a clean-up that is this late is due, for no timer is exact."""
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_HAS_NEWER = """EXISTS (
    SELECT 1 FROM runs AS newer WHERE newer.instance = runs.instance AND newer.started_at > runs.started_at
)"""

_RAISE_MARK = f"{queries.PUT_MARK} WHERE marks.value < excluded.value"
_CLAIM_MARK = f"{queries.PUT_MARK} WHERE marks.value <= :due OR marks.value > excluded.value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aged:
    """A table whose rows grow old.

    Attributes:
        key: what identifies a row: `id`, or the columns of the key, that with the age first.
        ends: as in `Table`.
        and_if: what else must hold for a row to go, as SQL.
    """

    name: str
    key: tuple[str, ...]
    ends: str
    and_if: str = "true"

    @property
    def old(self) -> str:
        """Whether a row is old. What is no date has no age: it stays."""
        if self.ends == "timestamp":
            return "timestamp >= :begin AND timestamp < :end AND {epoch} IS NOT NULL"
        if self.ends == "date":
            return "date LIKE '____-__-__' AND date < :end"
        return f"{self.ends} < :end AND {self.and_if}"


def _aged(table: Table) -> Aged:
    ends = table.ends or ""
    return Aged(name=table.name, key=table.key if ends in {"hour", "day"} else ("id",), ends=ends)


_RAW = tuple(map(_aged, RAW))
_HEALTH = _aged(tables.HEALTH_CHECKS)
_KEPT_LIKE_HEALTH = (
    _HEALTH,
    Aged(name="alert_messages", key=("message_id",), ends="made_at", and_if="finished_at IS NOT NULL"),
    Aged(name="runs", key=("id",), ends="seen_at", and_if=_HAS_NEWER),
    Aged(name="gateway_losses", key=("id",), ends="ended_at"),
)
_MUTES = Aged(name="alert_mutes", key=("scope", "key"), ends="until")
_HOURLY = tuple(
    map(_aged, (tables.COMMAND_HOURLY, tables.LATENCY_HOURLY, tables.MUSIC_HOURLY, tables.ACTIVE_USERS))
)  # fmt: skip
_DAILY = (
    _aged(tables.LATENCY_DAILY),
    _aged(tables.BOT_STATS),
    Aged(name="legacy_stats", key=("day", "guild_id"), ends="day"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """All rows of a table from before `end` go."""

    table: Aged
    end: datetime

    def query(self, text: str, dialect: Dialect) -> str:
        """The text with the names and the condition of the table in it."""
        old = self.table.old.replace("{epoch}", dialect.epoch)
        order = "id" if self.table.ends == "date" else self.table.ends
        return text.format(table=self.table.name, old=old, key=", ".join(self.table.key), order=order)

    def bound(self, dialect: Dialect) -> dict[str, Any]:
        if self.table.ends == "timestamp":
            return {"begin": dialect.moment(_EPOCH), "end": dialect.moment(self.end)}
        days = day_of(self.end)
        ends = {"hour": hour_of(self.end), "day": days, "date": iso_date(days)}
        return {"end": ends.get(self.table.ends, dialect.moment(self.end))}


# -- what goes ---------------------------------------------------------------------------------------------------------


def raw_cuts(end: datetime) -> list[Cut]:
    return [Cut(table=table, end=end) for table in _RAW]


def raw_end(config: RetentionConfig, now: datetime) -> datetime | None:
    """The beginning of the oldest day whose single rows stay; None where all do."""
    return _end(config.raw_days, now)


def other_cuts(config: RetentionConfig, now: datetime, raw_since: datetime | None) -> list[Cut]:
    """What goes of the health checks, of alerts, of uptime and of the roll-ups. Mutes go once they have ended.

    Args:
        config: how long they stay.
        now: the moment.
        raw_since: from when on all single rows are there, None where none was ever removed. The roll-ups of days from
            then on stay.
    """
    bound = None if raw_since is None else start_of_day(day_of(raw_since + _DAY - timedelta.resolution))
    wanted = [(table, config.hourly_days) for table in _HOURLY] + [(table, config.daily_days) for table in _DAILY]
    cuts = [
        Cut(table=table, end=min(end, bound))
        for table, days in wanted
        if bound is not None and (end := _end(days, now)) is not None
    ]
    health_end = _end(config.health_days, now)
    if health_end is not None:
        cuts = [Cut(table=table, end=health_end) for table in _KEPT_LIKE_HEALTH] + cuts
    return [*cuts, Cut(table=_MUTES, end=start_of_day(day_of(now)))]


def _end(days: int, now: datetime) -> datetime | None:
    """The beginning of the day `days` ago."""
    return start_of_day(max(day_of(now) - days, 0)) if days else None


def next_raw_end(oldest: datetime, now: datetime) -> datetime:
    """What goes first where there is too much: the whole of the oldest day, of today an hour."""
    if day_of(oldest) < day_of(now):
        return start_of_day(day_of(oldest) + 1)
    return start_of_hour(hour_of(oldest) + 1)


# -- scripts -----------------------------------------------------------------------------------------------------------


def claim(now: datetime, interval_s: float) -> Script[bool]:
    """Whether a clean-up is due, and ours to do: of several processes, one is told so."""
    due = now - timedelta(seconds=interval_s * _PUNCTUAL)
    changed = yield Do(_CLAIM_MARK, {"name": CLEANED, "value": _text(now), "due": _text(due)})
    return changed == 1


def raise_raw_since(moment: datetime) -> Script[None]:
    """Say that from `moment` on no single row was removed; never takes back what was said before."""
    yield Do(_RAISE_MARK, {"name": RAW_SINCE, "value": _text(moment)})


def raw_since() -> Script[datetime | None]:
    found = yield Ask(queries.GET_MARK, {"name": RAW_SINCE})
    return datetime.fromisoformat(found[0][0]) if found else None


def count(cut: Cut, dialect: Dialect) -> Script[int]:
    """How many rows there are to go."""
    rows = yield Ask(cut.query("SELECT COUNT(*) FROM {table} WHERE {old}", dialect), cut.bound(dialect))
    return int(rows[0][0])


def first_old(cut: Cut, dialect: Dialect) -> Script[Any]:
    """The `id` of one of the rows to go, or the first column of its key; None where there is none."""
    query = cut.query("SELECT {key} FROM {table} WHERE {old} ORDER BY {order} LIMIT 1", dialect)
    rows = yield Ask(query, cut.bound(dialect))
    return rows[0][0] if rows else None


def remove_some(cut: Cut, first: Any, n: int, dialect: Dialect) -> Script[int]:
    """Remove about `n` of the rows to go, the oldest first; returns how many went.

    Args:
        cut: which rows.
        first: what `first_old` found.
        n: at least 1.
        dialect: of the engine.
    """
    bound = cut.bound(dialect)
    if cut.table.ends == "date":  # no index has the date first: a stretch of ids is looked through
        query = "DELETE FROM {table} WHERE id >= :first AND id < :beyond AND {old}"
        bound |= {"first": first, "beyond": first + n}
    elif cut.table.ends not in {"hour", "day"}:
        query = "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {old} ORDER BY {order} LIMIT :n)"
        bound |= {"n": n}
    else:
        nth = "SELECT {key} FROM {table} WHERE {old} ORDER BY {key} LIMIT 1 OFFSET :skipped"
        rows = yield Ask(cut.query(nth, dialect), bound | {"skipped": n - 1})
        query = "DELETE FROM {table} WHERE {old}"
        if rows:  # up to there all are old; to say so once more would make SQLite look through all of them
            names = [f"last_{column}" for column in cut.table.key]
            last = ", ".join(f":{name}" for name in names)
            query = f"DELETE FROM {{table}} WHERE ({{key}}) <= ({last})"  # noqa: S608 (names from the code)
            bound = dict(zip(names, rows[0], strict=True))
    return (yield Do(cut.query(query, dialect), bound))


def oldest_raw(now: datetime, dialect: Dialect) -> Script[datetime | None]:
    """The second of the oldest single row that is not of the hours to come; None where there is none."""
    found: list[int] = []
    for cut in raw_cuts(start_of_hour(hour_of(now) + 1)):
        query = "SELECT {epoch} FROM {table} WHERE {old} ORDER BY timestamp LIMIT 1".replace("{epoch}", dialect.epoch)
        found += [int(seconds) for (seconds,) in (yield Ask(cut.query(query, dialect), cut.bound(dialect)))]
    return _EPOCH + timedelta(seconds=min(found)) if found else None


def _text(moment: datetime) -> str:
    """Marks are compared as texts: all in one form."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")
