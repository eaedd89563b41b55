"""Slash commands, autocompletion and context menus, end to end through an unmodified bot."""

from __future__ import annotations

import asyncio
from enum import Enum

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord, ManualClock, Upload


class Colour(Enum):
    red = "r"
    blue = "b"


def make_bot() -> commands.Bot:  # noqa: C901  # one command after the other
    bot = commands.Bot("!", intents=discord.Intents.all())

    @bot.tree.command(description="Say hello")
    async def hello(interaction: discord.Interaction, who: discord.Member, times: app_commands.Range[int, 1, 3] = 1):
        await interaction.response.send_message(f"hello {who.display_name} x{times}")

    @bot.tree.command(description="All kinds of options")
    async def kinds(  # as many options as there are types
        interaction: discord.Interaction,
        text: app_commands.Range[str, 2, 5],
        ratio: float,
        flag: bool,
        colour: Colour,
        channel: discord.TextChannel | None = None,
        role: discord.Role | None = None,
        file: discord.Attachment | None = None,
    ):
        data = await file.read() if file else b""
        shown = [text, ratio, flag, colour.name, channel and channel.name, role and role.name, data.decode()]
        await interaction.response.send_message(repr(shown), ephemeral=True)

    @bot.tree.command(description="Answers late")
    async def slow(interaction: discord.Interaction):
        await interaction.response.defer(ephemeral=True)
        await interaction.edit_original_response(content="finished")
        await interaction.followup.send("and more")

    @bot.tree.command(description="Never answers")
    async def silent(interaction: discord.Interaction):
        bot.extra_seen = interaction  # type: ignore[attr-defined]

    @bot.tree.command(description="Suggests")
    async def find(interaction: discord.Interaction, song: str, artist: str = ""):
        await interaction.response.send_message(song)

    @find.autocomplete("song")
    async def suggest(interaction: discord.Interaction, current: str):
        return [app_commands.Choice(name=f"{current} by {interaction.namespace.artist}", value=current)]

    stats = app_commands.Group(name="stats", description="Statistics")
    deep = app_commands.Group(name="deep", description="Deeper", parent=stats)

    @stats.command(description="Of the week")
    async def weekly(interaction: discord.Interaction):
        await interaction.response.send_message("weekly")

    @deep.command(description="Of the year")
    async def yearly(interaction: discord.Interaction, year: int):
        await interaction.response.send_message(f"yearly {year}")

    bot.tree.add_command(stats)

    @bot.tree.command(description="For managers")
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.guild_only()
    async def manage(interaction: discord.Interaction):
        await interaction.response.send_message(str(interaction.permissions.manage_guild))

    @bot.tree.context_menu(name="Who is")
    async def who_is(interaction: discord.Interaction, member: discord.Member):
        await interaction.response.send_message(member.name)

    @bot.tree.context_menu(name="Count letters")
    async def count(interaction: discord.Interaction, message: discord.Message):
        await interaction.response.send_message(str(len(message.content)))

    async def setup_hook() -> None:
        await bot.tree.sync()

    bot.setup_hook = setup_hook  # type: ignore[method-assign]
    return bot


@pytest.fixture
async def discord_():
    async with LoopbackDiscord() as loopback, loopback.running(make_bot()):
        yield loopback


async def test_answer_and_member_option(discord_: LoopbackDiscord):
    answer = await discord_.user.slash(discord_.channel, "hello", who=discord_.admin, times=2)
    assert answer.message.content == "hello Admin x2"
    assert not answer.message.ephemeral
    assert answer.message in discord_.channel.messages
    assert not answer.deferred
    assert 0 <= answer.acknowledged_after_s < 3  # type: ignore[operator]


async def test_every_option_type_reaches_the_callback(discord_: LoopbackDiscord):
    role = discord_.guild.add_role("DJ")
    answer = await discord_.user.slash(
        discord_.channel,
        "kinds",
        text="abc",
        ratio=1.5,
        flag=True,
        colour="blue",
        channel=discord_.channel,
        role=role,
        file=Upload("a.txt", b"inside"),
    )
    assert answer.message.content == "['abc', 1.5, True, 'blue', 'general', 'DJ', 'inside']"
    assert answer.message.ephemeral
    assert answer.message not in discord_.channel.messages


