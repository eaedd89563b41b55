"""!health, !stats and !perf, for bots that have prefix commands only: `[commands] prefix = true`.

Everybody in a channel sees the answer. So it holds no more than an admin of that server may see, and the owners'
details only in direct messages; to anybody else there is no answer at all, because many bots share one prefix.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import discord
from discord.ext import commands

from botmon_cog.cog import embeds
from botmon_cog.cog.commands import missing
from botmon_cog.cog.commands.health import health_embed
from botmon_cog.cog.commands.perf import DEFAULT_PERIOD, performance_embed
from botmon_cog.cog.commands.stats import DESCRIPTIONS, statistics_embed
from botmon_cog.cog.commands.wrapping import Method, wrap_method
from botmon_cog.config import CommandsConfig
from botmon_cog.discord_ui.responder import Answer, Responder, has_role
from botmon_cog.errors import StorageError

_log = logging.getLogger(__name__)

AnyContext = commands.Context[Any]
PrefixCommand = commands.Command[Any, ..., Any]
Draw = Callable[[str | None], Awaitable[discord.Embed]]
Period = Literal["today", "weekly", "monthly"]

_NO_EMBEDS = "I may not embed links in this channel, so I can't show that here."


class PrefixCommands:
    """Our prefix commands in one bot. A name or an alias that the host has, or takes later, is the host's."""

    def __init__(self, bot: commands.Bot, responder: Responder, config: CommandsConfig) -> None:
        self._bot = bot
        self._responder = responder
        makers = {"health": self._health, "stats": self._stats, "perf": self._perf}
        self._ours = {key: make(name) for key, make in makers.items() if (name := getattr(config, key))}
        self._taken: list[str] = []
        self._is_attached = False
        self._undo: Callable[[], None] | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """Sentences for the owners, as `Commands.missing`."""
        return tuple(self._sentence(key) for key in self._taken)

    def attach(self) -> None:
        for key, command in self._ours.items():
            try:
                self._bot.add_command(command)
            except commands.CommandRegistrationError:
                self._taken.append(key)
        self._is_attached = True
        self._undo = wrap_method(self._bot, "add_command", self._around_add)

    def detach(self) -> None:
        """Take them out of the bot. May be called twice, or without `attach`."""
        self._is_attached = False
        if self._undo is not None:
            self._undo()
            self._undo = None
        for command in self._ours.values():
            self._remove(command)

    def _around_add(self, add: Method) -> Method:
        """Add the host's command, with ours out of its way."""

        def add_command(command: PrefixCommand, /) -> Any:
            if self._is_attached:
                names = {command.name, *command.aliases}
                for key, ours in self._ours.items():
                    if ours is not command and ours.name in names and self._remove(ours):
                        self._taken.append(key)
                        _log.warning("%s", self._sentence(key))
            return add(command)

        return add_command

    def _sentence(self, key: str) -> str:
        return missing.name_taken(key, f"prefix command {self._ours[key].name}")

    def _remove(self, command: PrefixCommand) -> bool:
        if self._bot.get_command(command.name) is not command:
            return False
        self._bot.remove_command(command.name)
        return True

    # -- the commands --------------------------------------------------------------------------------------------------

    def _health(self, name: str) -> PrefixCommand:
        async def health(context: AnyContext) -> None:
            is_discreet = context.guild is not None
            await self._answer(
                context, lambda guild_id: health_embed(self._responder, guild_id, is_owner=not is_discreet)
            )

        return self._make(health, name, "Is the bot well? And if not, why?")

    def _stats(self, name: str) -> PrefixCommand:
        async def stats(context: AnyContext, period: Period = "weekly") -> None:
            await self._answer(context, lambda guild_id: statistics_embed(self._responder, guild_id, period))

        return self._make(stats, name, f"What happened here: {', '.join(DESCRIPTIONS)}")

    def _perf(self, name: str) -> PrefixCommand:
        async def perf(context: AnyContext, *, command: str | None = None) -> None:
            await self._answer(
                context, lambda guild_id: performance_embed(self._responder, guild_id, DEFAULT_PERIOD, command)
            )

        return self._make(perf, name, "How quick is the bot, and what slows it down?")

    def _make(self, callback: Callable[..., Any], name: str, help_: str) -> PrefixCommand:
        command: PrefixCommand = commands.Command(callback, name=name, help=help_, checks=[self._may_ask])
        command.error(_explain)
        return command

    async def _may_ask(self, context: AnyContext) -> bool:
        """Who may ask in a server, an owner everywhere. A check, so that a help command shows them to nobody else."""
        if context.guild is not None and context.permissions.manage_guild:
            return True
        if await self._responder.bot.is_owner(context.author):
            return True
        if context.guild is None:
            return False
        try:
            return has_role(context.author, await self._responder.chosen_roles(str(context.guild.id)))
        except StorageError as error:
            self._responder.system.failures.note("finding out who may ask", error)
            return False

    async def _answer(self, context: AnyContext, draw: Draw) -> None:
        async def seen() -> Answer:
            return Answer(await draw(None if context.guild is None else str(context.guild.id)))

        answer = await self._responder.attempt(seen)
        reference = context.message.to_reference(fail_if_not_exists=False)
        if context.bot_permissions.embed_links:
            await context.send(embed=answer.embed, reference=reference, mention_author=False)
        else:
            await context.send(_NO_EMBEDS, reference=reference, mention_author=False)
        if answer.failure is not None:
            raise answer.failure  # it is a command like any other: its row says `error`


async def _explain(context: AnyContext, error: commands.CommandError) -> None:
    """Keep what is ours out of the host's log: a refusal stays silent, and a failure is in our own."""
    if isinstance(error, commands.UserInputError):
        tries = (f"`{context.prefix}{context.invoked_with} {period}`" for period in DESCRIPTIONS)
        await context.send(embed=embeds.short_embed("Not understood", "\n".join(["Try one of these:", *tries])))
