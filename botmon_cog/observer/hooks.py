"""Where the observer is attached to a bot, and detached again without a trace.

Only public names of discord.py are used here: `wait_for` (`waiters.py`), and `tree.on_error`, which is chained.
`private.py` and `responses.py` hold the rest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from discord import app_commands
from discord.ext import commands

from botmon_cog.monitors.failures import Failures
from botmon_cog.observer.observer import APPLICATION_COMMAND, Observer
from botmon_cog.observer.opened import AnyInteraction, OpenInteraction
from botmon_cog.observer.private import Receive, wrap_call, wrap_receive
from botmon_cog.observer.responses import add_response_sink, remove_response_sink
from botmon_cog.observer.waiters import Waiters

ErrorHandler = Callable[[AnyInteraction, app_commands.AppCommandError], Awaitable[None]]


class Hooks:
    """The observer's attachment to one bot."""

    def __init__(
        self, bot: commands.Bot, observer: Observer, failures: Failures, failed: ErrorHandler | None = None
    ) -> None:
        """`failed`: called in the observer's place with each error that reaches `tree.on_error`. It must not raise."""
        self._bot = bot
        self._failed = failed
        self._observer = observer
        self._failures = failures
        self._waiters = Waiters(bot, failures)
        self._on_error: ErrorHandler | None = None
        self._previous: ErrorHandler | None = None
        self._undo_receive: Callable[[], None] | None = None
        self._undo_call: Callable[[], None] | None = None
        self._tree_attributes: dict[str, Any] = vars(bot.tree)

    def attach(self) -> None:
        """Start observing. Needs a running event loop."""
        self._observer.is_attached = True
        self._waiters.wait("message", self._observer.messages.note)
        self._waiters.listen("command", self._observer.command_started)
        self._waiters.listen("command_completion", self._observer.command_completed)
        self._waiters.listen("command_error", self._observer.command_failed)
        self._waiters.listen("app_command_error", self._observer.failure_told)  # dispatched by hosts only
        self._chain_on_error()
        self._undo_receive = wrap_receive(self._bot, self._around_receive)
        if self._undo_receive is None:
            self._waiters.listen("interaction", self._received)
        self._undo_call = wrap_call(self._bot, self._observer.around)
        add_response_sink(self._observer.responded)

    async def detach(self) -> None:
        """Stop observing, and leave everything as it was found."""
        if not self._observer.is_attached:
            return
        self._observer.is_attached = False
        remove_response_sink(self._observer.responded)
        for undo in (self._undo_receive, self._undo_call):
            if undo is not None:
                undo()
        self._unchain_on_error()
        await self._waiters.end()
        self._observer.close_all()

    def _around_receive(self, receive: Receive) -> Receive:
        """Open a command's invocation before its task is made, and keep our place before the tree's error handler."""
        observer, attributes = self._observer, self._tree_attributes
        interactions, now, monotonic = observer.interactions, observer.clock.now, observer.clock.monotonic

        def _from_interaction(interaction: AnyInteraction) -> None:
            if observer.is_attached:
                try:
                    if interaction.type is APPLICATION_COMMAND:
                        interactions[interaction] = OpenInteraction(now(), monotonic(), interaction=interaction)
                    if attributes.get("on_error") is not self._on_error:
                        self._chain_on_error()  # the host has set its own since
                except Exception as error:  # noqa: BLE001 (the command must run all the same)
                    self._failures.note("observing an interaction", error)
            receive(interaction)

        return _from_interaction

    def _received(self, interaction: AnyInteraction) -> None:
        """The same of an interaction's event, where nothing could be wrapped."""
        self._observer.interaction_received(interaction)
        if self._tree_attributes.get("on_error") is not self._on_error:
            self._chain_on_error()

    # -- tree.on_error -------------------------------------------------------------------------------------------------

    def _chain_on_error(self) -> None:
        """Put ourselves before the tree's handler. Each link keeps its own successor: a host may wrap the last."""
        tree = self._bot.tree
        self._previous = self._tree_attributes.get("on_error")
        previous: ErrorHandler = tree.on_error

        async def on_error(interaction: AnyInteraction, error: app_commands.AppCommandError) -> None:
            if self._failed is None:
                self._observer.failure_told(interaction, error)
            else:
                await self._failed(interaction, error)
            await previous(interaction, error)

        self._on_error = on_error
        self._tree_attributes["on_error"] = on_error

    def _unchain_on_error(self) -> None:
        if self._tree_attributes.get("on_error") is not self._on_error:
            return  # somebody wrapped ours: it stays, and passes through
        if self._previous is None:
            del self._tree_attributes["on_error"]
        else:
            self._tree_attributes["on_error"] = self._previous
