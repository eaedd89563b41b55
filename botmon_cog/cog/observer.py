"""discord.py's events to invocations: each exactly once, with its true outcome and its true times.

An invocation is opened by the first sign of it and closed by the first sign of its end; whatever comes later about it
is ignored. Everything here runs synchronously inside discord.py's own calls, does no I/O, and never raises into them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import discord
from discord import app_commands
from discord.ext import commands
from discord.ext.commands.hybrid import HybridAppCommand  # pyright: ignore[reportMissingTypeStubs] (it is typed)

from botmon_cog.cog import outcomes
from botmon_cog.cog.invocation import AnyContext, AnyInteraction, OpenInvocation, interaction_identity
from botmon_cog.cog.private import Call
from botmon_cog.domain.models import Kind, Outcome
from botmon_cog.monitors.observed import current
from botmon_cog.runtime import MonitoringSystem

F = TypeVar("F", bound=Callable[..., Any])

RESPONSE_DEADLINE_S = 3.0
"""Discord's own: an interaction must be answered within it."""
_TOKEN_LIFETIME_S = 15 * 60.0
_PREFIX_LIFETIME_S = 24 * 3600.0
_MESSAGES_REMEMBERED = 1024


class Observer:
    """Keeps the open invocations of one bot. `hooks.py` and `private.py` call it."""

    def __init__(self, bot: commands.Bot, system: MonitoringSystem) -> None:
        self._bot = bot
        self._clock = system.clock
        self._privacy = system.config.privacy
        self._recorder = system.recorder
        self._failures = system.failures
        self._interactions: dict[int, OpenInvocation] = {}
        self._responses: dict[int, OpenInvocation] = {}
        self._contexts: dict[int, OpenInvocation] = {}
        self._failed: dict[int, None] = {}
        self._received: dict[int, tuple[Any, float]] = {}

    @property
    def running(self) -> int:
        """How many invocations have not ended yet; those that only wait for an answer are not among them."""
        return sum(o.ended_s is None for o in (*self._interactions.values(), *self._contexts.values()))

    # -- what opens ----------------------------------------------------------------------------------------------------

    def message_received(self, message: discord.Message) -> None:
        """Remember when, in case it turns out to be a command."""
        self._received[message.id] = (self._clock.now(), self._clock.monotonic())
        if len(self._received) > _MESSAGES_REMEMBERED:
            del self._received[next(iter(self._received))]

    def interaction_received(self, interaction: AnyInteraction) -> None:
        if interaction.type is discord.InteractionType.application_command and interaction.id not in self._interactions:
            self._open_interaction(interaction)

    def _open_interaction(self, interaction: AnyInteraction) -> OpenInvocation:
        kind, command = interaction_identity(interaction)
        opened = OpenInvocation(interaction, kind, command, self._clock.now(), self._clock.monotonic())
        opened.response = interaction.response
        self._interactions[interaction.id] = opened
        self._responses[id(opened.response)] = opened
        return opened

    def command_started(self, context: AnyContext) -> None:
        """A prefix command begins; or the hybrid command of an interaction that is open already."""
        if context.interaction is not None:
            opened = self._interactions.get(context.interaction.id)
            if opened is not None:
                opened.kind = Kind.HYBRID_SLASH
                opened.context = context
            return
        is_hybrid = isinstance(context.command, commands.HybridCommand | commands.HybridGroup)
        started_at, received_s = self._received.pop(context.message.id, None) or (
            self._clock.now(),
            self._clock.monotonic(),
        )
        name = "" if context.command is None else context.command.qualified_name
        opened = OpenInvocation(context, Kind.HYBRID_PREFIX if is_hybrid else Kind.PREFIX, name, started_at, received_s)
        self._contexts[id(context)] = opened
        current.set(opened)  # discord.py calls us in the task that runs the command

    # -- what closes ---------------------------------------------------------------------------------------------------

    async def around_call(self, call: Call, interaction: AnyInteraction) -> None:
        """Run an application command from its first check to its last handler, and see how it ends."""
        opened = self._guarded(self._watch, interaction)
        if opened is None:
            await call(interaction)
            return
        try:
            await call(interaction)
        except app_commands.AppCommandError:
            raise  # discord.py takes it to tree.on_error next, and so to us
        except asyncio.CancelledError as error:
            self._guarded(self._close, opened, Outcome.CANCELLED, error)
            raise
        except Exception as error:
            self._guarded(self._handler_crashed, opened, error)
            raise
        else:
            self._guarded(self._returned, opened)

    def _watch(self, interaction: AnyInteraction) -> OpenInvocation | None:
        if interaction.type is not discord.InteractionType.application_command:
            return None
        opened = self._interactions.get(interaction.id) or self._open_interaction(interaction)
        opened.is_watched = True
        current.set(opened)
        return opened

    def interaction_completed(self, interaction: AnyInteraction, _: object) -> None:
        opened = self._interactions.get(interaction.id)
        if opened is not None:
            self._returned(opened)

    def command_completed(self, context: AnyContext) -> None:
        opened = self._of_context(context)
        if opened is None:
            return
        if context.command_failed:  # discord.py swallows a prefix command's CancelledError and calls it complete
            self._close(opened, Outcome.CANCELLED)
        else:
            self._returned(opened)

    def command_failed(self, context: AnyContext, error: commands.CommandError) -> None:
        opened = self._of_context(context)
        if opened is not None:
            self._close(opened, self._outcome(opened, error), error)
        if context.interaction is not None:
            self._tell_hosts(context.interaction, error)

    def interaction_failed(self, interaction: AnyInteraction, error: app_commands.AppCommandError) -> None:
        if interaction.type is not discord.InteractionType.application_command:
            return
        opened = self._interactions.get(interaction.id)
        if opened is not None:
            self._close(opened, self._outcome(opened, error), error)
        self._tell_hosts(interaction, error)

    def _handler_crashed(self, opened: OpenInvocation, error: Exception) -> None:
        """A local error handler raised, or a check did: nobody else will hear of it."""
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, app_commands.AppCommandError):
            cause = cause.__context__
        if cause is None:
            cause = app_commands.AppCommandError(f"{type(error).__name__}: {error}")
            cause.__cause__ = error
            self._close(opened, Outcome.ERROR, error)
        else:
            self._close(opened, self._outcome(opened, cause), cause)
        assert isinstance(opened.source, discord.Interaction)
        self._tell_hosts(opened.source, cause)

    def _returned(self, opened: OpenInvocation) -> None:
        """The command ended without an error. Whether that is `ok` depends on what the user saw."""
        if not opened.is_open or opened.ended_s is not None:
            return
        source = opened.source
        if not isinstance(source, discord.Interaction):
            self._close(opened, Outcome.OK)
        elif source.command_failed:  # without an error, or it would be closed by now
            self._close(opened, Outcome.DENIED)
        elif opened.is_late:
            self._close(opened, Outcome.LATE)
        elif source.response.is_done():
            self._close(opened, Outcome.OK)
        else:
            opened.ended_s = self._clock.monotonic()
            left_s = RESPONSE_DEADLINE_S - (opened.ended_s - opened.received_s)
            if left_s <= 0:
                self._close(opened, Outcome.UNANSWERED)
            else:  # a task that it left behind may still answer in time
                opened.timer = self._clock.call_later(left_s, lambda: self._guarded(self._deadline, opened))

    def _deadline(self, opened: OpenInvocation) -> None:
        self._close(opened, Outcome.UNANSWERED)

    # -- what is learnt on the way -------------------------------------------------------------------------------------

    def responded(self, response: discord.InteractionResponse[Any], error: BaseException | None) -> None:
        """A response was sent, or refused."""
        opened = self._responses.get(id(response))
        if opened is None:
            return
        if error is None:
            if opened.response_s is None:
                opened.response_s = self._clock.monotonic() - opened.received_s
        elif outcomes.is_late(error):
            opened.is_late = True
        if opened.ended_s is not None and (error is None or opened.is_late):
            self._close(opened, Outcome.LATE if opened.is_late else Outcome.OK)

    # -- the end -------------------------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Close what ended long ago without a sign."""
        now_s = self._clock.monotonic()
        for opened in [*self._interactions.values(), *self._contexts.values()]:
            source = opened.source
            age_s = now_s - opened.received_s
            if not isinstance(source, discord.Interaction):
                if age_s > _PREFIX_LIFETIME_S:
                    self._close(opened, Outcome.CANCELLED)
            elif age_s > _TOKEN_LIFETIME_S and not opened.is_watched:
                is_done = source.response.is_done()
                silent = Outcome.CANCELLED if is_done else Outcome.UNANSWERED
                self._close(opened, Outcome.DENIED if source.command_failed and not is_done else silent)

    def close_all(self) -> None:
        """Close what is still open, because nobody will watch it any longer."""
        for opened in [*self._interactions.values(), *self._contexts.values()]:
            ended = opened.ended_s is not None
            self._guarded(self._close, opened, Outcome.UNANSWERED if ended else Outcome.CANCELLED)

    def _close(self, opened: OpenInvocation, outcome: Outcome, error: BaseException | None = None) -> None:
        if not opened.is_open:
            return
        self._forget(opened)
        if isinstance(opened.source, discord.Interaction) and isinstance(opened.source.command, HybridAppCommand):
            opened.kind = Kind.HYBRID_SLASH  # also where it failed before its context was made
        ended_s = self._clock.monotonic() if opened.ended_s is None else opened.ended_s
        cause = None if error is None else outcomes.root_cause(error)
        self._recorder.record(opened.closed(outcome, ended_s, cause, self._privacy, self._bot.shard_count))

    def _forget(self, opened: OpenInvocation) -> None:
        if opened.timer is not None:
            opened.timer.cancel()
        if isinstance(opened.source, discord.Interaction):
            self._interactions.pop(opened.source.id, None)
            self._responses.pop(id(opened.response), None)
        else:
            self._contexts.pop(id(opened.source), None)

    def _of_context(self, context: AnyContext) -> OpenInvocation | None:
        if context.interaction is not None:
            return self._interactions.get(context.interaction.id)
        return self._contexts.get(id(context))

    def _outcome(self, opened: OpenInvocation, error: BaseException) -> Outcome:
        return Outcome.LATE if opened.is_late else outcomes.outcome_of(error)

    def _tell_hosts(self, interaction: AnyInteraction, error: Exception) -> None:
        """Dispatch the event that discord.py lacks, once per failing application command."""
        if interaction.id in self._failed:
            return
        self._failed[interaction.id] = None
        if len(self._failed) > _MESSAGES_REMEMBERED:
            del self._failed[next(iter(self._failed))]
        self._bot.dispatch("app_command_error", interaction, error)

    def _guarded(self, step: Callable[..., Any], *args: Any) -> Any:
        """Run a step of ours inside somebody else's call."""
        try:
            return step(*args)
        except Exception as error:  # noqa: BLE001 (the edge: the caller is discord.py in the middle of a command)
            self._failures.note(f"observing a command ({step.__name__})", error)
            return None
