"""A real bot watched from outside of it, through all that may become of it, as docs/liveness.md promises."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import re
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import discord
import pytest
from discord.ext import commands

from botmon_cog.clock import Clock
from botmon_cog.config import HttpConfig, StorageConfig
from botmon_cog.testing import LoopbackDiscord, ManualClock
from tests.child import ROOT
from tests.engines import Engine
from tests.faults import locked
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running, until
from tests.outside import REFUSED, SILENT, ask, taken_port
from tests.postgres_server import PostgresServer
from tests.test_commands import ask as ask_for
from tests.test_gateway_probe import connected, lose

ANYWHERE = HttpConfig(listen="127.0.0.1:0")
PATHS = ("/healthz", "/readyz")


# -- what is promised --------------------------------------------------------------------------------------------------


def rows(head: str) -> list[list[str]]:
    """A table of docs/liveness.md, found by how its head begins."""
    text = (ROOT / "docs" / "liveness.md").read_text("utf-8")
    table = text[text.index(f"\n{head} |") :].strip().split("\n\n")[0]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]


def bodies() -> dict[tuple[str, int], dict[str, Any]]:
    found: dict[tuple[str, int], dict[str, Any]] = {}
    path = ""
    for asked, _, status, body in rows("| | answers"):
        path = asked.strip("`").removeprefix("GET ") or path
        found[path, int(status)] = json.loads(body.strip("`"))
    return found


def promised(when: str) -> dict[str, object]:
    """By path, in the form of `tests.outside.ask`."""
    (cells,) = (cells for first, *cells in rows("| when") if first == when)
    found: dict[str, object] = {}
    for path, cell in zip(PATHS, cells, strict=True):
        answer = re.match(r"(\d+)(?: `(.+)`)?", cell)
        if answer is None:
            found[path] = cell
        else:
            status = int(answer[1])
            reasons = {"reasons": [answer[2]]} if answer[2] else {}
            found[path] = status, bodies()[path, status] | reasons
    return found


def url_of(port: int, path: str) -> str:
    return f"http://127.0.0.1:{port}{path}"


async def seen(port: int) -> dict[str, object]:
    return {path: await asyncio.to_thread(ask, url_of(port, path)) for path in PATHS}


# -- /healthz and /readyz ----------------------------------------------------------------------------------------------


class Lockable:
    """A SQLite database that somebody else locks."""

    kind, shards = commands.Bot, 1

    def __init__(self, url: str) -> None:
        self.engine = Engine("sqlite", url)
        self._lock = AsyncExitStack()

    async def lose(self) -> None:
        await self._lock.enter_async_context(locked(self.engine.url))

    async def regain(self) -> None:
        await self._lock.aclose()


class Stoppable:
    """A PostgreSQL of one's own, under a bot that shards by itself."""

    kind, shards = commands.AutoShardedBot, 2

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self.engine = Engine("postgres", server.create_database())

    async def lose(self) -> None:
        await asyncio.to_thread(self._server.stop)

    async def regain(self) -> None:
        await asyncio.to_thread(self._server.start)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Lockable | Stoppable:
    if request.param == "sqlite":
        return Lockable(str(tmp_path / "bot.db"))
    return Stoppable(request.getfixturevalue("private_postgres"))


@asynccontextmanager
async def loaded(bot: commands.Bot, clock: Clock, shards: int = 1) -> AsyncIterator[LoopbackDiscord]:
    """The extension is loaded before the bot is started, which is left to the caller."""
    bot.botmon_clock = clock
    async with LoopbackDiscord(clock=clock, shards=shards) as loopback:
        await bot.load_extension(EXTENSION)
        yield loopback


