"""discord.py's events to invocations: each exactly once, with its true outcome and its true times.

An invocation is opened by the first sign of it and closed by the first sign of its end; whatever comes later about it
is ignored. Everything here runs synchronously inside discord.py's own calls, does no I/O, and never raises into them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands
from discord.ext.commands.hybrid import HybridAppCommand  # pyright: ignore[reportMissingTypeStubs] (it is typed)
from msgspec.structs import astuple

from botmon_cog.config import CommandsConfig
from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.monitors.observed import current, is_name_of
from botmon_cog.observer import outcomes
from botmon_cog.observer.ignoring import make_filter
from botmon_cog.observer.opened import AnyContext, AnyInteraction, OpenInteraction, OpenMessage, failed, make_record
from botmon_cog.observer.private import Call, interaction_getter
from botmon_cog.observer.received import ReceivedMessages
from botmon_cog.runtime import MonitoringSystem

_OK = Outcome.OK
APPLICATION_COMMAND = discord.InteractionType.application_command
TellOfFailure = Callable[[Invocation, BaseException | None], None]


def _nothing(*_: object) -> None:
    pass


class Observer:
    """Keeps the open invocations of one bot. `hooks.py`, `private.py` and `responses.py` call it.

    Attributes:
        interactions: the open ones.
        messages: when messages arrived.
        is_attached: whether anything is to be observed; what stays hooked after that passes through.
        refused: called with what a command or a response failed with; the same error may come twice.
    """

    def __init__(self, bot: commands.Bot, system: MonitoringSystem, tell_of_failure: TellOfFailure = _nothing) -> None:
        """`tell_of_failure`: called once for each invocation that does not end well, and is none of our own."""
        self._bot = bot
        self.clock = system.clock
        self._now, self._monotonic = system.clock.now, system.clock.monotonic
        self._privacy = system.config.privacy
        # Those that Discord may still show are ours, too: of another configuration, and of an earlier version.
        own_names = {*astuple(system.config.commands), *astuple(CommandsConfig()), "alerts"}
        self._record_of = make_record(bot, self._privacy, own_names)
        self._is_ignored = make_filter(system.config.record)
        self._record = system.recorder.record_invocation
        self._failures = system.failures
        self._tell_of_failure = tell_of_failure
        self.interactions: dict[AnyInteraction | None, OpenInteraction] = {}
        self.messages = ReceivedMessages(self._monotonic)
        self._contexts: dict[int, OpenMessage] = {}
        self._begun: AnyInteraction | None = None
        self._interaction_of = interaction_getter(self.interactions)
        self.is_attached = False
        self.refused: Callable[[BaseException], None] = _nothing

    @property
    def running(self) -> int:
        """How many invocations have not ended yet; those that only wait for an answer are not among them."""
        return sum(o.ended_s is None for o in self.interactions.values()) + len(self._contexts)

    def is_running(self, guild_id: str | None, user_id: str | None, command: str) -> bool:
        """Whether a command of that name, as hosts write names, has not ended yet."""
        for opened in [*self.interactions.values(), *self._contexts.values()]:
            guild, user = opened.who
            if (guild, user) == (guild_id, user_id) and is_name_of(command, opened.command):
                return True
        return False

    # -- what opens ----------------------------------------------------------------------------------------------------

    def interaction_received(self, interaction: AnyInteraction) -> None:
        """An interaction arrived, as its event tells. `hooks.py` does the same sooner where it can, without a call."""
        if interaction.type is APPLICATION_COMMAND and interaction is not self._begun:
            self.interactions[interaction] = OpenInteraction(self._now(), self._monotonic(), interaction=interaction)

    def command_started(self, context: AnyContext) -> None:
        """A prefix command begins; or the hybrid command of an interaction that is open already."""
        if context.interaction is not None:
            opened = self.interactions.get(context.interaction)
            if opened is not None:
                opened.kind = Kind.HYBRID_SLASH
            return
        now_s = self._monotonic()
        received_s = self.messages.take(context.message.id) or now_s
        started_at = self._now() - timedelta(seconds=now_s - received_s)
        self._contexts[id(context)] = opened = OpenMessage.of(context, started_at, received_s)
        current.set(opened)  # discord.py calls us in the task that runs the command

    def _open_late(self, interaction: AnyInteraction) -> OpenInteraction | None:
        """Of a command that arrived before we were attached, or that runs before its event is dispatched."""
        if not self.is_attached:
            return None
        try:
            self.interaction_received(interaction)
            self._begun = interaction
            return self.interactions.get(interaction)
        except Exception as error:  # noqa: BLE001 (the command must run, whatever we can't read of it)
            self._failures.note("opening an invocation", error)
            return None

    # -- what closes ---------------------------------------------------------------------------------------------------

    def around(self, call: Call) -> Call:
        """Run an application command from its first check to its last handler, and see how it ends."""
        interactions, close, returned = self.interactions, self._close, self._returned

        async def _call(interaction: AnyInteraction) -> None:
            opened = interactions.get(interaction)
            if opened is None:
                opened = self._open_late(interaction)
                if opened is None:
                    await call(interaction)
                    return
            opened.is_watched = True
            current.set(opened)
            try:
                await call(interaction)
            except app_commands.AppCommandError:
                raise  # discord.py takes it to tree.on_error next, and so to us
            except asyncio.CancelledError as error:
                close(opened, Outcome.CANCELLED, error)
                raise
            except Exception as error:
                self._handler_crashed(interaction, opened, error)
                raise
            if opened.response_s is None or opened.is_late or interaction.command_failed:
                returned(opened)
            else:
                close(opened, _OK)

        return _call

    def interaction_completed(self, interaction: AnyInteraction, _: object) -> None:
        self._returned(self.interactions.get(interaction))

    def command_completed(self, context: AnyContext) -> None:
        if context.interaction is not None:
            self._returned(self.interactions.get(context.interaction))
        else:
            # discord.py swallows a prefix command's CancelledError and calls it complete.
            self._close_message(context, Outcome.CANCELLED if context.command_failed else Outcome.OK)

    def command_failed(self, context: AnyContext, error: commands.CommandError) -> None:
        if context.interaction is None:
            self._close_message(context, outcomes.outcome_of(error), error)
        else:
            self._failed_with(context.interaction, self.interactions.get(context.interaction), error)

    def failure_told(self, *event: object) -> None:
        """The arguments of `app_command_error`. Never raises: the host's handlers must be called all the same."""
        interaction, error = outcomes.failure_in(event)
        if interaction is None or error is None or interaction.type is not APPLICATION_COMMAND:
            return
        try:
            self._failed_with(interaction, self.interactions.get(interaction), error)
        except Exception as failure:  # noqa: BLE001 (the edge: discord.py in the middle of handling an error)
            self._failures.note("observing on_app_command_error", failure)

    def _handler_crashed(self, interaction: AnyInteraction, opened: OpenInteraction, crash: Exception) -> None:
        """A local error handler raised, or a check did: nobody else will hear of it."""
        error: BaseException | None = crash
        while error is not None and not isinstance(error, app_commands.AppCommandError):
            error = error.__context__  # what the handler was called for
        self._failed_with(interaction, opened, error or crash)

    def _failed_with(self, interaction: AnyInteraction, opened: OpenInteraction | None, error: Exception) -> None:
        if opened is not None and self.is_attached:
            if isinstance(interaction.command, HybridAppCommand):
                opened.kind = Kind.HYBRID_SLASH  # also where it failed before its context was made
            self._close(opened, Outcome.LATE if opened.is_late else outcomes.outcome_of(error), error)

    def _returned(self, opened: OpenInteraction | None) -> None:
        """The command ended without an error. Whether that is `ok` depends on what the user saw."""
        if opened is None or not opened.is_open or opened.ended_s is not None:
            return
        if opened.interaction.command_failed:  # without an error, or it would be closed by now
            self._close(opened, Outcome.DENIED)
        elif opened.is_late:
            self._close(opened, Outcome.LATE)
        elif opened.response_s is not None or opened.interaction.response.is_done():
            self._close(opened, _OK)
        else:
            opened.ended_s = self._monotonic()
            left_s = opened.DEADLINE_S - (opened.ended_s - opened.received_s)
            if left_s <= 0:
                self._close(opened, Outcome.UNANSWERED)
            else:  # a task that it left behind may still answer in time
                opened.timer = self.clock.call_later(left_s, lambda: self._close(opened, Outcome.UNANSWERED))

    # -- what is learnt on the way -------------------------------------------------------------------------------------

    def responded(self, response: discord.InteractionResponse[Any], error: BaseException | None) -> None:
        """A response was sent, or refused."""
        try:
            interaction = self._interaction_of(response)
            opened = self.interactions.get(interaction)
            if error is not None:
                self._response_failed(interaction, opened, error)
            elif opened is not None and opened.response_s is None:
                opened.response_s = self._monotonic() - opened.received_s
                if opened.ended_s is not None:
                    self._close(opened, Outcome.LATE if opened.is_late else Outcome.OK)
        except Exception as failure:  # noqa: BLE001 (the host is in the middle of answering somebody)
            self._failures.note("observing a response", failure)

    def _response_failed(
        self, interaction: AnyInteraction | None, opened: OpenInteraction | None, error: BaseException
    ) -> None:
        if interaction is not None and interaction.client is self._bot:
            self.refused(error)
        if opened is not None and outcomes.is_late(error):
            opened.is_late = True
            if opened.ended_s is not None:
                self._close(opened, Outcome.LATE)

    # -- the end -------------------------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Close what ended long ago without a sign."""
        now_s = self._monotonic()
        for message in [m for m in self._contexts.values() if now_s - m.received_s > m.LIFETIME_S]:
            self._close_message(message.context, Outcome.CANCELLED)
        for opened in [o for o in self.interactions.values() if now_s - o.received_s > o.LIFETIME_S]:
            if opened.is_watched:
                continue  # it still runs
            if opened.interaction.response.is_done():
                self._close(opened, Outcome.CANCELLED)
            else:
                self._close(opened, Outcome.DENIED if opened.interaction.command_failed else Outcome.UNANSWERED)

    def close_all(self) -> None:
        """Close what is still open, because nobody will watch it any longer."""
        for opened in [*self.interactions.values()]:
            self._close(opened, Outcome.CANCELLED if opened.ended_s is None else Outcome.UNANSWERED)
        for message in [*self._contexts.values()]:
            self._close_message(message.context, Outcome.CANCELLED)

    def _close(self, opened: OpenInteraction, outcome: Outcome, error: BaseException | None = None) -> None:
        if not opened.is_open:
            return
        opened.is_open = False
        del self.interactions[opened.interaction]
        ended_s = opened.ended_s
        if ended_s is None:
            ended_s = self._monotonic()
        elif opened.timer is not None:
            opened.timer.cancel()
        interaction = opened.interaction
        try:
            if self._is_ignored(interaction.user.id, interaction.guild_id, interaction.command):
                return
            invocation = self._record_of(opened, outcome, ended_s)
            if invocation.outcome is _OK:
                self._record(invocation, ended_s)
            else:
                self._record_failure(invocation, ended_s, error, opened.typed())
        except Exception as failure:  # noqa: BLE001 (the edge: the caller is discord.py in the middle of a command)
            self._failures.note("recording an invocation", failure)

    def _close_message(self, context: AnyContext, outcome: Outcome, error: BaseException | None = None) -> None:
        opened = self._contexts.pop(id(context), None)
        if opened is None:
            return
        opened.is_open = False
        ended_s = self._monotonic()
        guild = context.guild
        try:
            if self._is_ignored(context.author.id, None if guild is None else guild.id, context.command):
                return
            invocation = opened.record(outcome, ended_s, self._privacy, self._bot.shard_count)
            if invocation.outcome is _OK:
                self._record(invocation, ended_s)
            else:
                self._record_failure(invocation, ended_s, error, opened.typed())
        except Exception as failure:  # noqa: BLE001 (likewise)
            self._failures.note("recording an invocation", failure)

    def _record_failure(
        self, invocation: Invocation, ended_s: float, error: BaseException | None, typed: Iterable[object]
    ) -> None:
        """The same with what it failed with; and tell the host, if it asked for that."""
        cause = None
        if error is not None:
            cause = outcomes.root_cause(error)
            self.refused(cause)
            invocation = failed(invocation, cause, typed)
        self._record(invocation, ended_s)
        if not invocation.is_own:  # how our own commands fare is none of the host's business
            self._tell_of_failure(invocation, cause)
