"""Keeps what this process has, its servers and its commands, where the other processes find it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from botmon_cog.clock import Clock
from botmon_cog.domain.inventory import CommandNames, ServersByShard, first_seen
from botmon_cog.errors import StorageError
from botmon_cog.monitors.failures import Failures
from botmon_cog.store.inventory import InventoryStore
from botmon_cog.store.records import milliseconds, moment


class Offered(Protocol):
    """The commands of a bot, by their full names."""

    @property
    def everywhere(self) -> Iterable[str]: ...
    @property
    def in_servers(self) -> Mapping[int, Iterable[str]]: ...


class Inventory:
    """What exists now, over all processes on one store.

    Attributes:
        servers: those of this process; None as long as it is not known. The extension sets it, as `offered`.
        offered: the commands of this process; None without a bot.
    """

    def __init__(
        self, store: InventoryStore, clock: Clock, failures: Failures, lively: timedelta, timeout_s: float
    ) -> None:
        """`lively`: how long after its last sign of life a process counts as running."""
        self._store = store
        self._clock = clock
        self._lively = lively
        self._timeout_s = timeout_s
        self.failures = failures
        self.servers: Callable[[], ServersByShard | None] | None = None
        self.offered: Callable[[], Offered] | None = None
        self._seen: CommandNames | None = None
        """All that this process and the ones before it had, with the earliest times."""
        self._stored: tuple[ServersByShard | None, CommandNames] | None = None

    async def step(self) -> None:
        """Store what this process has, if that has changed. What the database can't take is tried again."""
        if self.servers is None or self.offered is None:
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._step(self.servers(), self.offered())
        except (StorageError, TimeoutError):  # the health checks tell that the database is away
            return
        except Exception as error:  # noqa: BLE001 (the edge: a health check or a report goes on)
            self.failures.note("keeping which commands there are", error)

    async def _step(self, servers: ServersByShard | None, offered: Offered) -> None:
        if self._seen is None:
            self._seen = await self._store.ever_seen()
        now_ms = milliseconds(self._clock.now())
        commands = first_seen(offered.everywhere, offered.in_servers, self._seen, now_ms)
        if (servers, commands) != self._stored and await self._store.put(servers, commands):
            self._stored = servers, commands
            self._seen = _added(self._seen, commands)

    async def commands(self, guild_id: str | None) -> Mapping[str, datetime] | None:
        """The commands that people can use in a server now, or anywhere (None), with when each was first seen to exist.

        None: nobody has told yet.

        Raises:
            StorageError: the database can't be read.
        """
        await self.step()
        names = await self._store.commands(self._clock.now() - self._lively)
        if names is None:
            return None
        scope = None if guild_id is None else int(guild_id) if guild_id.isdecimal() else 0
        return {name: moment(first_ms) for name, first_ms in names.of(scope).items()}


def _added(seen: CommandNames, now: CommandNames) -> CommandNames:
    """What was seen before stays known while it is away: an extension that is reloaded is no new one."""
    return CommandNames(
        everywhere={**now.everywhere, **seen.everywhere},
        in_servers={
            guild_id: {**now.in_servers.get(guild_id, {}), **seen.in_servers.get(guild_id, {})}
            for guild_id in {*now.in_servers, *seen.in_servers}
        },
    )
