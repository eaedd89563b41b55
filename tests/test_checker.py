"""The loop that checks the health: when it checks, and how it ends."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace

import discord
import pytest
from discord.ext import commands, tasks
from msgspec.structs import replace

from botmon_cog.clock import SystemClock
from botmon_cog.config import AlertsConfig, RuleConfig
from botmon_cog.domain.alerts import Notice, Sent
from botmon_cog.testing import LoopbackDiscord
from tests.harness import EXTENSION, cog_of, make_bot, make_config, make_health, running, until

HOUR = timedelta(hours=1)
AT_ONCE = AlertsConfig(after_s=(0, 0))
CROWDED = make_health(memory_percent=(0.00001, 0.00002), interval_s=60.0)

pytestmark = pytest.mark.usefixtures("certain_at_once")


@pytest.fixture
def bot() -> commands.Bot:
    bot = make_bot()
    bot.botmon_config = make_config(health=CROWDED, alerts=AT_ONCE)
    return bot


@pytest.mark.parametrize("jump_s", [0, -3600, 8 * 3600])
async def test_it_checks_once_in_each_interval_wherever_the_clock_on_the_wall_goes(bot, jump_s):
    async with running(bot) as rig:
        checked: list[float] = []
        cog_of(bot).system.health.check = lambda: checked.append(rig.clock.monotonic())
        began_s = rig.clock.monotonic()
        await rig.clock.advance(30)
        rig.clock.jump_wall(jump_s)
        await rig.clock.advance(30)
        await until(lambda: len(checked) == 1)
        await rig.clock.advance(60)
        await until(lambda: len(checked) == 2)
        assert checked == [began_s + 60, began_s + 120]
        del cog_of(bot).system.health.check


async def test_unloading_lets_a_message_arrive_that_is_on_its_way(bot):
    async with running(bot) as rig:
        cog = cog_of(bot)
        is_sending, may_arrive, sent = asyncio.Event(), asyncio.Event(), []

        async def send(notice: Notice, is_repeat: bool) -> Sent:
            is_sending.set()
            await may_arrive.wait()
            sent.append(notice.kind)
            return Sent(state="told", words="DM to 1 owner")

        cog.delivery.send = send
        await rig.clock.advance(60)
        await is_sending.wait()
        unloading = asyncio.ensure_future(bot.unload_extension(EXTENSION))
        await asyncio.sleep(0)
        may_arrive.set()
        await unloading
        assert sent == ["alert"]


async def test_before_it_has_logged_in_nothing_is_told_and_nothing_lost(bot, monkeypatch):
    async with running(bot) as rig:
        cog = cog_of(bot)
        with monkeypatch.context() as not_logged_in:
            not_logged_in.setattr(type(bot), "application_id", None)
            await cog.check_health()
        assert rig.discord.owner.dms == []
        assert await cog.system.alerts.history(rig.clock.now() - HOUR, 10) == []
        await cog.check_health()
        assert len(rig.discord.owner.dms) == 1


@pytest.mark.parametrize("jump_s", [8 * 3600, -8 * 3600])
@pytest.mark.parametrize("metric", ["memory", "rule.uptime_s"])
async def test_a_clock_that_jumps_neither_hastens_nor_holds_up_an_alert(bot, jump_s, metric):
    rule = RuleConfig(metric="uptime_s", over=0, for_s=120, severity="critical")
    bot.botmon_config = make_config(
        health=replace(CROWDED, interval_s=86_400, watch=("memory",) if metric == "memory" else ()),
        alerts=AlertsConfig(after_s=(900, 120), rule=() if metric == "memory" else (rule,)),
    )
    async with running(bot) as rig:

        async def told(after_s: float) -> list[str]:
            await rig.clock.advance(after_s)
            await cog_of(bot).check_health()
            messages = rig.discord.owner.dms
            return [message.embeds[0]["title"].split(":")[0] for message in messages]

        assert await told(1) == []
        rig.clock.jump_wall(jump_s)
        assert await told(60) == []
        (alert,) = await told(60)
        rig.clock.jump_wall(jump_s)
        assert await told(60) == [alert]
        assert await told(4 * 3600 - 61) == [alert]
        alert, reminder = await told(1)
        assert "Still" in reminder


async def test_a_bot_that_is_not_ready_after_a_minute_is_judged_all_the_same(bot, monkeypatch, caplog):
    async with running(bot, load=False) as rig:
        never = asyncio.Event()
        monkeypatch.setattr(bot, "is_ready", lambda: False)
        monkeypatch.setattr(bot, "wait_until_ready", never.wait)
        await bot.load_extension(EXTENSION)
        checked: list[float] = []
        monkeypatch.setattr(cog_of(bot)._checker, "tick", _noting(checked, rig.clock))
        began_s = rig.clock.monotonic()
        await rig.clock.advance(59)
        assert "is not ready" not in caplog.text
        await rig.clock.advance(120)
        await until(lambda: len(checked) == 1)
        assert checked == [began_s + 120]
        assert "is not ready after 60 s" in caplog.text


def _noting(checked, clock):
    async def tick() -> None:
        checked.append(clock.monotonic())

    return tick


# -- discord.py's own loop, in real time -------------------------------------------------------------------------------

INTERVAL_S = 0.05


@asynccontextmanager
async def in_real_time(bot: commands.Bot) -> AsyncIterator[list[float]]:
    """When it checked; each check fails."""
    bot.botmon_config = make_config(health=make_health(interval_s=INTERVAL_S))
    bot.botmon_clock = clock = SystemClock()
    checked: list[float] = []

    async def check() -> None:
        checked.append(clock.monotonic())
        raise OSError("the disk is gone")

    async with LoopbackDiscord() as loopback, loopback.running(bot):
        await bot.load_extension(EXTENSION)
        cog_of(bot)._checker.check = check
        yield checked


async def test_the_real_loop_survives_the_errors_of_its_checks(bot):
    async with in_real_time(bot) as checked:
        await until(lambda: len(checked) >= 6)
        assert cog_of(bot).system.failures.n >= 5
        assert len([task for task in asyncio.all_tasks() if task.get_name() == "botmon-health-checks"]) == 1
        await bot.unload_extension(EXTENSION)
        n = len(checked)
        assert [task for task in asyncio.all_tasks() if task.get_name() == "botmon-health-checks"] == []
        assert len(checked) == n


@pytest.mark.parametrize("jump_h", [-1, 8])
async def test_the_real_loop_goes_on_wherever_the_clock_on_the_wall_is_set(bot, monkeypatch, jump_h):
    async with in_real_time(bot) as checked:
        await until(lambda: len(checked) >= 2)
        _set_the_wall_clock(monkeypatch, timedelta(hours=jump_h))
        n = len(checked)
        await until(lambda: len(checked) >= n + 6)
        shortest_s = min(later - earlier for earlier, later in pairwise(checked))
        assert shortest_s > INTERVAL_S / 4, "it makes up for none that was left out"


def _set_the_wall_clock(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """The one that discord.py's loops look at."""

    class Shifted(dt.datetime):
        @classmethod
        def now(cls, tz=None):
            return dt.datetime.now(tz) + by

    shifted = SimpleNamespace(datetime=Shifted, timedelta=timedelta, timezone=dt.timezone, time=dt.time)
    monkeypatch.setattr(discord.utils, "datetime", shifted)
    monkeypatch.setattr(tasks, "datetime", shifted)
