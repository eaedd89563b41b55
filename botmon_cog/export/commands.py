"""/stats export, and the button of that name under /stats."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Literal

import discord
from discord import app_commands

from botmon_cog.discord_ui.buttons import ComponentHandler, row
from botmon_cog.discord_ui.parts import short_embed, span
from botmon_cog.discord_ui.refusal import refuse
from botmon_cog.discord_ui.responder import Answer, AnyInteraction, Responder, Scope, SlashCommand
from botmon_cog.domain import text
from botmon_cog.domain.periods import DAYS
from botmon_cog.export.attachment import Attachment, commands_of, single_rows_of

FEATURE = "export"
"""The first word of the custom ids."""

What = Literal["commands", "single rows"]
PeriodName = Literal["today", "weekly", "monthly"]
_NOT_YOURS = "Only people who may ask for this server's numbers, and the bot's owners, can export them."


def export_command(responder: Responder, name: str) -> SlashCommand:
    async def export(
        interaction: AnyInteraction, what: What = "commands", period: PeriodName = "weekly", scope: Scope | None = None
    ) -> None:
        async def draw(guild_id: str | None) -> Answer:
            is_owner = await responder.bot.is_owner(interaction.user)
            return await _answer(responder, guild_id, what, period, is_owner=is_owner)

        await responder.answer(interaction, scope, draw)

    command: SlashCommand = app_commands.Command(
        name=name, description="These numbers as a file for a spreadsheet", callback=export
    )
    return app_commands.describe(
        what="Sums for each command, or every single use with time and person (sums)",
        period="Which days (the last seven)",
        scope="Whose numbers (all guilds: the bot's owners only)",
    )(command)


def export_button(period: str, guild_id: str | None) -> list[discord.ui.Button[discord.ui.View]]:
    """For a report of that period; None: of all servers."""
    return row({"Export": f"{FEATURE}:{period}:{'all' if guild_id is None else 'here'}"})


def export_handler(responder: Responder) -> ComponentHandler:
    """Answers that button, for whoever may see that report now."""

    async def answer(interaction: AnyInteraction, words: Sequence[str]) -> bool:
        match [*words]:
            case [period, "here" | "all" as scope] if period in DAYS:
                await interaction.response.defer(ephemeral=True, thinking=True)
            case _:
                return False
        guild_id = None if scope == "all" else str(interaction.guild_id)
        if not await responder.may_press(interaction, guild_id):
            await refuse(interaction, _NOT_YOURS)
            return True
        is_owner = await responder.bot.is_owner(interaction.user)
        drawn = await responder.attempt(lambda: _answer(responder, guild_id, "commands", period, is_owner=is_owner))
        await interaction.edit_original_response(embed=drawn.embed, attachments=drawn.files)
        return True

    return answer


async def _answer(responder: Responder, guild_id: str | None, what: What, period: str, *, is_owner: bool) -> Answer:
    if what == "commands":
        made = await commands_of(responder.system, guild_id, period)
    else:
        made = await single_rows_of(responder.system, guild_id, period, is_owner=is_owner)
    if not made.n:
        return Answer(short_embed("Nothing to export", f"No command was used: {span(made.period)}."))
    return Answer(_embed(made, what), files=(discord.File(io.BytesIO(made.data), made.name),))


def _embed(made: Attachment, what: What) -> discord.Embed:
    n = text.count(made.n)
    words = (
        f"**{n}** {text.plural(made.n, 'command', 'commands')}, with the period before"
        if what == "commands"
        else f"**{n}** {text.plural(made.n, 'use', 'uses')}, the newest first"
    )
    lines = [f"{words}\n{span(made.period)} · {text.bytes_(len(made.data))}"]
    if not made.is_complete:
        lines.append("-# All would be too large for Discord: the oldest are left out. Ask for fewer days to have them.")
    return short_embed("Export", "\n".join(lines))
