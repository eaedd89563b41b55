"""Why something is not well: as values, until somebody reads it."""

from __future__ import annotations

import math
from typing import Self

import msgspec

Value = str | int | float | bool | list[str] | None


class Reason(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is the matter, and its values. The component that found it has the words for it (`health.words`)."""

    what: str
    """Under which a component declares its words: `database.away`."""
    values: dict[str, Value] = {}
    owners_only: bool = True
    """Who may read the values. Of an owners' reason everybody else learns its effect alone."""

    @classmethod
    def of(cls, what: str, /, *, owners_only: bool = True, **values: Value) -> Self:
        """What is no number is None: JSON knows neither NaN nor infinity."""
        known = {name: None if _is_no_number(value) else value for name, value in values.items()}
        return cls(what=what, values=known, owners_only=owners_only)

    @property
    def kind(self) -> tuple[object, ...]:
        """What two moments of one trouble have in common, whatever its numbers were."""
        return (self.what, *(value for value in self.values.values() if isinstance(value, str)))


def _is_no_number(value: Value) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
