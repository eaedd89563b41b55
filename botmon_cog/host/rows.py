"""Rows of the host's `audit_logs`, as events of ours, and the other way round."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple

from botmon_cog.domain.models import Id, Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.taken import LONGEST_NAME, LONGEST_TEXT, LONGEST_USERNAME, taken_duration, taken_id
from botmon_cog.host.file import fetch
from botmon_cog.host.shape import AUDIT_LOGS
from botmon_cog.store.host.pieces import Mirrored
from botmon_cog.store.host.sources import Sample

SAMPLES = 8
"""So many rows are remembered, so that it shows if the table is another one."""
_FIRST = datetime(1990, 1, 1, tzinfo=UTC)
_LAST = datetime(2100, 1, 1, tzinfo=UTC)
_TOO_EARLY = timedelta(days=2)
"""A host may write local time; what is later than that is no time."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_US_PER_MS = 1000
_FORMAT = "%Y-%m-%d %H:%M:%S"
_NO_GUILD = frozenset({"", "none"})

COLUMNS = (*AUDIT_LOGS.base, *AUDIT_LOGS.added)
INSERT = f"""
INSERT INTO audit_logs ({", ".join(COLUMNS[1:])})
VALUES ({", ".join("?" * (len(COLUMNS) - 1))}) RETURNING id
"""  # noqa: S608 (names)
_SAME = "SELECT id, guild_id, user_id, command, executed_at FROM audit_logs WHERE id = ?"

Values = tuple[Any, ...]


class HostRow(NamedTuple):
    """A row that was read.

    Attributes:
        invocation: None if it can't be understood.
        executed_s: when it was executed, in whole seconds since 1970; 0 if it can't be understood.
    """

    row_id: int
    invocation: Invocation | None
    executed_s: int = 0


class Chunk(NamedTuple):
    """Rows that follow one upon the other, in the order of their ids.

    Attributes:
        samples: of the last ones.
        odd: why the first one that can't be understood is so; None if all can be.
    """

    rows: Sequence[HostRow]
    samples: Sequence[Sample]
    odd: str | None


class _OddError(ValueError):
    """A row can't be understood; the text says why."""


# -- reading -----------------------------------------------------------------------------------------------------------


def select(missing: Sequence[str]) -> str:
    """The query for a chunk behind an id, of a table that lacks some columns."""
    columns = ", ".join(f"NULL AS {name}" if name in missing else name for name in COLUMNS)
    return f"SELECT {columns} FROM audit_logs WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608 (names)


def read_chunk(db: sqlite3.Connection, query: str, after: int, most: int, now: datetime) -> Chunk:
    """The next rows. All are fetched before any is looked at: meanwhile the host can't write."""
    found = fetch(db, query, (after, most))
    rows: list[HostRow] = []
    odd: str | None = None
    latest = now + _TOO_EARLY
    for values in found:
        try:
            rows.append(_row(values, latest))
        except _OddError as error:
            rows.append(HostRow(values[0], None))
            odd = odd or f"row {values[0]}: {error}"
    samples = [sample_of(values[0], values[1], values[2], values[3], values[5]) for values in found[-SAMPLES:]]
    return Chunk(rows, samples, odd)


def read_samples(db: sqlite3.Connection, ids: Sequence[int]) -> list[Sample]:
    """What the rows with these ids hold, as far as they are there."""
    rows = [row for id_ in ids for row in fetch(db, _SAME, (id_,))]
    return [sample_of(*row) for row in rows]


def last_id(db: sqlite3.Connection, table: str) -> int:
    """The last id that a table has given; 0 if none."""
    given = db.execute("SELECT MAX(seq) FROM sqlite_sequence WHERE name = ? COLLATE NOCASE", (table,)).fetchone()
    there = db.execute(f"SELECT MAX(id) FROM {table}").fetchone()[0]  # noqa: S608 (a name of ours)
    return max(int(given[0] or 0), int(there or 0))


def sample_of(row_id: int, *held: object) -> Sample:
    """What tells a row from another with the same id."""
    digest = blake2b(repr(held).encode("utf-8", "replace"), digest_size=7).digest()
    return row_id, int.from_bytes(digest)


