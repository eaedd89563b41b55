"""The file of a spool, and what is done with it over a connection. Nothing here waits for an event loop."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from botmon_cog.domain.models import Event
from botmon_cog.errors import NotOursError, SpoolError
from botmon_cog.store.log import Batch, RunKey
from botmon_cog.store.queue.payload import decode_events, encode_events
from botmon_cog.store.records import milliseconds, moment
from botmon_cog.store.sqlite.file import inspect, make

SPOOL_MARK = 0x626F7473
"""`PRAGMA application_id` of a spool: the bytes of "bots"."""
TABLES = frozenset({"runs", "chunks", "notes"})

_FORMAT = 1
"""`PRAGMA user_version`."""
_SCHEMA = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, token INTEGER NOT NULL UNIQUE, instance TEXT NOT NULL, started_ms INTEGER NOT NULL
);
CREATE TABLE chunks (
    run_id INTEGER NOT NULL, first_seq INTEGER NOT NULL, n INTEGER NOT NULL, payload BLOB NOT NULL,
    UNIQUE (run_id, first_seq)
);
CREATE TABLE notes (key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL);
"""
_ADD_RUN = "INSERT INTO runs (token, instance, started_ms) VALUES (?, ?, ?) ON CONFLICT (token) DO NOTHING"
_ADD = "REPLACE INTO chunks SELECT id, ?, ?, ? FROM runs WHERE token = ?"
_BEFORE = "SELECT n, LENGTH(payload) FROM chunks JOIN runs ON run_id = id WHERE token = ? AND first_seq = ?"
_OLDEST = (
    "SELECT token, first_seq, n, CAST(payload AS BLOB), instance, started_ms FROM runs JOIN chunks ON run_id = id "
    "WHERE :token IS NULL OR token = :token ORDER BY run_id, first_seq"
)
_REMOVE = "DELETE FROM chunks WHERE run_id = (SELECT id FROM runs WHERE token = ?) AND first_seq = ? AND n = ?"
_REMOVE_RUNS = "DELETE FROM runs WHERE id NOT IN (SELECT run_id FROM chunks)"
_TOTALS = "SELECT COALESCE(SUM(n), 0), COALESCE(SUM(LENGTH(payload)), 0) FROM chunks"
_INSERT_NOTE = "INSERT INTO notes (value, key) VALUES (?, ?) ON CONFLICT (key) DO NOTHING"
_SWAP_NOTE = "UPDATE notes SET value = ? WHERE key = ? AND value = ?"
_BUSY_TIMEOUT_S = 5.0
_NO_LIMIT = 1 << 62
_FREE_PAGES = 64
"""An emptied spool that has more gives them back."""


Change = Callable[[Sequence[Event]], Sequence[Event]]
"""Makes other events of events, as many as before."""


class Chunk(NamedTuple):
    """Which events: `n` from `first_seq` on. The same values always stand for the same events."""

    token: int
    first_seq: int
    n: int


class Totals(NamedTuple):
    """What waits in the file."""

    rows: int
    size_bytes: int


def connect(path: Path, *, makes_file: bool) -> sqlite3.Connection | None:
    """A connection to the spool at a path; None if there is none and it is not to be made.

    Raises:
        SpoolError: something else is there, which was left as it is.
        StorageError, sqlite3.Error: it can't be opened or made.
    """
    try:
        header = inspect(path, SPOOL_MARK)
    except NotOursError as error:
        raise SpoolError(
            f"{path} is no spool of botmon and is left alone; name another file in [storage] spool"
        ) from error
    if header is None:
        if not makes_file:
            return None
        make(path, _fill, SPOOL_MARK)
    elif header.version > _FORMAT:
        raise SpoolError(f"{path} was made by a newer botmon_cog; name another file in [storage] spool")
    db = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
    try:
        db.execute("PRAGMA synchronous = EXTRA")  # also the removal of the journal, which is what commits
    except BaseException:
        db.close()
        raise
    return db


def _fill(db: sqlite3.Connection) -> None:
    db.executescript(f"{_SCHEMA} PRAGMA user_version = {_FORMAT};")


@contextmanager
def _transaction(db: sqlite3.Connection) -> Generator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def totals(db: sqlite3.Connection) -> Totals:
    return Totals(*db.execute(_TOTALS).fetchone())


