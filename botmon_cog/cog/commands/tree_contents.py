"""What a command tree holds of ours, wherever it keeps commands.

discord.py shows by its public methods only what has a name that one knows, in a guild that one knows, so this reads its
dictionaries. One that is missing counts as empty.

`CommandTree._global_commands`
    by name.
`CommandTree._guild_commands`
    by guild and name; `copy_global_to` puts ours there, too.
`RedTree._disabled_global_commands`
    by name: what the owner of a Red bot has not enabled.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import discord
from discord import app_commands

AnyTree = app_commands.CommandTree[Any]
Mapping = dict[str, Any]

GLOBAL = "_global_commands"
DISABLED = "_disabled_global_commands"
GUILDS = "_guild_commands"


def find(tree: AnyTree, name: str, guild_id: int | None = None) -> object | None:
    """The slash command that has this name, globally or in a guild; None if there is none."""
    places = _global_places(tree) if guild_id is None else [_guild_places(tree).get(guild_id, {})]
    return next((place[name] for place in places if name in place), None)


def remove(tree: AnyTree, command: object, guild_id: int | None = None) -> bool:
    """Take this very command out of one guild's, or (None) out of everything. Returns whether it was there."""
    guilds = _guild_places(tree)
    places = [*_global_places(tree), *guilds.values()] if guild_id is None else [guilds.get(guild_id, {})]
    found = [(place, name) for place in places for name, held in place.items() if held is command]
    for place, name in found:
        del place[name]
    return bool(found)


class Hidden:
    """Takes commands out of the global ones for the length of a `with`, and puts them back where they were."""

    def __init__(self, tree: AnyTree, commands: Iterable[object]) -> None:
        self._place: Mapping = getattr(tree, GLOBAL, {})
        self._commands = tuple(commands)
        self._before: Mapping = {}

    def __enter__(self) -> None:
        self._before = dict(self._place)
        for name, held in self._before.items():
            if any(held is command for command in self._commands):
                del self._place[name]

    def __exit__(self, *_: object) -> None:
        self._place.clear()
        self._place.update(self._before)


def names_after_copy(tree: AnyTree, guild: discord.abc.Snowflake) -> set[str]:
    """The names that a guild has once the global commands are copied to it."""
    return {*_guild_places(tree).get(guild.id, {}), *getattr(tree, GLOBAL, {})}


def _global_places(tree: AnyTree) -> list[Mapping]:
    return [getattr(tree, GLOBAL, {}), getattr(tree, DISABLED, {})]


def _guild_places(tree: AnyTree) -> dict[int, Mapping]:
    return getattr(tree, GUILDS, {})
