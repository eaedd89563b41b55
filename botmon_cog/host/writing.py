"""What is written into the host's tables, and how it is found again. All of it runs in the file's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from botmon_cog.domain.rollup import iso_date
from botmon_cog.host.file import fetch, primary_code
from botmon_cog.host.rows import COLUMNS, INSERT, Values, is_same, last_id, sample_of, values_of
from botmon_cog.host.shape import AUDIT_LOGS, BOT_STATS, Original
from botmon_cog.monitors.observed import is_name_of
from botmon_cog.store.host.intents import Intent
from botmon_cog.store.host.pieces import Addition, Counts, Mirrored, Piece
from botmon_cog.store.host.sources import Sample

_STRIDE = 1_000
"""A transaction that adds to `bot_stats` and has no row for `audit_logs` skips so many ids of `bot_stats`: by that it
is told afterwards from what the host may have added itself. An UPSERT of the host's skips one."""
_REFUSALS = frozenset({sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG})
"""What a table says to a row that it does not take, by itself or by a trigger; everything else concerns the file."""
_PAGE = 500
_SUMMED = ("songs_played", "total_playtime", "total_skips", "total_pauses", "commands_executed")
_ADD = f"""
INSERT INTO bot_stats (guild_id, date, {", ".join(_SUMMED)}) VALUES (?, ?, {", ".join("?" * len(_SUMMED))})
ON CONFLICT (guild_id, date) DO UPDATE SET {{changes}} RETURNING id
"""  # noqa: S608 (names)
_SKIP = "UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'bot_stats' COLLATE NOCASE"
_DAY = f"SELECT id, {', '.join(_SUMMED)} FROM bot_stats WHERE guild_id = ? AND date = ?"  # noqa: S608 (names)
_NEWER = "SELECT guild_id, user_id, command FROM audit_logs WHERE id > ? LIMIT ?"
_FOUND = f"SELECT id, {', '.join(COLUMNS[1:])} FROM audit_logs WHERE id > ? ORDER BY id LIMIT {_PAGE}"  # noqa: S608 (names)
_USERS = """
UPDATE bot_stats SET unique_users = ? WHERE guild_id = ? AND date = ? AND COALESCE(unique_users, 0) < ?
"""


class LateError(Exception):
    """So much time has passed that another process may have settled the intent."""


class UnreadError(Exception):
    """The host wrote a row meanwhile that may tell of the same command: it has to be read first."""


class RolledBackError(Exception):
    """A trigger rolled the whole transaction back for one of its rows."""

    def __init__(self, refused: object, why: str) -> None:
        self.refused = refused
        self.why = why
        super().__init__(why)


class Job(NamedTuple):
    """One transaction.

    Attributes:
        read_id: rows of `audit_logs` are known up to there; None if it is not read.
        is_late: whether so much time has passed that another process may have settled the intent.
        refused: what is left out, because a trigger rolled everything back for it: the number of a row, or an addition.
        has_triggers: whether a statement may leave something behind when it fails.
    """

    piece: Piece
    read_id: int | None
    is_late: Callable[[], bool]
    refused: Collection[object] = ()
    has_triggers: bool = False


class Written(NamedTuple):
    """What a transaction did.

    Attributes:
        row_ids: in `audit_logs`.
        additions: the ids in `bot_stats`, and what was added.
        refused: how many rows of each table were not taken.
        why: what the first one was refused for; None if none was.
        samples: of the last rows.
        is_next: whether its rows follow right upon those which are known.
    """

    row_ids: Sequence[int]
    additions: Sequence[tuple[int, Addition]]
    refused: int
    why: str | None
    samples: Sequence[Sample]
    is_next: bool


# -- writing -----------------------------------------------------------------------------------------------------------


def write_piece(job: Job, db: sqlite3.Connection) -> Written:
    """Insert the rows and add to the days, in the transaction that is open.

    Raises:
        LateError, UnreadError, RolledBackError: nothing is to be committed.
    """
    if job.is_late():
        raise LateError
    has_newer = job.read_id is not None and _has_newer(job.piece, job.read_id, db)
    rows: list[tuple[int, Values]] = []
    additions: list[tuple[int, Addition]] = []
    whys: list[str] = []
    for row in job.piece.rows:
        if row.seq not in job.refused:
            values = values_of(row)
            with _refusable(db, row.seq, whys, has_triggers=job.has_triggers):
                rows.append((_id_of(db.execute(INSERT, values)), values))
    for addition in job.piece.additions:
        if addition not in job.refused:
            with _refusable(db, addition, whys, has_triggers=job.has_triggers):
                additions.append((_add(db, addition), addition))
    if additions and not rows:
        db.execute(_SKIP, (_STRIDE,))
    ids = [row_id for row_id, _ in rows]
    is_next = bool(ids) and not has_newer and ids[-1] - ids[0] == len(ids) - 1
    samples = [sample_of(row_id, *values[:3], values[4]) for row_id, values in rows]
    return Written(ids, additions, len(whys), whys[0] if whys else None, samples, is_next)


