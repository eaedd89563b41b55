"""The bot is closed, or its process ends, while the database is away: in bounded time, and nothing is lost."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.child import ROOT
from tests.faults import Load, drained, locked, make_config, make_system, nothing_left, stored
from tests.faulty_bot import busy_bot

# Where the loop, a lock and the spool's disk have their say: what closing may take beyond its time-out.
GRACE_S = 15.0


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "bot.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")


async def test_a_bot_closed_while_the_database_is_locked_leaves_the_rest_in_the_spool(url, tmp_path):
    config = make_config(url, spool=str(tmp_path / "spool.db"), busy_timeout_s=0.3)
    async with make_system(url):
        pass
    async with nothing_left(tmp_path):
        async with locked(url):
            async with busy_bot(config) as busy:
                await busy.answers(3)
                await busy.load.more(100)
                busy.is_enough = busy.load.is_enough = True
                since = time.monotonic()
            assert time.monotonic() - since < config.storage.close_timeout_s + GRACE_S
        waiting = busy.system.writer.spooled
        assert busy.system.writer.dropped == 0
        assert waiting == busy.load.made + busy.asked
        async with make_system(url, spool=str(tmp_path / "spool.db")) as system:
            await drained(system)
            assert system.writer.dropped == 0
    found = await stored(url)
    assert busy.load.ids <= found
    assert len(found) == waiting


async def test_unloading_without_a_spool_ends_in_time_and_counts_what_is_lost(url, tmp_path):
    config = make_config(url, spool_max_mb=0, close_timeout_s=0.2, busy_timeout_s=0.1)
    async with make_system(url):
        pass
    async with nothing_left(tmp_path), locked(url):
        system = make_system(url, spool_max_mb=0, close_timeout_s=0.2)
        await system.start()
        load = Load(system)
        load.record(100)
        since = time.monotonic()
        await system.close()
        assert time.monotonic() - since < config.storage.close_timeout_s + GRACE_S
        assert (system.writer.dropped, system.writer.queued) == (100, 0)
    assert await stored(url) == set()


ENDS = {
    "sys.exit": ("sys.exit(7)", 7),
    "returns": ("return", 0),
    "raises": ("raise LookupError('as it must')", 1),
    "is cancelled": ("asyncio.current_task().cancel(); await asyncio.sleep(0)", 1),
}
PROGRAM = """
import asyncio, sys
import discord
from discord.ext import commands
from botmon_cog import Config
from botmon_cog.config import StorageConfig
from tests.faults import Load

async def main():
    bot = commands.Bot("!", intents=discord.Intents.none())
    bot.botmon_config = Config(storage=StorageConfig(url={url!r}, spool={spool!r}, close_timeout_s=0.3))
    await bot.load_extension("botmon_cog")
    load = Load(bot.get_cog("botmon").system)
    load.record({rows})
    await asyncio.sleep({wait})
    {end}

asyncio.run(main())
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    """To its end, which has to come by itself."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=ROOT,
        check=False,
        timeout=60,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("end", ENDS)
async def test_a_process_that_just_ends_exits_and_stores_what_it_recorded(url, tmp_path, end):
    """Nobody has unloaded the extension, nor closed the bot."""
    act, code = ENDS[end]
    spool = tmp_path / "spool.db"
    program = PROGRAM.format(url=url, spool=str(spool), rows=50, wait=0, end=act)
    done = await asyncio.to_thread(run, program)
    assert done.returncode == code, done.stderr
    async with make_system(url, spool=str(spool)) as system:
        await drained(system)
    assert len(await stored(url)) == 50


async def test_a_process_that_just_ends_while_the_database_is_locked_exits(url, tmp_path):
    async with make_system(url):
        pass
    spool = tmp_path / "spool.db"
    async with locked(url):
        program = PROGRAM.format(url=url, spool=str(spool), rows=50, wait=0.2, end="sys.exit(7)")
        done = await asyncio.to_thread(run, program)
        assert done.returncode == 7, done.stderr
    async with make_system(url, spool=str(spool)) as system:
        await drained(system)
    assert len(await stored(url)) == 50
