"""What a button under the history stands for, in the 80 characters that its custom id has room for.

A command stands there by its label's number, with a check that it is still the same: another store numbers otherwise.
"""

from __future__ import annotations

import struct
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime

import msgspec

from botmon_cog.history.outcome_choices import CHOICES
from botmon_cog.history.values import Asked, Cursor, RowKey
from botmon_cog.store.engine import Engine
from botmon_cog.store.labels import known_label_id, texts_of
from botmon_cog.store.records import milliseconds, moment
from botmon_cog.store.script import Script

_VERSION = 1
_FORM = struct.Struct(">BBBQIIHQIQ")
"""Version; flags; outcome; user; seconds; label, check; ms, run, seq. Zero: none."""
_ALL, _OLDER, _NEWER = 1, 2, 4
_CHOICES = tuple(CHOICES)
_MS = 1000


class State(msgspec.Struct, frozen=True, kw_only=True):
    """A page that can be asked for. The server of `asked` is the one in which the button is pressed, or none."""

    asked: Asked
    cursor: Cursor | None = None


class StaleStateError(Exception):
    """It is of another version, or of another store."""


async def encode_all(engine: Engine, asked: Asked, *cursors: Cursor | None) -> list[str]:
    """Of pages that differ in where they begin. Raises StorageError if the database is away."""
    label = 0 if asked.command is None else await engine.read(_label(asked.command))
    return [_encode(asked, label, cursor) for cursor in cursors]


async def decode(engine: Engine, text: str, guild_id: str | None) -> State:
    """What was encoded. `guild_id`: where the button was pressed.

    Raises:
        StaleStateError: it can't be understood any more, or never could.
        StorageError: the database is away.
    """
    try:
        packed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        numbers: tuple[int, ...] = _FORM.unpack(packed)
    except (ValueError, struct.error) as error:
        raise StaleStateError from error
    version, flags, outcome, user, seconds, label, check, *key = numbers
    if version != _VERSION or outcome > len(_CHOICES):
        raise StaleStateError
    command = None
    if label:
        command = (await engine.read(texts_of([label]))).get(label)
        if command is None or _check(command) != check:
            raise StaleStateError
    cursor = None
    if flags & (_OLDER | _NEWER):
        cursor = Cursor("older" if flags & _OLDER else "newer", RowKey(*key))
    asked = Asked(
        guild_id=None if flags & _ALL else guild_id,
        command=command,
        outcome=_CHOICES[outcome - 1] if outcome else None,
        user_id=str(user) if user else None,
        since=_moment(seconds),
    )
    return State(asked=asked, cursor=cursor)


def _encode(asked: Asked, label: int, cursor: Cursor | None) -> str:
    flags = 0 if asked.guild_id is not None else _ALL
    if cursor is not None:
        flags |= _OLDER if cursor.direction == "older" else _NEWER
    key = RowKey(0, 0, 0) if cursor is None else cursor.key
    packed = _FORM.pack(
        _VERSION,
        flags,
        0 if asked.outcome is None else _CHOICES.index(asked.outcome) + 1,
        0 if asked.user_id is None else int(asked.user_id),
        0 if asked.since is None else milliseconds(asked.since) // _MS,
        label,
        _check(asked.command or ""),
        key.started_ms,
        key.run_id,
        key.seq,
    )
    return urlsafe_b64encode(packed).decode().rstrip("=")


def _label(text: str) -> Script[int]:
    """0 for a text that is not stored: no row has it, then or later."""
    return (yield from known_label_id(text)) or 0


def _check(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "replace")) & 0xFFFF


def _moment(seconds: int) -> datetime | None:
    return moment(seconds * _MS) if seconds else None
