"""The listener of `app_command_completion`, a task of discord.py's for every command: it is there only if needed."""

from __future__ import annotations

import discord
import pytest
from discord.app_commands import CommandTree
from discord.ext import commands

from tests.harness import EXTENSION, Rig, cog_of, make_bot, running, until

Interaction = discord.Interaction


@pytest.fixture
def bot() -> commands.Bot:
    bot = make_bot()

    @bot.tree.command(name="ping", description="p")
    async def ping(interaction: Interaction) -> None:
        await interaction.response.send_message("pong")

    @bot.tree.command(name="boom", description="b")
    async def boom(interaction: Interaction) -> None:
        await interaction.response.send_message("before")
        raise ValueError("broken")

    @bot.tree.command(name="swap", description="s")
    async def swap(interaction: Interaction) -> None:
        replace_call(bot)
        await interaction.response.send_message("swapped")

    @bot.tree.error
    async def on_error(interaction: Interaction, error: Exception) -> None:
        """Quiet."""

    return bot


def replace_call(bot: commands.Bot) -> None:
    """As a host may do: what it sets does not call ours."""

    async def _call(interaction: Interaction) -> None:
        await CommandTree._call(bot.tree, interaction)

    bot.tree._call = _call


def listening(bot: commands.Bot) -> int:
    """How many listeners for the event are ours."""
    return sum(
        listener.__module__.startswith("botmon_cog")
        for listener in bot.extra_events.get("on_app_command_completion", ())
    )


async def slash(rig: Rig, *names: str) -> None:
    for name in names:
        await rig.discord.user.slash(rig.discord.channel, name)


async def outcomes(rig: Rig) -> list[tuple[str, str]]:
    return [(row.command, row.outcome) for row in await rig.rows()]


async def test_it_goes_with_the_first_command_and_rows_stay_true(bot: commands.Bot) -> None:
    async with running(bot) as rig:
        assert listening(bot) == 1
        await slash(rig, "ping")
        await until(lambda: not listening(bot))
        await slash(rig, "ping", "boom", "ping")
        assert await outcomes(rig) == [("ping", "ok"), ("ping", "ok"), ("boom", "error"), ("ping", "ok")]
        assert not listening(bot)


async def test_it_stays_where_the_tree_has_no_call_to_wrap(bot: commands.Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botmon_cog.observer.app_commands.wrap_call", lambda *_: None)
    async with running(bot) as rig:
        await slash(rig, "ping", "boom", "ping")
        assert await outcomes(rig) == [("ping", "ok"), ("boom", "error"), ("ping", "ok")]
        assert listening(bot) == 1


@pytest.mark.parametrize("before", [(), ("ping",)], ids=["before any command", "after one"])
async def test_it_comes_back_for_good_when_the_host_replaces_the_call(
    bot: commands.Bot, before: tuple[str, ...]
) -> None:
    async with running(bot) as rig:
        await slash(rig, *before)
        if before:
            await until(lambda: not listening(bot))
        ours = bot.tree._call
        replace_call(bot)
        await slash(rig, "ping", "boom", "ping")
        assert await outcomes(rig) == [(name, "ok") for name in before] + [
            ("ping", "ok"),
            ("boom", "error"),
            ("ping", "ok"),
        ]
        assert listening(bot) == 1
        bot.tree._call = ours
        await slash(rig, "ping", "ping")
        assert [outcome for _, outcome in await outcomes(rig)][-2:] == ["ok", "ok"]
        assert len(await rig.rows()) == len(before) + 5
        assert listening(bot) == 1


async def test_the_command_that_replaces_the_call_and_those_after_it_are_one_row_each(bot: commands.Bot) -> None:
    async with running(bot) as rig:
        await slash(rig, "ping", "swap", "ping", "swap")
        assert await outcomes(rig) == [("ping", "ok"), ("swap", "ok"), ("ping", "ok"), ("swap", "ok")]
        assert cog_of(bot).system.failures.n == 0


async def test_a_host_that_wraps_the_call_needs_no_listener(bot: commands.Bot) -> None:
    async with running(bot) as rig:
        ours, called = bot.tree._call, []

        async def _call(interaction: Interaction) -> None:
            called.append(interaction)
            await ours(interaction)

        bot.tree._call = _call
        await slash(rig, "ping")
        await until(lambda: not listening(bot))
        await slash(rig, "boom", "ping")
        assert await outcomes(rig) == [("ping", "ok"), ("boom", "error"), ("ping", "ok")]
        assert len(called) == 3
        assert not listening(bot)


@pytest.mark.parametrize("is_replaced", [True, False])
async def test_nothing_of_it_is_left_after_unloading(bot: commands.Bot, is_replaced: bool) -> None:
    async with running(bot) as rig:
        await slash(rig, "ping")
        if is_replaced:
            replace_call(bot)
            await slash(rig, "ping")
            await until(lambda: listening(bot) == 1)
        await bot.unload_extension(EXTENSION)
        assert not listening(bot)
        await slash(rig, "ping")
        assert not listening(bot)
