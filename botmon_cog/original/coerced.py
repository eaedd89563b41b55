"""What hosts pass, made into what the monitors take. Whatever can't be is refused with one sentence about it."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from typing import Any, SupportsFloat, SupportsIndex, TypeVar

from botmon_cog.domain.taken import Id, taken_id

T = TypeVar("T")

NO_GUILD = "None"
"""What `str(guild_id)` makes of the guild of a direct message."""
_MOST = 1_000_000_000
_MOST_DAYS = 36_500


class RefusedError(Exception):
    """A value can't be used. Its text says why, without the value."""


def _refusing(convert: Callable[[Any, str], T]) -> Callable[[object, str], T]:
    """Let a conversion raise nothing but RefusedError, whatever the value does when it is looked at."""

    @wraps(convert)
    def refusing(value: object, what: str) -> T:
        try:
            return convert(value, what)
        except RefusedError:
            raise
        except Exception as error:
            raise RefusedError(f"{what} can't be a {type(value).__name__} like this one") from error

    return refusing


def _wrong(what: str, expected: str, value: object) -> RefusedError:
    return RefusedError(f"{what} must be {expected}, not {type(value).__name__}")


# -- who and where -----------------------------------------------------------------------------------------------------


@_refusing
def id_or_none(value: Any, what: str) -> Id | None:
    """An id from a number, a text, or anything with an `id`. None, an empty text and "None" are None."""
    value = value if value is None or _is_id(value) else getattr(value, "id", value)
    if isinstance(value, str):
        value = value.strip()
        return taken_id(value) if value not in {"", NO_GUILD} else None
    if value is None:
        return None
    if not _is_id(value):
        raise _wrong(what, "an id", value)
    return taken_id(operator.index(value))


def id_(value: object, what: str) -> Id:
    """An id that must be there."""
    found = id_or_none(value, what)
    if found is None:
        raise RefusedError(f"{what} is needed, and a direct message has none")
    return found


def text_id(value: object, what: str) -> str:
    """An id that must be there, as text."""
    return str(id_(value, what))


def text_id_or_none(value: object, what: str) -> str | None:
    """An id as text."""
    found = id_or_none(value, what)
    return None if found is None else str(found)


def _is_id(value: object) -> bool:
    return isinstance(value, str | SupportsIndex) and not isinstance(value, bool)


@_refusing
def name_or_none(value: Any, what: str) -> str | None:
    """A name from a text, or `str` of anything that has a `name`, such as a Member or a Guild."""
    if value is None or isinstance(value, str):
        return value
    if not isinstance(getattr(value, "name", None), str):
        raise _wrong(what, "a text", value)
    return str(value)


@_refusing
def command_name(value: Any, what: str) -> str:
    """A command's name from a text, or from a command with a `qualified_name` or a `name`."""
    for name in (value, getattr(value, "qualified_name", None), getattr(value, "name", None)):
        if isinstance(name, str):
            return name
    raise _wrong(what, "a text", value)


# -- what happened -----------------------------------------------------------------------------------------------------


@_refusing
def seconds_or_none(value: Any, what: str) -> float | None:
    """Seconds from a number, a text that is one, or a timedelta."""
    if value is None:
        return None
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, str | SupportsFloat | SupportsIndex):
        raise _wrong(what, "a number of seconds", value)
    return float(value)


@_refusing
def flag(value: Any, what: str) -> bool:  # noqa: ARG001 (as the others)
    """Whether it is true to Python."""
    return bool(value)


@_refusing
def error_or_none(value: Any, what: str) -> tuple[str | None, str | None]:  # noqa: ARG001 (as the others)
    """The class and the text of an error. Of a text no class is known; of anything else the text is its `str`."""
    if value is None:
        return None, None
    if isinstance(value, BaseException):
        return type(value).__name__, str(value)
    return None, str(value)


# -- what is asked for -------------------------------------------------------------------------------------------------


@_refusing
def number(value: Any, what: str) -> int:
    """A whole number, from a text too."""
    if isinstance(value, bool) or not isinstance(value, str | float | SupportsIndex):
        raise _wrong(what, "a whole number", value)
    return max(min(int(value), _MOST), -_MOST)


def days_back(value: object) -> timedelta:
    """The last so many days, a hundred years at the most."""
    return timedelta(days=max(min(number(value, "days"), _MOST_DAYS), 0))


@_refusing
def day_or_none(value: Any, what: str) -> date | None:
    """A day of UTC, from `YYYY-MM-DD`, a date or a datetime."""
    if isinstance(value, datetime):
        return (value if value.tzinfo is None else value.astimezone(UTC)).date()
    if value is None or isinstance(value, date):
        return value
    if not isinstance(value, str):
        raise _wrong(what, "a date such as 2026-01-31", value)
    try:
        return date.fromisoformat(value.strip())
    except ValueError as error:
        raise RefusedError(f"{what} must be a date such as 2026-01-31") from error


# -- what comes back ---------------------------------------------------------------------------------------------------


def decoded(parameters: str | None) -> Any:
    """What JSON holds. A text that is none, as old rows may have, comes back as it is."""
    if parameters is None:
        return None
    try:
        return json.loads(parameters)
    except ValueError:
        return parameters


def utc_text(moment: datetime) -> str:
    """As SQLite's CURRENT_TIMESTAMP writes it: `2026-01-31 12:00:00`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def percent_of(part: int, whole: int) -> float:
    """0 of nothing."""
    return part / whole * 100 if whole else 0.0
