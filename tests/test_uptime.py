"""Uptime: what was down, what was lost, and when nobody watched."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
import pytest
from discord.ext import commands
from hypothesis import given, settings
from hypothesis import strategies as st

from botmon_cog.domain.uptime import GatewayLoss, Run, Uptime, uptime
from botmon_cog.errors import StorageError
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.uptime import UptimeKeeper
from botmon_cog.storage.base import Storage
from botmon_cog.testing import ManualClock
from tests.engines import Engine
from tests.harness import EXTENSION, cog_of, make_bot, make_config, running, until

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def at(hours: float) -> datetime:
    """`hours` before now, as a negative number."""
    return NOW + timedelta(hours=hours)


def run(start: float, end: float, ending: str = "") -> Run:
    return Run(started_at=at(start), seen_at=at(end), ended_at=at(end) if ending else None, ending=ending)  # pyright: ignore[reportArgumentType]


def loss(start: float, end: float, share: float = 1.0, shard_id: int = 0) -> GatewayLoss:
    return GatewayLoss(shard_id=shard_id, began_at=at(start), ended_at=at(end), share=share)


def gaps(found: Uptime) -> list[tuple[str, float, float]]:
    """(kind, hours before now, hours that it took)."""
    return [(gap.kind, (gap.began_at - NOW) / timedelta(hours=1), round(gap.down_s / 3600, 6)) for gap in found.gaps]


# -- pure --------------------------------------------------------------------------------------------------------------


def test_a_bot_that_was_there_all_the_time():
    assert uptime([run(-100, 0)], [], NOW, 24) == Uptime(hours=24, up_share=1.0, watched_s=86_400, gaps=())


def test_nothing_is_known_before_the_first_run():
    found = uptime([run(-6, 0)], [], NOW, 24)
    assert (found.up_share, found.watched_s, gaps(found)) == (1.0, 6 * 3600, [("unwatched", -24, 0)])


def test_where_nobody_ever_watched_there_is_no_share():
    found = uptime([], [], NOW, 24)
    assert (found.up_share, found.watched_s, gaps(found)) == (None, 0, [("unwatched", -24, 0)])


def test_every_kind_of_gap_by_its_name_the_longest_first():
    runs = [run(-30, -20, "stopped"), run(-19, -15), run(-12, -10, "unloaded"), run(-8, 0)]
    found = uptime(runs, [loss(-7, -6.5)], NOW, 24)
    assert gaps(found) == [
        ("crash", -15, 3),
        ("unwatched", -10, 0),
        ("stop", -20, 1),
        ("gateway", -7, 0.5),
    ]
    assert found.watched_s == 22 * 3600
    assert found.up_share == pytest.approx(1 - 4.5 / 22)


def test_a_lost_shard_counts_for_its_share():
    found = uptime([run(-100, 0)], [loss(-10, -6, 0.25, shard_id=3)], NOW, 24)
    assert (gaps(found), found.up_share) == ([("gateway", -10, 1)], pytest.approx(1 - 1 / 24))


def test_shards_lost_together_add_up_and_are_one_gap():
    losses = [loss(-10, -6, 0.25, 1), loss(-8, -4, 0.25, 2), loss(-4, -3, 0.25, 1)]
    found = uptime([run(-100, 0)], losses, NOW, 24)
    assert gaps(found) == [("gateway", -10, 0.25 * (4 + 4 + 1))]


def test_what_was_noted_twice_counts_once():
    losses = [loss(-10, -6, 0.5), loss(-9, -7, 0.5), loss(-10, -6, 0.5), loss(-7, -5, 0.25)]
    found = uptime([run(-100, 0)], losses, NOW, 24)
    assert gaps(found) == [("gateway", -10, 0.5 * 4 + 0.25)]


def test_all_shards_together_are_no_more_than_the_whole():
    found = uptime([run(-100, 0)], [loss(-10, -6, 0.8, 1), loss(-10, -6, 0.8, 2)], NOW, 24)
    assert gaps(found) == [("gateway", -10, 4)]


def test_a_loss_while_the_bot_was_away_counts_only_outside():
    found = uptime([run(-100, -8), run(-6, 0)], [loss(-9, -5, 0.5)], NOW, 24)
    assert gaps(found) == [("crash", -8, 2), ("gateway", -9, 0.5), ("gateway", -6, 0.5)]


def test_a_loss_that_nobody_could_have_seen_does_not_count():
    found = uptime([run(-100, -8, "unloaded"), run(-6, 0)], [loss(-8, -6)], NOW, 24)
    assert (gaps(found), found.up_share) == ([("unwatched", -8, 0)], 1.0)


def test_a_bot_that_crashes_at_every_start_has_one_gap():
    runs = [run(-10, -5), run(-4, -4), run(-3, -3), run(-2, 0)]
    assert gaps(uptime(runs, [], NOW, 24))[:1] == [("unwatched", -24, 0)]
    assert gaps(uptime(runs, [], NOW, 8)) == [("crash", -5, 3)]


def test_runs_that_overlap_leave_no_gap():
    """Two processes of one instance, or a clock that was set back in between."""
    runs = [run(-20, -8), run(-22, -2, "stopped"), run(-9, -7), run(-1, 0)]
    assert gaps(uptime(runs, [], NOW, 20)) == [("stop", -2, 1)]


def test_a_run_that_ended_is_not_there_now():
    assert gaps(uptime([run(-100, -2, "stopped")], [], NOW, 24)) == [("stop", -2, 2)]
    assert gaps(uptime([run(-100, -2, "unloaded")], [], NOW, 24)) == [("unwatched", -2, 0)]
    assert gaps(uptime([run(-100, -2)], [], NOW, 24)) == [("unwatched", -2, 0)]


def test_a_clock_that_was_set_back():
    backwards = Run(started_at=at(-5), seen_at=at(-7), ended_at=at(-8), ending="stopped")
    found = uptime([run(-30, -6), backwards, run(-1, 5)], [loss(-3, -4), loss(1, 2)], NOW, 24)
    assert gaps(found) == [("stop", -5, 4), ("crash", -6, 1)]


HOURS = st.integers(-900, 20).map(lambda n: n / 10)
RUNS = st.lists(st.builds(run, HOURS, HOURS, st.sampled_from(["", "stopped", "unloaded"])), max_size=8)
LOSS = st.builds(loss, HOURS, HOURS, st.sampled_from([0.1, 0.25, 0.5, 1.0, 3.0, -1.0]), st.integers(0, 3))
PERIOD = st.sampled_from([1.0, 24.0, 72.0])


@settings(deadline=None, derandomize=True, max_examples=150)
@given(RUNS, st.lists(LOSS, max_size=8), PERIOD)
def test_the_parts_are_the_whole(runs: list[Run], losses: list[GatewayLoss], hours: float):
    found = uptime(runs, losses, NOW, hours)
    unwatched_s = sum(gap.duration_s for gap in found.gaps if gap.kind == "unwatched")
    assert found.watched_s + unwatched_s == pytest.approx(hours * 3600)
    assert (found.up_share is None) == (found.watched_s == 0)
    down_s = sum(gap.down_s for gap in found.gaps)
    assert down_s + (found.up_share or 0.0) * found.watched_s == pytest.approx(found.watched_s)
    in_order = sorted(found.gaps, key=lambda gap: gap.began_at)
    assert all(at(-hours) <= gap.began_at < gap.ended_at <= NOW for gap in in_order)
    assert all(0 <= gap.down_s <= gap.duration_s + 1e-6 for gap in in_order)
    for one, next_one in pairwise(in_order):
        assert one.ended_at <= next_one.began_at
        assert one.ended_at < next_one.began_at or one.kind != next_one.kind, "they should be one"
    assert [gap.duration_s for gap in found.gaps] == sorted((gap.duration_s for gap in found.gaps), reverse=True)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(RUNS, st.lists(LOSS, max_size=6), LOSS, PERIOD)
def test_one_more_loss_never_raises_the_uptime(
    runs: list[Run], losses: list[GatewayLoss], more: GatewayLoss, hours: float
):
    before, after = uptime(runs, losses, NOW, hours), uptime(runs, [*losses, more], NOW, hours)
    assert (after.watched_s, after.up_share is None) == (before.watched_s, before.up_share is None)
    assert 0 <= (after.up_share or 0) <= (before.up_share or 0) + 1e-9 <= 1 + 1e-9


@settings(deadline=None, derandomize=True, max_examples=50)
@given(RUNS, st.lists(LOSS, max_size=6), st.randoms())
def test_the_order_of_what_was_noted_does_not_matter(runs: list[Run], losses: list[GatewayLoss], random):
    found = uptime(runs, losses, NOW, 72)
    random.shuffle(losses)
    again = uptime(runs, losses, NOW, 72)
    assert (again.watched_s, again.up_share) == (found.watched_s, pytest.approx(found.up_share))


# -- kept in a database ------------------------------------------------------------------------------------------------


def keeper(storage: Storage, clock: ManualClock) -> UptimeKeeper:
    return UptimeKeeper(storage, clock, Failures(clock), timeout_s=5.0)


async def day(kept: UptimeKeeper) -> Uptime:
    return (await kept.report())[0]


async def test_a_clean_stop_a_crash_and_an_unloading_are_told_apart(storage: Storage):
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
    assert await storage.gateway_losses(at(-1e5)) == [over]
    await clock.advance(60)
    lasting = msgspec.structs.replace(over, began_at=clock.now() - timedelta(seconds=20), ended_at=clock.now())
    kept.ongoing = lambda: [lasting]
    assert (await day(kept)).up_share == pytest.approx(1 - 40 / 3660)
    await kept.end("stopped")
    assert await storage.gateway_losses(at(-1e5)) == [over, lasting]


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
    """A storage that can be away."""

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
    kept = keeper(storage, clock)  # pyright: ignore[reportArgumentType]
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
    return [ending or "" for (ending,) in engine.sql("SELECT ending FROM runs ORDER BY started_at")]


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
        await storage.put_run(Run(started_at=crashed_at - timedelta(hours=2), seen_at=crashed_at))
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
        await cog_of(bot)._tick()
        assert engine.sql("SELECT COUNT(*) FROM gateway_losses") == [(1,)]
        assert (await day(kept)).up_share == pytest.approx(0.9, abs=1e-4)
        rig.discord.hold_gateway()
        await rig.discord.drop_gateway()
        await until(lambda: not cog_of(bot)._gateway.sample().shards[0].is_connected)
        await rig.clock.advance(10)
    assert engine.sql("SELECT COUNT(*) FROM gateway_losses") == [(2,)]
    assert stored_runs(engine) == ["stopped"]
