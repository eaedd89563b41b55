"""What people do beyond messages and buttons: replies, presences, typing; and permissions that are added."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


@asynccontextmanager
async def hearing(
    loopback: LoopbackDiscord, event: str, intents: discord.Intents | None = None
) -> AsyncIterator[tuple[commands.Bot, list[Any]]]:
    """A bot that is connected, and what was handed to listeners of the event."""
    heard: list[Any] = []
    bot = commands.Bot("!", intents=intents or discord.Intents.all(), help_command=None)

    async def hear(*given: Any) -> None:
        heard.append(given[0] if len(given) == 1 else given)

    bot.add_listener(hear, f"on_{event}")
    async with loopback.running(bot):
        yield bot, heard


async def test_a_reply_tells_what_it_answers_and_mentions_the_author():
    async with LoopbackDiscord() as loopback, hearing(loopback, "message") as (_, heard):
        question = await loopback.user.send(loopback.channel, "Why?")
        await loopback.admin.send(loopback.channel, "Because", reply_to=question)
        await loopback.user.send(loopback.channel, "I see", reply_to=question)
        await loopback.settled()
        _, answer, own = heard
        assert answer.type is discord.MessageType.reply
        assert answer.reference.message_id == question.id
        assert answer.reference.guild_id == loopback.guild.id
        assert answer.reference.resolved.content == "Why?"
        assert [user.id for user in answer.mentions] == [loopback.user.id]
        assert own.mentions == []


async def test_only_what_one_sees_here_can_be_replied_to():
    async with LoopbackDiscord() as loopback, hearing(loopback, "message"):
        other = loopback.guild.add_text_channel("other")
        message = await loopback.user.send(other, "Hello")
        with pytest.raises(LookupError, match="stands in other, not in general"):
            await loopback.admin.send(loopback.channel, "Hi", reply_to=message)
        await loopback.user.delete(message)
        with pytest.raises(LookupError, match="was deleted"):
            await loopback.admin.send(other, "Hi", reply_to=message)
        assert loopback.channel.messages == []


async def test_an_ephemeral_message_cannot_be_replied_to():
    async with LoopbackDiscord() as loopback, hearing(loopback, "message") as (bot, _):

        @bot.tree.command(description="Whispers")
        async def whisper(interaction: discord.Interaction) -> None:
            await interaction.response.send_message("Psst", ephemeral=True)

        await bot.tree.sync()
        answer = await loopback.user.slash(loopback.channel, "whisper")
        with pytest.raises(LookupError, match="ephemeral"):
            await loopback.user.send(loopback.channel, "What?", reply_to=answer.message)


async def test_roles_are_mentioned():
    async with LoopbackDiscord() as loopback, hearing(loopback, "message") as (_, heard):
        red = loopback.guild.add_role("Red")
        loopback.guild.add_role("Blue")
        await loopback.user.send(loopback.channel, f"Hello {red.mention}")
        await loopback.settled()
        assert [role.id for role in heard[0].role_mentions] == [red.id]


async def test_presences_from_before_and_after_the_bot_connected():
    async with LoopbackDiscord() as loopback:
        await loopback.admin.set_presence(discord.Status.dnd, discord.CustomActivity("Reading"))
        async with hearing(loopback, "presence_update") as (bot, heard):
            guild = bot.get_guild(loopback.guild.id)
            admin, user = guild.get_member(loopback.admin.id), guild.get_member(loopback.user.id)
            assert (admin.status, admin.desktop_status) == (discord.Status.dnd, discord.Status.dnd)
            assert str(admin.activity) == "Reading"
            assert user.status is discord.Status.offline
            for status, seen in ((discord.Status.idle, ["Chess"]), (discord.Status.invisible, [])):
                await loopback.user.set_presence(status, discord.Game("Chess"))
                await loopback.settled()
                assert user.status is (status if seen else discord.Status.offline)
                assert [activity.name for activity in user.activities] == seen
            assert len(heard) == 2


async def test_without_the_intent_a_bot_sees_no_presence():
    intents = discord.Intents.all()
    intents.presences = False
    async with LoopbackDiscord() as loopback:
        await loopback.admin.set_presence(discord.Status.online)
        async with hearing(loopback, "presence_update", intents) as (bot, heard):
            await loopback.admin.set_presence(discord.Status.idle)
            await loopback.settled()
            admin = bot.get_guild(loopback.guild.id).get_member(loopback.admin.id)
            assert (heard, admin.status) == ([], discord.Status.offline)


async def test_a_bots_first_presence_is_as_any_later_one():
    bot = commands.Bot("!", intents=discord.Intents.default(), status=discord.Status.idle, activity=discord.Game("Go"))
    async with LoopbackDiscord() as loopback, loopback.running(bot):
        first = loopback.presences[0]
        assert (first["status"], [activity["name"] for activity in first["activities"]]) == ("idle", ["Go"])
        assert "game" not in first


async def test_typing_is_heard_from_people():
    async with LoopbackDiscord() as loopback, hearing(loopback, "typing") as (_, heard):
        await loopback.user.start_typing(loopback.channel)
        await loopback.user.start_typing(loopback.user.dm_channel)
        loopback.user.set_permissions(loopback.channel, discord.Permissions(view_channel=True))
        with pytest.raises(PermissionError, match="may not write"):
            await loopback.user.start_typing(loopback.channel)
        await loopback.settled()
        assert [user.id for _, user, _ in heard] == [loopback.user.id] * len(heard)
        assert heard[0][0].id == loopback.channel.id
        assert loopback.channel.typing_count == 0


async def test_permissions_come_on_top():
    async with LoopbackDiscord() as loopback, hearing(loopback, "message") as (bot, _):
        guild, user, channel = loopback.guild, loopback.user, loopback.channel
        red = guild.add_role("Red")
        guild.give_role(user, red)
        before = user.permissions_in(guild)
        user.add_permissions(guild, discord.Permissions(ban_members=True))
        user.add_permissions(guild, discord.Permissions(kick_members=True))
        guild.add_bot_permissions(discord.Permissions(manage_roles=True))
        assert user.permissions_in(guild) == before | discord.Permissions(ban_members=True, kick_members=True)
        assert red in guild.roles_of(user)
        user.set_permissions(channel, discord.Permissions(view_channel=True))
        user.add_permissions(channel, discord.Permissions(send_messages=True))
        assert user.permissions_in(channel) == discord.Permissions(view_channel=True, send_messages=True)
        await loopback.settled()
        seen = bot.get_guild(guild.id)
        assert seen.me.guild_permissions.manage_roles
        assert seen.me.guild_permissions.send_messages
        assert seen.get_member(user.id).guild_permissions.kick_members


async def test_a_channel_select_offers_its_types_only():
    class Menu(discord.ui.View):
        @discord.ui.select(cls=discord.ui.ChannelSelect, placeholder="Where", channel_types=[discord.ChannelType.voice])
        async def choose(self, interaction: discord.Interaction, select: discord.ui.ChannelSelect[Any]) -> None:
            await interaction.response.send_message(select.values[0].name)

    async with LoopbackDiscord() as loopback, hearing(loopback, "message") as (bot, _):
        await bot.get_channel(loopback.channel.id).send("Choose", view=Menu())
        message = await loopback.channel.next_message()
        with pytest.raises(LookupError, match="does not offer"):
            await loopback.user.select(message, "Where", loopback.channel)
        answer = await loopback.user.select(message, "Where", loopback.voice_channel)
        assert answer.message.content == "Lounge"
