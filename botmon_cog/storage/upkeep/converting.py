"""Rows of one engine as another one takes them, and an account of what it does not take."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

from botmon_cog.storage.rows import Row, storable
from botmon_cog.storage.tables import Table, Type


class _Odd(Exception):  # noqa: N818 (a signal)
    """A value that can't be kept as it is; `args[0]` is what is kept of it."""


Reader = Callable[[Any], Any]


class Conversion:
    """Makes rows of a table neutral, as both engines would have them, and binds them for the target.

    Args:
        table: whose rows they are.
        source: the engine that they come from.
        target: the engine that they are for; where it is the same one, they stay as they are.
        needed: columns in which the target takes no NULL.

    Attributes:
        emptied: by column, how many values could not be kept, and the key of the first row.
        altered: by column, how many values could be kept in part, and the key of the first row.
        left_out: how many rows could not be kept, and the key of the first; None where all could.
    """

    def __init__(self, table: Table, *, source: str, target: str, needed: Collection[str] = ()) -> None:
        self._keys = [list(table.columns).index(name) for name in table.key]
        self._columns = [(name, _reader(kind, source, target), name in needed) for name, kind in table.columns.items()]
        self._binders = [
            _bound_in_sqlite.get(kind) if target == "sqlite" != source else None for kind in table.columns.values()
        ]
        self.emptied: dict[str, tuple[int, Row]] = {}
        self.altered: dict[str, tuple[int, Row]] = {}
        self.left_out: tuple[int, Row] | None = None

    def neutral(self, found: Row) -> Row | None:
        """The row as both engines would have it; None where it can't be kept."""
        made: list[Any] = []
        for (name, read, is_needed), value in zip(self._columns, found, strict=True):
            kept = value
            if value is not None and read is not None:
                try:
                    kept = read(value)
                except _Odd as odd:
                    kept = odd.args[0]
                    account = self.emptied if kept is None else self.altered
                    n, first = account.get(name, (0, self.key_of(found)))
                    account[name] = (n + 1, first)
            if kept is None and is_needed:
                n, first = self.left_out or (0, self.key_of(found))
                self.left_out = (n + 1, first)
                return None
            made.append(kept)
        return tuple(made)

    def bound(self, neutral: Row) -> Row:
        """The row as the target takes it."""
        return tuple(
            value if bind is None or value is None else bind(value)
            for bind, value in zip(self._binders, neutral, strict=True)
        )

    def key_of(self, found: Row) -> Row:
        return tuple(found[position] for position in self._keys)


def _reader(kind: Type, source: str, target: str) -> Reader | None:
    if source == target == "sqlite":
        return None
    return (_from_sqlite if source == "sqlite" else _from_postgres).get(kind)


def _integer(value: Any) -> int:
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise _Odd(None)


def _real(value: Any) -> float:
    if isinstance(value, int | float):
        return float(value)
    raise _Odd(None)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        raise _Odd(storable(value.decode("utf-8", "replace")))
    text = str(value)
    kept = storable(text)
    if kept != text:
        raise _Odd(kept)
    return text


def _boolean(value: Any) -> bool:
    if value in {0, 1}:
        return bool(value)
    raise _Odd(bool(value) if isinstance(value, int | float) else None)


def _moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is not None:
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    raise _Odd(None)


def _aware(value: datetime) -> datetime:
    """An older bot's table may have moments without a zone; all are UTC."""
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _moment_text(moment: datetime) -> str:
    """As SQLite's rows have it, with the microseconds that PostgreSQL kept."""
    digits = "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.isoformat(" ", digits)[:-6]


_from_sqlite: dict[Type, Reader] = {
    Type.INTEGER: _integer,
    Type.REAL: _real,
    Type.TEXT: _text,
    Type.BOOLEAN: _boolean,
    Type.MOMENT: _moment,
}
_from_postgres: dict[Type, Reader] = {Type.MOMENT: _aware, Type.REAL: float}
_bound_in_sqlite: dict[Type, Reader] = {Type.MOMENT: _moment_text, Type.BOOLEAN: int}
