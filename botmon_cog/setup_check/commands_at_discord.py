"""What Discord knows of a bot's application commands, against what its code has."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import discord
import msgspec
from discord import app_commands
from discord.ext import commands

_LONGEST_LOOK_S = 10.0
_MOST_SERVERS = 10
"""Servers with commands of their own are looked at up to so many: each is a request."""

Shape = tuple[object, ...]
"""What a command looks like to those who use it, but for its name."""


class SyncState(msgspec.Struct, frozen=True, kw_only=True):
    """Of the commands of all servers, or of those of one.

    Attributes:
        guild_id: None: those of all servers.
        known: names that Discord knows.
        missing: names that only the code has.
        stale: names that only Discord has.
        changed: names of which Discord knows another form: options, or descriptions.
    """

    guild_id: int | None
    known: tuple[str, ...]
    missing: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def is_synced(self) -> bool:
        return not (self.missing or self.stale or self.changed)


async def sync_states(bot: commands.Bot) -> list[SyncState]:
    """Those of all servers first, then of servers that have commands of their own: of the first ten.

    Raises:
        discord.DiscordException, OSError, TimeoutError: Discord can't be asked.
    """
    here = [guild for guild in bot.guilds if bot.tree.get_commands(guild=guild)]
    async with asyncio.timeout(_LONGEST_LOOK_S):
        return [await _state(bot.tree, guild) for guild in (None, *here[:_MOST_SERVERS])]


async def _state(tree: app_commands.CommandTree[Any], guild: discord.Guild | None) -> SyncState:
    wanted = {_key(payload): shape(payload) for payload in (c.to_dict(tree) for c in tree.get_commands(guild=guild))}
    known = {_key(payload): shape(payload) for payload in map(payload_of, await tree.fetch_commands(guild=guild))}
    return SyncState(
        guild_id=None if guild is None else guild.id,
        known=_names(known),
        missing=_names(wanted.keys() - known.keys()),
        stale=_names(known.keys() - wanted.keys()),
        changed=_names(key for key, held in wanted.items() if known.get(key, held) != held),
    )


def _names(keys: Iterable[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(sorted(name if kind > 1 else f"/{name}" for kind, name in keys))


def _key(payload: Mapping[str, Any]) -> tuple[int, str]:
    return _number(payload.get("type", 1)), str(payload["name"])


def payload_of(command: app_commands.AppCommand) -> dict[str, Any]:
    """A command that Discord told of, as the code's own say what they are."""
    return {**command.to_dict(), "options": [option.to_dict() for option in command.options]}


def shape(payload: Mapping[str, Any]) -> Shape:
    """What `Command.to_dict` returns, as something to compare. Whose permissions it asks is the servers' to set."""
    options = cast("Sequence[Mapping[str, Any]]", payload.get("options") or ())
    choices = cast("Sequence[Mapping[str, Any]]", payload.get("choices") or ())
    return (
        _number(payload.get("type", 1)),
        payload.get("description", ""),
        bool(payload.get("required")),
        tuple((choice["name"], choice["value"]) for choice in choices),
        tuple((option["name"], *shape(option)) for option in options),
    )


def _number(kind: object) -> int:
    return int(cast("Any", getattr(kind, "value", kind)))


def known_elsewhere(states: Sequence[SyncState]) -> set[str]:
    """Names that Discord knows in single servers: while a bot is written, its commands are often synced to one."""
    return {name for state in states if state.guild_id is not None for name in state.known}
