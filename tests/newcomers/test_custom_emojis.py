"""Custom emojis: of the guild and of the application, in text, reactions and buttons; stealing one."""

from __future__ import annotations

import discord
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord

INK = b"\x89PNG\r\n\x1a\n" + b"ink"


class Party(discord.ui.View):
    def __init__(self, emoji: discord.Emoji) -> None:
        super().__init__()
        self.dance.emoji = emoji

    @discord.ui.button()
    async def dance(self, interaction: discord.Interaction, button: discord.ui.Button[Party]) -> None:
        await interaction.response.send_message(f"{button.emoji} {interaction.user.display_name} dances")


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.all())

    @bot.command()
    async def party(ctx: commands.Context[commands.Bot]) -> None:
        emoji = discord.utils.get(await bot.fetch_application_emojis(), name="dancer")
        assert emoji is not None
        await ctx.send(f"Party! {emoji}", view=Party(emoji))

    @bot.command()
    async def steal(ctx: commands.Context[commands.Bot], emoji: discord.PartialEmoji, name: str) -> None:
        assert ctx.guild is not None
        stolen = await ctx.guild.create_custom_emoji(name=name, image=await emoji.read())
        await ctx.message.add_reaction(stolen)

    @bot.event
    async def on_reaction_add(reaction: discord.Reaction, user: discord.abc.User) -> None:
        if not user.bot and isinstance(reaction.emoji, discord.Emoji):
            await reaction.message.reply(f"You like {reaction.emoji.name}")

    return bot


async def test_an_emoji_of_the_application_in_text_and_on_a_button(loopback: LoopbackDiscord):
    dancer = loopback.add_emoji("dancer")
    async with loopback.running(make_bot()):
        await loopback.user.send(loopback.channel, "!party")
        message = await loopback.channel.next_message()
        assert message.content == f"Party! {dancer}"
        answer = await loopback.user.click(message, "dancer")
        assert answer.message.content == f"{dancer} User dances"


async def test_an_emoji_is_taken_over_from_another_guild(loopback: LoopbackDiscord):
    loopback.guild.add_bot_permissions(discord.Permissions(create_expressions=True))
    squid = loopback.add_emoji("squid", loopback.add_guild("Ocean"), picture=INK)
    async with loopback.running(make_bot()):
        asked = await loopback.user.send(loopback.channel, f"!steal {squid} kraken")
        await loopback.settled()
        (kraken,) = loopback.guild.emojis
        assert kraken.name == "kraken"
        assert list(asked.reactors) == [str(kraken.id)]


async def test_a_reaction_with_one(loopback: LoopbackDiscord):
    blob = loopback.add_emoji("blob", loopback.guild)
    async with loopback.running(make_bot()):
        message = await loopback.user.send(loopback.channel, "Hello")
        await loopback.settled()
        await loopback.admin.react(message, str(blob))
        assert (await loopback.channel.next_message()).content == "You like blob"
