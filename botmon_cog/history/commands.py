"""/stats history: who used what, when, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import discord
from discord import app_commands

from botmon_cog.discord_ui.parts import short_embed
from botmon_cog.discord_ui.refusal import refuse
from botmon_cog.discord_ui.responder import Answer, AnyInteraction, Responder, Scope, SlashCommand
from botmon_cog.domain import text
from botmon_cog.domain.past import past_moment
from botmon_cog.errors import StorageError
from botmon_cog.history import embeds
from botmon_cog.history.outcome_choices import CHOICES
from botmon_cog.history.pages import Pages
from botmon_cog.history.state import StaleStateError, State, decode
from botmon_cog.history.values import Asked
from botmon_cog.history.views import history_view
from botmon_cog.monitors.performance_context import suggestions

_MOST_CHOICES = 25
_LONGEST_CHOICE = 100
_FIRST_DAY = datetime(2015, 1, 1, tzinfo=UTC)
"""There was no Discord before."""
_SPANS = ("1 h", "24 h", "7 d", "30 d")
_NOT_YOURS = "Only people who may manage this server, and the bot's owners, can see that."
_NO_MOMENT = "{} can't be read as a time in the past. Try `2 h`, `3 d`, `yesterday`, `14:30` or `2026-11-20`."
_STALE = "This list is of another version of the bot's monitor, or of another database. Run the command again."


def history_command(responder: Responder, name: str) -> SlashCommand:
    async def history(
        interaction: AnyInteraction,
        command: str | None = None,
        outcome: str | None = None,
        user: discord.User | None = None,
        since: str | None = None,
        scope: Scope | None = None,
    ) -> None:
        view: discord.ui.View | None = None

        async def draw(guild_id: str | None) -> discord.Embed:
            nonlocal view
            from_ = None if since is None else await _moment(responder, guild_id, since)
            if since is not None and from_ is None:
                return short_embed("Since when?", _NO_MOMENT.format(text.inline_code(since, 60)))
            asked = Asked(
                guild_id=guild_id,
                command=None if command is None else await _as_known(responder, guild_id, command),
                outcome=outcome,
                user_id=None if user is None else str(user.id),
                since=from_,
            )
            answer = await history_answer(responder, interaction, State(asked=asked))
            view = answer.view
            return answer.embed

        await responder.answer(interaction, scope, draw, lambda _: view)

    made: SlashCommand = app_commands.Command(
        name=name, description="Who used what, when, and how it ended", callback=history
    )
    app_commands.describe(
        command="One command or button instead of all",
        outcome="How it ended",
        user="Who used it",
        since="How far back: 2 h, 3 d, yesterday, 2026-11-20",
        scope="Whose history (all guilds: the bot's owners only)",
    )(made)
    app_commands.choices(outcome=[app_commands.Choice(name=embeds.in_words(key), value=key) for key in CHOICES])(made)
    made.autocomplete("command")(_complete_command(responder))
    made.autocomplete("since")(_complete_since(responder))
    return made


async def history_answer(responder: Responder, interaction: AnyInteraction, state: State) -> Answer:
    """A page for who asks for it, who may.

    Raises:
        StorageError: the database can't be read.
    """
    system, asked = responder.system, state.asked
    await system.catch_up()
    pages = Pages(system.store.engine)
    page = await pages.page(asked, state.cursor)
    known = await pages.names(asked.guild_id) if asked.command is not None and not page.entries else []
    is_unknown = asked.command is not None and not page.entries and asked.command not in known
    reader = embeds.Reader(
        zone=await system.settings.zone(asked.guild_id),
        is_owner=await responder.bot.is_owner(interaction.user),
        has_alerts=system.config.alerts.enabled,
        guild_name=await responder.guild_name(asked.guild_id),
        kept_days=system.config.retention.raw_days,
        suggestions=suggestions(asked.command, known) if is_unknown and asked.command is not None else (),
    )
    embed = embeds.history(page, asked, reader, system.clock.now())
    return Answer(embed, None if is_unknown else await history_view(system.store.engine, asked, page))


class HistoryHandler:
    """Answers the buttons under the history. Whether somebody may see that server is asked at each press."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder

    async def answer(self, interaction: AnyInteraction, words: Sequence[str]) -> bool:
        """`words`: what the custom id says after `history:`. Returns False where it is none of ours."""
        match [*words]:
            case ["n" | "o" | "r", text]:
                await self._turn(interaction, text)
            case _:
                return False
        return True

    async def _turn(self, interaction: AnyInteraction, encoded: str) -> None:
        await _defer(interaction)
        guild_id = None if interaction.guild_id is None else str(interaction.guild_id)
        try:
            state = await decode(self._responder.system.store.engine, encoded, guild_id)
        except StaleStateError:
            await refuse(interaction, _STALE)
            return
        if not await self._responder.may_press(interaction, state.asked.guild_id):
            await refuse(interaction, _NOT_YOURS)
            return

        async def seen() -> Answer:
            return await history_answer(self._responder, interaction, state)

        answer = await self._responder.attempt(seen)
        if answer.view is None:  # a sentence in its place: what is there stays, so that it can be tried again
            await interaction.followup.send(embed=answer.embed, ephemeral=True)
        else:
            await interaction.edit_original_response(embed=answer.embed, view=answer.view)


