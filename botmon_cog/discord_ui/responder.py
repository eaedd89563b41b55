"""What all answers have in common: who may see what, deferring before any query, and a sentence when it fails."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, NamedTuple

import discord
from discord import app_commands
from discord.ext import commands

from botmon_cog.charts.drawing import Charts
from botmon_cog.discord_ui.discord_errors import is_too_late
from botmon_cog.discord_ui.parts import short_embed
from botmon_cog.errors import StorageError
from botmon_cog.monitors.observed import current
from botmon_cog.runtime import MonitoringSystem

_log = logging.getLogger(__name__)

Scope = Literal["this guild", "all guilds"]
"""Choices of the `scope` option."""

AnyInteraction = discord.Interaction[Any]
SlashCommand = app_commands.Command[Any, ..., None]
Draw = Callable[[str | None], Awaitable["discord.Embed | Answer"]]
Buttons = Callable[[str | None], discord.ui.View | None]

_HOUR = timedelta(hours=1)
_ADMINS_ONLY = "Only people who may manage this server, and the bot's owners, get an answer."
_MANAGERS_ONLY = "Only people who may manage this server, and the bot's owners, can see and change its settings."
_AWAY = "Your bot runs on; what happens meanwhile is kept and written later. Try again in a minute."
_WRONG = "The bot's log has the details. Nothing else is affected."


class Answer(NamedTuple):
    """What is shown."""

    embed: discord.Embed
    view: discord.ui.View | None = None
    failure: Exception | None = None
    """A fault of ours, in whose place the embed stands."""
    files: Sequence[discord.File] = ()


class Refused(Exception):  # noqa: N818 (an answer, not a failure)
    """The user may not see that; the text says why, and what they can do instead."""

    def __init__(self, words: str, title: str = "For the bot's owners") -> None:
        self.title = title
        super().__init__(words)


def has_role(user: discord.abc.User, role_ids: Collection[int]) -> bool:
    """Whether a member has one of these roles."""
    return isinstance(user, discord.Member) and any(user.get_role(role_id) is not None for role_id in role_ids)


def no_buttons(_: str | None) -> None:
    """For an answer that is only read."""


class Responder:
    """Answers the monitor's commands for one bot.

    Attributes:
        names: what our commands are called, by key; without those that are not available.
        charts: draws them.
    """

    ADMINS = discord.Permissions(manage_guild=True)
    """Who sees the commands unless a server's admins say otherwise."""
    NOBODY = discord.Permissions.none()
    """In a server only its administrators see what is the owners' alone; in DMs with the bot, everybody does."""

    def __init__(self, bot: commands.Bot, system: MonitoringSystem, charts: Charts) -> None:
        self.bot = bot
        self.system = system
        self.names: Callable[[], Mapping[str, str]] = dict
        self.charts = charts

    async def answer(
        self, interaction: AnyInteraction, scope: Scope | None, draw: Draw, buttons: Buttons = no_buttons
    ) -> None:
        """Defer, find out what the user may see, draw it, send it: always so that nobody else sees it.

        `draw` gets the guild's id, or None for all guilds. `buttons` are those for it, where the user may press them.
        """

        async def seen() -> Answer:
            guild_id = await self._guild_id(interaction, scope)
            drawn = await draw(guild_id)
            if isinstance(drawn, Answer):
                return drawn
            return Answer(drawn, buttons(guild_id) if await self.may_press(interaction, guild_id) else None)

        await self._reply(interaction, seen)

    async def answer_owner(
        self, interaction: AnyInteraction, draw: Callable[[], Awaitable[discord.Embed | Answer]]
    ) -> None:
        """The same for what is the owners' alone. Anybody else is told what they can use."""

        async def seen() -> Answer:
            if not await self.bot.is_owner(interaction.user):
                raise Refused(self._what_admins_have(is_private=interaction.guild_id is None))
            drawn = await draw()
            return drawn if isinstance(drawn, Answer) else Answer(drawn)

        await self._reply(interaction, seen)

    async def answer_manager(
        self, interaction: AnyInteraction, scope: Scope | None, draw: Callable[[str | None], Awaitable[Answer]]
    ) -> None:
        """The same for what only who manages the server may see and change; of the bot (None), its owners."""

        async def seen() -> Answer:
            is_here = interaction.guild_id is not None and scope != "all guilds"
            if is_here and not await self.may_change(interaction, str(interaction.guild_id)):
                raise Refused(_MANAGERS_ONLY, "For this server's admins")
            return await draw(await self._guild_id(interaction, scope))

        await self._reply(interaction, seen)

    async def answer_anyone(self, interaction: AnyInteraction, draw: Callable[[], Awaitable[Answer]]) -> None:
        """The same for what anybody may see, since it is about themselves."""
        await self._reply(interaction, draw)

    async def _reply(self, interaction: AnyInteraction, seen: Callable[[], Awaitable[Answer]]) -> None:
        try:
            await interaction.response.defer(ephemeral=True, thinking=True)
            answer = await self.attempt(seen)
            await interaction.edit_original_response(embed=answer.embed, view=answer.view, attachments=answer.files)
        except discord.HTTPException as error:
            if not is_too_late(error):
                raise
            _log.debug("a command was not answered: %s", error)  # its row says `late`
            return
        if answer.failure is not None:
            raise answer.failure  # it is a command like any other: its row says `error`

    async def attempt(self, seen: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer, or a sentence in its place."""
        try:
            return await seen()
        except Refused as refusal:
            if (observed := current.get()) is not None:
                observed.is_refused = True  # its row says `denied`
            return Answer(short_embed(refusal.title, str(refusal)))
        except StorageError as error:
            self.system.failures.note("answering in Discord", error)
            return Answer(short_embed("The database does not answer", _AWAY))
        except Exception as error:  # noqa: BLE001 (the edge: an answer must come)
            self.system.failures.note("answering in Discord", error)
            return Answer(short_embed("That went wrong", _WRONG), failure=error)

    async def may_press(self, interaction: AnyInteraction, guild_id: str | None) -> bool:
        """Whether a button may show this user that guild, or all guilds (None): asked again at each press.

        A command's permissions are the server's to set; of a button, Discord knows none.
        """
        if await self.may_change(interaction, guild_id):
            return True
        is_here = guild_id is not None and guild_id == str(interaction.guild_id)
        return is_here and has_role(interaction.user, await self.chosen_roles(guild_id))

    async def may_change(self, interaction: AnyInteraction, guild_id: str | None) -> bool:
        """Whether this user may set what holds for that guild, or for the bot (None)."""
        is_here = guild_id is not None and guild_id == str(interaction.guild_id)
        if is_here and interaction.permissions.manage_guild:
            return True
        return (is_here or guild_id is None) and await self.bot.is_owner(interaction.user)

    async def chosen_roles(self, guild_id: str | None) -> tuple[int, ...]:
        """The roles in a guild whose members may ask, besides those who manage it: as its settings say.

        Raises:
            StorageError: the database can't be read.
        """
        return () if guild_id is None else (await self.system.settings.of(guild_id)).role_ids

    async def may_ask(self, interaction: AnyInteraction) -> bool:
        """Whether this user may use a command of the admins' in this guild, or as an owner.

        Where roles were chosen in `/stats settings`, their members may, and nobody else but the admins. Where none
        were: who lacks the permission to manage the server, and yet could use a command that requires it, was allowed
        to by the server's admins, in its settings under Integrations. That holds only while the command requires it.

        Raises:
            StorageError: it depends on a role, and the database can't be read.
        """
        if interaction.guild_id is None or interaction.permissions.manage_guild:
            return interaction.guild_id is not None or await self.bot.is_owner(interaction.user)
        if await self.bot.is_owner(interaction.user):
            return True
        roles = await self.chosen_roles(str(interaction.guild_id))
        if roles:
            return has_role(interaction.user, roles)
        command = interaction.command
        if not isinstance(command, app_commands.Command):
            return False
        root = command.root_parent or command
        return root.default_permissions is not None and root.default_permissions >= self.ADMINS

    async def _guild_id(self, interaction: AnyInteraction, scope: Scope | None) -> str | None:
        is_private = interaction.guild_id is None
        if not is_private and scope != "all guilds":
            if not await self.may_ask(interaction):
                raise Refused(_ADMINS_ONLY, "For this server's admins")
            return str(interaction.guild_id)
        if await self.bot.is_owner(interaction.user):
            return None
        if is_private:
            raise Refused("Here only the bot's owners get an answer. Ask in your server instead.")
        raise Refused("Only the bot's owners may look at all servers. Leave `scope` out to see this one.")

    def _what_admins_have(self, *, is_private: bool) -> str:
        names = self.names()
        uses = {
            "health": ("", "how the bot is doing"),
            "stats": (" weekly", "what happened in the last seven days"),
            "perf": ("", "how quickly its commands answer"),
        }
        lines = [f"`/{names[key]}{rest}` {use}" for key, (rest, use) in uses.items() if key in names]
        words = "This command shows what concerns all servers, so only the bot's owners get an answer."
        if self.system.config.alerts.enabled:
            words += " They get a message when something breaks."
        if not lines:
            return words
        where = "In a server that you manage, you can use:" if is_private else "In this server you can use:"
        return "\n".join([words, "", where, *lines])

    async def guild_name(self, guild_id: str | None) -> str | None:
        """A guild's name as Discord or, for one that the bot has left, as the audit log knows it."""
        if guild_id is None:
            return None
        guild = self.bot.get_guild(int(guild_id))
        return guild.name if guild is not None else await self.system.store.reports.guild_name(guild_id)

    async def last_hour(self, guild_id: str | None) -> tuple[int, int]:
        """(commands, the bot's faults) of the last 60 minutes."""
        await self.system.recorder.settle()
        minutes = await self.system.store.log.outcomes_by_minute(self.system.clock.now() - _HOUR, guild_id)
        return sum(n for _, n, _ in minutes), sum(faults for _, _, faults in minutes)
