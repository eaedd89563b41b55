"""What a column of a store holds, and how the columns of a table follow from the fields of what is kept in it."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from botmon_cog.domain.models import Id


class Type(Enum):
    """What a column holds, as an engine sees it."""

    INTEGER = "integer"
    SMALL = "small"
    REAL = "real"
    TEXT = "text"
    BLOB = "blob"


class Form(Enum):
    """How a field of an event becomes the value of a column."""

    PLAIN = "plain"
    CODE = "code"
    """A member of an enum, as its position."""
    MOMENT = "moment"
    """Milliseconds since 1970."""
    SECONDS = "seconds"
    """Whole microseconds."""
    LABEL = "label"
    """The id of a text in `labels`."""
    ID = "id"
    """A Discord id; for any other text, minus the id of its label."""
    GUILD_NAME = "guild_name"
    """No column: kept in `guilds`."""
    JSON = "json"
    """A value within the value."""
    DURATIONS = "durations"
    """MessagePack: one flat list, `[bucket, n, bucket, n, ...]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a log table, and the field that it holds."""

    name: str
    field: str
    type: Type
    form: Form
    of: Any = None
    """The enum of a code, the struct of JSON."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """One table.

    Attributes:
        columns: those that are written, in the order of the rows.
        key: those that identify a row.
    """

    name: str
    columns: Mapping[str, Type]
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordTable(Table):
    """A table of values of one kind.

    Attributes:
        of: what becomes of each field of the value, in their order; behind what else there is in `columns`.
    """

    of: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogTable(RecordTable):
    """A table to which events of one kind are appended, behind `run_id` and `seq`. Its rows never change.

    Attributes:
        moment: the column that holds when it happened.
        is_once: a value is kept once, by a key of its own: what comes with the same key later is left out.
    """

    moment: str
    is_once: bool = False


_PLAIN = {str: Type.TEXT, int: Type.INTEGER, bool: Type.SMALL, float: Type.REAL}


def _column(field: str, annotation: Any) -> Column:  # noqa: PLR0911 (a case for each form)
    """The column of a field, by the field's type."""
    options, marked = _resolved(annotation)
    if marked is Form.GUILD_NAME:
        return Column(name=field, field=field, type=Type.TEXT, form=marked)
    if marked is Form.DURATIONS:
        return Column(name=field, field=field, type=Type.BLOB, form=marked)
    if marked is Form.LABEL:
        return Column(name=f"{field}_id", field=field, type=Type.INTEGER, form=marked)
    if options == set(get_args(Id)):
        return Column(name=field, field=field, type=Type.INTEGER, form=Form.ID)
    (of,) = options
    if of is datetime:
        return Column(name=f"{field.removesuffix('_at')}_ms", field=field, type=Type.INTEGER, form=Form.MOMENT)
    if of is float and field.endswith("_s"):
        return Column(name=f"{field.removesuffix('_s')}_us", field=field, type=Type.INTEGER, form=Form.SECONDS)
    if issubclass(of, msgspec.Struct):
        return Column(name=field, field=field, type=Type.TEXT, form=Form.JSON, of=of)
    if issubclass(of, StrEnum):
        return Column(name=field, field=field, type=Type.SMALL, form=Form.CODE, of=of)
    return Column(name=field, field=field, type=_PLAIN[of], form=Form.PLAIN)


def _resolved(annotation: Any) -> tuple[set[Any], Form | None]:
    """What a field may hold besides None, and the form that its annotation names."""
    if get_origin(annotation) is Annotated:
        annotation, meta = get_args(annotation)
        return _resolved(annotation)[0], Form(meta.extra["store"])
    if get_origin(annotation) is Literal:
        return {str}, None
    if get_origin(annotation) not in {Union, types.UnionType}:
        return {annotation}, None
    options: set[Any] = set()
    marked: Form | None = None
    for option in get_args(annotation):
        if option is not type(None):
            found, form = _resolved(option)
            options |= found
            marked = marked or form
    return options, marked


def columns_of(kind: type[msgspec.Struct]) -> tuple[Column, ...]:
    """A column for each field of a struct, in their order.

    Raises:
        KeyError, ValueError: no column holds a field of that type.
    """
    return tuple(_column(field.name, field.type) for field in msgspec.structs.fields(kind))


def _stored(of: tuple[Column, ...]) -> dict[str, Type]:
    return {column.name: column.type for column in of if column.form is not Form.GUILD_NAME}


def log_table(name: str, kind: type[msgspec.Struct], *once: str) -> LogTable:
    """The log table of events of one kind. `once`: the columns by which each is kept only once, if it is."""
    of = columns_of(kind)
    return LogTable(
        name=name,
        columns={"run_id": Type.INTEGER, "seq": Type.INTEGER, **_stored(of)},
        key=once or ("run_id", "seq"),
        of=of,
        is_once=bool(once),
        moment=next(column.name for column in of if column.form is Form.MOMENT),
    )


def record_table(name: str, kind: type[msgspec.Struct], /, *key: str, **before: Type) -> RecordTable:
    """The table of values of one kind, with more columns before theirs."""
    of = columns_of(kind)
    return RecordTable(name=name, columns={**before, **_stored(of)}, key=key, of=of)


def table_of(name: str, /, *key: str, **columns: Type) -> Table:
    """A table of these columns."""
    return Table(name=name, columns=columns, key=key)
