"""Slash commands with options of every type, choices and ranges."""

from __future__ import annotations

from enum import Enum
from typing import Literal

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord, Upload


class Unit(Enum):
    celsius = "C"
    fahrenheit = "F"


def make_bot() -> commands.Bot:
    bot = commands.Bot("!", intents=discord.Intents.default())

    @bot.tree.command()
    async def show(
        interaction: discord.Interaction,
        text: str | None = None,
        whole: app_commands.Range[int, 1, 10] | None = None,
        fraction: float | None = None,
        flag: bool | None = None,
        user: discord.User | None = None,
        member: discord.Member | None = None,
        channel: discord.TextChannel | None = None,
        anywhere: discord.TextChannel | discord.VoiceChannel | None = None,
        role: discord.Role | None = None,
        mentionable: discord.Member | discord.Role | None = None,
        size: Literal["small", "large"] | None = None,
        unit: Unit | None = None,
    ) -> None:
        """Shows what was given."""
        given = (text, whole, fraction, flag, user, member, channel, anywhere, role, mentionable, size, unit)
        shown = [f"{type(value).__name__} {value}" for value in given if value is not None]
        await interaction.response.send_message(", ".join(shown) or "nothing")

    @bot.tree.command()
    async def upload(interaction: discord.Interaction, file: discord.Attachment) -> None:
        """Reads a file."""
        content = await file.read()
        await interaction.response.send_message(f"{file.filename}: {content.decode()} ({file.content_type})")

    @bot.tree.command()
    @app_commands.choices(fruit=[app_commands.Choice(name="Red apple", value=1)])
    @app_commands.rename(fruit="what")
    async def buy(
        interaction: discord.Interaction, fruit: app_commands.Choice[int], name: app_commands.Range[str, 2, 5]
    ):
        """Buys fruit."""
        await interaction.response.send_message(f"{name} buys {fruit.name} ({fruit.value})")

    return bot


async def test_a_value_of_every_type_arrives(loopback: LoopbackDiscord):
    role = loopback.guild.add_role("Artists")
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        user, channel, lounge = loopback.user, loopback.channel, loopback.voice_channel
        for option, value, shown in (
            ("text", "hello there", "str hello there"),
            ("whole", 7, "int 7"),
            ("fraction", 2.5, "float 2.5"),
            ("flag", False, "bool False"),
            ("user", loopback.admin, "Member admin"),
            ("member", loopback.admin, "Member admin"),
            ("channel", channel, "TextChannel general"),
            ("anywhere", lounge, "VoiceChannel Lounge"),
            ("role", role, "Role Artists"),
            ("mentionable", role, "Role Artists"),
            ("mentionable", loopback.owner, "Member owner"),
            ("size", "large", "str large"),
            ("unit", "fahrenheit", "Unit Unit.fahrenheit"),
        ):
            answer = await user.slash(channel, "show", **{option: value})
            assert answer.message.content == shown
        answer = await user.slash(channel, "show", text="a", whole=1, member=loopback.bot_user)
        assert answer.message.content == "str a, int 1, Member Loopback#" + bot.user.discriminator
        assert (await user.slash(channel, "show")).message.content == "nothing"


async def test_files_choices_and_renamed_options(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        answer = await loopback.user.slash(loopback.channel, "upload", file=Upload("notes.txt", b"buy milk"))
        assert answer.message.content == "notes.txt: buy milk (text/plain)"
        answer = await loopback.user.slash(loopback.channel, "buy", what="Red apple", name="Ada")
        assert answer.message.content == "Ada buys Red apple (1)"


async def test_what_the_client_would_not_send(loopback: LoopbackDiscord):
    async with loopback.running(make_bot()) as bot:
        await bot.tree.sync()
        user, channel = loopback.user, loopback.channel
        with pytest.raises(ValueError, match="1 to 10"):
            await user.slash(channel, "show", whole=11)
        with pytest.raises(ValueError, match="2 to 5 characters"):
            await user.slash(channel, "buy", what=1, name="a")
        with pytest.raises(ValueError, match="'small', 'large'"):
            await user.slash(channel, "show", size="huge")
        with pytest.raises(ValueError, match="channels of the types"):
            await user.slash(channel, "show", channel=loopback.voice_channel)
        with pytest.raises(TypeError, match="a role"):
            await user.slash(channel, "show", role=user)
        with pytest.raises(ValueError, match="needs a value for file"):
            await user.slash(channel, "upload")
