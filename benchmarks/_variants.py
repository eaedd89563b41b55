"""What is added to the bare bot. A variant runs in a folder of its own, which is its working directory."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import _servers
import discord
from discord.ext import commands

from botmon_cog.config import Config, HttpConfig

BARE = "bare"
BOTMON = "botmon"
BOTMON_POSTGRES = "botmon-postgres"
BOTMON_AGAIN, BOTMON_SCRAPED = "botmon-again", "botmon-scraped"
SCRAPING = frozenset({BOTMON_AGAIN, BOTMON_SCRAPED})
"""These are for `scraping.py` alone."""
SCRAPE_EVERY_S = 15.0
ON_POSTGRES = frozenset({BOTMON_POSTGRES})
"""These find a database of their own in `BOTMON_STORAGE_URL`."""

Flush = Callable[[], Awaitable[None]]
Count = Callable[[], Awaitable[int]]
Install = Callable[[commands.Bot, AsyncExitStack], Awaitable["Variant"]]


class Variant:
    """What an installed variant can be asked.

    Args:
        flush: returns when everything so far is stored.
        count: how many rows there are; None where nothing is stored.
    """

    def __init__(self, flush: Flush | None = None, count: Count | None = None) -> None:
        self._flush = flush
        self._count = count

    async def flush(self) -> None:
        if self._flush is not None:
            await self._flush()

    async def check(self, commands_run: int) -> None:
        """Raises RuntimeError unless there is one row for each command."""
        if self._count is not None and (rows := await self._count()) != commands_run:
            raise RuntimeError(f"{commands_run} commands left {rows} rows")


async def _bare(_bot: commands.Bot, _stack: AsyncExitStack) -> Variant:
    return Variant()


async def _botmon(bot: commands.Bot, stack: AsyncExitStack) -> Variant:
    flush = await _load(bot, stack)  # its defaults: data/botmon.db
    return Variant(flush, lambda: _rows(Path("data/botmon.db"), "SELECT COUNT(*) FROM invocations"))


async def _botmon_postgres(bot: commands.Bot, stack: AsyncExitStack) -> Variant:
    flush = await _load(bot, stack)

    async def count() -> int:
        import asyncpg  # noqa: PLC0415 (need not be installed)

        connection = await asyncpg.connect(os.environ["BOTMON_STORAGE_URL"])
        try:
            return int(await connection.fetchval("SELECT COUNT(*) FROM botmon.invocations"))
        finally:
            await connection.close()

    return Variant(flush, count)


async def _load(bot: commands.Bot, stack: AsyncExitStack) -> Flush:
    await bot.load_extension("botmon_cog")
    stack.push_async_callback(bot.unload_extension, "botmon_cog")
    return bot.get_cog("botmon").system.flush


_SCRAPE = """
import sys, time, urllib.request
while True:
    urllib.request.urlopen(sys.argv[1], timeout=10).read()
    time.sleep(float(sys.argv[2]))
"""


async def _botmon_scraped(bot: commands.Bot, stack: AsyncExitStack) -> Variant:
    """With /metrics, which a process of its own asks for, as Prometheus does."""
    bot.botmon_config = Config(http=HttpConfig(listen="127.0.0.1:0", metrics=True))
    variant = await _botmon(bot, stack)
    url = f"http://127.0.0.1:{bot.get_cog('botmon').http.port}/metrics"
    scraper = await asyncio.create_subprocess_exec(sys.executable, "-c", _SCRAPE, url, str(SCRAPE_EVERY_S))

    async def end() -> None:
        scraper.kill()
        await scraper.wait()

    stack.push_async_callback(end)
    return variant


async def _prometheus(bot: commands.Bot, stack: AsyncExitStack) -> Variant:
    from discord.ext.prometheus import PrometheusCog  # noqa: PLC0415 (need not be installed)

    await bot.add_cog(PrometheusCog(bot))
    stack.push_async_callback(bot.remove_cog, "PrometheusCog")
    return Variant()


_TABLE = (
    "CREATE TABLE log (id INTEGER PRIMARY KEY, event_id TEXT, at TEXT, command TEXT, guild_id TEXT, channel_id TEXT, "
    "user_id TEXT)"
)
_INSERT = "INSERT INTO log (event_id, at, command, guild_id, channel_id, user_id) VALUES (?, ?, ?, ?, ?, ?)"


async def _awaited_insert(bot: commands.Bot, stack: AsyncExitStack) -> Variant:
    import aiosqlite  # noqa: PLC0415 (need not be installed)

    path = Path("log.db")
    db = await stack.enter_async_context(aiosqlite.connect(path))
    await db.execute("PRAGMA journal_mode = WAL")
    await db.execute("PRAGMA synchronous = NORMAL")
    await db.execute(_TABLE)
    await db.commit()

    async def log(interaction: discord.Interaction) -> bool:
        command = interaction.command
        row = (
            str(interaction.id),
            datetime.now(UTC).isoformat(),
            "?" if command is None else command.qualified_name,
            str(interaction.guild_id),
            str(interaction.channel_id),
            str(interaction.user.id),
        )
        await db.execute(_INSERT, row)
        await db.commit()
        return True

    bot.tree.interaction_check = log
    return Variant(count=lambda: _rows(path, "SELECT COUNT(*) FROM log"))


async def _rows(path: Path, query: str) -> int:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return int(db.execute(query).fetchone()[0])


INSTALL: dict[str, Install] = {
    BARE: _bare,
    "again": _bare,
    BOTMON: _botmon,
    BOTMON_POSTGRES: _botmon_postgres,
    BOTMON_AGAIN: _botmon,
    BOTMON_SCRAPED: _botmon_scraped,
    "prometheus": _prometheus,
    "insert": _awaited_insert,
}
TITLES = {
    BARE: "bare",
    "again": "bare again (the noise)",
    BOTMON: "botmon (SQLite file)",
    BOTMON_POSTGRES: "botmon (PostgreSQL)",
    BOTMON_AGAIN: "botmon again (the noise)",
    BOTMON_SCRAPED: f"botmon, scraped each {SCRAPE_EVERY_S:.0f} s",
    "prometheus": "discord-ext-prometheus",
    "insert": "awaited INSERT + commit (WAL)",
    "pacing": "the pacing alone, no commands",
}
_NEEDS = {BOTMON_SCRAPED: "prometheus_client", "prometheus": "discord.ext.prometheus", "insert": "aiosqlite"}


def missing(variant: str) -> str | None:
    """What a variant needs and is not there, for people; None where all of it is."""
    if variant in ON_POSTGRES:
        return _servers.missing()
    if variant not in _NEEDS or importlib.util.find_spec(_NEEDS[variant]) is not None:
        return None
    return "left out, not installed"
