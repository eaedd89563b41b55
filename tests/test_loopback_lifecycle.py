"""Opening and closing without a trace, the redirect, the clock, the OpenAPI check."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from datetime import UTC, datetime, timedelta

import discord
import psutil
import pytest
from discord.ext import commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from botmon_cog.clock import Clock
from botmon_cog.testing import LoopbackDiscord, ManualClock, RecordedRequest, openapi, redirect


async def test_nothing_is_left_behind():
    base, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY

    async def once() -> None:
        bot = commands.Bot("!", intents=discord.Intents.default())
        async with LoopbackDiscord() as loopback:
            assert loopback.base_url == Route.BASE
            async with loopback.running(bot):
                await loopback.user.send(loopback.channel, "x")

    await once()
    process = psutil.Process()
    tasks, threads, files = asyncio.all_tasks(), threading.active_count(), process.num_fds()
    for _ in range(3):
        await once()
    assert asyncio.all_tasks() == tasks
    assert threading.active_count() == threads
    assert process.num_fds() == files
    assert process.net_connections() == []
    assert (base, gateway) == (Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY)


async def test_a_second_loopback_at_once_is_refused():
    async with LoopbackDiscord() as first:
        with pytest.raises(RuntimeError, match="another LoopbackDiscord is open"):
            async with LoopbackDiscord():
                pass
        assert first.base_url == Route.BASE
    async with LoopbackDiscord() as second:
        assert second.base_url == Route.BASE


async def test_an_exception_in_the_bots_start_surfaces():
    class Broken(commands.Bot):
        async def setup_hook(self) -> None:
            raise ZeroDivisionError("in setup_hook")

    async with LoopbackDiscord() as loopback:
        with pytest.raises(ZeroDivisionError, match="in setup_hook"):
            async with loopback.running(Broken("!", intents=discord.Intents.default())):
                pytest.fail("the bot never became ready")


async def test_an_error_in_the_test_itself_is_the_one_that_is_raised():
    bot = commands.Bot("!", intents=discord.Intents.default())
    async with LoopbackDiscord() as loopback:
        with pytest.raises(KeyError):
            async with loopback.running(bot):
                raise KeyError("mine")
        assert bot.is_closed()


async def test_a_bot_in_another_process_connects_through_redirect():
    program = """
import asyncio, sys, discord
from botmon_cog.testing import redirect

class Bot(discord.Client):
    async def on_message(self, message):
        if message.author != self.user:
            await message.channel.send("from afar")
            await self.close()

async def main():
    bot = Bot(intents=discord.Intents.all(), guild_ready_timeout=0.1)
    with redirect(sys.argv[1], sys.argv[2]):
        async with bot:
            await bot.start(sys.argv[3])

asyncio.run(main())
"""
    async with LoopbackDiscord() as loopback:
        arguments = (sys.executable, "-W", "ignore", "-c", program)
        addresses = (loopback.base_url, loopback.gateway_url, loopback.token)
        process = await asyncio.create_subprocess_exec(*arguments, *addresses)
        async with asyncio.timeout(20):
            while not loopback.world.hub.connected():  # the other process sets no event here
                await asyncio.sleep(0.01)
            await loopback.user.send(loopback.channel, "anyone?")
            assert (await loopback.channel.next_message(10)).content == "from afar"
            assert await process.wait() == 0


def test_redirect_is_undone_after_an_error():
    base = Route.BASE
    elsewhere = redirect("http://127.0.0.1:1/api/v10", "ws://127.0.0.1:1/")
    with pytest.raises(ZeroDivisionError), elsewhere:  # noqa: PT012  # the error is to come from inside
        assert Route("GET", "/users/@me").url == "http://127.0.0.1:1/api/v10/users/@me"
        raise ZeroDivisionError
    assert base == Route.BASE


async def test_the_clock_fires_timers_in_order_and_wakes_sleepers():
    clock = ManualClock()
    checked: Clock = clock
    assert checked.now() == datetime(2026, 1, 5, 12, tzinfo=UTC)
    events: list[tuple[str, float]] = []
    clock.call_later(2, lambda: events.append(("late", clock.monotonic())))
    clock.call_later(1, lambda: events.append(("early", clock.monotonic())))
    clock.call_later(1.5, lambda: events.append(("never", 0))).cancel()

    async def sleeper() -> None:
        await clock.sleep(1.2)
        events.append(("slept", clock.monotonic()))
        clock.call_later(0.3, lambda: events.append(("chained", clock.monotonic())))

    task = asyncio.create_task(sleeper())
    await clock.advance(3)
    assert events == [("early", 1001.0), ("slept", 1001.2), ("chained", 1001.5), ("late", 1002.0)]
    assert clock.monotonic() == 1003.0
    assert clock.now() == datetime(2026, 1, 5, 12, 0, 3, tzinfo=UTC)
    assert clock.pending == 0
    await task


async def test_short_steps_add_up():
    clock = ManualClock()
    start = clock.now()
    for _ in range(100):
        await clock.advance(4e-7)
    assert clock.now() - start == timedelta(microseconds=40)


async def test_the_wall_clock_jumps_alone_and_time_does_not_run_backwards():
    clock = ManualClock(datetime(2030, 1, 1, tzinfo=UTC))
    clock.jump_wall(-3600)
    assert (clock.now(), clock.monotonic()) == (datetime(2029, 12, 31, 23, tzinfo=UTC), 1000.0)
    with pytest.raises(ValueError, match="moves forward only"):
        await clock.advance(-1)


async def test_a_cancelled_sleeper_leaves_no_timer():
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(5))
    await asyncio.sleep(0)
    assert clock.pending == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert clock.pending == 0


DESCRIPTION = {
    "paths": {
        "/things/{id}": {
            "post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/T"}}}}}
        }
    },
    "components": {
        "schemas": {
            "T": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "maxLength": 3}}}
        }
    },
}


def test_bodies_are_held_against_the_description(tmp_path, monkeypatch):
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(DESCRIPTION))
    monkeypatch.setenv(openapi.VARIABLE, str(path))
    assert openapi.faults("POST", "/things/1", {"name": "abc"}) == []
    for _ in range(2):  # what is remembered is not only that a body is sound
        assert openapi.faults("POST", "/things/1", {}) == ["POST /things/{id}: the body: 'name' is a required property"]
    assert openapi.faults("POST", "/things/1", {"name": "abcd"})[0].startswith("POST /things/{id}: name: 'abcd' is too")
    assert openapi.faults("GET", "/things/1", None) == ["GET /things/1: Discord has no such route"]
    good = RecordedRequest("POST", "/things/1", {}, {"name": "abcd"}, [], 0.0, status=200)
    refused = RecordedRequest("POST", "/things/1", {}, {"name": "abcd"}, [], 0.0, status=400)
    assert len(openapi.faults_of_all([good, refused])) == 1


def test_without_a_description_nothing_is_checked(monkeypatch):
    monkeypatch.delenv(openapi.VARIABLE, raising=False)
    assert openapi.faults("POST", "/anything", {"x": 1}) == []


def test_a_missing_jsonschema_is_named(tmp_path, monkeypatch):
    path = tmp_path / "other.json"
    path.write_text(json.dumps(DESCRIPTION))
    monkeypatch.setenv(openapi.VARIABLE, str(path))
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'botmon-cog\[test\]'"):
        openapi.faults("POST", "/things/1", {})
