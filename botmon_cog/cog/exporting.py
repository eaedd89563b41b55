"""What is exported, read from the bot and the monitors: each time that somebody asks, and not in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial

import discord
from discord.ext import commands

from botmon_cog.cog.discord_logs import DiscordLogs
from botmon_cog.cog.gateway import GatewayProbe
from botmon_cog.domain.exposed import Family
from botmon_cog.exporters.families import gather
from botmon_cog.exporters.log_records import LogRecords
from botmon_cog.exporters.readings import Readings, versions
from botmon_cog.exporters.totals import TotalsKeeper
from botmon_cog.monitors.event_loop import LoopWatch
from botmon_cog.observer.event_hooks import EventHooks
from botmon_cog.observer.offered import servers_by_shard
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.threads import in_thread


class Exporting:
    """For one bot. What is counted for exporting alone is counted from the moment that this is made, or started."""

    def __init__(
        self,
        bot: commands.Bot,
        system: MonitoringSystem,
        loop_watch: LoopWatch,
        gateway: GatewayProbe,
        logs: DiscordLogs,
    ) -> None:
        self._bot = bot
        self._system = system
        self._loop_watch = loop_watch
        self._gateway = gateway
        self._logs = logs
        self._totals = TotalsKeeper(
            system.store.totals,
            system.store.run,
            system.writer.pending,
            system.writer.spool,
            system.clock,
            system.failures,
            system.loops,
        )
        self._log_records = LogRecords()
        self._hooks = EventHooks(bot, system.failures)
        self._events: Counter[str] = Counter()
        process = system.sources.process
        self._began_at_s = system.clock.now().timestamp() - process.uptime_s

    def start(self) -> None:
        """Needs a running event loop."""
        self._log_records.attach()
        self._hooks.listen("socket_event_type", self._note_event)
        self._totals.start()

    async def stop(self) -> None:
        await self._totals.stop()
        await self._hooks.end()
        self._log_records.detach()

    async def families(self) -> list[Family]:
        """Everything, as it is now. What takes more than a moment is done in a thread."""
        return await in_thread(partial(self._gather, self._read()))

    def _gather(self, readings: Readings) -> list[Family]:
        return gather(readings._replace(totals=self._totals.read()))

    def _note_event(self, event: str) -> None:
        self._events[event] += 1

    def _read(self) -> Readings:
        """All but the totals."""
        system, writer = self._system, self._system.writer
        return Readings(
            loop=self._loop_watch.ever(),
            gateway=self._gateway.sample(),
            reconnects=self._gateway.reconnects(),
            gateway_events=dict(self._events),
            log_records=self._log_records.counts,
            rest=self._logs.ever(),
            queued=writer.queued,
            spooled=writer.spooled,
            spool_bytes=writer.spool_bytes,
            dropped=writer.dropped,
            write_failures=writer.failures,
            is_store_away=writer.away_since is not None,
            health=system.health.latest,
            own_failures=system.failures.n,
            guilds=self._guilds(),
            people_today=self._totals.people_today,
            began_at_s=self._began_at_s,
            processor_s=system.sources.process.processor_s(),
            versions=versions(system.instance, discord.__version__, system.causes.version),
            custom=system.metrics.collect(),
        )

    def _guilds(self) -> Mapping[int, int]:
        servers = servers_by_shard(self._bot)
        return {} if servers is None else servers.servers
