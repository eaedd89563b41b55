"""Error handlers of commands, the command tree and views; without one; when Discord refuses a request."""

from __future__ import annotations

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord, ManualClock


class Broken(discord.ui.View):
    @discord.ui.button(label="Break")
    async def break_it(self, interaction: discord.Interaction, button: discord.ui.Button[Broken]) -> None:
        raise RuntimeError("broken")

    async def on_error(self, interaction: discord.Interaction, error: Exception, item: discord.ui.Item[Broken]) -> None:
        await interaction.response.send_message(f"The button is {error}", ephemeral=True)


def make_bot(*, is_careful: bool = True) -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.all())
    add_slash_commands(bot)
    add_prefix_commands(bot)
    if is_careful:
        handle_errors(bot)
    return bot


def add_slash_commands(bot: commands.Bot) -> None:
    @bot.tree.command()
    async def divide(interaction: discord.Interaction, by: int) -> None:
        """Divides ten."""
        await interaction.response.send_message(str(10 // by))

    @bot.tree.command()
    async def slow(interaction: discord.Interaction) -> None:
        """Fails after it has asked for time."""
        await interaction.response.defer()
        raise ValueError("too slow")


def add_prefix_commands(bot: commands.Bot) -> None:
    @bot.command()
    async def square(ctx: commands.Context[commands.Bot], number: int) -> None:
        await ctx.send(str(number**2), view=Broken())

    @square.error
    async def on_square_error(ctx: commands.Context[commands.Bot], error: commands.CommandError) -> None:
        if isinstance(error, commands.BadArgument):
            await ctx.send("That is no number.")

    @bot.event
    async def on_command_error(ctx: commands.Context[commands.Bot], error: commands.CommandError) -> None:
        if isinstance(error, commands.CommandNotFound):
            await ctx.send(f"There is no {ctx.invoked_with}.")
        elif isinstance(error, commands.MissingRequiredArgument):
            await ctx.send(f"{error.param.name} is missing.")


def handle_errors(bot: commands.Bot) -> None:
    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        cause = getattr(error, "original", error)
        send = interaction.followup.send if interaction.response.is_done() else interaction.response.send_message
        await send(f"{type(cause).__name__}: {cause}")


async def test_slash_commands(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        user, channel = loopback.user, loopback.channel
        answer = await user.slash(channel, "divide", by=0)
        assert answer.message.content == "ZeroDivisionError: integer division or modulo by zero"
        answer = await user.slash(channel, "slow")
        assert answer.deferred
        assert answer.message.content == "ValueError: too slow"


@pytest.mark.parametrize(
    ("typed", "said"),
    [("!square", "number is missing."), ("!square two", "That is no number."), ("!cube 2", "There is no cube.")],
)
async def test_prefix_commands(loopback: LoopbackDiscord, typed: str, said: str):
    async with loopback.running(make_bot()):
        await loopback.user.send(loopback.channel, typed)
        assert (await loopback.channel.next_message()).content == said


async def test_a_view(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()):
        await loopback.user.send(loopback.channel, "!square 3")
        message = await loopback.channel.next_message()
        answer = await loopback.user.click(message, "Break")
        assert answer.message.content == "The button is broken"


async def test_without_a_handler_the_application_does_not_respond():
    clock = ManualClock()
    async with LoopbackDiscord(clock) as loopback, loopback.running(make_bot(is_careful=False)) as bot:
        await bot.tree.sync()
        answer = await loopback.user.slash(loopback.channel, "divide", by=0, wait=False)
        await loopback.settled()
        await clock.advance(3)
        assert answer.failed == "The application did not respond"


async def test_discord_refuses_a_request(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        loopback.faults.fail_next(1, status=403, path="callback")
        answer = await loopback.user.slash(loopback.channel, "divide", by=2)
        assert answer.message.content.startswith("Forbidden: 403 Forbidden")
