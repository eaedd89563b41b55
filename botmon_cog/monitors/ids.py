"""Ids as hosts have them: numbers or strings."""

from __future__ import annotations

from botmon_cog.domain.models import Id
from botmon_cog.domain.taken import taken_id

__all__ = ["Id", "taken_id", "text_id"]


def text_id(value: Id | None) -> str | None:
    return None if value is None else str(value)
