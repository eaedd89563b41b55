"""/privacy: everybody sees, copies and erases what is theirs, and nothing else, over real sockets."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import discord
import pytest
from discord.ext import commands

from botmon_cog.config import PrivacyConfig
from botmon_cog.store.script import Query, Script
from botmon_cog.testing import Answer, LoopbackUser, SeenMessage
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running
from tests.test_commands import ADMIN, ask, text_of

BUTTONS = ("botmon:privacy", "botmon:privacy:copy", "botmon:privacy:erase", "botmon:privacy:erase:yes")


def playing_bot() -> commands.Bot:
    bot = make_bot()

    @bot.tree.command(name="play", description="p")
    async def play(interaction: discord.Interaction, query: str) -> None:
        await interaction.response.send_message(f"playing {query}")

    @bot.tree.command(name="greet", description="g")
    async def greet(interaction: discord.Interaction) -> None:
        raise RuntimeError(f"can't greet {interaction.user.name}")

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: Exception) -> None:
        """Quiet."""

    @bot.command()
    async def ping(context: commands.Context[commands.Bot]) -> None:
        await context.send("pong")

    return bot


async def found(rig: Rig, sql: str, **values: Any) -> list[tuple[Any, ...]]:
    def script() -> Script[list[tuple[Any, ...]]]:
        return [tuple(row) for row in (yield Query(sql, values))]

    system = cog_of(rig.bot).system
    await system.recorder.settle()
    return await system.store.engine.read(script())


async def act(rig: Rig, who: LoopbackUser, message: SeenMessage, button: str) -> Answer:
    """Press a button whose answer takes its time, with pauses for all others."""
    pressing = asyncio.ensure_future(who.click(message, button))
    async with asyncio.timeout(20):
        while not pressing.done() or cog_of(rig.bot).observer.running:
            await rig.clock.advance(0.01)
    return await pressing


async def rows_of(rig: Rig, user_id: int) -> int:
    await rig.rows()
    return (await found(rig, "SELECT COUNT(*) FROM @invocations WHERE user_id = :user", user=user_id))[0][0]


def labels(message: Any) -> list[str]:
    return [button["label"] for row in message.body["components"] for button in row["components"]]


async def test_member_sees_what_is_stored_and_nobody_else_sees_it() -> None:
    async with running(playing_bot()) as rig:
        user, channel = rig.discord.user, rig.discord.channel
        for song in ("one", "two"):
            await user.slash(channel, "play", query=song)
        await rig.rows()
        answer = await user.slash(channel, "privacy")
        assert answer.message.ephemeral
        said = text_of(answer.message.embeds[0])
        assert "**2** commands since" in said
        assert "in 1 server" in said
        assert "not what you typed" in said
        assert "90 days" in said
        assert labels(answer.message) == ["Send me a copy", "Erase mine", "Don't record me"]


async def test_somebody_new_is_told_what_would_be_stored() -> None:
    async with running(playing_bot()) as rig:
        answer = await rig.discord.user.slash(rig.discord.channel, "privacy")
        assert "Nothing yet" in text_of(answer.message.embeds[0])
        assert labels(answer.message) == ["Don't record me"]


async def test_everybody_may_ask_and_gets_only_their_own() -> None:
    """Member, admin, another server's admin and owner, here and in direct messages."""
    async with running(playing_bot()) as rig:
        loopback = rig.discord
        other = loopback.add_user("Other admin")
        loopback.guild.add_member(other)
        elsewhere = loopback.add_guild("Elsewhere", members=[other])
        other.set_permissions(elsewhere, ADMIN)
        await loopback.user.slash(loopback.channel, "play", query="a song")
        await rig.rows()
        for person in (loopback.admin, other, loopback.owner):
            for where in (loopback.channel, person.dm_channel):
                said = await ask(rig, person, where, "privacy")
                assert ("Nothing yet" in said) is (where is loopback.channel), "they did nothing but ask"
        assert "**1** command since" in await ask(rig, loopback.user, loopback.user.dm_channel, "privacy")


async def test_press_acts_for_whoever_presses() -> None:
    """Buttons of old messages, replayed where everybody sees them: an admin's press erases the admin alone."""
    async with running(playing_bot()) as rig:
        loopback = rig.discord
        await loopback.user.slash(loopback.channel, "play", query="a song")
        await loopback.admin.slash(loopback.channel, "play", query="another")
        view = discord.ui.View(timeout=None)
        for custom_id in BUTTONS:
            view.add_item(discord.ui.Button(label=custom_id, custom_id=custom_id))
        view.stop()
        await rig.bot.get_channel(loopback.channel.id).send("buttons", view=view)
        message = await loopback.channel.next_message()
        before = dict(message.body)
        await rig.rows()
        answer = await act(rig, loopback.admin, message, "botmon:privacy:erase:yes")
        assert answer.messages[-1].ephemeral
        assert dict(message.body) == before
        assert await rows_of(rig, loopback.admin.id) == 0
        assert await rows_of(rig, loopback.user.id) == 1


async def test_erasing_asks_first_and_then_leaves_no_trace() -> None:
    async with running(playing_bot()) as rig:
        user, channel = rig.discord.user, rig.discord.channel
        await user.slash(channel, "play", query="a song")
        await user.slash(channel, "greet", wait=False)
        await rig.rows()
        assert str(user.name) in str(await found(rig, "SELECT error_message FROM @error_groups"))
        message = (await user.slash(channel, "privacy")).message
        await user.click(message, "botmon:privacy:erase")
        assert "Erase everything about you?" in text_of(message.embeds[0])
        assert "Stays" in text_of(message.embeds[0])
        assert await rows_of(rig, user.id) > 0
        await act(rig, user, message, "botmon:privacy:erase:yes")
        assert "Erased" in text_of(message.embeds[0])
        assert await rows_of(rig, user.id) == 0, "not even the press itself"
        assert str(user.name) not in str(await found(rig, "SELECT error_message FROM @error_groups"))
        assert [row.command for row in await rig.rows()][:2] == ["play", "greet"]
        assert cog_of(rig.bot).system.failures.n == 0


