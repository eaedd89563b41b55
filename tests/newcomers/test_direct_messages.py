"""Direct messages: commands in them, modmail in both directions, people who closed theirs."""

from __future__ import annotations

import discord
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


def make_bot() -> commands.Bot:
    intents = discord.Intents.default()
    intents.message_content = True
    bot = commands.Bot("!", intents=intents)

    @bot.listen()
    async def on_message(message: discord.Message) -> None:
        if message.author.bot or message.content.startswith("!"):
            return
        if message.guild is None:
            staff = discord.utils.get(bot.get_all_channels(), name="modmail")
            assert isinstance(staff, discord.TextChannel)
            await staff.send(f"{message.author.id}: {message.content}")
        elif message.reference is not None and isinstance(message.reference.resolved, discord.Message):
            user_id = int(message.reference.resolved.content.partition(":")[0])
            user = bot.get_user(user_id) or await bot.fetch_user(user_id)
            await user.send(f"The moderators say: {message.content}")

    @bot.command()
    async def remind(ctx: commands.Context[commands.Bot], *, text: str) -> None:
        try:
            await ctx.author.send(f"Remember: {text}")
        except discord.Forbidden:
            await ctx.send("Please open your direct messages.")

    @bot.command()
    @commands.dm_only()
    async def whisper(ctx: commands.Context[commands.Bot]) -> None:
        await ctx.send("Psst.")

    return bot


async def test_modmail_in_both_directions(loopback: LoopbackDiscord):
    modmail = loopback.guild.add_text_channel("modmail")
    async with loopback.running(make_bot()):
        await loopback.user.send(loopback.user.dm_channel, "Somebody is rude")
        letter = await modmail.next_message()
        assert letter.content == f"{loopback.user.id}: Somebody is rude"
        await loopback.admin.send(modmail, "We will see to it", reply_to=letter)
        assert (await loopback.user.next_dm()).content == "The moderators say: We will see to it"


async def test_a_reminder_reaches_only_open_direct_messages(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()):
        await loopback.user.send(loopback.channel, "!remind tea")
        assert (await loopback.user.next_dm()).content == "Remember: tea"
        loopback.faults.close_dms(loopback.user)
        await loopback.user.send(loopback.channel, "!remind tea")
        assert (await loopback.channel.next_message()).content == "Please open your direct messages."
        assert len(loopback.user.dms) == 1


async def test_a_command_for_direct_messages_only(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()):
        await loopback.user.send(loopback.channel, "!whisper")
        await loopback.settled()
        assert not any(message.is_from_bot for message in loopback.channel.messages)
        await loopback.user.send(loopback.user.dm_channel, "!whisper")
        assert (await loopback.user.next_dm()).content == "Psst."
