"""Our commands in the host's tree, as those of a guest: a name that the host wants, or the room, is the host's."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from botmon_cog.cog.commands import missing, tree_contents
from botmon_cog.cog.commands.prefix import PrefixCommands
from botmon_cog.cog.commands.stale import StaleCommands
from botmon_cog.cog.commands.table import AnyCommand, make_commands
from botmon_cog.cog.commands.wrapping import Method, wrap_method
from botmon_cog.config import CommandsConfig
from botmon_cog.discord_ui.responder import Responder

_log = logging.getLogger(__name__)

_CLASHES = (app_commands.CommandAlreadyRegistered, AttributeError)
"""What a tree raises where a name is taken. Red means the first, misspells it, and so raises the second."""


class _Reason(Enum):
    TAKEN = auto()
    NO_ROOM = auto()
    REMOVED = auto()


class Commands:
    """Our commands in one bot. Whatever the host does with its own works as it would without ours.

    Ours step aside one by one, and stay away until the extension is loaded again, so that none comes and goes while a
    host reloads a cog.
    """

    def __init__(self, bot: commands.Bot, responder: Responder, config: CommandsConfig) -> None:
        self._tree = bot.tree
        self._ours: dict[str, AnyCommand] = make_commands(responder, config)
        self._missing: dict[str, _Reason] = {}
        self._undo: list[Callable[[], None]] = []
        self._is_attached = False
        self._stale = StaleCommands(bot.tree, responder, self)
        self._prefix = PrefixCommands(bot, responder, config) if config.prefix else None
        responder.names = lambda: self.names

    @property
    def names(self) -> Mapping[str, str]:
        """The names of those that are in the tree, by key."""
        return MappingProxyType({k: c.name for k, c in self._ours.items() if self._is_present(c)})

    @property
    def missing(self) -> tuple[str, ...]:
        """Sentences for the owners: which command is missing, why, and what to do."""
        told = tuple(_sentence(key, self._ours[key].name, reason) for key, reason in self._missing.items())
        return told if self._prefix is None else (*told, *self._prefix.missing)

    def why_missing(self, key: str) -> str | None:
        """The sentence about one of them; None if it is there, or was left out on purpose."""
        reason = self._missing.get(key)
        return None if reason is None else _sentence(key, self._ours[key].name, reason)

    def attach(self) -> None:
        """Add them, and make way from now on. What can't be added is said in one line of the log."""
        for key, command in self._ours.items():
            try:
                self._tree.add_command(command)
            except _CLASHES:
                if tree_contents.find(self._tree, command.name) is None:
                    raise
                self._missing[key] = _Reason.TAKEN
            except app_commands.CommandLimitReached:
                self._missing[key] = _Reason.NO_ROOM
        self._is_attached = True
        for name, around in (
            ("add_command", self._around_add),
            ("remove_command", self._around_removal),
            ("clear_commands", self._around_removal),
            ("copy_global_to", self._around_copy),
        ):
            undo = wrap_method(self._tree, name, around)
            if undo is not None:
                self._undo.append(undo)
        self._stale.attach()
        if self._prefix is not None:
            self._prefix.attach()
        if self.missing:
            _log.warning("%s", " ".join(self.missing))

    def detach(self) -> None:
        """Take everything of ours out of the tree. May be called twice, or without `attach`."""
        self._is_attached = False
        if self._prefix is not None:
            self._prefix.detach()
        self._stale.detach()
        while self._undo:
            self._undo.pop()()
        for command in self._ours.values():
            tree_contents.remove(self._tree, command)

    # -- making way ----------------------------------------------------------------------------------------------------

    def _around_add(self, add: Method) -> Method:
        """Add the host's command, with ours out of its way if they are in it."""

        def add_command(command: Any, /, *args: Any, **kwargs: Any) -> Any:
            while True:
                try:
                    result = add(command, *args, **kwargs)
                except _CLASHES as error:
                    if not self._give_up_name(command, getattr(error, "guild_id", None)):
                        raise
                except app_commands.CommandLimitReached as error:
                    if not self._make_room(error):
                        raise
                else:
                    self._look()
                    return result

        return add_command

    def _around_removal(self, remove: Method) -> Method:
        def removal(*args: Any, **kwargs: Any) -> Any:
            result = remove(*args, **kwargs)
            self._look()
            return result

        return removal

    def _around_copy(self, copy: Method) -> Method:
        """Copy without those of ours for which the guild has no room, or which would replace one of the host's."""

        def copy_global_to(*, guild: discord.abc.Snowflake) -> Any:
            if not self._is_attached:
                return copy(guild=guild)
            surplus = len(tree_contents.names_after_copy(self._tree, guild)) - missing.MOST_COMMANDS
            hidden: list[AnyCommand] = []
            for command in reversed([*self._ours.values()]):
                held = tree_contents.find(self._tree, command.name, guild.id)
                is_taken = held is not None and held is not command
                if self._is_present(command) and (is_taken or surplus > 0):
                    hidden.append(command)
                    surplus -= not is_taken
            with tree_contents.Hidden(self._tree, hidden):
                return copy(guild=guild)

        return copy_global_to

    def _give_up_name(self, command: Any, guild_id: int | None) -> bool:
        """Take ours away from the host's name; returns whether it was there."""
        name = getattr(getattr(command, "root_parent", None) or command, "name", None)
        for key, ours in self._ours.items():
            if self._is_attached and ours.name == name and tree_contents.remove(self._tree, ours, guild_id):
                if guild_id is None:
                    self._tell(key, _Reason.TAKEN)
                return True
        return False

    def _make_room(self, error: app_commands.CommandLimitReached) -> bool:
        """Take the least useful of ours out of a full tree; returns whether there was one."""
        if not self._is_attached or error.type is not discord.AppCommandType.chat_input:
            return False
        for key, ours in reversed([*self._ours.items()]):
            if tree_contents.remove(self._tree, ours, error.guild_id):
                if error.guild_id is None:
                    self._tell(key, _Reason.NO_ROOM)
                return True
        return False

    def _look(self) -> None:
        """Find out what the host has replaced or removed, or added again."""
        if not self._is_attached:
            return
        for key, ours in self._ours.items():
            if self._is_present(ours):
                self._missing.pop(key, None)
            elif key not in self._missing:
                is_taken = tree_contents.find(self._tree, ours.name) is not None
                self._tell(key, _Reason.TAKEN if is_taken else _Reason.REMOVED)

    def _tell(self, key: str, reason: _Reason) -> None:
        self._missing[key] = reason
        _log.warning("%s", _sentence(key, self._ours[key].name, reason))

    def _is_present(self, command: AnyCommand) -> bool:
        return tree_contents.find(self._tree, command.name) is command


def _sentence(key: str, name: str, reason: _Reason) -> str:
    typed = f"/{name}"
    if reason is _Reason.TAKEN:
        return missing.name_taken(key, typed)
    return missing.no_room(key, typed) if reason is _Reason.NO_ROOM else missing.removed(typed)
