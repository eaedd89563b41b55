"""What is kept of a run, and how the next one finds it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from discord.ext import commands

from botmon_cog.domain.uptime import GatewayLoss, Run, Uptime
from botmon_cog.errors import StorageError
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.uptime import UptimeKeeper
from botmon_cog.testing import ManualClock
from tests.engines import Engine, Storage
from tests.harness import EXTENSION, cog_of, make_bot, make_config, running, until
from tests.uptime_helpers import NOW, at, loss, run

# -- kept in a database ------------------------------------------------------------------------------------------------


def keeper(storage: Storage, clock: ManualClock) -> UptimeKeeper:
    """That of another process of the same instance."""
    another = Storage(storage.engine, storage.run.instance)
    return UptimeKeeper(another.uptime, clock, Failures(clock), timeout_s=5.0)


async def day(kept: UptimeKeeper) -> Uptime:
    return (await kept.report())[0]


async def test_a_clean_stop_a_crash_and_an_unloading_are_told_apart(storage: Storage, caplog: pytest.LogCaptureFixture):
    clock = ManualClock()
    first = keeper(storage, clock)
    await first.begin()
    assert first.previous is None
    await clock.advance(3600)
    await first.end("stopped")
    await clock.advance(600)
    second = keeper(storage, clock)
    await second.begin()
    assert (second.previous.ending, second.previous.ended_at) == ("stopped", clock.now() - timedelta(seconds=600))
    await clock.advance(1800)
    await second.beat()
    crashed_at = clock.now()
    await clock.advance(1200)
    third = keeper(storage, clock)
    await third.begin()
    assert (third.previous.ending, third.previous.ended_at, third.previous.seen_at) == ("", None, crashed_at)
    await clock.advance(60)
    await third.end("unloaded")
    await clock.advance(900)
    fourth = keeper(storage, clock)
    await fourth.begin()
    assert fourth.previous.ending == "unloaded"
    (said,) = [record.getMessage() for record in caplog.records if "without a word" in record.getMessage()]
    assert f"{crashed_at:%H:%M:%S} UTC" in said
    await clock.advance(100)
    found = await day(fourth)
    assert [(gap.kind, gap.duration_s) for gap in found.gaps] == [
        ("unwatched", 86_400 - 3600 - 600 - 1800 - 1200 - 60 - 900 - 100),
        ("crash", 1200),
        ("unwatched", 900),
        ("stop", 600),
    ]
    assert [period.hours for period in await fourth.report()] == [24, 168, 720]


async def test_gateway_losses_past_and_present(storage: Storage):
    clock = ManualClock()
    kept = keeper(storage, clock)
    await kept.begin()
    await clock.advance(3600)
    over = GatewayLoss(shard_id=1, began_at=clock.now() - timedelta(seconds=60), ended_at=clock.now(), share=0.5)
    kept.lost(over)
    assert (await day(kept)).up_share == pytest.approx(1 - 30 / 3600), "before it is stored"
    await kept.beat()
    assert await storage.uptime.gateway_losses(at(-1e5)) == [over]
    await clock.advance(60)
    lasting = msgspec.structs.replace(over, began_at=clock.now() - timedelta(seconds=20), ended_at=clock.now())
    kept.ongoing = lambda: [lasting]
    assert (await day(kept)).up_share == pytest.approx(1 - 40 / 3660)
    await kept.end("stopped")
    assert await storage.uptime.gateway_losses(at(-1e5)) == [over, lasting]


async def test_only_this_instance_counts(engine: Engine):
    clock = ManualClock()
    async with engine.storage("a") as ours, engine.storage("b") as others:
        await keeper(others, clock).begin()
        await clock.advance(60)
        kept = keeper(ours, clock)
        await kept.begin()
        assert kept.previous is None
        assert [gap.kind for gap in (await day(kept)).gaps] == ["unwatched"]


class Flaky:
    """A store that can be away."""

    def __init__(self) -> None:
        self.fails_with: BaseException | None = None
        self.hangs = False
        self.stored: dict[datetime, Run] = {}
        self.losses: list[GatewayLoss] = []

    async def _try(self) -> None:
        if self.fails_with is not None:
            raise self.fails_with
        if self.hangs:
            await asyncio.Event().wait()

    async def put_run(self, run: Run) -> None:
        await self._try()
        self.stored[run.started_at] = run

    async def runs(self, since: datetime) -> list[Run]:
        await self._try()
        return list(self.stored.values())

    async def put_gateway_loss(self, loss: GatewayLoss) -> None:
        await self._try()
        self.losses.append(loss)

    async def gateway_losses(self, since: datetime) -> Sequence[GatewayLoss]:
        await self._try()
        return self.losses


@pytest.mark.parametrize("trouble", ["away", "broken", "hanging"])
async def test_what_the_database_can_not_take_waits_for_the_next_beat(trouble: str, caplog: pytest.LogCaptureFixture):
    clock, storage = ManualClock(), Flaky()
    storage.stored[at(-2)] = run(-2, -1)
    failures = Failures(clock)
    kept = UptimeKeeper(storage, clock, failures, timeout_s=0.01)  # pyright: ignore[reportArgumentType]
    clock.jump_wall((NOW - clock.now()).total_seconds())
    storage.fails_with = {"away": StorageError("disk I/O error"), "broken": ValueError("a bug")}.get(trouble)
    storage.hangs = trouble == "hanging"
    await kept.begin()
    kept.lost(loss(-0.1, 0))
    await clock.advance(60)
    await kept.beat()
    assert failures.n == (2 if trouble == "broken" else 0)
    assert len([record for record in caplog.records if "uptime" in record.message]) == (2 if trouble == "broken" else 1)
    assert (await day(kept)).up_share is None, "without the database nothing is known"
    assert len(storage.stored) == 1
    storage.fails_with, storage.hangs = None, False
    await kept.beat()
    assert storage.stored[NOW] == Run(started_at=NOW, seen_at=clock.now())
    assert kept.previous == run(-2, -1)
    assert storage.losses == [loss(-0.1, 0)]
    await kept.beat()
    assert storage.losses == [loss(-0.1, 0)]


async def test_a_wall_clock_that_is_set_back_during_a_run():
    clock, storage = ManualClock(NOW), Flaky()
    kept = UptimeKeeper(storage, clock, Failures(clock), timeout_s=5.0)  # pyright: ignore[reportArgumentType]
    await kept.begin()
    clock.jump_wall(-7200)
    await kept.beat()
    await kept.end("stopped")
    assert storage.stored[NOW] == run(0, 0, "stopped")
    await kept.beat()
    await kept.end("unloaded")
    assert storage.stored[NOW] == run(0, 0, "stopped"), "after the last word there is no other"


# -- by a bot ----------------------------------------------------------------------------------------------------------


def stored_runs(engine: Engine) -> list[str]:
    return [ending or "" for (ending,) in engine.sql("SELECT ending FROM @runs ORDER BY started_ms")]


def bot_of(engine: Engine, kind: type[commands.Bot] = commands.Bot) -> commands.Bot:
    bot = make_bot(kind)
    bot.botmon_config = make_config(engine.url)
    return bot


async def test_a_bot_that_is_stopped(engine: Engine):
    async with running(bot_of(engine)):
        assert stored_runs(engine) == [""]
    assert stored_runs(engine) == ["stopped"]


@pytest.mark.parametrize("kind", [commands.Bot, commands.AutoShardedBot])
async def test_a_host_that_closes_in_its_own_way(engine: Engine, kind: type[commands.Bot]):
    class Host(kind):
        async def close(self) -> None:
            await self.remove_cog("BotMon")
            await super().close()

    bot = bot_of(engine, Host)
    async with running(bot):
        await bot.close()
        assert stored_runs(engine) == ["stopped"]


async def test_an_extension_that_is_unloaded_and_one_that_is_reloaded(engine: Engine):
    async with running(bot_of(engine)) as rig:
        await rig.clock.advance(1)
        await rig.bot.unload_extension(EXTENSION)
        assert stored_runs(engine) == ["unloaded"]
        await rig.clock.advance(1)
        await rig.bot.load_extension(EXTENSION)
        await rig.clock.advance(1)
        await rig.bot.reload_extension(EXTENSION)
        assert stored_runs(engine) == ["unloaded", "unloaded", ""]
        assert cog_of(rig.bot).system.uptime.previous.ending == "unloaded"


async def test_a_bot_that_crashed_is_told_so_at_the_next_start(engine: Engine):
    crashed_at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    async with engine.storage("main") as storage:
        await storage.uptime.put_run(Run(started_at=crashed_at - timedelta(hours=2), seen_at=crashed_at))
    async with running(bot_of(engine)) as rig:
        kept = cog_of(rig.bot).system.uptime
        assert (kept.previous.ending, kept.previous.seen_at) == ("", crashed_at)
        crash = next(gap for gap in (await day(kept)).gaps if gap.kind == "crash")
        assert crash.began_at == crashed_at
        assert rig.clock.now() - crash.ended_at < timedelta(milliseconds=1), "a start is kept to the millisecond"


async def test_a_bot_without_the_gateway(engine: Engine):
    bot = bot_of(engine)
    async with running(bot) as rig:
        kept = cog_of(bot).system.uptime
        await rig.clock.advance(40)
        rig.discord.hold_gateway()
        await rig.discord.drop_gateway()
        await until(lambda: not cog_of(bot)._gateway.sample().shards[0].is_connected)
        await rig.clock.advance(10)
        found = await day(kept)
        assert [(gap.kind, gap.down_s) for gap in found.gaps if gap.kind != "unwatched"] == [("gateway", 10)]
        assert found.up_share == pytest.approx(0.8, abs=1e-4)
        rig.discord.release_gateway()
        await until(lambda: cog_of(bot)._gateway.sample().shards[0].is_connected)
        await rig.clock.advance(50)
        await cog_of(bot)._checker.tick()
        assert engine.sql("SELECT COUNT(*) FROM @gateway_losses") == [(1,)]
        assert (await day(kept)).up_share == pytest.approx(0.9, abs=1e-4)
        rig.discord.hold_gateway()
        await rig.discord.drop_gateway()
        await until(lambda: not cog_of(bot)._gateway.sample().shards[0].is_connected)
        await rig.clock.advance(10)
    assert engine.sql("SELECT COUNT(*) FROM @gateway_losses") == [(2,)]
    assert stored_runs(engine) == ["stopped"]
