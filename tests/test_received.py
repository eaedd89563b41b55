"""When messages arrived, also where many come between a command and its running."""

from __future__ import annotations

from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from discord.ext import commands

from botmon_cog.config import RecordConfig
from botmon_cog.observer.ignoring import Filter
from botmon_cog.observer.received import ReceivedMessages
from tests.harness import cog_of, make_bot, running, until


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 1
        return self.now_s


def message(id_: int) -> Any:
    return SimpleNamespace(id=id_)


@pytest.mark.parametrize("between", [0, 1, 1022, 1023, 1024, 2046])
def test_a_message_is_remembered_while_the_buffer_turns_over(between: int) -> None:
    received = ReceivedMessages(Clock())
    assert received.note(message(1)) is False
    for n in range(between):
        received.note(message(10 + n))
    assert received.take(1) == 1.0
    assert received.take(1) is None


def test_few_are_remembered() -> None:
    received = ReceivedMessages(Clock())
    for n in range(5000):
        received.note(message(n))
    assert sum(received.take(n) is not None for n in range(5000)) <= 2 * 1024


async def test_command_counts_from_its_message_although_a_thousand_came_between() -> None:
    bot = make_bot()

    @bot.command()
    async def play(context: commands.Context) -> None:
        await context.send("done")

    async with running(bot) as rig:
        note = cog_of(bot).observer.prefix._received.note
        process = bot.process_commands

        async def later(told: Any) -> None:
            await rig.clock.advance(2)
            for n in range(1024):
                note(message(n))
            await rig.clock.advance(2)
            await process(told)

        bot.process_commands = later
        await rig.discord.user.send(rig.discord.channel, "!play")
        await rig.discord.settled()
        assert (await rig.only_row()).duration_s == pytest.approx(4.0, abs=0.5)


async def test_prefix_command_that_runs_for_long_is_named_and_closed_after_a_day() -> None:
    bot = make_bot()

    @bot.command()
    async def listen(_: commands.Context) -> None:
        await bot.wait_for("never")

    async with running(bot) as rig:
        observer = cog_of(bot).observer
        await rig.discord.user.send(rig.discord.channel, "!listen")
        await until(lambda: bool(observer.prefix.open))
        await rig.clock.advance(16 * 60)
        observer.sweep()
        assert [name for name, _ in observer.hanging()] == ["listen"]
        await rig.clock.advance(24 * 3600)
        observer.sweep()
        await cog_of(bot).system.flush()
        assert observer.running == 0
        assert (await rig.only_row()).outcome == "cancelled"


def test_commands_that_come_and_go_are_not_remembered_for_ever() -> None:
    class Command:
        extras = MappingProxyType({"botmon": False})
        parent = None

    is_ignored = Filter(RecordConfig())
    commands = [Command() for _ in range(5000)]
    assert all(is_ignored(1, None, command) for command in commands)
    assert 0 < len(vars(is_ignored)["_known"]) <= 2048
