"""What is open, kept where a kill does not reach it: each invocation from its first sign until its row is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from discord.ext import commands

from botmon_cog.domain.models import Invocation
from botmon_cog.observer.ignoring import Filter
from botmon_cog.observer.known_commands import is_own
from botmon_cog.observer.open_message import OpenMessage, qualified_name
from botmon_cog.observer.opened import OpenInteraction, OpenInvocation
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.queue import open_slots
from botmon_cog.store.queue.open_file import NOWHERE


class KeptOpen:
    """What one bot has open, in the file of its system. Nothing here raises.

    Attributes:
        note_interaction: keeps a command, or a component, when it opens, and again when its name is known better; the
            second argument is what `open_slots.what` makes of it.
    """

    def __init__(self, bot: commands.Bot, system: MonitoringSystem) -> None:
        self._bot = bot
        self._file = system.open_file
        self._writer = system.writer
        self._pending = system.writer.pending
        self._failures = system.failures
        self._is_ignored = Filter(system.config.record)
        self._unrecorded = system.unrecorded.ids
        self._is_retired = False
        self.note_interaction = self._make_note()

    def attach(self) -> None:
        """Make the file."""
        self._file.create()

    # -- what opens ----------------------------------------------------------------------------------------------------

    def _make_note(self) -> Callable[[OpenInteraction, bytes], None]:
        """A closure, for it runs for every command before its task is made."""
        bot, add, is_ignored = self._bot, self._file.add, self._is_ignored
        has_people, unrecorded = is_ignored.has_people, self._unrecorded

        def note(opened: OpenInteraction, what: bytes) -> None:
            try:
                interaction = opened.interaction
                user_id, guild_id, channel = interaction.user.id, interaction.guild_id, interaction.channel
                if has_people and is_ignored(user_id, guild_id, None):
                    return
                if unrecorded and user_id in unrecorded:
                    user_id, channel = 0, None
                opened.slot = add(
                    opened.slot,
                    opened.started_s,
                    interaction.id,
                    user_id,
                    guild_id or 0,
                    0 if channel is None else channel.id,
                    bot.shard_count or 0,
                    what,
                )
            except Exception as error:  # noqa: BLE001 (the edge: the command must run, whatever we can't read of it)
                self._failures.note("keeping what is open", error)

        return note

    def note_message(self, opened: OpenMessage) -> None:
        """Keep a prefix command when it opens."""
        try:
            context = opened.context
            command = _called(context)
            user_id, guild_id, _ = opened.subject
            if self._is_ignored(user_id, guild_id, command):
                return
            is_unrecorded = user_id in self._unrecorded
            opened.slot = self._file.add(
                opened.slot,
                opened.started_s,
                0 if is_unrecorded else context.message.id,
                0 if is_unrecorded else user_id,
                guild_id or 0,
                0 if is_unrecorded else context.channel.id,
                self._bot.shard_count or 0,
                open_slots.what(opened.kind, qualified_name(command), is_own=is_own(command)),
            )
        except Exception as error:  # noqa: BLE001 (likewise)
            self._failures.note("keeping what is open", error)

    # -- what ends -----------------------------------------------------------------------------------------------------

    def retire(self) -> None:
        """From now on rows go to another writer."""
        self._is_retired = True

    def recorded(self, opened: OpenInvocation, invocation: Invocation) -> None:
        """Its row is the newest event that the writer has."""
        if self._is_retired:
            self.forget(opened)
        elif opened.slot >= 0:
            self._file.ended(opened.slot, self._writer.taken, invocation)
            opened.slot = NOWHERE

    def answered(self, opened: OpenInteraction, duration_s: float, response_s: float) -> None:
        """The same of what ended with `ok`, under the name and as the kind that it began with."""
        if self._is_retired:
            self.forget(opened)
        elif opened.slot >= 0:
            self._file.answered(opened.slot, self._pending.taken, duration_s, response_s)
            opened.slot = NOWHERE

    def set_aside(self, opened: OpenInvocation, invocation: Invocation) -> None:
        """The same of an `AnsweredElsewhere`."""
        if opened.slot >= 0:
            self._file.ended(opened.slot, self._writer.taken, invocation, is_elsewhere=True)
            opened.slot = NOWHERE

    def forget(self, opened: OpenInvocation) -> None:
        """It has no row, or another writer does."""
        if opened.slot >= 0:
            self._file.remove(opened.slot)
            opened.slot = NOWHERE


def _called(context: commands.Context[Any]) -> Any:
    """The command that a message calls. discord.py looks for a group's sub-command only later."""
    command: Any = context.command
    if not isinstance(context.command, commands.Group):
        return command
    for word in context.view.buffer[context.view.index :].split():
        below: dict[str, Any] = getattr(command, "all_commands", {})
        if word not in below:
            break
        command = below[word]
    return command
