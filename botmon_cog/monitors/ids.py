"""Ids as hosts have them: numbers or strings."""

from __future__ import annotations

Id = int | str


def text_id(value: Id | None) -> str | None:
    return None if value is None else str(value)
