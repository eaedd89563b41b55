"""A real bot whose metrics and spans a receiver decodes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import discord
import pytest
from discord import app_commands

from botmon_cog.config import OtelConfig
from botmon_cog.health.components.monitor import MonitorSample
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running, until
from tests.otlp_receiver import Receiver, attributes, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


async def until_pushed(rig: Rig, path: str, receiver: Receiver) -> None:
    """Without turning the loop all the time, which the push's thread would wait for."""
    async with asyncio.timeout(10):
        while not any(to == path for to, _, _ in receiver.requests):
            await asyncio.to_thread(threading.Event().wait, 0.005)
    await until(lambda: cog_of(rig.bot).otlp.pushed["metrics" if path == "/v1/metrics" else "traces"] > 0)


async def test_a_command_is_counted_timed_and_traced_and_unloading_leaves_nothing(receiver: Receiver) -> None:
    bot = make_bot()
    bot.botmon_config = make_config(otel=OtelConfig(endpoint=receiver.url, metrics=True, spans=True))

    @bot.tree.command()
    @app_commands.describe(what="it")
    async def say(interaction: discord.Interaction, what: str) -> None:
        """Says it."""
        if what == "fail":
            raise RuntimeError(what)
        await interaction.response.send_message(what)

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        await interaction.response.send_message("sorry")

    async with running(bot) as rig:
        system = cog_of(bot).system
        for what in ("hello", "hello", "fail"):
            await rig.discord.user.slash(rig.discord.channel, "say", what=what)
        await rig.rows()
        await rig.clock.advance(60)
        await until_pushed(rig, "/v1/metrics", receiver)
        await until_pushed(rig, "/v1/traces", receiver)
        await bot.unload_extension(EXTENSION)
        assert [task.get_name() for task in asyncio.all_tasks() if "otlp" in task.get_name()] == []
        assert not [thread for thread in threading.enumerate() if thread.name == "botmon-otlp"]
        assert system.failures.last is None
    points = receiver.metrics()["botmon.invocations"].sum.data_points
    counted = {tuple(attributes(point).values()): n for point in points if (n := point.as_double or point.as_int)}
    assert counted == {("say", "slash", "ok"): 2, ("say", "slash", "error"): 1}
    (durations,) = receiver.metrics()["botmon.command_duration"].histogram.data_points
    assert durations.count == 3
    assert receiver.resource("/v1/metrics")["service.name"] == bot.user.name
    assert [(span.name, attributes(span)["botmon.outcome"]) for span in receiver.spans()] == [
        ("/say", "ok"),
        ("/say", "ok"),
        ("/say", "error"),
    ]


async def test_health_says_what_is_not_taken(receiver: Receiver) -> None:
    receiver.status = 401
    bot = make_bot()
    bot.botmon_config = make_config(otel=OtelConfig(endpoint=receiver.url, metrics=True))
    async with running(bot) as rig:
        await rig.clock.advance(60)
        await until(lambda: cog_of(bot).otlp.problems != {})
        report = await cog_of(bot).check_health()
        assert report.overall_status != "unhealthy"
        assert "OTLP metrics are not taken: HTTP 401" in report.sample("monitor", MonitorSample).hints
