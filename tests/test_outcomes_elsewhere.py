"""Two processes with one token, as in a rolling deploy: each interaction is one row, and nobody's fault."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import discord
import pytest
from discord.ext import commands

from botmon_cog.domain.reports import HistoryEntry
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.history import HistoryFilter
from botmon_cog.testing import LoopbackDiscord, ManualClock
from tests.harness import EXTENSION, cog_of, make_bot, make_config, until

Interaction = discord.Interaction
AGED = timedelta(minutes=21)


def playing(url: str) -> commands.Bot:
    """A bot that answers, and keeps quiet about what Discord refuses."""
    bot = make_bot()
    bot.botmon_config = make_config(url)

    @bot.tree.command(name="play", description="p")
    async def play(interaction: Interaction) -> None:
        await interaction.response.send_message("playing")

    @bot.tree.error
    async def on_error(interaction: Interaction, error: Exception) -> None:
        """Quiet."""

    return bot


class Fleet:
    """The old process and the new one, each with its own load of the extension's state."""

    def __init__(self, loopback: LoopbackDiscord, clock: ManualClock, bots: list[commands.Bot]) -> None:
        self.discord, self.clock, self.bots = loopback, clock, bots
        self.told: list[str] = []

    async def play(self) -> None:
        await self.discord.user.slash(self.discord.channel, "play")
        await self.discord.settled()
        for bot in self.bots:
            if EXTENSION in bot.extensions:
                await until(lambda bot=bot: not cog_of(bot).observer.interactions.open)
                await cog_of(bot).system.flush()

    async def rows(self) -> list[HistoryEntry]:
        (system, *_) = self.systems
        await system.recorder.catch_up()
        return await system.store.history.find(HistoryFilter(limit=100))

    async def settle(self) -> int:
        return sum([await system.store.elsewhere.settle(self.clock.now() + AGED) for system in self.systems])

    @property
    def systems(self) -> list[MonitoringSystem]:
        return [cog_of(bot).system for bot in self.bots if EXTENSION in bot.extensions]


@asynccontextmanager
async def fleet(folder: Path, *watched: bool) -> AsyncIterator[Fleet]:
    """Two bots of one token on one store; `watched`: which of them have the extension."""
    clock = ManualClock(datetime.now(UTC))
    old, new = (playing(str(folder / "botmon.db")) for _ in range(2))
    async with LoopbackDiscord(clock=clock) as loopback, loopback.running(old), loopback.running(new):
        fleet = Fleet(loopback, clock, [old, new])
        for bot, is_watched in zip(fleet.bots, watched, strict=True):
            bot.botmon_clock = clock
            if is_watched:
                await bot.load_extension(EXTENSION)
                cog_of(bot).system.on_failure(lambda invocation, _: fleet.told.append(invocation.outcome))
        await old.tree.sync()
        yield fleet


@pytest.mark.parametrize("is_unknown", [False, True], ids=["40060", "10062"])
async def test_each_interaction_is_one_row_and_no_fault(tmp_path: Path, is_unknown: bool) -> None:
    async with fleet(tmp_path, True, True) as deploy:
        deploy.discord.faults.second_response_is_unknown = is_unknown
        for _ in range(5):
            await deploy.play()
        assert [row.outcome for row in await deploy.rows()] == ["ok"] * 5
        assert deploy.told == []
        assert all(system.recent.counts().errors == 0 for system in deploy.systems)
        assert await deploy.settle() == 5
        assert [row.outcome for row in await deploy.rows()] == ["ok"] * 5
        seen = [system.sources.rest() for system in deploy.systems]
        assert [rest.late_1h for rest in seen] == [0] * len(seen)


@pytest.mark.parametrize(("is_unknown", "outcome"), [(False, "ok"), (True, "late")], ids=["40060", "10062"])
async def test_it_becomes_a_row_where_the_winners_never_comes(tmp_path: Path, is_unknown: bool, outcome: str) -> None:
    """Nobody watches the other process; which of the two is faster is the network's to say."""
    async with fleet(tmp_path, False, True) as deploy:
        deploy.discord.faults.second_response_is_unknown = is_unknown
        for _ in range(20):
            await deploy.play()
        before = await deploy.rows()
        assert {row.outcome for row in before} <= {"ok"}
        aside = 20 - len(before)
        assert aside > 0, "the unwatched process was never faster"
        assert await deploy.settle() == aside
        rows = await deploy.rows()
        assert [row.outcome for row in rows].count("ok") == len(before) + (aside if outcome == "ok" else 0)
        assert len(rows) == 20
        assert await deploy.settle() == 0
        assert len({row.discord_id for row in rows}) == 20


async def test_refusal_after_three_seconds_is_late(tmp_path: Path) -> None:
    clock = ManualClock(datetime.now(UTC))
    bot = make_bot()
    bot.botmon_clock = clock

    @bot.tree.command(name="play", description="p")
    async def play(interaction: Interaction) -> None:
        await clock.advance(3.5)
        await interaction.response.send_message("playing")

    @bot.tree.error
    async def on_error(interaction: Interaction, error: Exception) -> None:
        """Quiet."""

    async with LoopbackDiscord(clock=clock) as loopback, loopback.running(bot):
        await bot.load_extension(EXTENSION)
        await bot.tree.sync()
        await loopback.user.slash(loopback.channel, "play", wait=False)
        await loopback.settled()
        system = cog_of(bot).system
        await system.flush()
        await system.recorder.catch_up()
        (row,) = await system.store.history.find(HistoryFilter(limit=10))
        assert row.outcome == "late"
