"""How an invocation ends: each outcome is declared here, once. SQL, reports, health and the documentation follow."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Self


class _Is(NamedTuple):
    """What an outcome means, as `Outcome` has it."""

    words: str
    is_fault: bool = False
    is_executed: bool = True
    is_rated: bool = True
    is_timed: bool = True


class Outcome(StrEnum):
    """How an invocation ended. Only `ok` is a success.

    The order is that of the codes in the store.

    Attributes:
        words: what people read, as the end of "3 of 18 ...".
        is_fault: it counts against the bot.
        is_executed: the command did its work, or tried to: commands executed, people and busiest hours count it.
        is_rated: it is among those that a rate of faults is a share of.
        is_timed: its times are in the percentiles.
    """

    OK = "ok", _Is("worked")
    USER_ERROR = "user_error", _Is("were used wrongly", is_executed=False, is_rated=False)
    """A bad argument, a cooldown; any other command error of a host's own kind."""
    DENIED = "denied", _Is("were not allowed", is_executed=False, is_rated=False)
    """A check said no: the command's, the cog's, the bot's, the tree's or the view's."""
    REFUSED = "refused", _Is("were refused by Discord", is_executed=False, is_rated=False)
    """Discord said no: a permission that the server has not given, or something that is gone by now."""
    ERROR = "error", _Is("failed", is_fault=True)
    """An exception, or a command that Discord knows and the bot does not."""
    LATE = "late", _Is("were answered too late", is_fault=True)
    """Answered after Discord's 3 s."""
    UNANSWERED = "unanswered", _Is("were never answered", is_fault=True)
    """Ended without ever having answered, or deferred and never filled the deferral."""
    CANCELLED = "cancelled", _Is("were cancelled", is_rated=False, is_timed=False)
    """Cancelled, or still running when the bot was stopped or the monitor unloaded."""
    CRASHED = "crashed", _Is("ran when the bot crashed", is_fault=True, is_rated=False, is_timed=False)
    """The process ended while it ran. The next one records it, so it is in no rate of either."""

    words: str
    is_fault: bool
    is_executed: bool
    is_rated: bool
    is_timed: bool

    def __new__(cls, value: str, meaning: _Is) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words, member.is_fault, member.is_executed, member.is_rated, member.is_timed = meaning
        return member

    @property
    def is_success(self) -> bool:
        return self is Outcome.OK


FAULTS = frozenset(outcome for outcome in Outcome if outcome.is_fault)
"""The outcomes that are the bot's fault."""
