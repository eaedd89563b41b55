"""The demo's moving parts: Discord, bot, people, and the database that is taken away and given back."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from botmon_cog.cli.demo import history, neighbours
from botmon_cog.cli.demo.bot import MusicBot
from botmon_cog.cli.demo.crowd import LISTENERS, Crowd
from botmon_cog.cog.cog import BotMon
from botmon_cog.config import AlertsConfig, Config, HealthConfig, HttpConfig, StorageConfig
from botmon_cog.domain.models import Invocation
from botmon_cog.errors import BotMonError
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.testing import LoopbackChannel, LoopbackDiscord, LoopbackUser, SeenMessage

GUILD_NAME = "The Listening Room"
CHECK_EVERY_S = 0.5

_SEED = 7
_MOST_DMS = 5
_MOST_LOOKS = 100
_LOOK_EVERY_S = 0.1
_MOST_ROWS = 1_000_000

Embed = dict[str, Any]


class DemoFailedError(BotMonError):
    """Something in the demo did not do what it was to show."""


def demo_config(database: Path, metrics_port: int | None = None) -> Config:
    """As impatient as the audience: an owner's bot checks every minute, and waits before it wakes anybody.

    `metrics_port`: where /metrics is served; 0 lets the machine choose, None is nowhere.
    """
    health = HealthConfig(
        interval_s=CHECK_EVERY_S,
        # A busy laptop's disk may take its time.
        database_slow_ms=1_500.0,
        database_timeout_s=3.0,
        # Discord, its people and the bot share one process here, so its processor time says nothing about the bot.
        cpu_percent=(99.0, 100.0),
    )
    alerts = AlertsConfig(after_s=(900.0, CHECK_EVERY_S), recover_after_s=CHECK_EVERY_S)
    http = HttpConfig() if metrics_port is None else HttpConfig(listen=f"127.0.0.1:{metrics_port}", metrics=True)
    storage = StorageConfig(url=str(database), busy_timeout_s=0.1)
    return Config(storage=storage, health=health, alerts=alerts, http=http)


class Stage:
    """One guild of one loopback Discord, with the bot in it once `bot_running` is entered."""

    def __init__(self, loopback: LoopbackDiscord, database: Path, metrics_port: int | None = None) -> None:
        rng = random.Random(_SEED)  # noqa: S311 (a demo that looks alike every time)
        self._loopback = loopback
        self._database = database
        self._config = demo_config(database, metrics_port)
        self._rng = rng
        self.guild = loopback.guild
        self.guild.name = GUILD_NAME
        self._neighbours = {name: loopback.add_guild(name).id for name in neighbours.NEIGHBOURS}
        self.listeners = [loopback.add_user(f"listener {n}", guilds=[self.guild]) for n in range(1, LISTENERS + 1)]
        self.crowd = Crowd(self.listeners, loopback.channel, rng)
        self._bot: MusicBot | None = None
        self._begin = loopback.clock.now()

    async def seed(self) -> int:
        """Write the history; returns how many commands it holds.

        Raises:
            StorageError: the database can't be made.
        """
        scene = history.Scene(
            guild_id=self.guild.id,
            guild_name=self.guild.name,
            channel_id=self._loopback.channel.id,
            user_ids=[listener.id for listener in self.listeners],
            now=self._loopback.clock.now(),
        )
        events = [*history.events(scene, self._rng), *neighbours.events(self._neighbours, scene.now)]
        system = MonitoringSystem(self._config)
        try:
            await system.store.engine.open()
            for event in events:
                system.writer.put(event)
            await system.flush()
        finally:
            await system.close()
        return sum(isinstance(event, Invocation) for event in events)

    @asynccontextmanager
    async def bot_running(self) -> AsyncGenerator[None, None]:
        bot = MusicBot(self._config, self._rng)
        async with self._loopback.running(bot):
            self._bot = bot
            self._begin = self.now()
            yield
            system = bot.system
            if system.failures.n or system.writer.dropped:
                raise DemoFailedError(f"the monitor failed: {system.failures.last or 'rows were lost'}")

    @property
    def metrics_url(self) -> str | None:
        """Where /metrics is served; None if nobody asked for that.

        Raises:
            DemoFailedError: the port can't be had.
        """
        if not self._config.http.metrics:
            return None
        http = cast("BotMon", self._running.get_cog("botmon")).http
        if http.port is None:
            raise DemoFailedError(http.problem or "/metrics is not served")
        return f"http://127.0.0.1:{http.port}/metrics"

    async def ask(self, command: str) -> Embed:
        """What an admin gets in answer to a slash command.

        Raises:
            DemoFailedError: no embed came.
        """
        return await self._asked(self._loopback.admin, self._loopback.channel, command)

    async def ask_as_owner(self, command: str) -> Embed:
        """What the owner gets in a DM with the bot. Raises as `ask`."""
        return await self._asked(self._loopback.owner, self._loopback.owner.dm_channel, command)

    async def ask_as_listener(self, command: str) -> Embed:
        """What one of the listeners gets. Raises as `ask`."""
        return await self._asked(self.listeners[0], self._loopback.channel, command)

    async def export(self) -> tuple[Embed, list[str]]:
        """What an admin gets in answer to `/stats export`, and the lines of the file. Raises as `ask`."""
        message = await self._answer(self._loopback.admin, self._loopback.channel, "stats export")
        if not message.attachments:
            raise DemoFailedError("/stats export sent no file")
        return message.embeds[0], message.attachments[0].bytes.decode("utf-8-sig").splitlines()

    async def _asked(self, who: LoopbackUser, where: LoopbackChannel, command: str) -> Embed:
        return (await self._answer(who, where, command)).embeds[0]

    async def _answer(self, who: LoopbackUser, where: LoopbackChannel, command: str) -> SeenMessage:
        answer = await who.slash(where, command)
        if not answer.messages or not answer.message.embeds:
            raise DemoFailedError(f"/{command} was not answered: {answer.describe()}")
        return answer.message

    async def weekly_post(self) -> tuple[Embed, Embed]:
        """An admin sets the weekly report up, and posts one at once: the settings then, and what is in the channel.

        Raises:
            DemoFailedError: it did not come.
        """
        admin, channel = self._loopback.admin, self._loopback.channel
        settings = (await admin.slash(channel, "stats settings", timezone="Europe/Berlin")).message
        await admin.select(settings, "Channel for the weekly report", channel)
        preview = await admin.click(settings, "Send one now")
        n = len(channel.messages)
        await admin.click(preview.message, "Post it")
        posted = [message.embeds[0] for message in channel.messages[n:] if message.embeds]
        if not posted:
            raise DemoFailedError(f"the weekly report was not posted: {preview.describe()}")
        shown = settings.embeds[0]  # a terminal does not know the channel by its id
        return shown | {"description": shown["description"].replace(channel.mention, f"#{channel.name}")}, posted[0]

    async def next_notice(self, about: str) -> Embed:
        """The next direct message to the bot's owner whose title says something of `about`.

        Raises:
            DemoFailedError: none came.
        """
        for _ in range(_MOST_DMS):
            message = await self._loopback.owner.next_dm(timeout_s=15)
            if message.embeds and about in message.embeds[0].get("title", ""):
                return message.embeds[0]
        raise DemoFailedError(f"the owner was not told about {about}")

    @property
    def used(self) -> int:
        """Commands of the bot used since it runs; what an admin asked of the monitor is in no report."""
        return self.crowd.acts

    async def rows(self) -> Counter[str]:
        """The audit rows since the bot runs, by outcome, once there are as many as commands were used.

        Raises:
            DemoFailedError: there are more, or there are still fewer after a while.
        """
        logger = self._running.system.command_log
        outcomes: Counter[str] = Counter()
        for _ in range(_MOST_LOOKS):
            found = await logger.history(since=self._begin, limit=_MOST_ROWS)
            outcomes = Counter(str(row.outcome) for row in found)
            if outcomes.total() >= self.used:
                break
            await asyncio.sleep(_LOOK_EVERY_S)  # nobody waits for the answer to a prefix command
        if outcomes.total() != self.used:
            raise DemoFailedError(f"{self.used} commands were used, but {outcomes.total()} rows were written")
        return outcomes

    @property
    def _running(self) -> MusicBot:
        if self._bot is None:
            raise DemoFailedError("the bot does not run yet")
        return self._bot

    def now(self) -> datetime:
        return self._loopback.clock.now()

    @contextmanager
    def database_taken(self) -> Generator[None, None, None]:
        """Another program keeps the write lock, as a backup or a database browser does."""
        with closing(sqlite3.connect(self._database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
