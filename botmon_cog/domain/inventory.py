"""What a process of the bot has: servers, by shard, and commands that people can use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

MOST_COMMANDS = 5_000
"""Of one process. Beyond them, commands that exist in single servers only are not kept."""


class ServersByShard(msgspec.Struct, frozen=True, kw_only=True):
    """How many servers each shard of one process has.

    Attributes:
        shard_count: of the whole bot, over all processes.
        servers: by the shard's id.
    """

    shard_count: int
    servers: Mapping[int, int]

    @property
    def total(self) -> int:
        """Of this process."""
        return sum(self.servers.values())


def all_servers(newest_first: Iterable[ServersByShard]) -> int | None:
    """How many servers the bot is in, over all processes; None if it is not known of every shard.

    Two processes may have the same shards, during a deploy or because one took over from another: the first one counts.
    Those that knew the bot with another number of shards are left out.
    """
    found: dict[int, int] = {}
    shard_count = 0
    for process in newest_first:
        shard_count = shard_count or process.shard_count
        if process.shard_count == shard_count:
            found = {**process.servers, **found}
    return sum(found.values()) if found and len(found) >= shard_count else None


class CommandNames(msgspec.Struct, frozen=True, kw_only=True):
    """The commands that exist, each with when it was first seen to (milliseconds since 1970).

    Attributes:
        everywhere: by their full names.
        in_servers: those that exist only there, by the server's id.
    """

    everywhere: Mapping[str, int] = {}
    in_servers: Mapping[int, Mapping[str, int]] = {}

    def of(self, guild_id: int | None) -> dict[str, int]:
        """Those that people can use in one server; None: anywhere."""
        if guild_id is not None:
            return {**self.in_servers.get(guild_id, {}), **self.everywhere}
        return united([*self.in_servers.values(), self.everywhere])


def united(several: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """All of them, each with the earliest time."""
    found: dict[str, int] = {}
    for names in several:
        for name, first_ms in names.items():
            found[name] = min(first_ms, found.get(name, first_ms))
    return found


def united_names(several: Iterable[CommandNames]) -> CommandNames:
    """What exists for any of several processes."""
    found = [*several]
    guilds = {guild_id for names in found for guild_id in names.in_servers}
    return CommandNames(
        everywhere=united(names.everywhere for names in found),
        in_servers={guild_id: united(names.in_servers.get(guild_id, {}) for names in found) for guild_id in guilds},
    )


def first_seen(
    everywhere: Iterable[str], in_servers: Mapping[int, Iterable[str]], known: CommandNames, now_ms: int
) -> CommandNames:
    """Commands that exist now, with the times that are known of them; those of which none is begin now."""
    found = CommandNames(
        everywhere={name: known.everywhere.get(name, now_ms) for name in sorted(set(everywhere))},
        in_servers={
            guild_id: {name: known.in_servers.get(guild_id, {}).get(name, now_ms) for name in sorted(set(names))}
            for guild_id, names in sorted(in_servers.items())
        },
    )
    n = len(found.everywhere) + sum(map(len, found.in_servers.values()))
    return found if n <= MOST_COMMANDS else msgspec.structs.replace(found, in_servers={})
