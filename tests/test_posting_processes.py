"""Two processes of one bot on one store: each report is posted by exactly one, also if one is killed on the way."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from botmon_cog.config import StorageConfig
from botmon_cog.domain.settings import Settings
from botmon_cog.testing import LoopbackDiscord, LoopbackGuild, ManualClock, redirect
from botmon_cog.testing.running import run_bot
from tests.child import Child, Talk
from tests.engines import Engine
from tests.harness import EXTENSION, cog_of, make_bot, make_config
from tests.settings_helpers import used
from tests.test_posting import service_of_bot

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
"""A Saturday."""
ZONES = ("Asia/Kolkata", "Europe/Berlin", "America/New_York")
SERVERS = 6
MONDAYS_AT_9 = (timedelta(hours=39, minutes=30), timedelta(hours=44), timedelta(hours=50))
"""In each of the zones, after the start."""
WEEK = timedelta(days=7)
MINUTE = timedelta(minutes=1)
OUTLASTING_S = 60.0


class Look(msgspec.Struct, kw_only=True):
    """What a process is to do next: look, at that moment, for reports that are due.

    `hang` has it get no further than the first one that it claims: before that is posted, or before it says so.
    """

    at: datetime
    hang: str | None = None


async def run(talk: Talk, url: str, instance: str, base_url: str, gateway_url: str, token: str) -> None:
    bot = make_bot()
    clock = ManualClock(START)
    bot.botmon_clock = clock
    bot.botmon_config = make_config(
        instance=instance, storage=StorageConfig(url=url, linger_ms=0, busy_timeout_s=OUTLASTING_S, spool_max_mb=0)
    )
    with redirect(base_url, gateway_url):
        async with run_bot(bot, token, hurry=True, timeout_s=OUTLASTING_S):
            await bot.load_extension(EXTENSION)
            talk.send("ready")
            while (order := await talk.receive()) is not None:
                look = msgspec.convert(order, Look)
                clock.jump_wall((look.at - clock.now()).total_seconds())
                service = service_of_bot(bot)
                if look.hang is not None:
                    hang(talk, service, look.hang)
                await service.look()
                talk.send(cog_of(bot).system.failures.n)
            await bot.unload_extension(EXTENSION)


def hang(talk: Talk, service: Any, when: str) -> None:
    """Let it stand still there until it is killed."""

    async def forever(*_: Any) -> None:
        talk.send("hangs")
        await asyncio.Event().wait()

    if when == "before":
        service._draw = forever
    else:
        service._system.store.posts.finish = forever


async def set_up(engine: Engine, guilds: list[LoopbackGuild]) -> None:
    """Weekly reports of servers in three zones, in which somebody uses a command each day."""
    async with engine.storage("before") as storage:
        for n, guild in enumerate(guilds):
            settings = Settings(
                timezone=ZONES[n % 3],
                weekday="monday",
                hour=9,
                report_channel_id=guild.channel.id,
                report_since=START,
            )
            await storage.settings.put(guild.id, settings, "1", START)
        days = [START + timedelta(days=day) for day in range(-9, 21)]
        await storage.write([used(guild, day) for guild in guilds for day in days])


async def look(clock: ManualClock, children: list[Child], at: datetime) -> None:
    """All of them at once, none of which fails at anything."""
    clock.jump_wall((at - clock.now()).total_seconds())
    for child in children:
        child.send(msgspec.to_builtins(Look(at=at)))
    assert await asyncio.gather(*(child.answer() for child in children)) == [0] * len(children)


def posts(guilds: list[LoopbackGuild]) -> list[int]:
    """How many reports each server got."""
    titles = [[m.embeds[0]["title"] for m in guild.channel.messages if m.embeds] for guild in guilds]
    assert all(set(told) <= {f"The week in {guild.name}"} for told, guild in zip(titles, guilds, strict=True))
    return [len(told) for told in titles]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_each_report_is_posted_once_whoever_is_killed(engine: Engine, when: str) -> None:
    clock = ManualClock(START)
    async with LoopbackDiscord(clock=clock) as loopback:
        guilds = [loopback.add_guild(f"Server {n}") for n in range(SERVERS)]
        await set_up(engine, guilds)
        with ExitStack() as stack:
            at = (loopback.base_url, loopback.gateway_url, loopback.token)
            children = [stack.enter_context(Child(run, engine.url, name, *at)) for name in ("one", "two")]
            assert await asyncio.gather(*(child.answer() for child in children)) == ["ready", "ready"]
            await look(clock, children, START + MONDAYS_AT_9[0] - MINUTE)
            assert posts(guilds) == [0] * SERVERS
            for zone, due in enumerate(MONDAYS_AT_9):
                for later in (timedelta(), MINUTE):
                    await look(clock, children, START + due + later)
                assert posts(guilds) == [1 if n % 3 <= zone else 0 for n in range(SERVERS)]
            one, two = children
            moment = START + WEEK + MONDAYS_AT_9[0]
            clock.jump_wall((moment - clock.now()).total_seconds())
            one.send(msgspec.to_builtins(Look(at=moment, hang=when)))
            assert await one.answer() == "hangs"
            one.kill()
            await look(clock, [two], moment + MINUTE)
            assert sum(posts(guilds)) == SERVERS + (1 if when == "before" else 2), "its claim still holds"
            for later in (2, 3, 10):
                await look(clock, [two], moment + later * MINUTE)
            assert posts(guilds) == [2, 1, 1] * 2
            await look(clock, [two], START + WEEK + MONDAYS_AT_9[2])
            two.send(None)
            assert await asyncio.to_thread(two.wait) == 0
        assert posts(guilds) == [2] * SERVERS
    attempts = Counter(engine.sql("SELECT state, attempts FROM @posts"))
    assert attempts == {("sent", 1): 2 * SERVERS - 1, ("sent", 2): 1}
