"""What runs beside the commands: who is not to be recorded, erasures to be finished, servers that were left."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import discord
from discord.ext import commands

from botmon_cog.domain import text
from botmon_cog.errors import StorageError
from botmon_cog.observer.event_hooks import EventHooks
from botmon_cog.privacy.forgetting import Forgetting
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.forgotten import Forgotten, forgotten

_log = logging.getLogger(__name__)

_EVERY_S = 60.0
_NAME = "privacy"
_LOOK_EVERY = timedelta(hours=1)


class PrivacyUpkeep:
    """Every minute, what people asked for anywhere holds here; once an hour, servers are looked for that are gone.

    A server is gone if Discord said so, unless for an outage, or if it is missing in what Discord told of the shard
    that it belongs to. All that is kept of it goes `[privacy] guild_grace_days` later, unless the bot is back by then.
    """

    def __init__(self, bot: commands.Bot, system: MonitoringSystem, forgetting: Forgetting) -> None:
        self._bot = bot
        self._system = system
        self._forgetting = forgetting
        self._requests = forgetting.requests
        self._grace = timedelta(days=system.config.privacy.guild_grace_days)
        self._hooks = EventHooks(bot, system.failures)
        self._left: dict[int, datetime] = {}
        """Servers that Discord said the bot has left, and when; not noted yet."""
        self._next_look_at: datetime | None = None
        self._known = Forgotten({}, {}, {})
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Needs a running event loop; raises nothing."""
        if self._task is None:
            self._hooks.listen("guild_remove", self._removed)
            self._hooks.listen("guild_join", self._joined)
            self._system.loops.begin(_NAME, _EVERY_S)
            self._task = asyncio.get_running_loop().create_task(self._run(), name="botmon-privacy")

    async def stop(self) -> None:
        """Return when nothing of it runs. What was being erased, the next start goes on with."""
        task, self._task = self._task, None
        self._system.loops.end(_NAME)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        await self._hooks.end()

    def _removed(self, guild: discord.Guild) -> None:
        self._left[guild.id] = self._system.clock.now()

    def _joined(self, guild: discord.Guild) -> None:
        self._left.pop(guild.id, None)

    async def _run(self) -> None:
        while True:
            await self.step()
            self._system.loops.note(_NAME)
            await self._system.clock.sleep(_EVERY_S)

    async def step(self) -> None:
        """Do what is due. Raises nothing."""
        for work in (self._refresh, self._finish_erasures, self._follow_departures):
            await self._safely(work)

    async def _safely(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except StorageError as error:  # the health check tells of a database that is away
            _log.debug("privacy waits for the database: %s", error)
        except Exception as error:  # noqa: BLE001 (the edge: a task of ours)
            self._system.failures.note("erasing and forgetting", error)

    # -- people --------------------------------------------------------------------------------------------------------

    async def _refresh(self) -> None:
        await self._system.unrecorded.refresh()
        known = await self._system.store.engine.read(forgotten())
        if known != self._known:
            await self._forgetting.clear_disk()
            self._known = known

    async def _finish_erasures(self) -> None:
        for user_id in await self._requests.claim_erasures(self._system.clock.now()):
            await self._forgetting.make_pass(user_id)

    # -- servers -------------------------------------------------------------------------------------------------------

    async def _follow_departures(self) -> None:
        bot, now = self._bot, self._system.clock.now()
        if not (self._grace and bot.intents.guilds and bot.is_ready()):  # else Discord does not tell which there are
            return
        for guild_id, left_at in [*self._left.items()]:
            await self._requests.note_departure(guild_id, left_at)
            if self._left.get(guild_id) == left_at:
                del self._left[guild_id]
        if self._next_look_at is None or now >= self._next_look_at:
            for guild_id in await self._requests.known_guilds(now):
                if self._is_missing(guild_id):
                    await self._requests.note_departure(guild_id, now)
            self._next_look_at = now + _LOOK_EVERY
        departures = await self._requests.departures()
        back = [each.guild_id for each in departures if bot.get_guild(each.guild_id) is not None]
        if back:
            await self._requests.cancel_departures(back)
        due = [
            guild_id for guild_id in await self._requests.due_departures(self._grace, now) if self._is_missing(guild_id)
        ]
        if due:
            await self._forgetting.guilds(due)
            n = len(due)
            _log.info(
                "all that was kept of %s that the bot left %s ago is erased; the counts of the whole bot stay",
                f"{text.count(n)} {text.plural(n, 'server', 'servers')}",
                text.duration(self._grace.total_seconds()),
            )

    def _is_missing(self, guild_id: int) -> bool:
        """Whether this process would have it if the bot were in it. What is no server's id is never there."""
        if guild_id <= 0 or self._bot.get_guild(guild_id) is not None:
            return False
        count = self._bot.shard_count or 1
        shard = (guild_id >> 22) % count
        if isinstance(self._bot, discord.AutoShardedClient):
            return shard in self._bot.shards
        return self._bot.shard_id in {None, shard}
