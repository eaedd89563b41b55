"""Wrapping a method of one object, and undoing that."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

Method = Callable[..., Any]


def wrap_method(target: object, name: str, around: Callable[[Method], Method]) -> Callable[[], None] | None:
    """Put `around(original)` in place of one object's method; returns what undoes it, None if there is no such method.

    Undoing leaves alone what somebody else has wrapped since: ours stays then, and must pass calls through.
    """
    original = getattr(target, name, None)
    if original is None:
        return None
    attributes = vars(target)
    was_set = attributes.get(name)
    ours = attributes[name] = functools.wraps(original)(around(original))

    def undo() -> None:
        if attributes.get(name) is not ours:
            return
        if was_set is None:
            del attributes[name]
        else:
            attributes[name] = was_set

    return undo
