"""Slash commands and context menus: opened when they arrive, watched from their first check to their last handler."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from types import MethodType
from typing import Any, Protocol

import discord
from discord import app_commands
from discord.ext import commands

from botmon_cog.domain.outcome import Outcome
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.observed import current
from botmon_cog.observer import outcomes
from botmon_cog.observer.event_hooks import EventHooks
from botmon_cog.observer.interactions import Interactions
from botmon_cog.observer.known_commands import AnyInteraction, KnownCommands
from botmon_cog.observer.opened import AnyContext, OpenInteraction
from botmon_cog.observer.private import Call, Receive, wrap_call, wrap_receive

_COMMAND = discord.InteractionType.application_command
_AUTOCOMPLETE = discord.InteractionType.autocomplete
_COMPLETION = "on_app_command_completion"
_LINK = "__botmon_link__"

ErrorHandler = Callable[[AnyInteraction, app_commands.AppCommandError], Awaitable[None]]
Listener = Callable[..., Coroutine[Any, Any, None]]


class WatchesAutocomplete(Protocol):
    """Whoever wants to know of the calls that complete options."""

    def received(self, interaction: AnyInteraction) -> None:
        """One arrived."""

    async def around(self, call: Call, interaction: AnyInteraction) -> None:
        """Run `call`, which completes the option."""


class AppCommands:
    """Those of one bot.

    Attributes:
        is_attached: whether anything is to be observed; what stays hooked after that passes through.
        autocomplete: runs the calls that complete options; None: nobody watches them.
    """

    def __init__(
        self,
        bot: commands.Bot,
        interactions: Interactions,
        known: KnownCommands,
        failures: Failures,
    ) -> None:
        self._bot = bot
        self._interactions = interactions
        self._open = interactions.open
        self._open_one = interactions.opener(OpenInteraction, known.find)
        self._failures = failures
        self._hooks = EventHooks(bot, failures)
        self._tree_attributes: dict[str, Any] = vars(bot.tree)
        self._failed: ErrorHandler | None = None
        self._listener: Listener | None = None
        self._on_error: ErrorHandler | None = None
        self._previous: ErrorHandler | None = None
        self._undo: list[Callable[[], None]] = []
        self._begun: AnyInteraction | None = None
        self._is_over = False
        self._sees_ends = False
        self.is_attached = False
        self.autocomplete: WatchesAutocomplete | None = None

    def attach(self, failed: ErrorHandler | None = None, listener: Listener | None = None) -> None:
        """Start observing. Needs a running event loop.

        Args:
            failed: called in place of `failure_told` with each error that reaches `tree.on_error`. It must not raise.
            listener: the bot's for `app_command_completion`, which calls `completed`. discord.py makes a task of it for
                every command: so it is taken off where every end is seen without it.
        """
        self._failed, self._listener = failed, listener
        self.is_attached = True
        self._hooks.listen("app_command_error", self.failure_told)  # dispatched by hosts only
        self._chain_on_error()
        undo_receive = wrap_receive(self._bot, self._around_receive)
        if undo_receive is None:
            self._hooks.listen("interaction", self._received)
        undo_call = wrap_call(self._bot, self.around)
        self._undo = [undo for undo in (undo_receive, undo_call) if undo is not None]
        self._sees_ends = undo_call is not None
        self._interactions.answered_unwatched = self._listen

    async def detach(self) -> None:
        """Open nothing more. `let_go` undoes the rest, once nothing is open any more."""
        self.is_attached = False
        for undo in self._undo:
            undo()
        self._undo = []
        self._unlisten()
        await self._hooks.end()

    def let_go(self) -> None:
        """Leave `tree.on_error` as it was found."""
        self._is_over = True
        if self._tree_attributes.get("on_error") is not self._on_error:
            return  # somebody wrapped ours: it stays, and passes through
        if self._previous is None:
            del self._tree_attributes["on_error"]
        else:
            self._tree_attributes["on_error"] = self._previous

    def _unlisten(self) -> None:
        if self._listener is not None:
            self._bot.remove_listener(self._listener, _COMPLETION)

    def _listen(self) -> None:
        """A command is answered, and its end won't be seen: the host has set a `tree._call` that does not call ours."""
        if self._sees_ends and self.is_attached and self._listener is not None:
            self._sees_ends = False
            self._unlisten()  # it may be there still
            self._bot.add_listener(self._listener, _COMPLETION)

    # -- what opens ----------------------------------------------------------------------------------------------------

    def _around_receive(self, receive: Receive) -> Receive:
        """Open a command's invocation before its task is made, and keep our place before the tree's error handler."""
        tree, open_one = self._bot.tree, self._open_one

        def _from_interaction(interaction: AnyInteraction) -> None:
            if self.is_attached:
                try:
                    if interaction.type is _COMMAND:
                        open_one(interaction)
                    elif interaction.type is _AUTOCOMPLETE and self.autocomplete is not None:
                        self.autocomplete.received(interaction)
                    if tree.on_error is not self._on_error:
                        self._chain_on_error()  # the host has set its own since
                except Exception as error:  # noqa: BLE001 (the command must run all the same)
                    self._failures.note("observing an interaction", error)
            receive(interaction)

        return _from_interaction

    def _received(self, interaction: AnyInteraction) -> None:
        """The same of an interaction's event, where nothing could be wrapped."""
        if interaction.type is _COMMAND and interaction is not self._begun:
            self._open_one(interaction)
        if self._tree_attributes.get("on_error") is not self._on_error:
            self._chain_on_error()

    def _open_late(self, interaction: AnyInteraction) -> OpenInteraction | None:
        """Of a command that arrived before we were attached, or that runs before its event is dispatched."""
        if not self.is_attached or interaction.type is not _COMMAND or interaction is self._begun:
            return None
        try:
            opened = self._open_one(interaction)
        except Exception as error:  # noqa: BLE001 (the command must run, whatever we can't read of it)
            self._failures.note("opening an invocation", error)
            return None
        self._begun = interaction
        return opened

    # -- what ends -----------------------------------------------------------------------------------------------------

    def around(self, call: Call) -> Call:
        """Run an application command from its first check to its last handler, and see how it ends."""
        open_ones, returned, ended_well = self._open, self._interactions.returned, self._interactions.ended_well

        async def _call(interaction: AnyInteraction) -> None:
            opened = open_ones.get(interaction)
            if opened is None:
                if interaction.type is _AUTOCOMPLETE and self.autocomplete is not None:
                    await self.autocomplete.around(call, interaction)
                    return
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
            except (asyncio.CancelledError, GeneratorExit) as error:  # or its task was lost, and collected as garbage
                returned(opened, Outcome.CANCELLED, error)
                raise
            except Exception as error:
                self._handler_crashed(opened, error)
                raise
            if interaction.command_failed:
                returned(opened, Outcome.DENIED)
            else:
                ended_well(opened)

        return _call

    def completed(self, interaction: AnyInteraction, _: object = None) -> None:
        """The event `app_command_completion`, where nothing else told."""
        opened = self._open.get(interaction)
        if opened is not None and not opened.is_watched:
            self._interactions.ended_well(opened)
        elif self._sees_ends:
            self._unlisten()

    def hybrid_completed(self, context: AnyContext) -> None:
        """The event `command_completion` of a hybrid command that was called as a slash command."""
        opened = self._open.get(context.interaction)
        if opened is not None:
            self._interactions.ended_well(opened)

    def failed(self, interaction: AnyInteraction, error: Exception) -> None:
        """It ended with this error."""
        opened = self._open.get(interaction)
        if opened is not None:
            self._interactions.returned(opened, outcomes.outcome_of(error), error)

    def failure_told(self, *event: object) -> None:
        """The arguments of `app_command_error`. Never raises: the host's handlers must be called all the same."""
        interaction, error = outcomes.failure_in(event)
        if interaction is None or error is None or interaction.type is not _COMMAND:
            return
        try:
            self.failed(interaction, error)
        except Exception as failure:  # noqa: BLE001 (the edge: discord.py in the middle of handling an error)
            self._failures.note("observing on_app_command_error", failure)

    def _handler_crashed(self, opened: OpenInteraction, crash: Exception) -> None:
        """A local error handler raised, or a check did: nobody else will hear of it."""
        told: BaseException | None = crash
        while told is not None and not isinstance(told, app_commands.AppCommandError):
            told = told.__context__  # what the handler was called for
        if told is not None and outcomes.outcome_of(told).is_fault:
            self._interactions.crashed(opened, outcomes.outcome_of(told), told)
        else:
            self._interactions.crashed(opened, Outcome.ERROR, crash)

    # -- tree.on_error -------------------------------------------------------------------------------------------------

    def _chain_on_error(self) -> None:
        """Put ourselves before the tree's handler. Each link keeps its own successor: a host may wrap the last."""
        found: Any = self._tree_attributes.get("on_error")
        while (link := getattr(found, _LINK, None)) is not None and link.is_over:
            found = link.previous  # what a command that reloaded us has left behind
        self._previous = found
        previous: ErrorHandler = found or MethodType(type(self._bot.tree).on_error, self._bot.tree)

        async def on_error(interaction: AnyInteraction, error: app_commands.AppCommandError) -> None:
            if self._failed is None:
                self.failure_told(interaction, error)
            else:
                await self._failed(interaction, error)
            await previous(interaction, error)

        setattr(on_error, _LINK, self)
        self._on_error = on_error
        self._tree_attributes["on_error"] = on_error

    @property
    def is_over(self) -> bool:
        """Our link of the chain only passes through."""
        return self._is_over

    @property
    def previous(self) -> ErrorHandler | None:
        """What our link stands before; None: the method of the tree's class."""
        return self._previous
