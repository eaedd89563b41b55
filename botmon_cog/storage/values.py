"""Values that are kept in a table with a column for each of their fields."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec

from botmon_cog.storage.rows import Moment, Row, storable
from botmon_cog.storage.tables import Table, Type


def bound(value: msgspec.Struct, moment: Moment) -> dict[str, Any]:
    """A value's fields as an engine takes them, by the names of the columns; a value within it becomes JSON."""
    return {name: _bound(getattr(value, name), moment) for name in value.__struct_fields__}


def _bound(value: Any, moment: Moment) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, msgspec.Struct):
        text = json.dumps(msgspec.to_builtins(value), ensure_ascii=False)  # msgspec.json refuses lone surrogates
        return storable(text)
    return value


def fields(table: Table, names: Iterable[str], row: Row, when: Callable[[Any], datetime]) -> dict[str, Any]:
    """What a row holds in the columns `names`, as the fields of a value have it."""
    read: dict[Type, Callable[[Any], Any]] = {Type.MOMENT: when, Type.BOOLEAN: bool}
    found: dict[str, Any] = dict(zip(names, row, strict=True))
    for name, value in found.items():
        if value is not None and (reader := read.get(table.columns[name])) is not None:
            found[name] = reader(value)
    return found
