"""What users do to messages and buttons, their names, and guilds that come and go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord
from botmon_cog.testing.custom_emojis import CustomEmoji

CUSTOM = "<:blob:80351110224678912>"
ANIMATED = "<a:dance:80351110224678913>"


class Noting(commands.Bot):
    """Notes the events by name, each with what was handed over."""

    def __init__(self) -> None:
        super().__init__("!", intents=discord.Intents.all(), help_command=None)
        self.events: list[tuple[Any, ...]] = []
        for name in (
            "message_edit",
            "message_delete",
            "reaction_add",
            "reaction_remove",
            "guild_available",
            "guild_unavailable",
            "guild_join",
            "guild_remove",
        ):
            self._note(name)

    def _note(self, name: str) -> None:
        async def note(*given: Any) -> None:
            self.events.append((name, *given))

        self.add_listener(note, f"on_{name}")

    def take(self) -> list[tuple[Any, ...]]:
        events, self.events = self.events, []
        return events

    async def on_message(self, message: discord.Message) -> None:
        """Only listens; commands are not run."""


@asynccontextmanager
async def noting(loopback: LoopbackDiscord) -> AsyncIterator[Noting]:
    """A bot that is connected and has noted nothing yet."""
    async with loopback.running(Noting()) as bot:
        await loopback.settled()
        bot.take()
        yield bot


async def test_users_edit_and_delete_their_messages():
    async with LoopbackDiscord() as loopback, noting(loopback) as bot:
        message = await loopback.user.send(loopback.channel, "before")
        await loopback.settled()
        await loopback.user.edit(message, f"after {loopback.bot_user.mention}")
        await loopback.settled()
        ((name, before, after),) = bot.take()
        assert (name, before.content, after.content) == ("message_edit", "before", f"after {loopback.bot_user.mention}")
        assert after.edited_at is not None
        assert bot.user in after.mentions
        assert message.edited
        await loopback.user.delete(message)
        await loopback.settled()
        ((name, deleted),) = bot.take()
        assert (name, deleted.id) == ("message_delete", message.id)
        assert loopback.channel.messages == []
        with pytest.raises(LookupError, match="the message was deleted"):
            await loopback.user.edit(message, "again")


async def test_messages_of_others_can_only_be_deleted_by_moderators():
    async with LoopbackDiscord() as loopback, noting(loopback):
        message = await loopback.owner.send(loopback.channel, "mine")
        with pytest.raises(PermissionError, match="user may not edit"):
            await loopback.user.edit(message, "yours")
        with pytest.raises(PermissionError, match="user may not delete"):
            await loopback.user.delete(message)
        loopback.user.set_permissions(loopback.channel, discord.Permissions(view_channel=True, manage_messages=True))
        await loopback.user.delete(message)
        assert message.deleted
        private = await loopback.user.send(loopback.user.dm_channel, "hello")
        with pytest.raises(LookupError, match="admin is not in direct messages of user"):
            await loopback.admin.delete(private)


@pytest.mark.parametrize("emoji", ["👍", CUSTOM, ANIMATED])
async def test_a_reaction_is_taken_back(emoji: str):
    async with LoopbackDiscord() as loopback, noting(loopback) as bot:
        message = await loopback.user.send(loopback.channel, "hi")
        await loopback.user.react(message, emoji)
        await loopback.user.react(message, emoji)  # clicking twice in the client would take it back, so this is one
        await loopback.admin.react(message, emoji)
        await loopback.settled()
        events = bot.take()
        assert [(name, user.id) for name, _, user in events] == [
            ("reaction_add", loopback.user.id),
            ("reaction_add", loopback.admin.id),
        ]
        assert [str(reaction.emoji) for _, reaction, _ in events] == [emoji, emoji]
        await loopback.user.take_back_reaction(message, emoji)
        await loopback.settled()
        ((name, reaction, user),) = bot.take()
        assert (name, str(reaction.emoji), reaction.count, user.id) == ("reaction_remove", emoji, 1, loopback.user.id)
        assert message.body["reactions"][0]["count"] == 1
        with pytest.raises(LookupError, match="user has not reacted"):
            await loopback.user.take_back_reaction(message, emoji)


async def test_reactions_need_permissions_and_room():
    async with LoopbackDiscord() as loopback:
        message = await loopback.user.send(loopback.channel, "hi")
        loopback.user.set_permissions(loopback.channel, discord.Permissions(view_channel=True))
        with pytest.raises(PermissionError, match="user may not add reactions in general"):
            await loopback.user.react(message, "👍")
        await loopback.admin.react(message, "👍")
        await loopback.user.react(message, "👍")  # one that is there already may be joined
        for n in range(19):
            await loopback.admin.react(message, chr(ord("🍀") + n))
        with pytest.raises(ValueError, match="20 different reactions"):
            await loopback.admin.react(message, "👎")


class Buttons(discord.ui.View):
    """One of each sort; each answers with its own name."""

    def __init__(self) -> None:
        super().__init__()
        for name, label, emoji in (
            ("unicode", None, "👍"),
            ("custom", None, CUSTOM),
            ("animated", None, ANIMATED),
            ("both", "Vote", "✅"),
        ):
            self._add(name, label, emoji)

    def _add(self, name: str, label: str | None, emoji: str) -> None:
        button: discord.ui.Button = discord.ui.Button(label=label, emoji=emoji)

        async def callback(interaction: discord.Interaction) -> None:
            await interaction.response.send_message(name)

        button.callback = callback
        self.add_item(button)


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("👍", "unicode"),
        (CUSTOM, "custom"),
        ("blob", "custom"),
        ("80351110224678912", "custom"),
        (ANIMATED, "animated"),
        ("dance", "animated"),
        ("Vote", "both"),
        ("✅", "both"),
    ],
)
async def test_a_button_is_pressed_by_its_emoji(named: str, expected: str):
    bot = commands.Bot("!", intents=discord.Intents.all())
    async with LoopbackDiscord() as loopback:
        _know_emojis(loopback)
        async with loopback.running(bot):
            await bot.get_channel(loopback.channel.id).send("vote", view=Buttons())
            message = await loopback.channel.next_message()
            assert (await loopback.user.click(message, named)).message.content == expected
            with pytest.raises(LookupError, match=r"the message has no button '👎'; it has .*'👍'"):
                await loopback.user.click(message, "👎")


def _know_emojis(loopback: LoopbackDiscord) -> None:
    """Let the guild have the two custom emojis."""
    for emoji_id, name in ((80351110224678912, "blob"), (80351110224678913, "dance")):
        emoji = CustomEmoji(emoji_id, name, b"", loopback.owner, loopback.guild, animated=name == "dance")
        loopback.world.custom_emojis[emoji_id] = emoji


async def test_a_new_guild_has_a_channel():
    async with LoopbackDiscord() as loopback, noting(loopback) as bot:
        assert loopback.guild.channel is loopback.channel
        guild = loopback.add_guild("Second")
        await loopback.settled()
        assert [channel.name for channel in bot.get_guild(guild.id).text_channels] == ["general"]
        await guild.owner.send(guild.channel, "first!")
        await bot.get_channel(guild.channel.id).send("welcome")
        assert (await guild.channel.next_message()).content == "welcome"


async def _nothing(interaction: discord.Interaction) -> None:
    """A command that is never reached."""


async def test_a_guild_goes_away_in_an_outage_and_comes_back():
    async with LoopbackDiscord() as loopback, noting(loopback) as bot:
        bot.tree.add_command(discord.app_commands.Command(name="x", description="x", callback=_nothing))
        await bot.tree.sync()
        loopback.guild.begin_outage()
        await loopback.settled()
        assert [(name, guild.id) for name, guild in bot.take()] == [("guild_unavailable", loopback.guild.id)]
        assert bot.get_guild(loopback.guild.id).unavailable
        for act in (
            loopback.user.send(loopback.channel, "hello?"),
            loopback.user.slash(loopback.channel, "x"),
        ):
            with pytest.raises(LookupError, match="Loopback Guild is in an outage"):
                await act
        loopback.guild.add_role("made meanwhile")
        loopback.guild.end_outage()
        await loopback.settled()
        ((name, guild),) = bot.take()
        assert (name, guild.id, guild.unavailable) == ("guild_available", loopback.guild.id, False)
        assert "made meanwhile" in [role.name for role in guild.roles]
        with pytest.raises(LookupError, match="Loopback Guild is in no outage"):
            loopback.guild.end_outage()


async def test_a_bot_that_connects_in_an_outage_gets_the_guild_later():
    async with LoopbackDiscord() as loopback:
        loopback.guild.begin_outage()
        async with noting(loopback) as bot:
            assert [guild.unavailable for guild in bot.guilds] == [True]
            loopback.guild.end_outage()
            await loopback.settled()
            assert [name for name, _ in bot.take()] == ["guild_available"]
            assert [guild.name for guild in bot.guilds] == ["Loopback Guild"]


async def test_a_bot_is_thrown_out_and_invited_again():
    async with LoopbackDiscord() as loopback, noting(loopback) as bot:
        loopback.guild.remove_bot()
        await loopback.settled()
        assert [name for name, _ in bot.take()] == ["guild_remove"]
        assert not bot.guilds
        loopback.guild.add_bot()
        await loopback.settled()
        ((name, guild),) = bot.take()
        assert (name, guild.id) == ("guild_join", loopback.guild.id)
        assert guild.me.guild_permissions.manage_messages
        with pytest.raises(LookupError, match="the bot is in Loopback Guild already"):
            loopback.guild.add_bot()


async def test_user_names_are_in_lower_case_and_unique():
    async with LoopbackDiscord(name="Robot") as loopback, noting(loopback) as bot:
        for user, name, display_name in (
            (loopback.owner, "owner", "Owner"),
            (loopback.add_user("Zoë O'Neil", guilds=[loopback.guild]), "zoe_o_neil", "Zoë O'Neil"),
            (loopback.add_user("User", guilds=[loopback.guild]), "user2", "User"),
            (loopback.add_user("王", guilds=[loopback.guild]), "__", "王"),
        ):
            await loopback.settled()
            member = bot.get_guild(loopback.guild.id).get_member(user.id)
            assert (user.name, user.global_name, user.display_name) == (name, display_name, display_name)
            assert (member.name, member.global_name, member.display_name) == (name, display_name, display_name)
            assert str(member) == name
        assert (bot.user.name, bot.user.global_name) == (loopback.bot_user.name, None) == ("Robot", None)
        assert len(bot.user.discriminator) == 4
