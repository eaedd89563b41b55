"""Loading, reloading, failing to load, unloading: the bot is afterwards what it was before."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sqlite3
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import discord
import msgspec
import psutil
import pytest
from discord import app_commands
from discord.ext import commands, tasks

from botmon_cog.config import CommandsConfig, HeartbeatConfig, HttpConfig, LoopConfig
from botmon_cog.errors import ConfigError, SchemaTooNewError
from tests.engines import Engine
from tests.faults import full
from tests.harness import EXTENSION, cog_of, make_bot, make_config, running, until
from tests.outside import counting

KINDS = [commands.Bot, commands.AutoShardedBot]


_CONNECTION_TASKS = {"RequestHandler.start"}
"""One for each HTTP connection that the loopback Discord's server keeps alive: they come and go by themselves."""


def add_ping(bot: commands.Bot) -> None:
    @bot.tree.command(name="ping", description="p")
    async def ping(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("pong")


WRAPPED = (
    discord.InteractionResponse,
    discord.Interaction,
    discord.Webhook,
    commands.Context,
    app_commands.Command,
    tasks.Loop,
)
"""Classes of discord.py of which methods are wrapped for as long as the extension is loaded."""


def trace(bot: commands.Bot) -> dict[str, Any]:
    """Everything that an extension could leave behind."""
    gc.collect()
    discords = [f"discord.{name}" for name in ("http", "gateway", "webhook.async_", "ext.tasks")]
    names = ("", "discord", *discords, "asyncio", "botmon_cog")
    loggers = [logging.getLogger(name) for name in names]
    return {
        "tree commands": sorted(c.name for c in bot.tree.walk_commands()),
        "tree attributes": dict(vars(bot.tree)),
        "listeners": {event: list(found) for event, found in bot.extra_events.items() if found},
        "waiters": {event: list(found) for event, found in bot._listeners.items() if found},
        "cogs": sorted(bot.cogs),
        "extensions": sorted(bot.extensions),
        "buttons": list(bot._connection._view_store._dynamic_items),
        "views": dict(bot._connection._view_store._views),
        "loggers": [(logger.level, list(logger.handlers), list(logger.filters)) for logger in loggers],
        "classes": [dict(vars(of)) for of in WRAPPED],
        "invoke": vars(bot).get("invoke"),
        "bot.on_error": vars(bot).get("on_error"),
        "tasks": sorted(
            name for t in asyncio.all_tasks() if (name := t.get_coro().__qualname__) not in _CONNECTION_TASKS
        ),
        "threads": sorted(t.name for t in threading.enumerate()),
        "listening": sorted(c.laddr.port for c in sockets() if c.status == psutil.CONN_LISTEN),
        "sigterm": signal.getsignal(signal.SIGTERM),
        "files": sorted(Path(f.path).name for f in psutil.Process().open_files()),
    }


def sockets() -> list[Any]:
    process = psutil.Process()
    if hasattr(process, "net_connections"):  # since psutil 6
        return process.net_connections("inet")
    return process.connections("inet")


@pytest.fixture(autouse=True)
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def bot_of(kind: type[commands.Bot]) -> commands.Bot:
    bot = make_bot(kind)
    bot.botmon_config = make_config(url="bot.db")

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: Exception) -> None:
        """The host's own handler, which must stay the tree's."""

    return bot


@pytest.mark.parametrize("kind", KINDS)
async def test_unloading_leaves_no_trace(kind: type[commands.Bot]) -> None:
    bot = bot_of(kind)
    async with running(bot, load=False):
        before = trace(bot)
        await bot.load_extension(EXTENSION)
        assert trace(bot) != before
        await bot.unload_extension(EXTENSION)
        assert trace(bot) == before


async def test_unloading_ends_a_start_that_is_under_way() -> None:
    bot = bot_of(commands.Bot)
    await bot.load_extension(EXTENSION)
    errors = cog_of(bot).system.errors
    step, is_begun, goes_on = errors.step, asyncio.Event(), asyncio.Event()

    async def step_later() -> None:
        is_begun.set()
        await goes_on.wait()
        await step()

    errors.step = step_later
    async with running(bot, load=False):
        await is_begun.wait()
        await bot.unload_extension(EXTENSION)
        goes_on.set()
        await until(lambda: not any(task.get_name() == "discord.py: on_connect" for task in asyncio.all_tasks()))
        assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("botmon-")]


