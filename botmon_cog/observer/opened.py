"""An invocation while it is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import msgspec
from discord.ext import commands
from msgspec.structs import replace

from botmon_cog.causes.causes import Cause
from botmon_cog.causes.redaction import redact
from botmon_cog.clock import Timer
from botmon_cog.domain.ended import Origin
from botmon_cog.domain.models import Invocation
from botmon_cog.domain.outcome import Outcome
from botmon_cog.monitors.observed import Told
from botmon_cog.observer.ignoring import Filter
from botmon_cog.observer.known_commands import AnyInteraction, KnownCommand, path
from botmon_cog.observer.rows import Rows, option_values

AnyContext = commands.Context[Any]
_NAMING = ("username", "global_name", "nick", "name", "filename", "url", "content")
"""Keys of what Discord sends of people, roles, channels, files and messages."""


class _Begun(msgspec.Struct, eq=False):
    """How it began. By position, and a struct, because one is made for every command: half of what a class costs.

    Attributes:
        started_s: seconds since 1970.
        received_s: monotonic seconds.
        is_ordinary: it ends with `ok` if it was answered in time, its code ends well and the host says nothing else.
        slot: where the file of open invocations has it; negative: nowhere.
    """

    started_s: float
    received_s: float
    is_ordinary: bool
    slot: int


class OpenInvocation(_Begun, kw_only=True):
    """What all kinds know so far.

    Attributes:
        ended_s: monotonic seconds at which its code returned; None while it runs.
        is_open: nothing was recorded for it yet.
        is_refused: our own command answered that it is not for this user.
        told: what the host said of it.
    """

    ended_s: float | None = None
    is_open: bool = True
    is_refused: bool = False
    told: Told | None = None

    @property
    def who(self) -> tuple[str | None, str]:
        """The ids of its guild, None in a direct message, and of its user."""
        user_id, guild_id, _ = self.subject
        return None if guild_id is None else str(guild_id), str(user_id)

    @property
    def subject(self) -> tuple[int, int | None, Any]:
        """What tells whether it is left out: user id, guild id or None, discord.py's command or None."""
        raise NotImplementedError

    def is_left_out(self, is_ignored: Filter) -> bool:
        """Whether nothing is to be recorded of it."""
        return is_ignored(*self.subject)

    def typed(self) -> Iterable[object]:
        """The values that the user gave it."""
        raise NotImplementedError

    def invocation(self, outcome: Outcome, ended_s: float | None) -> Invocation:
        """What is recorded of it, without an error. `ended_s`: monotonic; None where nobody knows when it ended."""
        raise NotImplementedError


class OpenInteraction(OpenInvocation):
    """A slash command or a context menu; components derive from it. `opening` makes it.

    Attributes:
        origin: who used it, and where.
        known: what is always the same of its command or component.
        rows: makes its row.
        is_watched: we will see its code end, however it does.
        response_s: seconds to the first response that Discord took.
        is_deferred: that response said "thinking...", and nothing has filled it yet.
        refusal: the outcome that a refused first response means, as long as none was taken.
        is_elsewhere: that refusal says that another process was faster.
        outcome: how its code ended; it stays open as long as it is not clear what the user saw.
        error: what it ended with.
        timer: runs out when that will be clear.
    """

    DEADLINE_S: ClassVar[float] = 3.0
    """Discord's own: an interaction must be answered within it."""
    LIFETIME_S: ClassVar[float] = 15 * 60.0
    """Of an interaction's token."""

    interaction: AnyInteraction
    origin: Origin
    known: KnownCommand
    rows: Rows
    is_watched: bool = False
    response_s: float | None = None
    is_deferred: bool = False
    refusal: Outcome | None = None
    is_elsewhere: bool = False
    outcome: Outcome = Outcome.OK
    error: BaseException | None = None
    timer: Timer | None = None

    @property
    def command(self) -> str:
        """The full path, as Discord sent it: also of a command that the bot does not know."""
        return self.known.name

    @property
    def subject(self) -> tuple[int, int | None, Any]:
        interaction = self.interaction
        return interaction.user.id, interaction.guild_id, interaction.command

    def is_left_out(self, is_ignored: Filter) -> bool:
        known, interaction = self.known, self.interaction
        if known.again is not None and known.command() is not interaction.command:
            known = self.known = known.again(interaction)  # the host has put another one in its place
        return known.is_ignored or (
            is_ignored.has_people and is_ignored(interaction.user.id, interaction.guild_id, None)
        )

    def typed(self) -> Iterable[object]:
        data: Mapping[str, Any] = self.interaction.data or {}
        return [*option_values(path("", data.get("options"))[1]).values(), *names_in(data.get("resolved"))]

    def invocation(self, outcome: Outcome, ended_s: float | None) -> Invocation:
        known = self.known
        duration_s = None if ended_s is None else ended_s - self.received_s
        data: Mapping[str, Any] = self.interaction.data or {}
        invocation = self.rows.row(
            known.kind,
            known.name,
            outcome,
            self.started_s,
            duration_s,
            self.response_s,
            self.origin,
            self.interaction.user,
            data.get("options"),
        )
        if self.told is not None:
            invocation = annotated(invocation, self.told, self.typed())
        return replace(invocation, is_own=True) if known.is_own else invocation


def failed(invocation: Invocation, cause: Cause, lacks: str | None) -> Invocation:
    """The invocation with what it failed with, and which permissions the bot lacked."""
    return replace(
        invocation,
        error_type=cause.error_type,
        error_message=cause.message,
        fingerprint=cause.fingerprint,
        lacks=lacks,
    )


def annotated(invocation: Invocation, told: Told, typed: Iterable[object]) -> Invocation:
    """The invocation with what the host said of it: a failure that it caught by itself is one."""
    if told.success or invocation.outcome is not Outcome.OK:
        return replace(invocation, details=told.details)
    return replace(
        invocation,
        details=told.details,
        outcome=Outcome.ERROR,
        error_type=told.error_type,
        error_message=None if told.error_message is None else redact(told.error_message, typed),
    )


def names_in(resolved: Mapping[str, Any] | None) -> Iterable[object]:
    """What whoever or whatever somebody chose is called, of what Discord sent with their ids."""
    for kind in resolved or ():
        for chosen in (resolved or {})[kind].values():
            for key in _NAMING:
                if chosen.get(key):
                    yield chosen[key]
