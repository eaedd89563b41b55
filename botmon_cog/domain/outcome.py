"""How an invocation ends: each outcome is declared here, once. SQL, reports, health and the documentation follow."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Self


class _Is(NamedTuple):
    """What an outcome means, as `Outcome` has it."""

    words: str
    when: str
    is_fault: bool = False
    is_executed: bool = True
    is_rated: bool = True
    is_timed: bool = True


class Outcome(StrEnum):
    """How an invocation ended. Only `ok` is a success.

    The order is that of the codes in the store.

    Attributes:
        words: what people read, as the end of "3 of 18 ...".
        when: what ends so, for the documentation.
        is_fault: it counts against the bot.
        is_executed: the command did its work, or tried to: commands executed, people and busiest hours count it.
        is_rated: it is among those that a rate of faults is a share of.
        is_timed: its times are in the percentiles.
    """

    OK = "ok", _Is("worked", "it ended without an error, and an interaction was answered")
    USER_ERROR = (
        "user_error",
        _Is(
            "were used wrongly",
            "a bad argument, a cooldown; any other command error of a kind of its own, such as a bot's `NotInVoice`",
            is_executed=False,
            is_rated=False,
        ),
    )
    DENIED = (
        "denied",
        _Is(
            "were not allowed",
            "a check said no: the command's, the cog's, the bot's, the tree's, the view's",
            is_executed=False,
            is_rated=False,
        ),
    )
    REFUSED = (
        "refused",
        _Is(
            "were refused by Discord",
            "Discord said no: the server has not given the bot a permission, or a channel, message or member is gone",
            is_executed=False,
            is_rated=False,
        ),
    )
    ERROR = (
        "error",
        _Is(
            "failed",
            "an exception, in a check, hook, converter or error handler, too; a command that Discord knows and the bot"
            " does not; `success=False` in a `log_command` for it",
            is_fault=True,
        ),
    )
    LATE = (
        "late",
        _Is(
            "were answered too late",
            "the first response came after Discord's 3 s, also where the bot caught the refusal (10062)",
            is_fault=True,
        ),
    )
    UNANSWERED = (
        "unanswered",
        _Is(
            "were never answered",
            "nothing answered within 3 s, whoever said no; or it was deferred, and nothing filled that within 15 min",
            is_fault=True,
        ),
    )
    CANCELLED = (
        "cancelled",
        _Is(
            "were cancelled",
            "it was cancelled, or still running when the bot was stopped or the extension unloaded",
            is_rated=False,
            is_timed=False,
        ),
    )
    CRASHED = (
        "crashed",
        _Is(
            "ran when the bot crashed",
            "the process died while it ran; the next one records it, so it is in no rate of either",
            is_fault=True,
            is_rated=False,
            is_timed=False,
        ),
    )

    words: str
    when: str
    is_fault: bool
    is_executed: bool
    is_rated: bool
    is_timed: bool

    def __new__(cls, value: str, meaning: _Is) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        for name, said in meaning._asdict().items():
            setattr(member, name, said)
        return member

    @property
    def is_success(self) -> bool:
        return self is Outcome.OK

    @property
    def is_grouped(self) -> bool:
        """Whether those that ended so belong to an error group."""
        return self.is_fault or self is Outcome.REFUSED
