"""What a bot offers now: the commands that people can use, and the servers that it is in.

discord.py names the guilds that have commands of their own in `CommandTree._guild_commands` and `_context_menus` alone.
Where these are missing, only the global commands are known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import discord
from discord import app_commands
from discord.ext import commands

from botmon_cog.domain.inventory import ServersByShard
from botmon_cog.observer.ignoring import is_marked
from botmon_cog.observer.known_commands import is_own
from botmon_cog.observer.open_message import qualified_name

_MENUS = (discord.AppCommandType.user, discord.AppCommandType.message)
_LIBRARY = "discord."
"""What the modules of commands that discord.py itself adds begin with: `help`."""


class Offered(NamedTuple):
    """The full names of commands that are recorded when they are used; none of ours."""

    everywhere: frozenset[str]
    in_servers: dict[int, frozenset[str]]
    """Those that exist only in one server, by its id."""

    def of(self, guild_id: int | None) -> frozenset[str]:
        """Those of one server; None: of all."""
        if guild_id is not None:
            return self.everywhere | self.in_servers.get(guild_id, frozenset())
        return self.everywhere.union(*self.in_servers.values())


def offered_commands(bot: commands.Bot) -> Offered:
    """Slash commands, context menus and prefix commands, as they are now."""
    everywhere = frozenset((*_in_tree(bot.tree, None), *_with_prefix(bot)))
    in_servers = {
        guild_id: frozenset(_in_tree(bot.tree, discord.Object(guild_id))) - everywhere
        for guild_id in _guilds_with_commands(bot.tree)
    }
    return Offered(everywhere, {guild_id: names for guild_id, names in in_servers.items() if names})


def servers_by_shard(bot: commands.Bot) -> ServersByShard | None:
    """Those that this process is in, also while Discord has an outage; None until all its shards have been told."""
    if not bot.is_ready():
        return None
    own = [*bot.shards] if isinstance(bot, discord.AutoShardedClient) else [bot.shard_id or 0]
    counts = Counter(guild.shard_id for guild in bot.guilds)
    return ServersByShard(shard_count=bot.shard_count or 1, servers={shard_id: counts[shard_id] for shard_id in own})


def _in_tree(tree: app_commands.CommandTree[Any], guild: discord.Object | None) -> Iterator[str]:
    for command in tree.walk_commands(guild=guild):
        if isinstance(command, app_commands.Command) and _is_wanted(command):
            yield command.qualified_name
    for kind in _MENUS:
        for menu in tree.get_commands(guild=guild, type=kind):
            if _is_wanted(menu):
                yield menu.name


def _with_prefix(bot: commands.Bot) -> Iterator[str]:
    """Neither those that are hidden or disabled, nor groups that do nothing by themselves."""
    for command in bot.walk_commands():
        if any(each.hidden or not each.enabled for each in (command, *command.parents)) or not _is_wanted(command):
            continue
        if (command.module or "").startswith(_LIBRARY):
            continue
        if isinstance(command, commands.HybridGroup):
            if command.fallback is not None:
                yield qualified_name(command)
        elif not isinstance(command, commands.Group) or command.invoke_without_command:
            yield command.qualified_name


def _is_wanted(command: Any) -> bool:
    return not is_own(command) and not is_marked(command)


def _guilds_with_commands(tree: app_commands.CommandTree[Any]) -> set[int]:
    by_guild: dict[int, Any] = getattr(tree, "_guild_commands", {})
    menus: dict[tuple[str, int | None, int], Any] = getattr(tree, "_context_menus", {})
    return {*by_guild, *(guild_id for _, guild_id, _ in menus if guild_id is not None)}
