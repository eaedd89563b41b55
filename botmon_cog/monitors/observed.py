"""The invocation that the current task runs in, where somebody observes it.

A host may call `log_command` or `track_command` within a command that the extension already observes. The row exists
once: such a call adds to it instead of making another.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol


class Observed(Protocol):
    """An invocation that is still open."""

    command: str
    details: str | None

    @property
    def is_open(self) -> bool: ...


current: ContextVar[Observed | None] = ContextVar("botmon_observed_invocation", default=None)


def observed_invocation() -> Observed | None:
    """The open invocation that the current task belongs to."""
    observed = current.get()
    return observed if observed is not None and observed.is_open else None
