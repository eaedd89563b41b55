"""`settled()`: what it waits for, and what it says when that does not end."""

from __future__ import annotations

import asyncio

import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


def make_bot(kind: type[commands.Bot] = commands.Bot, **options) -> commands.Bot:
    return kind("!", **{"intents": discord.Intents.all(), "help_command": None, **options})


async def eventually(is_true) -> None:
    async with asyncio.timeout(5):
        while not is_true():  # discord.py sets no event for most of its state
            await asyncio.sleep(0)


async def test_settled_waits_for_listeners_commands_and_what_they_send():
    bot = make_bot()
    done: list[str] = []

    @bot.command()
    async def chain(ctx: commands.Context) -> None:
        for n in range(5):
            await ctx.send(f"step {n}")
        done.append("command")

    @bot.listen()
    async def on_message(message: discord.Message) -> None:
        if message.content == "step 4":
            await message.add_reaction("👍")

    @bot.listen()
    async def on_raw_reaction_add(payload: discord.RawReactionActionEvent) -> None:
        channel = bot.get_channel(payload.channel_id)
        await channel.get_partial_message(payload.message_id).edit(content="last step")
        done.append("reaction")

    async with LoopbackDiscord() as loopback, loopback.running(bot):
        await loopback.user.send(loopback.channel, "!chain")
        await loopback.settled()
        assert done == ["command", "reaction"]
        assert [m.content for m in loopback.channel.messages[1:]] == [*(f"step {n}" for n in range(4)), "last step"]
        await asyncio.wait_for(loopback.settled(), 5)  # and with nothing under way it returns at once


async def test_settled_waits_for_slash_commands_views_and_modals():
    bot = make_bot()
    done: list[str] = []

    class Form(discord.ui.Modal, title="Form"):
        text = discord.ui.TextInput(label="Text", custom_id="text")

        async def on_submit(self, interaction: discord.Interaction) -> None:
            await interaction.response.defer()
            await interaction.followup.send("thanks")
            done.append("modal")

    class Ask(discord.ui.View):
        @discord.ui.button(label="Form")
        async def form(self, interaction: discord.Interaction, _: discord.ui.Button) -> None:
            await interaction.response.send_modal(Form())
            await interaction.followup.send("filled in?")
            done.append("view")

    @bot.tree.command(description="Asks")
    async def ask(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("?", view=Ask())
        await interaction.followup.send("!")
        done.append("slash")

    async with LoopbackDiscord() as loopback, loopback.running(bot):
        await bot.tree.sync()
        answer = await loopback.user.slash(loopback.channel, "ask", wait=False)
        await loopback.settled()
        assert done == ["slash"]
        opened = await loopback.user.click(answer.messages[0], "Form", wait=False)
        await loopback.settled()
        assert done == ["slash", "view"]
        await loopback.user.submit(opened, text="x", wait=False)
        await loopback.settled()
        assert done == ["slash", "view", "modal"]


async def test_settled_names_what_is_still_under_way():
    bot = make_bot()
    go = asyncio.Event()

    @bot.command()
    async def stuck(ctx: commands.Context) -> None:
        await go.wait()
        await ctx.typing()

    async with LoopbackDiscord() as loopback, loopback.running(bot):
        await loopback.user.send(loopback.channel, "!stuck")
        expected = r"not settled within 0\.2 s: the task 'discord.py: on_message' waits in \S*stuck \(test_loopback"
        with pytest.raises(TimeoutError, match=expected):
            await loopback.settled(timeout_s=0.2)
        loopback.faults.latency_s = 0.3
        go.set()
        with pytest.raises(TimeoutError, match=r"POST /channels/\d+/typing has no answer yet"):
            await loopback.settled(timeout_s=0.2)
        await loopback.settled()
        loopback.hold_gateway()
        await loopback.drop_gateway()
        await eventually(lambda: not loopback.sessions)
        await loopback.user.send(loopback.channel, "unheard")
        with pytest.raises(TimeoutError, match="shard 0 is not connected and has events to catch up on"):
            await loopback.settled(timeout_s=0.2)
        loopback.release_gateway()
        await loopback.settled()
        assert bot.cached_messages[-1].content == "unheard"


async def test_settled_waits_for_requests_of_tasks_that_no_event_began():
    async with LoopbackDiscord() as loopback, loopback.running(make_bot()) as bot:
        loopback.faults.latency_s = 0.1
        fetching = asyncio.create_task(bot.fetch_user(loopback.user.id))
        await eventually(lambda: loopback.requests[-1].path == f"/users/{loopback.user.id}")
        await loopback.settled()
        assert loopback.requests[-1].status == 200
        assert (await fetching).name == "user"


async def test_settled_waits_for_every_shard():
    heard: list[int] = []
    bot = make_bot(commands.AutoShardedBot)

    @bot.listen()
    async def on_message(message: discord.Message) -> None:
        await message.add_reaction("👍")
        heard.append(message.guild.shard_id)

    async with LoopbackDiscord(shards=3) as loopback:
        guilds = [loopback.guild, loopback.add_guild("B"), loopback.add_guild("C")]
        async with loopback.running(bot):
            await loopback.drop_gateway(shard_id=2)
            for guild in guilds:
                await guild.owner.send(guild.channel, "x")
            await loopback.settled()
            assert sorted(heard) == [0, 1, 2]
