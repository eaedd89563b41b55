"""A bot's day, minute by minute, with what goes wrong in it and all that anybody is told of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import discord
import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer

from botmon_cog.config import AlertsConfig, RuleConfig, StorageConfig
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.testing import ManualClock
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, make_health, running, until
from tests.test_commands import ask
from tests.test_windows import invocation

MIDNIGHT = datetime(2040, 1, 2, tzinfo=UTC)
"""A day to come: discord.py holds an interaction's id against the system's clock, and takes an old one for expired."""
DATABASE = Path("data/bot.db")
NODES = [f"node_{n:02}" for n in range(1, 51)]
RULES = (
    RuleConfig(
        metric="custom.replica",
        over=30,
        for_s=300,
        severity="critical",
        message="the replica is more than 30 s behind",
    ),
    RuleConfig(metric="custom.download", over=20, for_s=300, severity="critical"),
    *(RuleConfig(metric=f"custom.{node}", over=5, for_s=300) for node in NODES),
)
_CALLS_BEFORE = 80
_REAL_TIME = {"gateway_latency_ms": (30_000, 60_000)}
"""Heartbeats are answered in real time, and the machine may be busy."""
_TIMESTAMP = re.compile(r"<t:(\d+):(\w)>")
_MARKUP = re.compile(r"\*\*|`|^-# |\\(?=[^\w\s])", re.MULTILINE)
_MINUTE = timedelta(minutes=1)


class Day:
    """The bot, its time, and the transcript of what its owners, the channel and the webhook get.

    Attributes:
        each_minute: what the bot and its users do all the time, by name.
        transcript: one text for each message.
        plays: how often /play was used.
    """

    def __init__(self, rig: Rig, loading: asyncio.Event) -> None:
        """`loading`: set whenever /play begins to wait."""
        self.rig = rig
        self.each_minute: dict[str, Callable[[], Awaitable[object]]] = {}
        self.transcript: list[str] = []
        self.plays = 0
        self._loading = loading
        self._seen: set[int] = set()

    @property
    def system(self) -> MonitoringSystem:
        return cog_of(self.rig.bot).system

    # -- time ----------------------------------------------------------------------------------------------------------

    async def at(self, time: str) -> None:
        """Live until then, with a check at each whole minute."""
        hours, minutes, *seconds = map(int, time.split(":"))
        moment = MIDNIGHT + timedelta(hours=hours, minutes=minutes, seconds=sum(seconds))
        while (minute := self.rig.clock.now().replace(second=0, microsecond=0) + _MINUTE) <= moment:
            for act in list(self.each_minute.values()):
                await act()
            await self._advance(minute)
            await self._settle()
            await cog_of(self.rig.bot).check_health()
            self._write_down()
        await self._advance(moment)

    async def _advance(self, moment: datetime) -> None:
        await self.rig.clock.advance((moment - self.rig.clock.now()).total_seconds())

    async def _settle(self) -> None:
        """Let every row reach the database, or the disk where that is away."""
        writer = self.system.writer
        flushing = asyncio.ensure_future(self.system.flush())
        async with asyncio.timeout(10):
            while not (await asyncio.wait([flushing], timeout=0.1))[0]:
                await writer.retry()  # what else would wait for time to pass
        await until(lambda: writer.away_since is not None or not writer.spooled)

    # -- what is told --------------------------------------------------------------------------------------------------

    def note(self, place: str, words: str) -> None:
        """Write down a message that came just now."""
        words = words.replace(str(self.rig.discord.owner.id), "<id>").replace(str(self.rig.discord.channel.id), "<id>")
        self.transcript.append("\n    ".join([f"{self.rig.clock.now():%H:%M:%S}  {place}", *words.splitlines()]))

    async def firing(self) -> set[str]:
        """The keys of what is not well for long enough to be told, whether it is or not."""
        return {alert.key for alert in (await self.system.alerts.overview()).firing}

    async def health(self) -> str:
        """What `/health` says to the owner."""
        return await ask(self.rig, self.rig.discord.owner, self.rig.discord.owner.dm_channel, "health")

    def _write_down(self) -> None:
        users = [(f"DM to the {user.name.lower()}", user.dm_channel) for user in self.rig.discord.world.users.values()]
        channels = [(f"#{channel.name}", channel) for channel in self.rig.discord.guild.channels]
        for place, channel in [*users, *channels]:
            for message in channel.messages:
                if message.is_from_bot and message.interaction_id is None and message.id not in self._seen:
                    self._seen.add(message.id)
                    self.note(place, _words(message.embeds[0], self.rig.clock.now()))

    # -- what happens --------------------------------------------------------------------------------------------------

    def measure(self, value: float, *names: str) -> None:
        """From now on the bot records this about itself each minute."""
        for name in names:
            self.each_minute[name] = lambda name=name: self.system.performance.record_duration(name, value)

    async def play(self, seconds: float) -> None:
        """Somebody uses /play, and it takes so long."""
        self._loading.clear()
        self.plays += 1
        answer = await self.rig.discord.user.slash(self.rig.discord.channel, "play", wait=False, seconds=seconds)
        async with asyncio.timeout(10):
            await self._loading.wait()
        await self.rig.clock.advance(seconds)
        await answer.wait()
        await until(lambda: not cog_of(self.rig.bot).observer.running)

    async def restart(self) -> None:
        await self.rig.bot.unload_extension(EXTENSION)
        await self.rig.bot.load_extension(EXTENSION)

    async def lose_database(self) -> None:
        await self.system.flush()
        await self.system.store.engine.close()
        _point_to("unmounted")
        await self.play(0.3)
        await until(lambda: self.system.writer.away_since is not None)

    def find_database(self) -> None:
        _point_to("disk")

    async def lose_gateway(self, how: Callable[[], Awaitable[None]]) -> None:
        """Break the connection, and keep it from coming back."""
        self.rig.discord.hold_gateway()
        await how()
        await until(lambda: bool(self.rig.discord.world.hub.held) and not self._is_connected())

    async def find_gateway(self) -> None:
        self.rig.discord.release_gateway()
        await until(self._is_connected)

    def _is_connected(self) -> bool:
        sample = self.system.sources.gateway()
        return sample is not None and all(shard.is_connected for shard in sample.shards)

    # -- afterwards ----------------------------------------------------------------------------------------------------

    async def stored_plays(self) -> int:
        """How many calls of /play the database has of this day."""
        return sum(row.command == "play" for row in await self.rig.rows()) - _CALLS_BEFORE


@asynccontextmanager
async def living() -> AsyncIterator[Day]:
    """From midnight on, in the working directory. For a week before, /play had a p95 of 0.9 s."""
    bot, clock, loading = make_bot(), ManualClock(MIDNIGHT), asyncio.Event()

    @bot.tree.command(name="play", description="play a song")
    async def play(interaction: discord.Interaction, seconds: float) -> None:
        await interaction.response.defer()
        loading.set()
        await clock.sleep(seconds)
        await interaction.followup.send("playing")

    Path("disk").mkdir()
    _point_to("disk")
    async with AsyncExitStack() as stack:
        rig = await stack.enter_async_context(running(bot, load=False, clock=clock))
        day = Day(rig, loading)
        url = await stack.enter_async_context(_webhook(day.note))
        bot.botmon_config = make_config(
            storage=StorageConfig(url=str(DATABASE), linger_ms=0, spool="spool.db"),
            health=make_health(**_REAL_TIME),
            alerts=AlertsConfig(
                channel_id=rig.discord.channel.id, webhook=url, maintenance=("daily 16:00-16:30",), rule=RULES
            ),
        )
        await bot.load_extension(EXTENSION)
        await bot.tree.sync()
        for n in range(_CALLS_BEFORE):
            day.system.writer.put(_call_before(n))
        await day.system.recorder.catch_up()
        yield day


def _point_to(disk: str) -> None:
    """Let the database's path lead there, without a moment in which it leads nowhere, and something new is begun."""
    link = Path("new.link")
    link.symlink_to(disk)
    link.replace(DATABASE.parent)


