"""The dead man's switch of a real bot: it pushes while all is well, and then no more."""

# ruff: noqa: ASYNC251 (code that blocks the loop is what is tested)

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import discord
import pytest
from discord.ext import commands

from botmon_cog.clock import SystemClock
from botmon_cog.config import HeartbeatConfig, HttpConfig, LoopConfig, StorageConfig
from botmon_cog.testing import LoopbackDiscord, ManualClock
from tests.child import ROOT
from tests.faults import locked
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, make_health, running, until
from tests.outside import REFUSED, Outside, ask, counting

INTERVAL_S = 60


@pytest.fixture
def outside() -> Iterator[Outside]:
    with counting() as outside:
        yield outside


@asynccontextmanager
async def pushing(outside: Outside, url: str = ":memory:", **health: object) -> AsyncIterator[Rig]:
    """Its first push was taken."""
    bot = make_bot()
    bot.botmon_config = make_config(
        storage=StorageConfig(url=url, linger_ms=0, busy_timeout_s=0.1),
        health=make_health(**health),
        heartbeat=HeartbeatConfig(url=outside.url, interval_s=INTERVAL_S),
    )
    async with running(bot) as rig:
        await has_run(rig)
        assert outside.n == 1
        yield rig


async def has_run(rig: Rig) -> None:
    def is_done() -> bool:
        runs = {run.name: run.last_at for run in cog_of(rig.bot).system.loops.runs()}
        return runs["heartbeat push"] == rig.clock.now()

    await until(is_done)


async def pushes(rig: Rig, outside: Outside, intervals: int = 1) -> int:
    """How many came within so many intervals."""
    before = outside.n
    for _ in range(intervals):
        await rig.clock.advance(INTERVAL_S)
        await has_run(rig)
    return outside.n - before


async def test_it_pushes_while_healthy_and_not_while_unhealthy(outside: Outside, tmp_path: Path) -> None:
    url = str(tmp_path / "bot.db")
    async with pushing(outside, url) as rig:
        check = cog_of(rig.bot).check_health
        assert (await check()).overall_status != "unhealthy"
        assert await pushes(rig, outside, 3) == 3
        async with locked(url):
            assert (await check()).overall_status == "unhealthy"
            assert await pushes(rig, outside, 3) == 0
        await check()
        assert await pushes(rig, outside, 3) == 3
    assert outside.n == 7


async def test_it_stops_when_no_check_of_the_health_comes_to_an_end_any_more(outside: Outside) -> None:
    async with pushing(outside, interval_s=INTERVAL_S) as rig:
        health = cog_of(rig.bot).system.health
        await rig.clock.advance(INTERVAL_S)
        await until(lambda: health.latest is not None)
        await has_run(rig)
        health.check = asyncio.Event().wait  # the next one hangs
        before = outside.n
        assert await pushes(rig, outside, 3) == 3, "one that is late may still come"
        assert await pushes(rig, outside, 5) == 0
        del health.check
        await cog_of(rig.bot).check_health()
        assert await pushes(rig, outside) == 1
        assert outside.n == before + 4


async def test_a_bot_that_never_comes_to_be_ready_is_not_vouched_for(outside: Outside) -> None:
    clock = ManualClock(datetime.now(UTC))
    bot = make_bot(guild_ready_timeout=0.1)
    bot.botmon_clock = clock
    bot.botmon_config = make_config(
        health=make_health(interval_s=INTERVAL_S),
        heartbeat=HeartbeatConfig(url=outside.url, interval_s=INTERVAL_S),
    )
    async with LoopbackDiscord(clock=clock) as loopback, bot:
        loopback.hold_gateway()
        bot.setup_hook = lambda: bot.load_extension(EXTENSION)
        starting = asyncio.create_task(bot.start(loopback.token))
        await until(lambda: outside.n == 1)
        rig = Rig(loopback, bot, clock)
        await has_run(rig)
        assert await pushes(rig, outside) == 1, "it may take its time"
        await pushes(rig, outside, 3)  # it is judged all the same by now
        assert await pushes(rig, outside, 5) == 0
        loopback.release_gateway()
        await until(bot.is_ready)
        assert await pushes(rig, outside, 6) >= 1, "three good checks, and it is well again"
        await bot.close()
        await starting


@asynccontextmanager
async def in_real_time(bot: commands.Bot) -> AsyncIterator[LoopbackDiscord]:
    bot.botmon_clock = SystemClock()
    async with LoopbackDiscord() as loopback, loopback.running(bot):
        await bot.load_extension(EXTENSION)
        await bot.tree.sync()
        yield loopback


async def test_a_command_that_blocks_the_loop_lets_no_push_through(outside: Outside) -> None:
    interval_s = 0.1
    bot = make_bot()
    bot.botmon_config = make_config(heartbeat=HeartbeatConfig(url=outside.url, interval_s=interval_s))
    meanwhile: list[int] = []

    @bot.tree.command(name="block", description="b")
    async def block(interaction: discord.Interaction) -> None:
        before = outside.n
        time.sleep(10 * interval_s)
        meanwhile.append(outside.n - before)
        await interaction.response.send_message("done")

    async with in_real_time(bot) as loopback:
        await until(lambda: outside.n >= 2)
        await loopback.user.slash(loopback.channel, "block")
        assert meanwhile[0] <= 1, "at most the one that was under way"
        after = outside.n
        await until(lambda: outside.n > after)


async def test_a_receiver_that_never_answers_holds_nobody_up(outside: Outside) -> None:
    bot = make_bot()
    bot.botmon_config = make_config(heartbeat=HeartbeatConfig(url=outside.url, interval_s=INTERVAL_S))
    outside.answers.clear()
    async with running(bot):
        await until(lambda: outside.n == 1)
        assert (await cog_of(bot).check_health()).overall_status == "healthy"
        async with asyncio.timeout(5):  # less than a push may take
            await bot.unload_extension(EXTENSION)


async def crash(push_url: str, database: str) -> None:
    """Run a bot with everything that works in the background, and fail without closing any of it."""
    bot = make_bot(guild_ready_timeout=0.1)
    bot.botmon_clock = SystemClock()
    bot.botmon_config = make_config(
        database,
        loop=LoopConfig(),
        http=HttpConfig(listen="127.0.0.1:0"),
        heartbeat=HeartbeatConfig(url=push_url, interval_s=0.1),
    )
    loopback = await LoopbackDiscord().__aenter__()
    starting = asyncio.create_task(bot.start(loopback.token))
    await until(bot.is_ready)
    await bot.load_extension(EXTENSION)
    await until(lambda: "heartbeat push" in {run.name for run in cog_of(bot).system.loops.runs() if run.last_at})
    raise RuntimeError(f"the bot crashed on port {cog_of(bot).http.port}", starting)


async def test_a_bot_that_crashes_ends_and_is_heard_of_no_more(outside: Outside, tmp_path: Path) -> None:
    call = f"crash({outside.url!r}, {str(tmp_path / 'bot.db')!r})"
    program = f"import asyncio; from tests.test_liveness_push import crash; asyncio.run({call})"
    crashed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    port = re.search(r"the bot crashed on port (\d+)", crashed.stderr)
    assert port is not None, crashed.stderr
    assert crashed.returncode == 1
    assert outside.n >= 1
    assert await asyncio.to_thread(ask, f"http://127.0.0.1:{port[1]}/healthz") == REFUSED
