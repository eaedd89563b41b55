"""Voice: who joins and leaves, and channels that exist while somebody is in them."""

from __future__ import annotations

import discord
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.default())

    @bot.event
    async def on_voice_state_update(
        member: discord.Member, before: discord.VoiceState, after: discord.VoiceState
    ) -> None:
        if before.channel == after.channel:
            return
        log = discord.utils.get(member.guild.text_channels, name="general")
        assert log is not None
        if after.channel is not None:
            await log.send(f"{member.display_name} joined {after.channel.name}")
        elif before.channel is not None:
            await log.send(f"{member.display_name} left {before.channel.name}")

    @bot.listen("on_voice_state_update")
    async def own_rooms(member: discord.Member, before: discord.VoiceState, after: discord.VoiceState) -> None:
        if after.channel is not None and after.channel.name == "Your own room":
            room = await member.guild.create_voice_channel(f"Room of {member.display_name}")
            await member.move_to(room)
        if before.channel is not None and before.channel.name.startswith("Room of") and not before.channel.members:
            await before.channel.delete()

    return bot


async def test_joining_and_leaving_are_told(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await loopback.user.join_voice(loopback.voice_channel)
        assert (await loopback.channel.next_message()).content == "User joined Lounge"
        lounge = bot.get_channel(loopback.voice_channel.id)
        assert isinstance(lounge, discord.VoiceChannel)
        assert [member.name for member in lounge.members] == ["user"]
        await loopback.user.leave_voice(loopback.guild)
        assert (await loopback.channel.next_message()).content == "User left Lounge"
        assert lounge.members == []


async def test_a_room_exists_while_somebody_is_in_it(loopback: LoopbackDiscord):
    guild = loopback.guild
    guild.add_bot_permissions(discord.Permissions(manage_channels=True, move_members=True))
    door = guild.add_voice_channel("Your own room")
    async with loopback.running(make_bot()):
        await loopback.user.join_voice(door)
        await loopback.settled()
        room = guild.membership_of(loopback.user).voice_channel
        assert room is not None
        assert room.name == "Room of User"
        await loopback.user.leave_voice(guild)
        await loopback.settled()
        assert room not in guild.channels