def _call_before(n: int) -> msgspec.Struct:
    when = MIDNIGHT - timedelta(hours=2 * n + 1)
    return msgspec.structs.replace(invocation("play", duration_s=0.9 if n % 5 else 0.3), started_at=when)


@asynccontextmanager
async def _webhook(note: Callable[[str, str], None]) -> AsyncIterator[str]:
    """Where `[alerts] webhook` points."""

    async def take(request: web.Request) -> web.Response:
        body = await request.json()
        note("webhook", f"{body['title']}\n{body['body']}")
        return web.Response()

    app = web.Application()
    app.router.add_post("/", take)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/"))


def _words(embed: dict[str, Any], now: datetime) -> str:
    """What a person reads of an embed, in a client that is set to UTC."""

    def shown(found: re.Match[str]) -> str:
        moment = datetime.fromtimestamp(int(found[1]), UTC)
        if found[2] != "R":
            return f"{moment:%H:%M}"
        minutes = round((now - moment) / _MINUTE)
        hours = round(minutes / 60)
        return f"{minutes} minutes ago" if minutes < 45 else "an hour ago" if hours == 1 else f"{hours} hours ago"

    fields = [f"{field['name']}: {field['value']}" for field in embed.get("fields", ())]
    lines = [embed["title"], embed["description"], *fields, embed["footer"]["text"]]
    return _MARKUP.sub("", _TIMESTAMP.sub(shown, "\n".join(lines))).replace("\xa0", " ")
