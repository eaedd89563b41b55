"""How much memory the monitors' own data takes: rows that wait, the last samples, the last hour's counts."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable
from functools import partial
from types import FunctionType, MethodType
from typing import Any, cast

_LOOKED_AT = 100
"""Of a larger collection so many stand for all."""
_DEEPEST = 40
_PLAIN = frozenset({"builtins", "array", "datetime"})
_PACKAGE = __name__.partition(".")[0]


def held_bytes(root: object) -> int:
    """Of an object of this package, and of all that it leads to through others of the package and plain collections.

    What belongs to discord.py, to the host or to a database's driver is left out with all that is behind it. A large
    collection is told from a hundred of its members, so that a look takes some milliseconds whatever there is.
    """
    return round(_held(root, set(), 0))


def _held(value: object, seen: set[int], depth: int) -> float:
    if id(value) in seen or depth > _DEEPEST:
        return 0.0
    seen.add(id(value))
    parts = _parts(value)
    if parts is None:
        return 0.0
    looked_at = parts[:: max(-(-len(parts) // _LOOKED_AT), 1)]
    held = sum(_held(each, seen, depth + 1) for each in looked_at)
    return sys.getsizeof(value) + held * len(parts) / max(len(looked_at), 1)


def _parts(value: Any) -> list[Any] | None:
    """What a collection, a closure or an object of ours holds; None of what is not ours."""
    kind = cast("type[Any]", type(value))
    parts: list[Any] = []
    is_ours = (value if kind is FunctionType else kind).__module__.partition(".")[0] == _PACKAGE
    if isinstance(value, dict):
        pairs = cast("dict[Any, Any]", value)
        parts = [*pairs.keys(), *pairs.values()]
    elif isinstance(value, list | tuple | set | frozenset | deque):
        parts = [*cast("Iterable[Any]", value)]
    elif kind is MethodType or kind is partial:
        parts = [value.__self__] if kind is MethodType else [value.func, *value.args]
    elif kind is FunctionType and is_ours:
        parts = [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
    elif is_ours and not issubclass(kind, type):
        names = [name for each in kind.__mro__ for name in _names(vars(each).get("__slots__", ()))]
        parts = [*getattr(value, "__dict__", {}).values(), *(getattr(value, name, None) for name in names)]
    else:
        return parts if kind.__module__ in _PLAIN and not issubclass(kind, type) else None
    return parts


def _names(slots: str | Iterable[str]) -> Iterable[str]:
    return (slots,) if isinstance(slots, str) else slots


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 (raises where there is nothing)
    except ValueError:
        return False
    return True
