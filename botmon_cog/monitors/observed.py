"""The invocation that the current task belongs to, where somebody observes it.

A host may call `log_command` or `track_command` within a command that the extension already observes, or in a listener
or an error handler that discord.py calls for it. The row exists once: such a call adds to it, as long as it is open,
and never makes another.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol


class Observed(Protocol):
    """An invocation that is still open."""

    details: str | None
    is_open: bool

    @property
    def command(self) -> str: ...


current: ContextVar[Observed | None] = ContextVar("botmon_observed_invocation", default=None)


def observed_invocation(command: str | None) -> Observed | None:
    """The observed invocation that a host speaks of when it names `command` (None: whichever it is in).

    While a command runs, everything said in its task is about it. Tasks that it leaves behind belong to it too, so
    after its end only what names it is.
    """
    observed = current.get()
    if observed is None or observed.is_open or command is None:
        return observed
    return observed if command in {observed.command, observed.command.rpartition(" ")[2]} else None
