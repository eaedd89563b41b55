"""Ways to start a bot: `run()`, a `run()` or `start()` of one's own, loading before it starts. Each in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Any

import pytest

from botmon_cog.store.history import HistoryFilter
from botmon_cog.testing import LoopbackDiscord
from tests.harness import cog_of, make_config
from tests.hosts.bots import Template
from tests.test_hosts_kinds import ROWS, use_all


class Plain(Template):
    """`bot.run(token)`."""

    token = ""

    def launch(self) -> None:
        self.run(self.token, log_handler=None)


class RunOverridden(Plain):
    """`bot.run()`, which has `asyncio.run` and a `main` of its own."""

    def run(self, *_: Any, **__: Any) -> None:
        asyncio.run(self.main())

    async def main(self) -> None:
        async with self:
            await self.start(self.token)


class StartOverridden(Plain):
    """`bot.start()` knows its token."""

    async def start(self, *_: Any, **__: Any) -> None:
        await super().start(self.token)

    def launch(self) -> None:
        async def main() -> None:
            async with self:
                await self.start()

        asyncio.run(main())


class LoadedBeforeStart(StartOverridden):
    """Loads the extension before it logs in."""

    async def start(self, *_: Any, **__: Any) -> None:
        for extension in self.extensions_wanted:
            await self.load_extension(extension)
        self.extensions_wanted = ()
        await super().start()


@pytest.mark.parametrize("kind", [Plain, RunOverridden, StartOverridden, LoadedBeforeStart])
async def test_however_a_bot_starts_each_invocation_is_a_row(kind: type[Plain], tmp_path: Path):
    bot = kind()
    bot.extensions_wanted = ("botmon_cog",)
    bot.botmon_config = config = make_config(str(tmp_path / "botmon.db"))
    level = logging.getLogger().level
    async with LoopbackDiscord() as loopback:
        bot.token = loopback.token
        running = asyncio.get_running_loop().run_in_executor(None, bot.launch)
        try:
            await _ready(bot, running)
            await _within(bot, bot.tree.sync())
            answers = await use_all(loopback)
            system = type(cog_of(bot).system)
        finally:
            await _within(bot, bot.close())
            async with asyncio.timeout(10):
                await running
    assert answers[-1] == "Something went wrong."
    assert (bot.cogs, logging.getLogger().level) == ({}, level)
    async with system(config) as after:
        found = (await after.store.history.find(HistoryFilter(limit=100)))[::-1]
    assert [(row.kind, row.command, row.outcome) for row in found] == ROWS


async def _ready(bot: Plain, running: asyncio.Future[None]) -> None:
    async with asyncio.timeout(20):
        while not bot.is_ready():
            assert not running.done(), running
            await asyncio.sleep(0)


async def _within(bot: Plain, coroutine: Any) -> None:
    """Await it in the bot's own loop, which ends when the bot is closed."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, bot.loop))