async def test_only_what_the_client_would_send_is_sent(discord_: LoopbackDiscord):
    user, channel = discord_.user, discord_.channel
    with pytest.raises(LookupError, match="nearest is 'hello'"):
        await user.slash(channel, "helo")
    with pytest.raises(LookupError, match="nearest is 'times'"):
        await user.slash(channel, "hello", who=user, time=1)
    with pytest.raises(ValueError, match="needs a value for who"):
        await user.slash(channel, "hello")
    with pytest.raises(ValueError, match="takes 1 to 3, not 4"):
        await user.slash(channel, "hello", who=user, times=4)
    with pytest.raises(TypeError, match="takes a user"):
        await user.slash(channel, "hello", who="Admin")
    with pytest.raises(ValueError, match="takes one of 'red', 'blue'"):
        await user.slash(channel, "kinds", text="abc", ratio=1, flag=True, colour="green")
    with pytest.raises(ValueError, match="2 to 5 characters"):
        await user.slash(channel, "kinds", text="a", ratio=1, flag=True, colour="red")
    with pytest.raises(ValueError, match="channels of the types"):
        await user.slash(channel, "kinds", text="abc", ratio=1, flag=True, colour="red", channel=discord_.voice_channel)
    with pytest.raises(LookupError, match="needs one of its subcommands: "):
        await user.slash(channel, "stats")
    assert discord_.interactions_open == 0


async def test_groups_and_subcommands(discord_: LoopbackDiscord):
    assert (await discord_.user.slash(discord_.channel, "stats weekly")).message.content == "weekly"
    answer = await discord_.user.slash(discord_.channel, "/stats deep yearly", year=2026)
    assert answer.message.content == "yearly 2026"


async def test_deferred_answer_keeps_its_visibility_and_is_edited_in_place(discord_: LoopbackDiscord):
    answer = await discord_.user.slash(discord_.channel, "slow")
    first = answer.messages[0]
    assert answer.deferred
    assert (first.content, first.ephemeral, first.is_loading, first.edited) == ("finished", True, False, False)
    second = await answer.next_message()
    assert (second.content, second.ephemeral) == ("and more", False)
    assert answer.messages == [first, second]
    with pytest.raises(AssertionError, match="no further message"):
        await answer.next_message(timeout_s=0.01)


async def test_autocompletion(discord_: LoopbackDiscord):
    choices = await discord_.user.autocomplete(discord_.channel, "find", focused="song", value="ab", artist="X")
    assert choices == [{"name": "ab by X", "value": "ab"}]
    with pytest.raises(LookupError, match="no autocompletion"):
        await discord_.user.autocomplete(discord_.channel, "find", focused="artist", value="x")


async def test_context_menus(discord_: LoopbackDiscord):
    answer = await discord_.user.context_menu(discord_.channel, "Who is", discord_.admin)
    assert answer.message.content == "admin"
    message = await discord_.user.send(discord_.channel, "12345")
    answer = await discord_.user.context_menu(discord_.channel, "Count letters", message)
    assert answer.message.content == "5"


async def test_default_member_permissions_hide_a_command(discord_: LoopbackDiscord):
    with pytest.raises(PermissionError, match="user cannot see /manage: they lack manage_guild"):
        await discord_.user.slash(discord_.channel, "manage")
    assert (await discord_.admin.slash(discord_.channel, "manage")).message.content == "True"
    discord_.user.set_permissions(discord_.guild, discord.Permissions(administrator=True))
    assert (await discord_.user.slash(discord_.channel, "manage")).message.content == "True"


async def test_a_guild_only_command_is_not_offered_in_dms(discord_: LoopbackDiscord):
    with pytest.raises(PermissionError, match="not offered in direct messages"):
        await discord_.admin.slash(discord_.admin.dm_channel, "manage")
    answer = await discord_.user.slash(discord_.user.dm_channel, "find", song="s")
    assert answer.message.content == "s"
    assert answer.message in discord_.user.dms