async def test_after_erasing_one_is_recorded_again() -> None:
    async with running(playing_bot()) as rig:
        user, channel = rig.discord.user, rig.discord.channel
        await user.slash(channel, "play", query="a song")
        message = (await user.slash(channel, "privacy")).message
        await user.click(message, "botmon:privacy:erase")
        await act(rig, user, message, "botmon:privacy:erase:yes")
        unrecorded = cog_of(rig.bot).system.unrecorded
        while await found(rig, "SELECT 1 FROM @erasures WHERE passes_left > 0") or user.id in unrecorded:
            await rig.clock.advance(10)
        await user.slash(channel, "play", query="another")
        assert await rows_of(rig, user.id) == 1


async def test_unrecorded_person_is_counted_as_nobody() -> None:
    async with running(playing_bot()) as rig:
        user, channel = rig.discord.user, rig.discord.channel
        message = (await user.slash(channel, "privacy")).message
        await user.click(message, "botmon:privacy:stop")
        assert "You are not recorded" in text_of(message.embeds[0])
        assert "Record me again" in labels(message)
        before = await rows_of(rig, user.id)
        await user.slash(channel, "play", query="a song")
        await user.slash(channel, "greet", wait=False)
        await user.send(channel, "!ping")
        await channel.next_message()
        rows = [row for row in await rig.rows() if row.command in {"play", "greet", "ping"}]
        assert [row.user_id for row in rows] == [None] * 3
        assert [(row.username, row.parameters, row.channel_id) for row in rows] == [(None, None, None)] * 3
        assert [row.outcome for row in rows] == ["ok", "error", "ok"]
        assert rows[2].discord_id is None
        assert await rows_of(rig, user.id) == before
        assert await found(rig, "SELECT error_message FROM @error_groups") == [("can't greet [hidden]",)]
        await user.click(message, "botmon:privacy:resume")
        await user.slash(channel, "play", query="a song")
        assert await rows_of(rig, user.id) > before


async def test_other_process_hears_of_it_within_a_minute() -> None:
    async with running(playing_bot()) as rig:
        user, channel = rig.discord.user, rig.discord.channel
        system = cog_of(rig.bot).system
        await system.store.unrecorded.add(user.id, rig.clock.now())  # as another process does
        await rig.clock.advance(61)
        while user.id not in system.unrecorded:
            await rig.clock.advance(1)
        await user.slash(channel, "play", query="a song")
        assert await rows_of(rig, user.id) == 0


async def test_unrecorded_holds_from_the_first_command_after_a_restart(tmp_path: Path) -> None:
    async with running(playing_bot(), load=False) as rig:
        rig.bot.botmon_config = make_config(str(tmp_path / "botmon.db"))
        await rig.bot.load_extension(EXTENSION)
        await rig.bot.tree.sync()
        user = rig.discord.user
        await cog_of(rig.bot).system.unrecorded.add(user.id)
        await rig.bot.reload_extension(EXTENSION)
        await user.slash(rig.discord.channel, "play", query="a song")
        assert (await rig.rows())[-1].user_id is None


async def test_copy_comes_by_direct_message() -> None:
    async with running(playing_bot()) as rig:
        user, channel = rig.discord.user, rig.discord.channel
        await user.slash(channel, "play", query="a song")
        message = (await user.slash(channel, "privacy")).message
        answer = await user.click(message, "botmon:privacy:copy")
        assert "direct messages" in answer.messages[-1].content
        sent = await user.dm_channel.next_message()
        (file,) = sent.attachments
        copy = json.loads(file.bytes)
        assert copy["user_id"] == str(user.id)
        assert copy["entries"][0]["command"] == "play"


async def test_copy_in_direct_messages_is_the_answer() -> None:
    async with running(playing_bot()) as rig:
        user = rig.discord.user
        await user.slash(rig.discord.channel, "play", query="a song")
        message = (await user.slash(user.dm_channel, "privacy")).message
        answer = await user.click(message, "botmon:privacy:copy")
        (file,) = answer.messages[-1].attachments
        assert str(user.id) in json.loads(file.bytes)["user_id"]


async def test_closed_direct_messages_are_said() -> None:
    async with running(playing_bot()) as rig:
        user = rig.discord.user
        rig.discord.faults.close_dms(user)
        await user.slash(rig.discord.channel, "play", query="a song")
        message = (await user.slash(rig.discord.channel, "privacy")).message
        answer = await user.click(message, "botmon:privacy:copy")
        assert "can't send you direct messages" in text_of(answer.messages[-1].embeds[0])
        assert cog_of(rig.bot).system.failures.n == 0


@pytest.mark.parametrize(("kept", "words"), [("none", "No arguments"), ("all", "What you typed into options")])
async def test_says_what_is_kept_of_arguments(kept: Any, words: str) -> None:
    async with running(playing_bot(), load=False) as rig:
        rig.bot.botmon_config = make_config(privacy=PrivacyConfig(log_parameters=kept))
        await rig.bot.load_extension(EXTENSION)
        await rig.bot.tree.sync()
        user = rig.discord.user
        await user.slash(rig.discord.channel, "play", query="a song")
        await rig.rows()
        assert words in await ask(rig, user, rig.discord.channel, "privacy")
