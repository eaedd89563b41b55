"""discord.py's events to invocations: each exactly once, with its true outcome and its true times.

An invocation is opened by the first sign of it and closed by the first sign of its end; whatever comes later about it
is ignored. Everything here runs synchronously inside discord.py's own calls, does no I/O, and never raises into them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from discord import InteractionResponse
from discord.ext import commands
from msgspec.structs import astuple

from botmon_cog.config import CommandsConfig
from botmon_cog.monitors.observed import current, is_name_of
from botmon_cog.observer.app_commands import AppCommands, ErrorHandler, Listener
from botmon_cog.observer.autocomplete import Autocomplete
from botmon_cog.observer.background import Background
from botmon_cog.observer.class_sinks import add_sink, remove_sink
from botmon_cog.observer.closing import Closer, TellOfFailure
from botmon_cog.observer.components import Components
from botmon_cog.observer.event_hooks import EventHooks
from botmon_cog.observer.interactions import Interactions
from botmon_cog.observer.kept_open import KeptOpen
from botmon_cog.observer.known_commands import KnownCommands
from botmon_cog.observer.music import Music
from botmon_cog.observer.open_message import OpenMessage
from botmon_cog.observer.opened import AnyContext, OpenInteraction
from botmon_cog.observer.prefix import PrefixCommands
from botmon_cog.observer.servers import Servers
from botmon_cog.runtime import MonitoringSystem

_DEFERRING = ("defer",)
_RESPONDING = ("pong", "send_message", "edit_message", "send_modal", "autocomplete", "launch_activity")


def _tell_nobody(*_: object) -> None:
    pass


class Observer:
    """Watches one bot.

    Attributes:
        closer: makes the rows.
        interactions: the open ones.
        app_commands: slash commands and context menus.
        prefix: prefix commands, and hybrid ones that are called so.
        components: buttons, selects and modals; None where they are not to be recorded.
        autocomplete: counts how options are completed.
        background: counts what fails without being invoked.
        servers: records which the bot joins and leaves.
        music: records what the bot plays.
    """

    def __init__(
        self, bot: commands.Bot, system: MonitoringSystem, tell_of_failure: TellOfFailure = _tell_nobody
    ) -> None:
        """`tell_of_failure`: called once for each invocation that does not end well, and is none of our own."""
        clock, failures, config = system.clock, system.failures, system.config
        self._monotonic = clock.monotonic
        self._kept = kept = KeptOpen(bot, system)
        self.closer = closer = Closer(bot, system, kept, tell_of_failure)
        self.interactions = interactions = Interactions(bot, closer, clock, failures, config.privacy)
        # Those that Discord may still show are ours, too: of another configuration, and of an earlier version.
        own_names = {*astuple(config.commands), *astuple(CommandsConfig()), "alerts"}
        self.app_commands = AppCommands(bot, interactions, KnownCommands(own_names), failures)
        self.prefix = PrefixCommands(bot, closer, clock, failures, config.privacy)
        self.components = Components(bot, interactions, clock, failures) if config.record.components else None
        self.autocomplete = Autocomplete(system, interactions.delays)
        self.app_commands.autocomplete = self.autocomplete
        self.background = Background(bot, system)
        self.autocomplete.count_failure = self.background.count
        system.causes.frames.extensions = lambda: bot.extensions
        self.servers = Servers(bot, system)
        self.music = Music(bot, system)
        self._hooks = EventHooks(bot, failures)
        self._is_attached = False

    def attach(self, failed: ErrorHandler | None = None, listener: Listener | None = None) -> None:
        """Start observing. Needs a running event loop. `failed`, `listener`: as for `AppCommands.attach`."""
        self._is_attached = True
        self._kept.attach()
        self._hooks.listen("command", self._command_started)
        self._hooks.listen("command_completion", self._command_completed)
        self._hooks.listen("command_error", self._command_failed)
        self.prefix.attach()
        self.interactions.attach()
        self.app_commands.attach(failed, listener)
        if self.components is not None:
            self.components.attach()
        self.autocomplete.attach()
        self.background.attach()
        self.servers.attach()
        self.music.attach()
        add_sink(InteractionResponse, _RESPONDING, self.interactions.responded)
        add_sink(InteractionResponse, _DEFERRING, self.interactions.deferred)

    async def detach(self) -> None:
        """Stop observing, close what is open, and leave everything as it was found.

        What this is called from is spared: a command that unloads the extension ends as it ends.
        """
        if not self._is_attached:
            return
        self._is_attached = False
        await self.app_commands.detach()
        await self._hooks.end()
        await self.prefix.detach()
        if self.components is not None:
            await self.components.detach()
        self.autocomplete.detach()
        await self.background.detach()
        await self.servers.detach()
        await self.music.detach()
        spared = current.get()
        self.close_all(spared)
        if spared is None or not any(opened is spared for opened in self._open()):
            self._let_go_of_interactions()
            self.prefix.let_go()
        elif isinstance(spared, OpenInteraction):
            self.prefix.let_go()
            self.closer.retire(spared, then=self._let_go_of_interactions)
        else:
            self._let_go_of_interactions()
            self.closer.retire(spared, then=self.prefix.let_go)

    def _let_go_of_interactions(self) -> None:
        """None is open any more."""
        self.app_commands.let_go()
        self.interactions.let_go()
        remove_sink(InteractionResponse, _RESPONDING, self.interactions.responded)
        remove_sink(InteractionResponse, _DEFERRING, self.interactions.deferred)

    def end(self) -> None:
        """The process is about to end: close what is open, and open nothing more."""
        self.app_commands.is_attached = False
        if self.components is not None:
            self.components.end()
        self.close_all()
        self.autocomplete.flush()
        self.background.flush()
        self.music.end()

    # -- what is open --------------------------------------------------------------------------------------------------

    def _open(self) -> Iterator[OpenInteraction | OpenMessage]:
        return chain([*self.interactions.open.values()], [*self.prefix.open.values()])

    @property
    def running(self) -> int:
        """How many invocations have not ended yet; those that only wait for an answer are not among them."""
        return sum(opened.ended_s is None for opened in self._open())

    def is_running(self, guild_id: str | None, user_id: str | None, command: str) -> bool:
        """Whether a command of that name, as hosts write names, has not ended yet."""
        return any(opened.who == (guild_id, user_id) and is_name_of(command, opened.command) for opened in self._open())

    def hanging(self) -> list[tuple[str, float]]:
        """The commands that run for longer than an interaction's token lives, and for how long in s; oldest first."""
        now_s = self._monotonic()
        ages = [(o.command, now_s - o.received_s) for o in self._open() if o.ended_s is None]
        return sorted((one for one in ages if one[1] > OpenInteraction.LIFETIME_S), key=lambda one: -one[1])

    def sweep(self) -> None:
        """Close what ended long ago without a sign."""
        self.interactions.sweep()
        self.prefix.sweep()
        self.background.sweep()

    def close_all(self, spared: object = None) -> None:
        """Close what is still open, because nobody will watch it any longer; but not `spared`."""
        self.interactions.close_all(spared)
        self.prefix.close_all(spared)

    # -- discord.py's events of prefix and hybrid commands -------------------------------------------------------------

    def _command_started(self, context: AnyContext) -> None:
        if context.interaction is None:
            self.prefix.started(context)

    def _command_completed(self, context: AnyContext) -> None:
        if context.interaction is None:
            self.prefix.completed(context)
        else:
            self.app_commands.hybrid_completed(context)

    def _command_failed(self, context: AnyContext, error: commands.CommandError) -> None:
        if context.interaction is None:
            self.prefix.failed(context, error)
        else:
            self.app_commands.failed(context.interaction, error)