async def test_three_seconds_without_a_callback_fail_and_the_late_one_gets_10062():
    clock = ManualClock()
    bot = make_bot()
    async with LoopbackDiscord(clock) as loopback, loopback.running(bot):
        answer = await loopback.user.slash(loopback.channel, "silent", wait=False)
        interaction: discord.Interaction = await bot.wait_for("interaction")
        await clock.advance(2.9)
        assert answer.failed is None
        assert loopback.interactions_open == 1
        await clock.advance(0.2)
        await answer.wait()
        assert answer.failed == "The application did not respond"
        with pytest.raises(AssertionError, match="did not respond"):
            answer.message  # noqa: B018
        with pytest.raises(discord.NotFound) as caught:
            await interaction.response.send_message("too late")
        assert caught.value.code == 10062
        with pytest.raises(discord.NotFound) as caught:
            await interaction.followup.send("too late")
        assert caught.value.code == 10015
        assert answer.messages == []


async def test_a_callback_in_time_stops_the_three_seconds():
    clock = ManualClock()
    async with LoopbackDiscord(clock) as loopback, loopback.running(make_bot()):
        answer = await loopback.user.slash(loopback.channel, "stats weekly")
        await clock.advance(60)
        assert answer.failed is None
        assert answer.acknowledged_after_s == 0.0


async def test_second_callback_gets_40060_and_old_tokens_50027():
    clock = ManualClock()
    bot = make_bot()
    async with LoopbackDiscord(clock) as loopback, loopback.running(bot):
        await loopback.user.slash(loopback.channel, "silent", wait=False)
        interaction: discord.Interaction = await bot.wait_for("interaction")
        await interaction.response.send_message("first")
        again = discord.Interaction(data=_payload_of(interaction), state=bot._connection)
        with pytest.raises(discord.HTTPException) as caught:
            await again.response.send_message("second")
        assert (caught.value.status, caught.value.code) == (400, 40060)
        await clock.advance(15 * 60 - 1)
        await interaction.edit_original_response(content="still possible")
        await clock.advance(2)
        with pytest.raises(discord.HTTPException) as caught:
            await interaction.followup.send("too late")
        assert (caught.value.status, caught.value.code) == (401, 50027)


def _payload_of(interaction: discord.Interaction) -> dict:
    return {
        "id": interaction.id,
        "type": 2,
        "token": interaction.token,
        "version": 1,
        "application_id": interaction.application_id,
        "attachment_size_limit": 0,
    }


async def test_wait_false_returns_at_once_and_next_message_follows(discord_: LoopbackDiscord):
    answer = await discord_.user.slash(discord_.channel, "stats weekly", wait=False)
    assert answer.messages == []
    assert (await answer.next_message()).content == "weekly"


async def test_a_defer_without_an_answer_returns_after_the_timeout():
    bot = make_bot()

    @bot.tree.command(description="Defers only")
    async def forgetful(interaction: discord.Interaction):
        await interaction.response.defer()

    async with LoopbackDiscord() as loopback, loopback.running(bot):
        answer = await loopback.user.slash(loopback.channel, "forgetful", timeout_s=0.05)
        assert answer.deferred
        with pytest.raises(AssertionError, match="deferred and sent nothing yet"):
            answer.message  # noqa: B018
        assert loopback.channel.messages[-1].is_loading


async def test_first_follow_up_after_a_defer_fills_the_deferred_message():
    bot = make_bot()

    @bot.tree.command(description="Defers, then follows up")
    async def later(interaction: discord.Interaction):
        await interaction.response.defer(ephemeral=True)
        await interaction.followup.send("filled", ephemeral=False)
        original = await interaction.original_response()
        await interaction.followup.send(f"new after {original.content}")
        await interaction.delete_original_response()

    async with LoopbackDiscord() as loopback, loopback.running(bot):
        answer = await loopback.user.slash(loopback.channel, "later")
        assert answer.messages[0].ephemeral
        assert (await answer.next_message()).content == "new after filled"
        while not answer.messages[0].deleted:  # a deletion is nothing that a user waits for
            await asyncio.sleep(0)
        assert loopback.check_requests() == []
