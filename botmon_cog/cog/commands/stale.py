"""A command of ours that Discord still shows although the bot no longer has it: the one who uses it is told so.

Discord shows commands as they were when the bot last synced them. Without this, one that was renamed since, or has
stepped aside, would look broken, and would reach the host's error handler as a CommandNotFound that the host can't do
anything about. `CommandTree._get_app_command_options(data)`, which looks a command up, is wrapped for it; without that
name, discord.py's own CommandNotFound remains.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from discord import app_commands

from botmon_cog.cog import embeds
from botmon_cog.cog.commands.alerts import alerts_group
from botmon_cog.cog.commands.table import COMMANDS, AnyCommand
from botmon_cog.cog.commands.wrapping import Method, wrap_method
from botmon_cog.discord_ui.responder import AnyInteraction, Responder

_log = logging.getLogger(__name__)

LOOK_UP = "_get_app_command_options"
_SUB_COMMANDS = frozenset({1, 2})
"""Discord's types of an option that is a sub-command or a group of them."""
_MOVED = {"alerts": ("botmon", "alerts")}
"""Names of earlier versions: the key of the command that has it now, and what it is called there."""

Options = Sequence[Mapping[str, Any]]


class Registered(Protocol):
    """What is known of our commands: the names of those that are there, and why one is not."""

    @property
    def names(self) -> Mapping[str, str]: ...
    def why_missing(self, key: str) -> str | None: ...


class StaleCommands:
    """Answers for commands of ours that the tree does not have (any more)."""

    def __init__(self, tree: app_commands.CommandTree[Any], responder: Responder, registered: Registered) -> None:
        self._tree = tree
        self._responder = responder
        self._registered = registered
        self._is_attached = False
        self._undo: Callable[[], None] | None = None

    def attach(self) -> None:
        self._is_attached = True
        self._undo = wrap_method(self._tree, LOOK_UP, self._around)
        if self._undo is None:
            _log.warning("this discord.py has no CommandTree.%s: commands that are gone answer nothing", LOOK_UP)

    def detach(self) -> None:
        self._is_attached = False
        if self._undo is not None:
            self._undo()
            self._undo = None

    def _around(self, look_up: Method) -> Method:
        def _get_app_command_options(data: Mapping[str, Any]) -> Any:
            try:
                return look_up(data)
            except app_commands.CommandNotFound as error:
                stale = self._find(data) if self._is_attached and not error.parents else None
                if stale is None:
                    raise
                return stale

        return _get_app_command_options

    def _find(self, data: Mapping[str, Any]) -> tuple[_Notice, Options] | None:
        """What answers a command that was ours by its name and its options; None if it was not."""
        name, options = str(data["name"]), data.get("options", ())
        key, ours, sub_command = self._formerly(name)
        if ours is None or not _fits(ours, options):
            return None
        typed, options = _path(options)
        now = self._registered.names.get(key)
        told = _gone(name) if now is None else _renamed((name, *typed), (now, *sub_command, *typed))
        return _Notice(self._responder, name, told, self._registered.why_missing(key)), options

    def _formerly(self, name: str) -> tuple[str, AnyCommand | None, tuple[str, ...]]:
        """The key of the command that had this name, that command as it was, and where it went within its new one."""
        if name in _MOVED:
            key, sub_command = _MOVED[name]
            return key, alerts_group(self._responder, name), (sub_command,)
        config = self._responder.system.config.commands
        for spec in COMMANDS:
            if name in (spec.key, getattr(config, spec.key)):
                return spec.key, spec.build(self._responder, name), ()
        return "", None, ()


class _Notice(app_commands.Command[Any, ..., None]):
    """A command in place of one that is gone: says what became of it, and to owners why."""

    def __init__(self, responder: Responder, name: str, words: str, why: str | None) -> None:
        async def say(interaction: AnyInteraction) -> None:
            said = f"{words}\n\n{why}" if why is not None and await responder.bot.is_owner(interaction.user) else words
            embed = embeds.short_embed("This command has changed", said)
            await interaction.response.send_message(embed=embed, ephemeral=True)

        super().__init__(name=name, description="Gone", callback=say)

    async def _invoke_autocomplete(self, interaction: AnyInteraction, name: str, namespace: Any) -> None:
        """Suggest nothing. discord.py would look for the option that is typed in, and log that there is none."""
        del name, namespace
        await interaction.response.autocomplete([])


def _renamed(before: Sequence[str], now: Sequence[str]) -> str:
    new = " ".join(now)
    return f"`/{' '.join(before)}` is now `/{new}`. Discord shows the new name once the bot has synced its commands."


def _gone(name: str) -> str:
    return f"`/{name}` is no longer available. Discord stops showing it once the bot has synced its commands."


def _path(options: Options) -> tuple[tuple[str, ...], Options]:
    """The names of the sub-commands, and the options of the innermost."""
    names: list[str] = []
    while options and options[0]["type"] in _SUB_COMMANDS:
        names.append(options[0]["name"])
        options = options[0].get("options", ())
    return tuple(names), options


def _fits(command: AnyCommand, options: Options) -> bool:
    """Whether a command can have been used with these options, so that it is hardly a former one of the host's."""
    known: AnyCommand | None = command
    names, options = _path(options)
    for name in names:
        known = known.get_command(name) if isinstance(known, app_commands.Group) else None
    if not isinstance(known, app_commands.Command):
        return False
    parameters = {parameter.display_name for parameter in known.parameters}
    return all(option["name"] in parameters for option in options)