async def _defer(interaction: AnyInteraction) -> None:
    """What only one person sees is changed in its place; what others see stays, with an answer for one beside it."""
    message = interaction.message
    if message is not None and message.flags.ephemeral:
        await interaction.response.defer()
    else:
        await interaction.response.defer(ephemeral=True, thinking=True)


# -- what was typed ----------------------------------------------------------------------------------------------------


async def _as_known(responder: Responder, guild_id: str | None, typed: str) -> str:
    """The name as it is on record, whatever capitals and whether or not a slash was typed."""
    wanted = " ".join(typed.strip().lstrip("/").split())
    known = await Pages(responder.system.store.engine).names(guild_id)
    return wanted if wanted in known else {name.casefold(): name for name in known}.get(wanted.casefold(), wanted)


async def _moment(responder: Responder, guild_id: str | None, typed: str) -> datetime | None:
    """None if it is no time in the past that can be read."""
    found = past_moment(typed, responder.system.clock.now(), await responder.system.settings.zone(guild_id))
    return None if found is None else max(found, _FIRST_DAY)


def _complete_command(responder: Responder) -> Any:
    async def complete(interaction: AnyInteraction, current: str) -> list[app_commands.Choice[str]]:
        """Those on record in the scope that is chosen, the most used first; none for those who get no answer."""
        guild_id = await _guild_to_complete(responder, interaction)
        if guild_id == "":
            return []
        try:
            known = await Pages(responder.system.store.engine).names(guild_id)
        except StorageError as error:
            responder.system.failures.note("completing a command's name", error)
            return []
        wanted = current.lower().strip().lstrip("/")
        fitting = [name for name in known if wanted in name.lower() and len(name) <= _LONGEST_CHOICE]
        fitting.sort(key=lambda name: not name.lower().startswith(wanted))
        return [app_commands.Choice(name=name, value=name) for name in fitting[:_MOST_CHOICES]]

    return complete


def _complete_since(responder: Responder) -> Any:
    async def complete(interaction: AnyInteraction, current: str) -> list[app_commands.Choice[str]]:
        """What was typed, with how it is understood; or some that are understood."""
        guild_id = await _guild_to_complete(responder, interaction)
        if guild_id == "":
            return []
        try:
            zone = await responder.system.settings.zone(guild_id)
        except StorageError as error:
            responder.system.failures.note("completing a time", error)
            return []
        now = responder.system.clock.now()
        typed = [current] if current.strip() else [*_SPANS, "today", "yesterday"]
        read = {words: past_moment(words, now, zone) for words in typed if len(words) <= _LONGEST_CHOICE // 2}
        return [
            app_commands.Choice(name=f"{words} · since {embeds.when(moment, zone, now)}", value=words)
            for words, moment in read.items()
            if moment is not None
        ]

    return complete


async def _guild_to_complete(responder: Responder, interaction: AnyInteraction) -> str | None:
    """Whose names may be told: a server's id, None for all of them, empty for nobody's."""
    is_private = interaction.guild_id is None
    if is_private or interaction.namespace.scope == "all guilds":
        return None if await responder.bot.is_owner(interaction.user) else ""
    return str(interaction.guild_id) if await responder.may_ask(interaction) else ""
