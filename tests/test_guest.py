"""How the extension gets along with hosts, with other bots of the process, and with a discord.py that has changed."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path

import discord
import pytest

from tests.harness import EXTENSION, cog_of, make_bot, make_config, rows, running


@pytest.fixture(autouse=True)
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


async def test_handler_that_the_host_wrapped_around_ours_goes_on_working_after_unload() -> None:
    bot = make_bot()
    called: list[str] = []

    @bot.tree.command(name="boom", description="b")
    async def boom(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("before")
        raise ValueError

    @bot.tree.error
    async def original(interaction: discord.Interaction, error: Exception) -> None:
        called.append("original")

    async with running(bot) as rig:
        ours = bot.tree.on_error

        @bot.tree.error
        async def wrapper(interaction: discord.Interaction, error: Exception) -> None:
            called.append("wrapper")
            await ours(interaction, error)

        await bot.unload_extension(EXTENSION)
        assert bot.tree.on_error is wrapper
        await rig.discord.user.slash(rig.discord.channel, "boom")
        async with asyncio.timeout(10):
            while len(called) < 2:
                await asyncio.sleep(0)
        assert called == ["wrapper", "original"]


async def test_two_bots_in_one_process_each_record_their_own(tmp_path: Path) -> None:
    """The second is unloaded first; the first goes on measuring responses."""
    first, second = make_bot(), make_bot()
    second.botmon_config = make_config(url="second.db")

    @first.tree.command(name="ping", description="p")
    async def ping(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("pong")

    async with running(first) as rig:
        async with second:
            await second.load_extension(EXTENSION)
            await rig.discord.user.slash(rig.discord.channel, "ping")
            assert await rows(second) == []
        await rig.discord.user.slash(rig.discord.channel, "ping")
        measured = await rows(first)
        assert [row.response_s is not None for row in measured] == [True, True]


async def test_discord_py_without_the_private_name_is_said_once_and_commands_are_still_recorded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bot = make_bot()

    @bot.tree.command(name="ping", description="p")
    async def ping(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("pong")

    @bot.tree.command(name="stop", description="s")
    async def stop(interaction: discord.Interaction) -> None:
        raise asyncio.CancelledError

    async with running(bot, load=False) as rig:
        # Of the modules as they are now: the tests before have unloaded those that were imported above.
        monkeypatch.setattr(importlib.import_module("botmon_cog.observer.private"), "CALL", "_gone")
        await bot.load_extension(EXTENSION)
        await rig.discord.user.slash(rig.discord.channel, "ping")
        assert [row.outcome for row in await rig.rows()] == ["ok"]
        answer = await rig.discord.user.slash(rig.discord.channel, "stop", wait=False)
        await rig.clock.advance(3.1)
        await answer.wait()
        await rig.clock.advance(15 * 60)
        cog_of(bot).observer.sweep()
        assert [row.outcome for row in await rig.rows()] == ["ok", "unanswered"]
    said = [r for r in caplog.records if "_gone" in r.getMessage()]
    assert len(said) == 1


async def test_discord_py_without_the_names_that_only_save_time_is_said_once_and_nothing_is_missed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bot = make_bot()

    @bot.tree.command(name="ping", description="p")
    async def ping(interaction: discord.Interaction) -> None:
        rig.clock._move_to(rig.clock.monotonic() + 0.2)
        await interaction.response.send_message("pong")

    @bot.tree.command(name="boom", description="b")
    async def boom(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("before")
        raise ValueError

    async with running(bot, load=False) as rig:
        private = importlib.import_module("botmon_cog.observer.private")
        monkeypatch.setattr(private, "RECEIVE", "_gone_too")
        monkeypatch.setattr(private, "PARENT", "_gone_as_well")
        await bot.load_extension(EXTENSION)

        @bot.tree.error
        async def quiet(interaction: discord.Interaction, error: Exception) -> None:
            """The host's, set after ours: ours must come before it again."""

        await rig.discord.user.slash(rig.discord.channel, "ping")
        await rig.discord.user.slash(rig.discord.channel, "boom")
        assert [(row.outcome, row.response_s) for row in await rig.rows()] == [
            ("ok", pytest.approx(0.2)),
            ("error", pytest.approx(0.0)),
        ]
        await bot.unload_extension(EXTENSION)
        assert not bot._listeners
    assert [sum(name in r.getMessage() for r in caplog.records) for name in ("_gone_too", "_gone_as_well")] == [1, 1]
