"""What is open, kept where a kill does not reach it: each invocation from its first sign until its row is stored."""

from __future__ import annotations

from typing import Any

from discord.ext import commands

from botmon_cog.domain.ended import Origin
from botmon_cog.domain.models import Invocation
from botmon_cog.observer.ignoring import Filter
from botmon_cog.observer.known_commands import is_own
from botmon_cog.observer.open_message import OpenMessage, qualified_name
from botmon_cog.observer.opened import OpenInteraction, OpenInvocation
from botmon_cog.observer.rows import shard_of
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.queue import open_slots
from botmon_cog.store.queue.open_file import NOWHERE

NO_NUMBER = -1
"""Of what somebody else writes."""


class KeptOpen:
    """What one bot has open, in the file of its system. Nothing here raises.

    Attributes:
        add: keeps an interaction when it opens, as `OpenFile.add` says.
        answered: keeps how an interaction ended, as `OpenFile.answered` says.
        is_ignored: of whom nothing is kept.
        unrecorded: ids of people of whom it is kept that somebody used something, but not who and where.
    """

    def __init__(self, bot: commands.Bot, system: MonitoringSystem) -> None:
        self._bot = bot
        self._file = system.open_file
        self._failures = system.failures
        self.is_ignored = Filter(system.config.record)
        self.add, self.answered = self._file.add, self._file.answered
        self.unrecorded = system.unrecorded.ids

    def attach(self) -> None:
        """Make the file."""
        self._file.create()

    # -- what opens ----------------------------------------------------------------------------------------------------

    def renamed(self, opened: OpenInteraction) -> None:
        """What is kept of it goes by another name from now on."""
        if opened.slot >= 0:
            origin = opened.origin
            opened.slot = self._file.rewrite(
                opened.slot,
                opened.started_s,
                without_person(origin) if origin[1] in self.unrecorded else origin,
                shard_of(origin[2], self._bot.shard_count),
                opened.known.what,
            )

    def note_message(self, opened: OpenMessage) -> None:
        """Keep a prefix command when it opens."""
        try:
            context = opened.context
            command = _called(context)
            user_id, guild_id, _ = opened.subject
            if self.is_ignored(user_id, guild_id, command):
                return
            is_unrecorded = user_id in self.unrecorded
            opened.slot = self._file.rewrite(
                opened.slot,
                opened.started_s,
                (
                    0 if is_unrecorded else context.message.id,
                    0 if is_unrecorded else user_id,
                    guild_id or 0,
                    0 if is_unrecorded else context.channel.id,
                ),
                shard_of(guild_id, self._bot.shard_count),
                open_slots.what(opened.kind, qualified_name(command), is_own=is_own(command)),
            )
        except Exception as error:  # noqa: BLE001 (likewise)
            self._failures.note("keeping what is open", error)

    # -- what ends -----------------------------------------------------------------------------------------------------

    def recorded(self, opened: OpenInvocation, seq: int, invocation: Invocation) -> None:
        """Its row is the event of this number; `NO_NUMBER`: another writer has it."""
        if seq == NO_NUMBER:
            self.forget(opened)
        elif opened.slot >= 0:
            self._file.ended(opened.slot, seq, invocation)
            opened.slot = NOWHERE

    def set_aside(self, opened: OpenInvocation, seq: int, invocation: Invocation) -> None:
        """The same of an `AnsweredElsewhere`."""
        if opened.slot >= 0:
            self._file.ended(opened.slot, seq, invocation, is_elsewhere=True)
            opened.slot = NOWHERE

    def forget(self, opened: OpenInvocation) -> None:
        """It has no row, or another writer does."""
        if opened.slot >= 0:
            self._file.remove(opened.slot)
            opened.slot = NOWHERE


def without_person(origin: Origin) -> Origin:
    """The same without the user, and without the channel."""
    discord_id, _, guild_id, _ = origin
    return discord_id, 0, guild_id, 0


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