def add(db: sqlite3.Connection, batch: Batch, max_bytes: int) -> int:
    """Keep as many events of a batch, from the first on, as there is room for; returns how many.

    A chunk with the same first number that was kept before may grow by that, but never shrinks.
    """
    run = batch.run
    with _transaction(db):
        n_before, bytes_before = db.execute(_BEFORE, (run.token, batch.first_seq)).fetchone() or (0, 0)
        payload, n = encode_events(batch.events, max_bytes - totals(db).size_bytes + bytes_before)
        if n > n_before:
            db.execute(_ADD_RUN, (run.token, run.instance, milliseconds(run.started_at)))
            db.execute(_ADD, (batch.first_seq, n, payload, run.token))
    return max(n, min(n_before, len(batch.events)))


def oldest(
    db: sqlite3.Connection, max_rows: int, token: int | None, skipped: Collection[Chunk]
) -> tuple[list[Batch], list[Chunk]]:
    """The oldest chunks as batches, one at least and then up to `max_rows`; and those that can't be read."""
    batches: list[Batch] = []
    bad: list[Chunk] = []
    for *which, payload, instance, started_ms in db.execute(_OLDEST, {"token": token}):
        chunk = Chunk(*which)
        if chunk in skipped:
            continue
        if batches and chunk.n > max_rows:
            break
        try:
            events = decode_events(payload)
        except ValueError:
            bad.append(chunk)
            continue
        max_rows -= chunk.n
        run = RunKey(token=chunk.token, instance=instance, started_at=moment(started_ms))
        batches.append(Batch(run=run, first_seq=chunk.first_seq, events=events, is_repeat=True))
    return batches, bad


def rewrite(db: sqlite3.Connection, change: Change) -> int:
    """Put changed events in place of those that are kept; returns how many are others now.

    Chunks stay what they are: the same numbers of the same runs. One that can't be read is left as it is.
    """
    changed = 0
    with _transaction(db):
        db.execute("PRAGMA secure_delete = ON")  # what was there is overwritten, not only let go of
        for rowid, after, n in _changed(db, change):
            events, _ = encode_events(after, _NO_LIMIT)
            db.execute("UPDATE chunks SET payload = ? WHERE rowid = ?", (events, rowid))
            changed += n
    return changed


def count_changes(db: sqlite3.Connection, change: Change) -> int:
    """How many events `rewrite` would change."""
    return sum(n for *_, n in _changed(db, change))


def _changed(db: sqlite3.Connection, change: Change) -> Iterator[tuple[int, Sequence[Event], int]]:
    """Chunks that are to be others: the rowid, the events then, and how many of them change."""
    for rowid, payload in db.execute("SELECT rowid, CAST(payload AS BLOB) FROM chunks").fetchall():
        try:
            before = decode_events(payload)
        except ValueError:
            continue
        after = change(before)
        if n := sum(old != new for old, new in zip(before, after, strict=True)):
            yield rowid, after, n


def remove(db: sqlite3.Connection, chunks: Iterable[Chunk]) -> None:
    with _transaction(db):
        db.executemany(_REMOVE, chunks)
        db.execute(_REMOVE_RUNS)
    if not totals(db).rows and db.execute("PRAGMA freelist_count").fetchone()[0] > _FREE_PAGES:
        with suppress(sqlite3.OperationalError):  # another process is busy, or the disk is full: some other time
            db.executescript("PRAGMA incremental_vacuum")  # execute() would give one page back


def read_note(db: sqlite3.Connection, key: str) -> bytes | None:
    row = db.execute("SELECT value FROM notes WHERE key = ?", (key,)).fetchone()
    return None if row is None else row[0]


def write_note(db: sqlite3.Connection, key: str, value: bytes) -> None:
    db.execute("REPLACE INTO notes (key, value) VALUES (?, ?)", (key, value))


def swap_note(db: sqlite3.Connection, key: str, before: bytes | None, value: bytes) -> bool:
    """By one statement, so that of several processes one succeeds."""
    sql, values = _INSERT_NOTE, (value, key)
    if before is not None:
        sql, values = _SWAP_NOTE, (value, key, before)
    return db.execute(sql, values).rowcount == 1


def remove_notes(db: sqlite3.Connection, prefix: str) -> None:
    db.execute("DELETE FROM notes WHERE SUBSTR(key, 1, ?) = ?", (len(prefix), prefix))


def remove_note(db: sqlite3.Connection, key: str) -> None:
    db.execute("DELETE FROM notes WHERE key = ?", (key,))