async def test_watch_over_the_event_loop_leaves_no_trace_either() -> None:
    bot = bot_of(commands.Bot)
    bot.botmon_config = make_config(url="bot.db", loop=LoopConfig())
    async with running(bot, load=False):
        before = trace(bot)
        await bot.load_extension(EXTENSION)
        for _ in range(20):
            await bot.reload_extension(EXTENSION)
        assert trace(bot)["threads"].count("botmon-watchdog") == 1
        assert beats() == 1
        await bot.unload_extension(EXTENSION)
        assert trace(bot) == before
        assert beats() == 0


async def test_what_tells_the_outside_leaves_no_trace_either(unused_tcp_port: int) -> None:
    bot = bot_of(commands.Bot)
    with counting() as outside:
        bot.botmon_config = make_config(
            url="bot.db",
            http=HttpConfig(listen=f"127.0.0.1:{unused_tcp_port}"),
            heartbeat=HeartbeatConfig(url=outside.url),
        )
        async with running(bot, load=False):
            gc.collect()  # what an earlier test left open would be closed meanwhile
            before, files = trace(bot), psutil.Process().num_fds()
            await bot.load_extension(EXTENSION)
            for n in range(1, 6):
                await until(lambda n=n: outside.n == n)
                assert cog_of(bot).http.port == unused_tcp_port
                await bot.reload_extension(EXTENSION)
            loaded = trace(bot)
            assert len(loaded["listening"]) == len(before["listening"]) + 1
            assert loaded["tasks"].count("HeartbeatPush._run") == 1
            await bot.unload_extension(EXTENSION)
            assert trace(bot) == before
            assert psutil.Process().num_fds() <= files  # the server of the loopback may have ended an idle connection
            socket.create_server(("127.0.0.1", unused_tcp_port)).close()


def beats() -> int:
    """How many timers of the lag meter's are armed."""
    return sum("LagMeter" in repr(t) for t in asyncio.get_running_loop()._scheduled if not t.cancelled())


# How often is one matter, and which kind of bot another: often on both would show nothing more.
@pytest.mark.parametrize(("kind", "reloads"), [(commands.Bot, full(100, 20)), (commands.AutoShardedBot, 5)])
async def test_reloads_leave_what_one_load_leaves_and_unloading_leaves_nothing(
    kind: type[commands.Bot], reloads: int
) -> None:
    bot = bot_of(kind)
    async with running(bot, load=False):
        before = trace(bot)
        await bot.load_extension(EXTENSION)
        for _ in range(reloads):
            await bot.reload_extension(EXTENSION)
        loaded = trace(bot)
        per_shard = "shard_" if kind is commands.AutoShardedBot else ""
        gateway = [f"{per_shard}{event}" for event in ("connect", "ready", "resumed", "disconnect")]
        commands_ = ["app_command_error", "command", "command_completion", "command_error", "message"]
        servers = 2 * ["guild_join", "guild_remove"]  # who counts them, and who forgets them
        assert {event: len(found) for event, found in loaded["waiters"].items()} == Counter(
            [*commands_, *servers, "voice_state_update", "ready", *gateway]
        )
        assert len([t for t in loaded["threads"] if t.startswith("botmon")]) <= 2
        await bot.unload_extension(EXTENSION)
        assert trace(bot) == before