def _row(values: Values, latest: datetime) -> HostRow:
    row_id, guild_id, user_id, command, details, executed_at, username, guild_name, parameters = values[:9]
    duration, success, error_message = values[9:]
    if not isinstance(command, str):
        raise _OddError("command is no text")
    executed = moment_of(executed_at, latest)
    if executed is None:
        raise _OddError(f"executed_at is no time of these years: {str(executed_at)[:40]!r}")
    began, duration_s = _times(executed, duration)
    invocation = Invocation(
        kind=Kind.LOGGED,
        command=command[:LONGEST_NAME],
        outcome=Outcome.ERROR if success in {0, "0"} else Outcome.OK,
        started_at=began,
        duration_s=duration_s,
        guild_id=_id(guild_id, "guild_id"),
        guild_name=_text(guild_name, LONGEST_USERNAME),
        user_id=_id(user_id, "user_id"),
        username=_text(username, LONGEST_USERNAME),
        parameters=_text(parameters, LONGEST_TEXT),
        details=_text(details, LONGEST_TEXT),
        error_message=_text(error_message, LONGEST_TEXT),
    )
    return HostRow(row_id, invocation, int(executed.timestamp()))


def _times(executed: datetime, duration: object) -> tuple[datetime, float | None]:
    """When it began, and its duration in seconds.

    The beginning is rounded up to a millisecond, as it is stored: so it ends in the second that the table tells of.
    """
    duration_s = taken_duration(duration, "duration") if isinstance(duration, int | float) else None
    ended_us = (executed - _EPOCH) // _MS * _US_PER_MS
    duration_us = int((duration_s or 0) * 1e6 + 0.5)
    began_ms = -((duration_us - ended_us) // _US_PER_MS)
    if began_ms < 0:
        return executed, None
    return _EPOCH + began_ms * _MS, duration_s


def _id(value: object, what: str) -> Id | None:
    if not isinstance(value, int | str):
        raise _OddError(f"{what} is no id")
    return None if is_no_guild(value) else taken_id(value)


def is_no_guild(id_: str | int) -> bool:
    """Whether it stands for a direct message, where a host had to write something."""
    return str(id_).strip().lower() in _NO_GUILD


def _text(value: object, longest: int) -> str | None:
    """A text; a number as such; None for what is neither."""
    return str(value)[:longest] if isinstance(value, str | int | float) else None


def moment_of(value: object, latest: datetime = _LAST) -> datetime | None:
    """The moment that `executed_at` tells: text in UTC or with its zone, or seconds or milliseconds since 1970.

    None: it is none, or not between 1990 and `latest`.
    """
    found: datetime | None = None
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value.strip())
            found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        except (ValueError, OverflowError):
            found = _of_number(value)
    elif isinstance(value, int | float):
        found = _of_number(value)
    return found if found is not None and _FIRST <= found <= latest else None


def _of_number(value: str | float) -> datetime | None:
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    seconds = number / 1000 if number >= _LAST.timestamp() else number
    return datetime.fromtimestamp(seconds, UTC) if _FIRST.timestamp() <= seconds <= _LAST.timestamp() else None


# -- writing -----------------------------------------------------------------------------------------------------------


def values_of(row: Mirrored) -> Values:
    """What `INSERT` takes, as the old module wrote it."""
    return (
        row.guild_id,
        row.user_id,
        row.command,
        row.details if row.details is not None else f"Command: {row.command} | Success: {row.outcome is Outcome.OK}",
        datetime.fromtimestamp(row.ended_ms // 1000, UTC).strftime(_FORMAT),
        row.username,
        row.guild_name,
        row.parameters,
        None if row.duration_us is None else row.duration_us / 1e6,
        int(row.outcome is Outcome.OK),
        row.error_message,
    )


_GUILD_NAME = COLUMNS.index("guild_name") - 1


def is_same(values: Values, found: Values) -> bool:
    """Whether a row of the table, without its id, holds what we wrote. A guild's name may have changed since."""
    return _without_name(values) == _without_name(found)


def _without_name(values: Values) -> Values:
    return (*values[:_GUILD_NAME], *values[_GUILD_NAME + 1 :])