def _has_newer(piece: Piece, read_id: int, db: sqlite3.Connection) -> bool:
    """Whether the host has written rows that were not read yet.

    Raises:
        UnreadError: one of them may tell of a command that was observed.
    """
    newer = fetch(db, _NEWER, (read_id, _PAGE))
    if len(newer) == _PAGE:
        raise UnreadError
    if piece.is_observed:
        for guild_id, user_id, command in newer:
            who = str(guild_id), str(user_id)
            if any((row.guild_id, row.user_id) == who and _names(row, command) for row in piece.rows):
                raise UnreadError
    return bool(newer)


def _names(row: Mirrored, command: object) -> bool:
    return isinstance(command, str) and is_name_of(command, row.command)


@contextmanager
def _refusable(db: sqlite3.Connection, what: object, whys: list[str], *, has_triggers: bool) -> Generator[None]:
    """Take back what a statement left behind when it was refused, and note why.

    Raises:
        RolledBackError: it took the whole transaction back.
    """
    if has_triggers:
        db.execute("SAVEPOINT statement")
    try:
        yield
    except (sqlite3.Error, _IgnoredError) as error:
        if not isinstance(error, _IgnoredError) and primary_code(error) not in _REFUSALS:
            raise
        if not db.in_transaction:
            raise RolledBackError(what, str(error)) from error
        if has_triggers:
            db.execute("ROLLBACK TO statement")
        whys.append(str(error))
    if has_triggers:
        db.execute("RELEASE statement")


class _IgnoredError(Exception):
    """A trigger had the statement ignored."""


def _id_of(cursor: sqlite3.Cursor) -> int:
    found = cursor.fetchall()
    if not found:
        raise _IgnoredError("a trigger ignores the row")
    return int(found[0][0])


def _add(db: sqlite3.Connection, addition: Addition) -> int:
    """Returns the id of the row."""
    changed = [name for name, n in zip(_SUMMED, addition.counts, strict=True) if n]
    changes = ", ".join(f"{name} = COALESCE({name}, 0) + excluded.{name}" for name in changed)
    values = (addition.guild_id, iso_date(addition.day), *addition.counts)
    return _id_of(db.execute(_ADD.replace("{changes}", changes), values))


def write_people(people: Sequence[tuple[int, str, int]], db: sqlite3.Connection) -> list[bool]:
    """Raise the number of people of days: (day, guild, people). Returns for each whether it was lower."""
    found: list[bool] = []
    for day, guild_id, n in people:
        whys: list[str] = []
        changed = 0
        with _refusable(db, day, whys, has_triggers=True):
            changed = db.execute(_USERS, (n, guild_id, iso_date(day), n)).rowcount
        found.append(bool(changed))
    return found


def add_columns(original: Original, missing: Sequence[str], db: sqlite3.Connection) -> None:
    """Add what a table lacks. Another process may do the same."""
    for name in missing:
        column = original.added[name]
        default = "" if column.default is None else f" DEFAULT {column.default}"
        try:
            db.execute(f"ALTER TABLE {original.name} ADD COLUMN {name} {column.type}{default}")
        except sqlite3.OperationalError as error:
            if not str(error).startswith("duplicate column name"):
                raise


# -- finding it again --------------------------------------------------------------------------------------------------


def ids_given(db: sqlite3.Connection, *, of_logs: bool, of_stats: bool) -> tuple[int, int]:
    """The last ids that the two tables gave; 0 for one that is not asked for."""
    return (
        last_id(db, AUDIT_LOGS.name) if of_logs else 0,
        last_id(db, BOT_STATS.name) if of_stats else 0,
    )


def find_written(intent: Intent, piece: Piece, db: sqlite3.Connection) -> Written | None:
    """What of a piece is in the tables; None if it was never committed. Only reads."""
    ids = _find_rows(intent.last_id, [values_of(row) for row in piece.rows], db) if piece.rows else []
    stats_id = last_id(db, BOT_STATS.name) if piece.additions else 0
    if not ids and stats_id - intent.stats_id < _STRIDE:
        return None
    additions: list[tuple[int, Addition]] = []
    for addition in piece.additions:
        found = db.execute(_DAY, (addition.guild_id, iso_date(addition.day))).fetchone()
        if found is not None and _holds(found[1:], addition.counts):
            additions.append((found[0], addition))
    return Written(ids, additions, 0, None, (), is_next=False)


def _holds(counts: Sequence[object], added: Counts) -> bool:
    return all(isinstance(n, int | float) and n >= more for n, more in zip(counts, added, strict=True) if more)


def _find_rows(after: int, expected: Sequence[Values], db: sqlite3.Connection) -> list[int]:
    """The ids of the rows behind an id that hold what was to be written, in that order. Some may have been refused."""
    ids: list[int] = []
    position = 0
    while position < len(expected):
        page = fetch(db, _FOUND, (after,))
        for row_id, *found in page:
            fitting = (n for n in range(position, len(expected)) if is_same(expected[n], tuple(found)))
            n = next(fitting, None)
            if n is not None:
                ids.append(row_id)
                position = n + 1
        if len(page) < _PAGE:
            break
        after = page[-1][0]
    return ids
