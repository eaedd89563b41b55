"""Values as rows, and rows as values: what follows from `schema` for each of them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from operator import attrgetter
from typing import Any, TypeVar, cast

import msgspec
from msgspec.structs import astuple, replace

from botmon_cog.domain.models import Event
from botmon_cog.store.columns import Column, Form, RecordTable, Type
from botmon_cog.store.script import Row

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_S_PER_DAY = 86_400
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_LARGEST_ID = (1 << 63) - 1

T = TypeVar("T")

Labels = Mapping[str, int]
Texts = Mapping[int, str]


# -- single values -----------------------------------------------------------------------------------------------------


def milliseconds(moment: datetime) -> int:
    """Since 1970, rounded down."""
    since = moment - _EPOCH  # dividing it by a timedelta would take three times as long
    return (since.days * _S_PER_DAY + since.seconds) * 1000 + since.microseconds // 1000


def moment(ms: int) -> datetime:
    """Aware UTC."""
    return _EPOCH + timedelta(milliseconds=ms)


def clean(text: str) -> str:
    """The text without what no database takes: NUL and lone surrogates."""
    return text.replace("\0", _REPLACEMENT).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def cleaned(value: T) -> T:
    """The same value with such texts only, also within."""
    return cast("T", _cleaned(value))


def _cleaned(value: object) -> object:
    if type(value) is str:
        return clean(value)
    if isinstance(value, msgspec.Struct):
        return replace(value, **{name: _cleaned(getattr(value, name)) for name in value.__struct_fields__})
    return value


def number_of(id_: int | str) -> int | None:
    """A Discord id as a number; None for any other text, which is stored as a label."""
    if isinstance(id_, int):
        return id_ if 0 < id_ <= _LARGEST_ID else None
    if id_.isascii() and id_.isdecimal() and id_[0] != "0" and len(id_) <= 19 and int(id_) <= _LARGEST_ID:  # noqa: PLR2004 (digits)
        return int(id_)
    return None


# -- events ------------------------------------------------------------------------------------------------------------


class Encoder:
    """Makes rows of events of one kind.

    It runs for every row beside the event loop and holds the GIL meanwhile: what can be done for all rows of a batch
    at once, in C, is. So it goes by columns.
    """

    def __init__(self, table: RecordTable) -> None:
        of = table.of
        self._texts = _values_of(column for column in of if _is_text(column))
        self._labels = _values_of(column for column in of if column.form is Form.LABEL)
        self._ids = _values_of(column for column in of if column.form is Form.ID)
        self._conversions = [(n, made) for n, column in enumerate(of) if (made := _conversion(column)) is not None]
        self._name_position = next((n for n, column in enumerate(of) if column.form is Form.GUILD_NAME), None)

    def cleaned(self, events: Sequence[Event]) -> Sequence[Event]:
        """The events with texts that every database takes."""
        joined = "".join(filter(None, self._texts(events)))
        if "\0" not in joined and _is_encodable(joined):
            return events
        return [cleaned(event) for event in events]

    def labels(self, events: Sequence[Event]) -> set[str]:
        """The texts that have to be in `labels` before the events can be rows."""
        found = set(self._labels(events)) - {None}
        if str in set(map(type, self._ids(events))):
            found.update(id_label(id_) for id_ in self._ids(events) if type(id_) is str and number_of(id_) is None)
        return found

    def rows(self, run_id: int, first_seq: int, events: Sequence[Event], labels: Labels) -> list[Row]:
        """A row for each event, of which there is one at least, numbered from `first_seq`."""
        rows = len(events)
        columns: list[Sequence[Any]] = [*zip(*map(astuple, events), strict=True)]
        for n, convert in self._conversions:
            if columns[n].count(None) < rows:
                columns[n] = convert(columns[n], labels)
        if self._name_position is not None:
            del columns[self._name_position]
        return [*zip([run_id] * rows, range(first_seq, first_seq + rows), *columns, strict=True)]


def _values_of(columns: Iterable[Column]) -> Callable[[Sequence[Event]], Iterable[Any]]:
    """Finds the values of these columns in many events."""
    getters = [attrgetter(column.field) for column in columns]
    return lambda events: chain.from_iterable(map(getter, events) for getter in getters)


def _is_text(column: Column) -> bool:
    """Whether its values are texts as they come. JSON is cleaned as it is made."""
    return column.form is Form.LABEL or (column.type is Type.TEXT and column.form is not Form.JSON)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


Conversion = Callable[[Sequence[Any], Labels], Sequence[Any]]
"""Makes what a column stores of the values of a field."""


def _conversion(column: Column) -> Conversion | None:  # noqa: PLR0911 (a case for each form)
    """None if the values are stored as they are."""
    match column.form:
        case Form.LABEL:
            return _label_ids
        case Form.ID:
            return _stored_numbers
        case Form.SECONDS:
            return _stored_seconds
        case Form.CODE:
            return _looked_up({member: n for n, member in enumerate(column.of)})
        case Form.PLAIN if column.type is Type.SMALL:
            return _looked_up({False: 0, True: 1})  # for each bool, sqlite3 would look for an adapter
        case Form.MOMENT:
            return _each(milliseconds)
        case Form.JSON:
            return _each(_json)
        case Form.DURATIONS:
            return _each(pack_durations)
        case _:
            return None


def _looked_up(stored: Mapping[Any, int]) -> Conversion:
    find = {**stored, None: None}.__getitem__
    return lambda values, _: [*map(find, values)]


def _each(convert: Callable[[Any], Any]) -> Conversion:
    return lambda values, _: [None if value is None else convert(value) for value in values]


def _label_ids(texts: Sequence[str | None], labels: Labels) -> Sequence[int | None]:
    return [None if text is None else labels[text] for text in texts]


def _stored_numbers(ids: Sequence[int | str | None], labels: Labels) -> Sequence[int | None]:
    if str not in set(map(type, ids)):
        return cast("Sequence[int | None]", ids)
    return [stored_number(id_, labels) if isinstance(id_, str) else id_ for id_ in ids]


def id_label(id_: str) -> str:
    """The text that stands for an id that is no number."""
    return clean(id_)


def stored_number(id_: int | str, labels: Labels) -> int:
    """An id as the tables have it."""
    number = number_of(id_)
    return -labels[id_label(str(id_))] if number is None else number


def _stored_seconds(durations_s: Sequence[float | None], _: Labels) -> Sequence[int | None]:
    return microseconds(durations_s)


def microseconds(durations_s: Sequence[float | None]) -> Sequence[int | None]:
    """Durations in seconds as they are stored."""
    try:
        return [None if seconds is None else int(seconds * 1e6 + 0.5) for seconds in durations_s]
    except (ValueError, OverflowError):  # one of them is no number
        return [None if s is None or not math.isfinite(s * 1e6) else int(s * 1e6 + 0.5) for s in durations_s]


def _json(value: msgspec.Struct) -> str:
    return clean(json.dumps(msgspec.to_builtins(value), ensure_ascii=False))  # msgspec refuses lone surrogates


def pack_durations(durations: Iterable[tuple[int, int]]) -> bytes:
    """(bucket, n), ... as bytes."""
    return msgspec.msgpack.encode([*chain.from_iterable(durations)])


def unpack_durations(data: bytes) -> tuple[tuple[int, int], ...]:
    flat = msgspec.msgpack.decode(data, type=list[int])
    return tuple(zip(flat[::2], flat[1::2], strict=True))


# -- values that are kept whole ----------------------------------------------------------------------------------------


def bound(table: RecordTable, value: msgspec.Struct) -> dict[str, Any]:
    """A value's fields by the names of their columns, as an engine takes them."""
    return {column.name: _bound(getattr(value, column.field)) for column in table.of}


