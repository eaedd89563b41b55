"""Servers that the bot leaves: what is kept of them goes after the grace period, unless the bot is back by then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import pytest
from discord.ext import commands

from botmon_cog.config import Config, PrivacyConfig
from botmon_cog.privacy.forgetting import Forgetting
from botmon_cog.privacy.upkeep import PrivacyUpkeep
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.ages import take_ages
from botmon_cog.store.records import milliseconds
from botmon_cog.store.script import Query, Script
from botmon_cog.testing import LoopbackDiscord, LoopbackGuild, ManualClock
from tests.engines import Engine
from tests.harness import EXTENSION, cog_of, make_bot, make_config, until
from tests.storage_helpers import invocation

DAY_S = 86_400.0
SHORT = PrivacyConfig(guild_grace_days=3)
TABLES = ("invocations", "people", "guilds", "settings", "guild_memberships")
"""Where a server that used a command stands, besides the roll-ups."""


class Month:
    """Two processes with one token on one store, and days that pass as they are told to."""

    def __init__(self, loopback: LoopbackDiscord, clock: ManualClock, bots: list[commands.Bot], config: Config) -> None:
        self.discord, self.clock, self.bots, self.config = loopback, clock, bots, config
        self.guilds: list[LoopbackGuild] = [loopback.add_guild(f"Server {n}") for n in range(20)]
        self.systems: list[MonitoringSystem] = []
        self.upkeeps: list[PrivacyUpkeep] = []

    async def begin(self) -> None:
        """Both processes begin to look after the store, as after a deploy."""
        for bot in self.bots:
            system = MonitoringSystem(self.config, clock=self.clock, application_id=lambda bot=bot: bot.application_id)
            await system.start()
            self.systems.append(system)
            self.upkeeps.append(PrivacyUpkeep(bot, system, Forgetting(system)))
            self.upkeeps[-1].start()

    async def end(self) -> None:
        for upkeep in self.upkeeps:
            await upkeep.stop()
        for system in self.systems:
            assert system.failures.n == 0
            await self.patiently(system.close())
        self.systems, self.upkeeps = [], []

    async def patiently(self, work: Awaitable[object]) -> None:
        """Let work end that leaves pauses to others."""
        task = asyncio.ensure_future(work)
        async with asyncio.timeout(30):
            while not task.done():
                await self.clock.advance(0.001)
        await task

    async def day(self, *acts: Awaitable[object], guilds: Iterable[LoopbackGuild] = ()) -> None:
        """A day passes: at noon something happens, in the evening some servers use a command, and both look."""
        self.clock.jump_wall(DAY_S / 2)
        for act in acts:
            await act
        await self.use([])
        await self._note_time()
        self.clock.jump_wall(DAY_S / 2)
        await self.use(guilds)
        await self._note_time()
        for upkeep in self.upkeeps:
            await self.patiently(upkeep.step())
        assert [system.failures.n for system in self.systems] == [0, 0]

    async def _note_time(self) -> None:
        """What each clean-up does first: so much time has passed for sure."""
        await self.systems[0].store.engine.write(take_ages(milliseconds(self.clock.now())))

    async def restart(self, *acts: Awaitable[object]) -> None:
        """Both end, something happens that nobody sees, and both begin again."""
        await self.end()
        for act in acts:
            await act
        await self.begin()
        for upkeep in self.upkeeps:
            await self.patiently(upkeep.step())

    async def use(self, guilds: Iterable[LoopbackGuild]) -> None:
        """Somebody uses a command in each of these, and in a direct message."""
        system = self.systems[0]
        for guild in guilds:
            told = {"guild_id": guild.id, "guild_name": guild.name, "user_id": guild.owner.id, "username": "somebody"}
            system.recorder.record(invocation(started_at=self.clock.now(), **told))
        system.recorder.record(invocation(started_at=self.clock.now(), guild_id=None))
        await system.recorder.catch_up()

    async def leave(self, guild: LoopbackGuild) -> None:
        guild.remove_bot()
        for bot in self.bots:
            await until(lambda bot=bot: bot.get_guild(guild.id) is None)
        await self.discord.settled()

    async def join(self, guild: LoopbackGuild) -> None:
        guild.add_bot()
        for bot in self.bots:
            await until(lambda bot=bot: bot.get_guild(guild.id) is not None)

    async def rows(self, sql: str) -> list[tuple[object, ...]]:
        def script() -> Script[list[tuple[object, ...]]]:
            return [tuple(row) for row in (yield Query(sql))]

        return await self.systems[0].store.engine.read(script())

    async def kept(self) -> set[str]:
        """The servers that stand anywhere but among those that were left."""
        found: set[object] = set()
        for table in TABLES:
            column = "scope" if table == "settings" else "guild_id"
            found |= {row[0] for row in await self.rows(f"SELECT DISTINCT {column} FROM @{table}")}  # noqa: S608
        found |= {scope for (scope,) in await self.rows("SELECT DISTINCT scope FROM @rollups")}
        return {guild.name for guild in self.guilds if guild.id in found}

    async def commands(self) -> object:
        (row,) = await self.rows("SELECT SUM(n) FROM @rollups WHERE scope = 0")
        return int(row[0])


@asynccontextmanager
async def month(engine: Engine, privacy: PrivacyConfig | None = None) -> AsyncIterator[Month]:
    clock = ManualClock(datetime.now(UTC))
    bots = [make_bot() for _ in range(2)]
    config = make_config(engine.url, privacy=privacy or PrivacyConfig())
    async with AsyncExitStack() as stack:
        loopback = await stack.enter_async_context(LoopbackDiscord(clock=clock))
        made = Month(loopback, clock, bots, config)
        for bot in bots:
            await stack.enter_async_context(loopback.running(bot))
        await made.begin()
        await made.use(made.guilds)
        yield made
        await made.end()


def names(guilds: Iterable[LoopbackGuild]) -> set[str]:
    return {guild.name for guild in guilds}


async def test_month_purges_exactly_what_left_for_good(engine: Engine) -> None:
    """Of 20 servers some leave, seen or unseen, some come back in time or too late, and some are only down."""
    async with month(engine) as time:
        guilds = time.guilds
        gone, back, unseen, down, late, twice = guilds[:6]
        happens: dict[int, list[Callable[[], Awaitable[object]]]] = {
            1: [lambda: time.leave(gone), lambda: time.leave(back), lambda: time.leave(twice)],
            3: [lambda: time.restart(time.leave(unseen))],  # nobody is there to hear of it
            4: [lambda: during(down.begin_outage)],
            12: [time.restart],
            29: [lambda: time.join(back), lambda: time.join(twice)],
            30: [lambda: time.leave(twice), lambda: time.leave(late)],  # for one of them, time begins anew
            32: [lambda: during(down.end_outage)],
        }
        for day in range(1, 36):
            acts = [act() for act in happens.get(day, ())]
            await time.day(*acts, guilds=(guild for guild in guilds if guild.has_bot))
            purged = ({gone.name} if day > 30 else set()) | ({unseen.name} if day > 32 else set())
            assert await time.kept() == names(guilds) - purged, f"day {day}"
        waiting = await time.rows("SELECT guild_id FROM @departures WHERE purged_ms IS NULL")
        assert {guild_id for (guild_id,) in waiting} == {late.id, twice.id}
        ((used,),) = await time.rows("SELECT COUNT(*) FROM @invocations")
        assert await time.commands() == used


async def during(change: Callable[[], object]) -> None:
    change()


async def test_purge_leaves_the_sums_of_the_whole_bot(engine: Engine) -> None:
    async with month(engine, SHORT) as time:
        before = await time.commands()
        await time.day(time.leave(time.guilds[0]))
        for _ in range(3):
            await time.day()
        assert await time.kept() == names(time.guilds[1:])
        assert await time.commands() == before + 2 * 4, "one command at noon, one in the evening"


async def test_server_that_comes_back_after_the_purge_begins_anew(engine: Engine) -> None:
    async with month(engine, SHORT) as time:
        guild = time.guilds[0]
        await time.day(time.leave(guild))
        for _ in range(3):
            await time.day()
        assert guild.name not in await time.kept()
        await time.day(time.join(guild), guilds=[guild])
        assert guild.name in await time.kept()
        assert await time.rows("SELECT * FROM @departures") == []
        assert await time.rows(f"SELECT name FROM @guilds WHERE guild_id = {guild.id}") == [(guild.name,)]  # noqa: S608


async def test_grace_of_0_days_keeps_for_ever(engine: Engine) -> None:
    async with month(engine, PrivacyConfig(guild_grace_days=0)) as time:
        await time.day(time.leave(time.guilds[0]))
        await time.day()
        assert await time.kept() == names(time.guilds)
        assert await time.rows("SELECT * FROM @departures") == []


async def test_clock_that_jumps_ahead_purges_nothing(engine: Engine) -> None:
    """No more time has passed than the newest row allows, and a lot of it is believed only after a day and a half."""
    async with month(engine) as time:
        await time.day(time.leave(time.guilds[0]))
        time.clock.jump_wall(DAY_S * 365)
        await time.use([])
        for upkeep in time.upkeeps:
            await time.patiently(upkeep.step())
        assert await time.kept() == names(time.guilds)


async def test_real_service_follows_by_itself() -> None:
    clock = ManualClock(datetime.now(UTC))
    bot = make_bot()
    bot.botmon_clock = clock
    async with LoopbackDiscord(clock=clock) as loopback, loopback.running(bot):
        await bot.load_extension(EXTENSION)
        system = cog_of(bot).system
        guild = loopback.add_guild("New")
        await until(lambda: bot.get_guild(guild.id) is not None)
        guild.remove_bot()
        await until(lambda: bot.get_guild(guild.id) is None)

        def left() -> Script[list[tuple[int, ...]]]:
            return [tuple(row) for row in (yield Query("SELECT guild_id FROM @departures"))]

        while not (found := await system.store.engine.read(left())):
            await clock.advance(5)
        assert found == [(guild.id,)]


@pytest.mark.parametrize("shard_id", [0, 1])
async def test_process_of_another_shard_is_not_asked(shard_id: int) -> None:
    """Which servers a process does not have tells nothing of those that belong to other processes."""
    bot = make_bot(shard_id=shard_id, shard_count=2)
    bot.shard_count = 2
    system = MonitoringSystem(make_config())
    upkeep = PrivacyUpkeep(bot, system, Forgetting(system))
    of_shard = [(n << 22) + 5 for n in (2, 3)]
    assert [upkeep._is_missing(guild_id) for guild_id in of_shard] == [shard_id == 0, shard_id == 1]
    assert not upkeep._is_missing(-3), "an ID of a host's that is no number"
    await bot.close()
