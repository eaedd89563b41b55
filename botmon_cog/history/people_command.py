"""/stats people: who uses the bot most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import discord
from discord import app_commands

from botmon_cog.discord_ui.buttons import row, view_of
from botmon_cog.discord_ui.refusal import refuse
from botmon_cog.discord_ui.responder import Answer, AnyInteraction, Refused, Responder, Scope, SlashCommand
from botmon_cog.domain.periods import DAYS, report_period
from botmon_cog.history.people import read_people
from botmon_cog.history.people_embed import MOST_SHOWN, people

FEATURE = "people"
Span = Literal["today", "7 days", "30 days"]
"""Choices of the `period` option."""

_PERIODS: dict[str, str] = {"today": "today", "7 days": "weekly", "30 days": "monthly"}
_SCOPES = {"here": False, "all": True}
_NOT_YOURS = "Only people who may manage this server, and the bot's owners, can see that."
_OFF = "Who uses the bot most is not shown in this server. Its admins can change that"


def people_command(responder: Responder, name: str) -> SlashCommand:
    async def people(interaction: AnyInteraction, period: Span = "7 days", scope: Scope | None = None) -> None:
        async def draw(guild_id: str | None) -> discord.Embed:
            return await people_embed(responder, interaction, guild_id, period)

        await responder.answer(interaction, scope, draw, lambda guild_id: _buttons(guild_id, period))

    made: SlashCommand = app_commands.Command(name=name, description="Who uses the bot most", callback=people)
    return app_commands.describe(
        period="How far back (7 days)", scope="Whose people (all guilds: the bot's owners only)"
    )(made)


async def people_embed(
    responder: Responder, interaction: AnyInteraction, guild_id: str | None, period: str
) -> discord.Embed:
    """Of one server or, for owners, of all.

    Raises:
        Refused: the server's settings do not allow it.
        StorageError: the database can't be read.
    """
    system = responder.system
    settings = await system.settings.of(guild_id)
    if not await responder.bot.is_owner(interaction.user) and not system.settings.shows_people(settings):
        stats = responder.names().get("stats")
        raise Refused(f"{_OFF}{'.' if stats is None else f' under `/{stats} settings`.'}", "Not shown here")
    await system.catch_up()
    zone = await system.settings.zone(guild_id)
    span = report_period(_PERIODS[period], system.clock.now(), zone)
    found = await read_people(system.store.engine, guild_id, span, MOST_SHOWN)
    kept_days = system.config.retention.raw_days
    is_cut = 0 < kept_days < DAYS[_PERIODS[period]]
    return people(found, await responder.guild_name(guild_id), kept_days if is_cut else None)


class PeopleHandler:
    """Answers the buttons under it. Whether somebody may see that is asked at each press."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder

    async def answer(self, interaction: AnyInteraction, words: Sequence[str]) -> bool:
        """`words`: what the custom id says after `people:`. Returns False where it is none of ours."""
        match [*words]:
            case [period, scope] if period in _PERIODS and scope in _SCOPES:
                await self._show(interaction, period, is_all=_SCOPES[scope])
            case _:
                return False
        return True

    async def _show(self, interaction: AnyInteraction, period: str, *, is_all: bool) -> None:
        message = interaction.message
        if message is not None and message.flags.ephemeral:
            await interaction.response.defer()
        else:  # others see that message, so it stays as it is
            await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = None if is_all or interaction.guild_id is None else str(interaction.guild_id)
        if not await self._responder.may_press(interaction, guild_id):
            await refuse(interaction, _NOT_YOURS)
            return

        async def seen() -> Answer:
            return Answer(await people_embed(self._responder, interaction, guild_id, period))

        answer = await self._responder.attempt(seen)
        await interaction.edit_original_response(embed=answer.embed, view=_buttons(guild_id, period))


def _buttons(guild_id: str | None, period: str) -> discord.ui.View:
    scope = "all" if guild_id is None else "here"
    buttons = row({label.capitalize(): f"{FEATURE}:{label}:{scope}" for label in _PERIODS})
    for button, label in zip(buttons, _PERIODS, strict=True):
        if label == period:
            button.style = discord.ButtonStyle.primary
    return view_of(buttons)
