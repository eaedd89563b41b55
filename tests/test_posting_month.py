"""A month of weekly reports: 20 servers in five zones, clocks that change, restarts, two processes on one store."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from discord.ext import commands

from botmon_cog.domain.settings import WEEKDAYS, Settings
from botmon_cog.testing import LoopbackDiscord, LoopbackGuild, ManualClock
from tests.harness import EXTENSION, cog_of, make_bot, make_config
from tests.settings_helpers import posted, used
from tests.test_posting import service_of_bot

START = datetime(2026, 10, 10, 0, 30, tzinfo=UTC)
DAYS = 31
"""To 10 November: clocks change on 25 October in Europe, on 1 November in New York."""
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC", "Australia/Lord_Howe")
STEP = timedelta(hours=3)
AWAY = (START + timedelta(days=13), START + timedelta(days=15))
"""Neither process runs: what was due in the first 24 hours of this time is too old by its end."""
UNTIL = START + timedelta(days=DAYS)


def schedule(index: int) -> Settings:
    """Of one server: each of the five zones with four days and hours, among them those where clocks change."""
    hours = (2, 9, 0, 23)
    weekday = WEEKDAYS[(6, 0, 2, 4)[index // 5]]
    return Settings(timezone=ZONES[index % 5], weekday=weekday, hour=hours[index // 5], report_since=START)


OWN = Settings(
    timezone="Asia/Kolkata", weekday="monday", hour=9, weekly_summary=True, monthly_summary=True, report_since=START
)


def due_moments(settings: Settings) -> list[datetime]:
    """As a person would find them: by looking at the clock on the wall, minute by minute."""
    zone = ZoneInfo(settings.timezone)
    found: dict[str, datetime] = {}
    moment = START
    while moment < UNTIL:
        local = moment.astimezone(zone)
        if WEEKDAYS[local.weekday()] == settings.weekday and local.hour >= settings.hour:
            found.setdefault(f"{local:%F}", moment)
        moment += timedelta(minutes=30)
    return [moment for moment in found.values() if moment > START and not _is_missed(moment)]


def _is_missed(moment: datetime) -> bool:
    return AWAY[0] < moment <= AWAY[1] - timedelta(hours=24)


def expected(settings: Settings) -> list[str]:
    """What each report says of its days."""
    zone = ZoneInfo(settings.timezone)
    told: list[str] = []
    for due in due_moments(settings):
        last = due.astimezone(zone).date() - timedelta(days=1)
        first = last - timedelta(days=6)
        days = f"{first.day}" if first.month == last.month else f"{first:%-d %B}"
        told.append(f"{days} to {last:%-d %B}, {settings.timezone}")
    return told


async def test_month_of_twenty_servers_has_each_report_once(tmp_path: Path) -> None:
    clock = ManualClock(START)
    async with LoopbackDiscord(clock=clock) as loopback, AsyncExitStack() as stack:
        guilds = [loopback.add_guild(f"Server {n:02}", members=[loopback.admin]) for n in range(20)]
        bots: list[commands.Bot] = []
        for name in ("one", "two"):
            bot = make_bot()
            config = make_config(str(tmp_path / "botmon.db"), instance=name)
            bot.botmon_config, bot.botmon_clock = config, clock
            await stack.enter_async_context(loopback.running(bot))
            await bot.load_extension(EXTENSION)
            bots.append(bot)
        book = cog_of(bots[0]).system.settings
        for n, guild in enumerate(guilds):
            settings = msgspec.structs.replace(schedule(n), report_channel_id=guild.channel.id, report_by=1)
            await book.put(guild.id, settings, 1)
        await book.put(None, OWN, 1)
        await record(bots[0], guilds)
        step = 0
        while clock.now() < UNTIL:
            clock.jump_wall(STEP.total_seconds())
            step += 1
            if AWAY[0] < clock.now() < AWAY[1]:
                continue
            if step % 20 == 7:  # a restart
                bot = bots[step // 20 % 2]
                await bot.unload_extension(EXTENSION)
                await bot.load_extension(EXTENSION)
            await asyncio.gather(*(service_of_bot(bot).look() for bot in bots))
        await loopback.settled()
        for n, guild in enumerate(guilds):
            said = [m.embeds[0]["description"].splitlines()[0] for m in guild.channel.messages if m.is_from_bot]
            assert said == expected(schedule(n)), schedule(n)
            assert set(posted(guild.channel)) == {f"The week in {guild.name}"}
        told = [message.embeds[0]["title"] for message in loopback.owner.dms]
        assert told.count("The week in all servers") == len(due_moments(OWN))
        assert [title for title in told if "week" not in title] == ["October in all servers"]
        n = len(told) + sum(len(expected(schedule(n))) for n in range(len(guilds)))
        posts = (await cog_of(bots[0]).system.store.posts.since(START)).values()
        assert Counter((post.state, post.attempts) for post in posts) == {("sent", 1): n}
        assert cog_of(bots[0]).system.failures.n == cog_of(bots[1]).system.failures.n == 0
        assert loopback.admin.dms == []


async def record(bot: commands.Bot, guilds: list[LoopbackGuild]) -> None:
    """A command each day in each server."""
    system = cog_of(bot).system
    for day in range(-15, DAYS):
        for guild in guilds:
            system.writer.put(used(guild, START + timedelta(days=day, minutes=7)))
    await system.flush()
