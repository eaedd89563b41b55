"""The invocation that the current task belongs to, where somebody observes it.

A host may tell of a command that the extension already observes: within it, or in a listener or an error handler that
discord.py calls for it. The row exists once: what is told is added to it as long as it is open, and makes no other.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple, Protocol

_PREFIXES = "/!?.,;$%&*+-=<>~ "


class Told(NamedTuple):
    """What a host said of an invocation."""

    success: bool = True
    """False: it caught a failure by itself, which the library takes for a success."""
    error_type: str | None = None
    error_message: str | None = None
    details: str | None = None


class Observed(Protocol):
    """An invocation that is observed."""

    told: Told | None
    is_open: bool
    is_ordinary: bool
    is_refused: bool

    @property
    def command(self) -> str:
        """The qualified name."""
        ...


current: ContextVar[Observed | None] = ContextVar("botmon_observed_invocation", default=None)


def observed_invocation(command: str | None) -> Observed | None:
    """The observed invocation that a host speaks of when it names `command` (None: whichever the task is in).

    Tasks that a command leaves behind, listeners and error handlers belong to it too. One that names another command
    speaks of that.
    """
    observed = current.get()
    if observed is None or command is None or is_name_of(command, observed.command):
        return observed
    return None


def tell(
    observed: Observed,
    *,
    success: bool = True,
    error_type: str | None = None,
    error_message: str | None = None,
    details: str | None = None,
) -> None:
    """Add what a host says; what it said before stays where it now says nothing, and a failure stays one."""
    before = observed.told or Told()
    failure = before if success else Told(False, error_type, error_message)
    observed.is_ordinary = False
    observed.told = failure._replace(details=details or before.details)


def is_name_of(name: str, command: str) -> bool:
    """Whether a host means the command of that qualified name: `play`, `/play`, `music_play` for `music play`."""
    said, known = _plain(name), _plain(command)
    return said == known or said == known.rpartition(" ")[2]


def _plain(name: str) -> str:
    return name.strip().lstrip(_PREFIXES).casefold().replace("_", " ").replace("-", " ")