def _bound(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, datetime):
        return milliseconds(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, msgspec.Struct):
        return _json(value)
    return value


def fields(columns: Iterable[Column], row: Row, texts: Texts | None = None) -> dict[str, Any]:
    """What a row holds in these columns, by the fields of the value.

    `texts`: labels by id, where columns refer to them.
    """
    known = texts or {}
    return {
        column.field: None if value is None else _decoder(column)(column, value, known)
        for column, value in zip(columns, row, strict=True)
    }


def field_values(column: Column, stored: Sequence[Any], texts: Texts) -> Sequence[Any]:
    """What a column holds in many rows, as the fields of the values: each different one is made once."""
    decode = _decoder(column)
    if decode is _as_it_is:
        return stored
    made: dict[Any, Any] = {value: decode(column, value, texts) for value in set(stored) - {None}}
    made[None] = None
    return [*map(made.__getitem__, stored)]


Decoder = Callable[[Column, Any, Texts], Any]

_DECODERS: Mapping[Form, Decoder] = {
    Form.MOMENT: lambda _, value, __: moment(value),
    Form.SECONDS: lambda _, value, __: value / 1e6,
    Form.CODE: lambda column, value, _: list(column.of)[value],
    Form.LABEL: lambda _, value, texts: texts[value],
    Form.ID: lambda _, value, texts: str(value) if value >= 0 else texts[-value],
    Form.JSON: lambda column, value, _: msgspec.json.decode(value, type=column.of),
    Form.DURATIONS: lambda _, value, __: unpack_durations(bytes(value)),
}


def _decoder(column: Column) -> Decoder:
    return _DECODERS.get(column.form, _flag if column.type is Type.SMALL else _as_it_is)


def _flag(_: Column, value: Any, __: Texts) -> bool:
    return bool(value)


def _as_it_is(_: Column, value: Any, __: Texts) -> Any:
    return value


def label_ids(columns: Sequence[Column], rows: Iterable[Row]) -> set[int]:
    """The ids of the labels that rows refer to."""
    wanted = [n for n, column in enumerate(columns) if column.form is Form.LABEL]
    ids = [n for n, column in enumerate(columns) if column.form is Form.ID]
    found: set[int] = set()
    for row in rows:
        found.update(row[n] for n in wanted if row[n] is not None)
        found.update(-row[n] for n in ids if row[n] is not None and row[n] < 0)
    return found