@pytest.mark.parametrize(
    ("kind", "name"),
    [*((KINDS[n % len(KINDS)], name) for n, name in enumerate(["health", "stats", "perf", "privacy", "botmon"]))],
)
async def test_a_name_of_the_hosts_stays_the_hosts_and_nothing_fails(kind: type[commands.Bot], name: str) -> None:
    bot = bot_of(kind)

    @bot.tree.command(name=name, description="the host's own")
    async def taken(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("the host's")

    async with running(bot, load=False) as rig:
        before = trace(bot)
        await bot.load_extension(EXTENSION)
        assert bot.tree.get_command(name) is taken
        await bot.unload_extension(EXTENSION)
        assert trace(bot) == before
        bot.botmon_config = make_config(commands=msgspec.structs.replace(CommandsConfig(), **{name: f"bot{name}"}))
        await bot.load_extension(EXTENSION)
        assert bot.tree.get_command(f"bot{name}") is not None
        await bot.tree.sync()
        answer = await rig.discord.user.slash(rig.discord.channel, name)
        assert answer.message.content == "the host's"


async def test_wrong_configuration_fails_cleanly_and_names_the_file(tmp_path: Path) -> None:
    bot = make_bot()
    del bot.botmon_config
    (tmp_path / "botmon.toml").write_text("[storage]\nligner_ms = 5\n")
    async with running(bot, load=False):
        before = trace(bot)
        with pytest.raises(commands.ExtensionFailed) as failure:
            await bot.load_extension(EXTENSION)
        message = str(failure.value.__cause__)
        assert type(failure.value.__cause__).__name__ == ConfigError.__name__
        assert "botmon.toml" in message
        assert "linger_ms" in message
        del failure
        assert trace(bot) == before


async def test_newer_database_is_refused_and_nothing_stays_behind(tmp_path: Path) -> None:
    path = tmp_path / "newer.db"
    async with Engine("sqlite", str(path)).storage() as storage:
        await storage.open()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 9999")
    bot = make_bot()
    bot.botmon_config = make_config(url=str(path))
    async with running(bot, load=False):
        before = trace(bot)
        with pytest.raises(commands.ExtensionFailed) as failure:
            await bot.load_extension(EXTENSION)
        assert type(failure.value.__cause__).__name__ == SchemaTooNewError.__name__
        del failure
        assert trace(bot) == before


async def test_database_that_can_not_be_opened_does_not_keep_the_bot_from_running(tmp_path: Path) -> None:
    blocked, disk = tmp_path / "data", tmp_path / "a disk that is mounted later"
    blocked.symlink_to(disk)
    bot = make_bot()
    bot.botmon_config = make_config(url=str(blocked / "bot.db"))

    add_ping(bot)
    async with running(bot) as rig:
        assert (await rig.discord.user.slash(rig.discord.channel, "ping")).message.content == "pong"
        answer = await rig.discord.owner.slash(rig.discord.owner.dm_channel, "health")
        assert "🔴" in answer.message.embeds[0]["title"]
        answer = await rig.discord.admin.slash(rig.discord.channel, "health")
        assert "The bot works" in answer.message.embeds[0]["title"]
        disk.mkdir()
        await rig.clock.advance(60)  # the writer tries again
        assert [row.command for row in await rig.rows()] == ["ping"]


async def test_extension_can_be_loaded_before_the_bot_has_logged_in() -> None:
    bot = make_bot()

    async def setup_hook() -> None:
        await bot.load_extension(EXTENSION)

    bot.setup_hook = setup_hook
    add_ping(bot)
    async with running(bot, load=False) as rig:
        await rig.discord.user.slash(rig.discord.channel, "ping")
        assert [row.command for row in await rig.rows()] == ["ping"]


@pytest.mark.parametrize("kind", KINDS)
async def test_extension_can_be_loaded_before_the_bot_is_even_set_up(kind: type[commands.Bot]) -> None:
    """Outside of `async with bot`, discord.py has no event loop until the bot starts."""
    bot = make_bot(kind)
    await bot.load_extension(EXTENSION)
    add_ping(bot)
    async with running(bot, load=False) as rig:
        await rig.discord.user.slash(rig.discord.channel, "ping")
        await rig.discord.user.slash(rig.discord.channel, "ping")
        assert [row.outcome for row in await rig.rows()] == ["ok", "ok"]
        assert bot.extra_events.get("on_connect", []) == []
        assert any(task.get_name() == "botmon-on-message" for task in asyncio.all_tasks())


async def test_extension_that_was_never_begun_is_unloaded_without_a_trace() -> None:
    bot = make_bot()
    await bot.load_extension(EXTENSION)
    await bot.unload_extension(EXTENSION)
    assert not any(bot.extra_events.values())
    assert bot.tree.get_commands() == []
    assert [t.name for t in threading.enumerate() if t.name.startswith("botmon")] == []


async def test_closing_the_bot_writes_what_is_queued_and_ends_the_threads(tmp_path: Path) -> None:
    bot = make_bot()
    bot.botmon_config = msgspec.structs.replace(
        make_config(), storage=msgspec.structs.replace(make_config().storage, url="bot.db", linger_ms=10_000)
    )

    add_ping(bot)
    async with running(bot) as rig:
        for _ in range(5):
            await rig.discord.user.slash(rig.discord.channel, "ping")
    assert [t.name for t in threading.enumerate() if t.name.startswith("botmon")] == []
    db = sqlite3.connect(tmp_path / "bot.db")
    assert db.execute("SELECT COUNT(*), COUNT(DISTINCT discord_id) FROM invocations").fetchone() == (5, 5)
    db.close()