async def test_codes_and_bodies_are_as_documented_from_the_first_moment_to_the_last(
    database: Lockable | Stoppable, tmp_path: Path
) -> None:
    url = database.engine.url
    storage = StorageConfig(
        url=url,
        linger_ms=0,
        busy_timeout_s=0.1,
        connect_timeout_s=10.0,  # on the real clock; nothing tries again on this one
        close_timeout_s=60.0,
        spool=str(tmp_path / "spool.db"),
    )
    bot = make_bot(database.kind)
    bot.botmon_config = make_config(storage=storage, http=ANYWHERE)
    clock = ManualClock(datetime.now(UTC))
    async with loaded(bot, clock, database.shards) as loopback:
        cog = cog_of(bot)
        port = cog.http.port
        assert port is not None
        assert await seen(port) == promised("loaded, before Discord is connected")
        async with loopback.running(bot):
            rig = Rig(loopback, bot, clock)
            assert await seen(port) == promised("connected")

            await database.lose()
            await clock.advance(1)  # so long one answer of the database serves everybody
            assert await seen(port) == promised("the database is away")
            await database.regain()
            await clock.advance(1)
            assert await seen(port) == promised("connected")

            await lose(rig, database.shards - 1)
            assert await seen(port) == promised("the gateway is lost")
            loopback.release_gateway()
            await until(lambda: all(connected(rig)))
            assert await seen(port) == promised("connected")

            async with locked(url) as release:
                await cog.system.command_log.record(1, 2, "the last")
                closing = asyncio.create_task(bot.close())
                await until(lambda: cog.http.is_stopping)
                when = "shutting down, while the last rows are written"
                assert await seen(port) == promised(when)
                assert not closing.done()
                release()
            await closing
            assert await seen(port) == promised("stopped, or the extension unloaded")
    assert database.engine.sql("SELECT command FROM @audit_logs WHERE command LIKE '%last%'") != []


async def test_nobody_answers_once_the_extension_is_unloaded_and_the_port_is_free() -> None:
    bot = make_bot()
    bot.botmon_config = make_config(http=ANYWHERE)
    async with running(bot):
        port = cog_of(bot).http.port
        assert await seen(port) == promised("connected")
        await bot.unload_extension(EXTENSION)
        assert await seen(port) == promised("stopped, or the extension unloaded")
        assert set(promised("stopped, or the extension unloaded").values()) == {REFUSED}
        socket.create_server(("127.0.0.1", port)).close()


async def test_a_loop_that_hangs_answers_nothing() -> None:
    bot = make_bot()
    bot.botmon_config = make_config(http=ANYWHERE)
    async with running(bot):
        port = cog_of(bot).http.port
        hanging = {path: ask(url_of(port, path), patience_s=0.5) for path in PATHS}  # on the loop, which it blocks
        assert hanging == promised("the event loop hangs")
        assert set(hanging.values()) == {SILENT}
        assert await seen(port) == promised("connected")


async def test_a_port_that_is_taken_costs_nothing_else_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    bot = make_bot()

    @bot.tree.command(name="ping", description="p")
    async def ping(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("pong")

    with taken_port() as port:
        bot.botmon_config = make_config(http=HttpConfig(listen=f"127.0.0.1:{port}"))
        async with running(bot) as rig:
            owner, channel = rig.discord.owner, rig.discord.channel
            assert (await rig.discord.user.slash(channel, "ping")).message.content == "pong"
            why = f"can't listen on 127.0.0.1:{port} ({os.strerror(errno.EADDRINUSE)})"
            assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == [
                f"[http] /healthz and /readyz are off: {why}; everything else goes on"
            ]
            title, why_line, _, remedy, *_ = (await ask_for(rig, owner, owner.dm_channel, "health")).splitlines()
            assert title == "🟡 Degraded: a feature does not work"
            assert why_line.startswith(f"/healthz and /readyz are off: {why}, since ")
            assert remedy.startswith("**What to do:** Free what it needs")
            details = await ask_for(rig, owner, owner.dm_channel, "health", view="details")
            monitor = details[details.index("🟡 Monitor") :].splitlines()
            assert f"/healthz and /readyz are off: {why}" in monitor
            report = await cog_of(bot).check_health()
            assert [problem.key for problem in report.problems] == ["monitor.broken"]
            await bot.unload_extension(EXTENSION)
