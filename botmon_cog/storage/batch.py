"""One batch of events, stored and rolled up in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

import msgspec

from botmon_cog.domain.histogram import LARGEST_S, LOG_GAMMA, SMALLEST_S
from botmon_cog.domain.models import Event, Invocation, MusicEvent
from botmon_cog.storage import queries
from botmon_cog.storage.base import RejectedError

_BUCKETS = {"smallest": SMALLEST_S, "largest": LARGEST_S, "log_gamma": LOG_GAMMA}
_ALL_ROWS = 0
"""Row ids begin at 1."""
_NUL = "\\u0000"
"""As JSON writes it."""
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def store(db: sqlite3.Connection, events: Sequence[Event], instance: str) -> None:
    """Store events and count them; what is there already changes nothing.

    Raises:
        RejectedError: at least one of these events can never be stored; none of them was.
        sqlite3.Error: none of them was stored this time.
    """
    by_type: dict[type[Event], list[Event]] = {}
    for event in events:
        by_type.setdefault(type(event), []).append(event)
    try:
        encoded = {kind: _encode(batch) for kind, batch in by_type.items()}
        _insert(db, encoded, instance)
    except (sqlite3.IntegrityError, sqlite3.DataError, TypeError, ValueError, OverflowError) as error:
        raise RejectedError(f"{type(error).__name__}: {error}") from error


def _encode(events: list[Event]) -> str:
    """JSON, without what no database takes in a text: NUL and lone surrogates."""
    try:
        encoded = msgspec.json.encode(events).decode()
    except UnicodeEncodeError:
        encoded = _NUL
    return msgspec.json.encode([_cleaned(event) for event in events]).decode() if _NUL in encoded else encoded


def _cleaned(event: Event) -> Event:
    texts = {name: value for name in event.__struct_fields__ if type(value := getattr(event, name)) is str}
    return msgspec.structs.replace(event, **{name: storable(text) for name, text in texts.items()})


def storable(text: str) -> str:
    """The text without NUL and lone surrogates."""
    return text.replace("\0", _REPLACEMENT).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _insert(db: sqlite3.Connection, encoded: Mapping[type[Event], str], instance: str) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        for kind, rows in encoded.items():
            last_id = queries.LAST_ID.get(kind)
            after = db.execute(last_id).fetchone()[0] if last_id else _ALL_ROWS
            db.execute(queries.INSERT[kind], {"rows": rows, "instance": instance})
            if kind is Invocation:
                _roll_up_commands(db, after)
            elif kind is MusicEvent:
                db.execute(queries.MUSIC_ROLLUP, _BUCKETS | {"after": after})
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _roll_up_commands(db: sqlite3.Connection, after: int) -> None:
    """Count the audit rows with an id above `after` into every roll-up."""
    for statement in queries.COMMAND_ROLLUPS:
        db.execute(statement, _BUCKETS | {"after": after})


def roll_up_all(db: sqlite3.Connection) -> None:
    """Count every audit row into every roll-up; they must be empty."""
    _roll_up_commands(db, _ALL_ROWS)
