"""Webhooks: speaking under another name, one's own hook found again, a plain hook from its URL."""

from __future__ import annotations

import discord
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.all())

    @bot.command(name="as")
    async def speak_as(ctx: commands.Context[commands.Bot], name: str, *, text: str) -> None:
        assert isinstance(ctx.channel, discord.TextChannel)
        own = [hook for hook in await ctx.channel.webhooks() if hook.user == bot.user]
        hook = own[0] if own else await ctx.channel.create_webhook(name="Puppets")
        sent = await hook.send(text, username=name, wait=True)
        await ctx.message.delete()
        await hook.edit_message(sent.id, content=f"{text}!")

    @bot.listen()
    async def on_message(message: discord.Message) -> None:
        if message.webhook_id is not None and message.content == "deployed":
            await message.add_reaction("🎉")

    return bot


async def test_the_bot_speaks_as_somebody_else(loopback: LoopbackDiscord):
    loopback.guild.add_bot_permissions(discord.Permissions(manage_webhooks=True))
    async with loopback.running(make_bot()):
        for text in ("Woof", "Meow"):
            asked = await loopback.user.send(loopback.channel, f"!as Rex {text}")
            said = await loopback.channel.next_message()
            await loopback.settled()
            assert (said.content, said.body["author"]["username"]) == (f"{text}!", "Rex")
            assert asked.deleted
        created = [r for r in loopback.requests if r.method == "POST" and r.path.endswith("/webhooks")]
        assert len(created) == 1


async def test_the_bot_hears_other_webhooks(loopback: LoopbackDiscord):
    url = loopback.add_webhook(loopback.channel, "CI")
    async with loopback.running(make_bot()) as bot:
        await discord.Webhook.from_url(url, client=bot).send("deployed", username="Deploy")
        message = await loopback.channel.next_message()
        await loopback.settled()
        assert list(message.reactors) == ["🎉"]
