"""One message to the owners after the first day: it shows that messages arrive, and that silence means all is well."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import discord
import msgspec
from discord.ext import commands

from botmon_cog.cog import embeds
from botmon_cog.database_url import IN_MEMORY
from botmon_cog.domain import text
from botmon_cog.domain.alerts import EVERYTHING, Sent
from botmon_cog.domain.reports import Period
from botmon_cog.errors import StorageError
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.first_day import FirstDay

_log = logging.getLogger(__name__)

FIRST_DAY = timedelta(hours=24)
_FIRST_DAYS = timedelta(days=7)
"""A store that is older has shown its owners by now what it does."""
_FIRST_LOOK_S = 300.0
"""A bot that is starting has better things to do."""
_AGAIN_AFTER_S = 3600.0
_HOUR = timedelta(hours=1)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the first day held, of all servers.

    Attributes:
        slowest: the command with the highest 95th percentile, None where none was used.
        slowest_s: that, in seconds.
    """

    commands: int
    people: int
    faults: int
    slowest: str | None = None
    slowest_s: float | None = None


class Greeting(msgspec.Struct, frozen=True):
    """The message. `names` are our commands', by key."""

    seen: Seen
    names: Mapping[str, str]

    def for_discord(self) -> dict[str, Any]:
        """The arguments of `Messageable.send`."""
        embed = embeds.short_embed("👋 The first 24 hours", "\n".join([self._seen(), *self._silence()]))
        return {"embed": embed, "allowed_mentions": discord.AllowedMentions.none()}

    def _seen(self) -> str:
        seen = self.seen
        if not seen.commands:
            return "Nobody has used a command yet."
        n, people = text.count(seen.commands), text.count(seen.people)
        words = f"Seen so far: **{n}** {text.plural(seen.commands, 'command', 'commands')}"
        words += f" by **{people}** {text.plural(seen.people, 'person', 'people')}, "
        faults = text.count(seen.faults) if seen.faults else "no"
        words += f"**{faults}** {text.plural(seen.faults, 'error', 'errors')}"
        if seen.slowest is not None and seen.slowest_s is not None:
            words += f", slowest {text.inline_code('/' + seen.slowest)} ({text.latency(seen.slowest_s)})"
        return words + "."

    def _silence(self) -> list[str]:
        lines = ["", "Nothing else will come unless something breaks."]
        shown = [f"`/{self.names[key]}`" for key in ("health", "stats", "perf") if self.names.get(key)]
        if shown:
            lines.append(f"-# More at any time: {', '.join(shown)}")
        return lines


class Hello:
    """Sends it once per store, whichever process comes first. A task that ends once that is done."""

    def __init__(
        self,
        bot: commands.Bot,
        system: MonitoringSystem,
        send: Callable[[Greeting], Awaitable[Sent]],
        names: Callable[[], Mapping[str, str]],
    ) -> None:
        """`names`: those that our commands have by then, by key."""
        self._bot = bot
        self._system = system
        self._send = send
        self._names = names
        self._first_day = FirstDay(system.store.engine)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Needs a running event loop. Does nothing if it is switched off, or if the store forgets at the next start."""
        alerts = self._system.config.alerts
        if alerts.enabled and alerts.hello and self._system.store.engine.description != IN_MEMORY:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="botmon-hello")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        wait_s: float | None = _FIRST_LOOK_S
        while wait_s is not None:
            await self._system.clock.sleep(wait_s)
            wait_s = await self.look()

    async def look(self) -> float | None:
        """Send it if it is due. Seconds until the next look; None: it was sent, by whomever, or never will be."""
        try:
            return await self._look()
        except StorageError as error:  # the health check tells of a database that is away
            _log.debug("can't tell yet what the first day held: %s", error)
        except Exception as error:  # noqa: BLE001 (the edge: a task of ours)
            self._system.failures.note("telling what the first day held", error)
        return _AGAIN_AFTER_S

    async def _look(self) -> float | None:
        began_at, now = await self._first_day.began_at(), self._system.clock.now()
        if began_at is None or now - began_at > _FIRST_DAYS:
            return None
        if now - began_at < FIRST_DAY:
            return (began_at + FIRST_DAY - now).total_seconds()
        if await self._is_quiet() or not self._bot.is_ready():
            return _AGAIN_AFTER_S
        greeting = Greeting(await self._seen(began_at, now), dict(self._names()))
        if not await self._first_day.claim(now):
            return None
        sent = await self._send(greeting)
        if sent.state != "failed":
            return None
        await self._first_day.release()
        return _AGAIN_AFTER_S

    async def _is_quiet(self) -> bool:
        """Whether the owners want no message now."""
        overview = await self._system.alerts.overview()
        return overview.maintenance_until is not None or any(mute.key == EVERYTHING for mute in overview.mutes)

    async def _seen(self, began_at: datetime, now: datetime) -> Seen:
        start = began_at.replace(minute=0, second=0, microsecond=0)
        end = now.replace(minute=0, second=0, microsecond=0) + _HOUR
        period = Period(name="the first day", start=start, end=end)
        counted = await self._system.statistics.report(None, period)
        slowest = next(iter((await self._system.performance.report(None, period)).commands), None)
        duration = None if slowest is None else slowest.duration
        return Seen(
            commands=counted.total_commands,
            people=counted.unique_users,
            faults=counted.faults,
            slowest=None if slowest is None else slowest.command,
            slowest_s=None if duration is None else duration.p95_s if duration.p95_s is not None else duration.max_s,
        )
