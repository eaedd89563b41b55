"""The gateway's connections as the probe sees them, over a real one that breaks and comes back."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import discord
import pytest
from discord.ext import commands

from botmon_cog.cog.discord_logs import DiscordLogs
from botmon_cog.cog.gateway import GatewayProbe
from botmon_cog.domain.samples import GatewaySample, RestSample, ShardSample
from botmon_cog.domain.uptime import GatewayLoss
from botmon_cog.monitors.failures import Failures
from botmon_cog.testing import LoopbackDiscord, ManualClock
from tests.harness import EXTENSION, Rig, cog_of, make_bot, running, until

KINDS = [commands.Bot, commands.AutoShardedBot]


def probe_of(bot: commands.Bot) -> GatewayProbe:
    return cog_of(bot)._gateway


def new_probe(bot: commands.Bot) -> GatewayProbe:
    clock = ManualClock()
    return GatewayProbe(bot, clock, Failures(clock), DiscordLogs(clock))


def shards(rig: Rig) -> list[ShardSample]:
    return list(probe_of(rig.bot).sample().shards)


def connected(rig: Rig) -> list[bool]:
    return [shard.is_connected for shard in shards(rig)]


async def lose(rig: Rig, *shard_ids: int) -> None:
    """Break connections, and keep them from coming back until `loopback.release_gateway()`."""
    rig.discord.hold_gateway()
    for shard_id in shard_ids:
        before = len(rig.discord.world.hub.held)
        await rig.discord.drop_gateway(shard_id)
        await until(lambda before=before: len(rig.discord.world.hub.held) > before)
        await until(lambda shard_id=shard_id: not connected(rig)[shard_id])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_early", [False, True], ids=["loaded after connecting", "loaded before"])
async def test_a_connection_that_stands(kind: type[commands.Bot], is_early: bool) -> None:
    bot = make_bot(kind)
    if is_early:

        async def setup_hook() -> None:
            await bot.load_extension(EXTENSION)

        bot.setup_hook = setup_hook
    async with running(bot, load=not is_early) as rig:
        await until(lambda: shards(rig)[0].latency_s is not None)  # the first heartbeat is on its way
        (shard,) = shards(rig)
        assert (shard.shard_id, shard.is_connected, shard.down_s, shard.reconnects_1h) == (0, True, 0.0, 0)
        assert 0 < shard.latency_s < 5
        assert shard.since == (rig.clock.now() if is_early else None)


async def test_a_connection_that_was_made_before_the_probe_could_listen() -> None:
    bot = make_bot()
    await bot.load_extension(EXTENSION)
    assert probe_of(bot).sample().shards[0].is_connected is False
    async with running(bot, load=False) as rig:
        assert connected(rig) == [True]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_lost_connection_and_its_return(kind: type[commands.Bot]) -> None:
    async with running(make_bot(kind)) as rig:
        await lose(rig, 0)
        lost_at = rig.clock.now()
        await rig.clock.advance(7)
        (shard,) = shards(rig)
        assert (shard.is_connected, shard.down_s, shard.since) == (False, 7.0, lost_at)
        assert shard.latency_s is None
        rig.discord.release_gateway()
        await until(lambda: connected(rig) == [True])
        (shard,) = shards(rig)
        assert (shard.down_s, shard.since, shard.reconnects_1h) == (0.0, rig.clock.now(), 1)
        await rig.clock.advance(3700)
        assert shards(rig)[0].reconnects_1h == 0, "only the last hour counts"


async def test_attempts_that_fail_do_not_begin_the_loss_anew() -> None:
    async with running(make_bot()) as rig:
        await lose(rig, 0)
        for _ in range(3):
            await rig.clock.advance(10)
            rig.bot.dispatch("disconnect")
        assert shards(rig)[0].down_s == 30.0
        rig.bot.dispatch("ready")  # of the connection that is gone
        assert connected(rig) == [False]
        rig.discord.release_gateway()
        await until(lambda: connected(rig) == [True])
        assert shards(rig)[0].reconnects_1h == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_a_new_session_is_a_reconnect_too(kind: type[commands.Bot]) -> None:
    async with running(make_bot(kind)) as rig:
        await rig.discord.invalidate_session(resumable=False)
        await until(lambda: shards(rig)[0].reconnects_1h == 1)
        (shard,) = shards(rig)
        assert (shard.is_connected, shard.reconnects_1h) == (True, 1)


async def test_shards_are_told_apart() -> None:
    async with running(make_bot(commands.AutoShardedBot), shards=4) as rig:
        losses: list[GatewayLoss] = []
        probe_of(rig.bot).lost = losses.append
        await lose(rig, 2)
        await rig.clock.advance(20)
        await rig.discord.drop_gateway(1)  # discord.py brings one back at a time: this one waits
        await until(lambda: not connected(rig)[1])
        await rig.clock.advance(10)
        assert connected(rig) == [True, False, False, True]
        assert [shard.down_s for shard in shards(rig)] == [0.0, 10.0, 30.0, 0.0]
        now = rig.clock.now()
        assert {(loss.shard_id, loss.ended_at - loss.began_at, loss.share) for loss in probe_of(rig.bot).ongoing()} == {
            (1, timedelta(seconds=10), 0.25),
            (2, timedelta(seconds=30), 0.25),
        }
        rig.discord.release_gateway()
        await until(lambda: connected(rig) == [True] * 4)
        assert sorted((loss.shard_id, loss.began_at, loss.ended_at, loss.share) for loss in losses) == [
            (1, now - timedelta(seconds=10), now, 0.25),
            (2, now - timedelta(seconds=30), now, 0.25),
        ]
        assert [shard.reconnects_1h for shard in shards(rig)] == [0, 1, 1, 0]
        assert probe_of(rig.bot).ongoing() == []


async def test_a_moment_without_the_connection_is_no_loss() -> None:
    async with running(make_bot()) as rig:
        losses: list[GatewayLoss] = []
        probe_of(rig.bot).lost = losses.append
        await lose(rig, 0)
        await rig.clock.advance(4.9)
        assert probe_of(rig.bot).ongoing() == []
        rig.discord.release_gateway()
        await until(lambda: connected(rig) == [True])
        assert losses == []


async def test_a_wall_clock_that_is_set_back_meanwhile() -> None:
    async with running(make_bot()) as rig:
        losses: list[GatewayLoss] = []
        probe_of(rig.bot).lost = losses.append
        await lose(rig, 0)
        await rig.clock.advance(60)
        rig.clock.jump_wall(-3600)
        rig.discord.release_gateway()
        await until(lambda: connected(rig) == [True])
        (loss,) = losses
        assert (loss.ended_at, loss.ended_at - loss.began_at) == (rig.clock.now(), timedelta(seconds=60))


@pytest.mark.parametrize("kind", KINDS)
async def test_a_bot_that_waits_for_discord_is_lost_from_the_start(kind: type[commands.Bot]) -> None:
    bot = make_bot(kind, shard_count=2) if kind is commands.AutoShardedBot else make_bot(kind)
    ongoing: list[GatewayLoss] = []
    losses: list[GatewayLoss] = []

    async def wait_and_release() -> None:
        loopback = LoopbackDiscord._open
        await until(lambda: len(loopback.world.hub.held) == 1)
        await bot.botmon_clock.advance(30)
        ongoing.extend(probe_of(bot).ongoing())
        loopback.release_gateway()

    async def setup_hook() -> None:
        await bot.load_extension(EXTENSION)
        probe_of(bot).lost = losses.append
        LoopbackDiscord._open.hold_gateway()
        bot.releasing = asyncio.create_task(wait_and_release())

    bot.setup_hook = setup_hook
    async with running(bot, load=False) as rig:
        await bot.releasing
        n = len(shards(rig))
        assert [(loss.shard_id, loss.share) for loss in ongoing] == [(shard_id, 1 / n) for shard_id in range(n)]
        assert [loss.ended_at - loss.began_at for loss in losses] == [timedelta(seconds=30)] * n
        assert [shard.reconnects_1h for shard in shards(rig)] == [0] * n
        assert connected(rig) == [True] * n


async def test_before_anything_is_known() -> None:
    bot = make_bot(commands.AutoShardedBot)
    assert new_probe(bot).sample() == GatewaySample(), "nobody knows yet how many shards there will be"


async def test_a_bot_whose_heartbeats_are_not_answered() -> None:
    bot = make_bot(commands.AutoShardedBot)
    async with LoopbackDiscord(shards=2) as loopback:
        loopback.pause_heartbeat_acks()
        async with loopback.running(bot):
            assert bot.latency == float("inf")
            samples = new_probe(bot).sample().shards
            assert [(shard.is_connected, shard.latency_s) for shard in samples] == [(True, None)] * 2


# -- how often a session may still be begun ----------------------------------------------------------------------------


async def ask(rig: Rig) -> tuple[int | None, int | None]:
    await probe_of(rig.bot).budget.ask()
    sample = probe_of(rig.bot).sample()
    return sample.identifies_left, sample.identifies_total


def questions(rig: Rig) -> int:
    return sum(request.path == "/gateway/bot" for request in rig.discord.requests)


async def test_the_budget_is_asked_once_an_hour_and_counted_down() -> None:
    async with running(make_bot(commands.AutoShardedBot, shard_count=2)) as rig:
        probe = probe_of(rig.bot)
        assert probe.sample().identifies_left is None
        rig.discord.sessions_left = 12
        assert await ask(rig) == (12, 1000)
        assert probe.sample().identifies_reset_s == timedelta(days=1).total_seconds()
        await rig.discord.invalidate_session(resumable=False, shard_id=1)
        await until(lambda: shards(rig)[1].reconnects_1h == 1)
        assert (await ask(rig), questions(rig)) == ((11, 1000), 1)
        await rig.discord.drop_gateway(0)
        await until(lambda: shards(rig)[0].reconnects_1h == 1)
        assert await ask(rig) == (11, 1000), "a session that is resumed costs nothing"
        await rig.clock.advance(3600)
        rig.discord.sessions_left = 5
        assert (await ask(rig), questions(rig)) == ((5, 1000), 2)
        rig.clock.jump_wall(86_400)
        assert probe.sample().identifies_left is None, "it was reset meanwhile"


async def test_a_budget_that_is_not_told_costs_its_line_alone() -> None:
    async with running(make_bot(commands.AutoShardedBot, shard_count=1)) as rig:
        rig.discord.faults.fail_next(status=403, path="/gateway/bot")
        assert await ask(rig) == (None, None)
        assert connected(rig) == [True]
        assert cog_of(rig.bot).system.failures.n == 0
        assert (await ask(rig), questions(rig)) == ((None, None), 1), "not asked again at once"
        await rig.clock.advance(3600)
        assert await ask(rig) == (999, 1000)


@pytest.mark.parametrize("is_old", [False, True], ids=["plain bot", "discord.py 2.4"])
async def test_a_bot_that_can_not_ask(is_old: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if is_old:
        monkeypatch.delattr(discord.AutoShardedClient, "fetch_session_start_limits")
    async with running(make_bot(commands.AutoShardedBot, shard_count=1) if is_old else make_bot()) as rig:
        assert (await ask(rig), questions(rig)) == ((None, None), 0)
        assert cog_of(rig.bot).system.failures.n == 0


async def test_the_health_check_asks() -> None:
    async with running(make_bot(commands.AutoShardedBot, shard_count=1)) as rig:
        await cog_of(rig.bot)._checker.tick()
        await cog_of(rig.bot)._checker.tick()
        assert questions(rig) == 1
        assert probe_of(rig.bot).sample().identifies_left == 999


async def test_health_sees_the_gateway_and_what_discord_answers() -> None:
    async with running(make_bot()) as rig:
        system = cog_of(rig.bot).system
        assert (await system.health.report()).components["gateway"].status == "healthy"
        await lose(rig, 0)
        await rig.clock.advance(61)
        report = await system.health.report()
        assert (report.components["gateway"].status, report.components["rest"].status) == ("critical", "healthy")
        assert report.sample("gateway", GatewaySample).shards[0].down_s == 61.0
        assert report.sample("rest", RestSample) == RestSample()
        assert await system.readiness.look() == ("the gateway is not connected",)
        rig.discord.release_gateway()
        await until(lambda: connected(rig) == [True])
        assert await system.readiness.look() == ()
