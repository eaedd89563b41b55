"""/stats settings: of a server, for those who manage it; of the bot, for its owners."""

from __future__ import annotations

import asyncio

from discord import app_commands

from botmon_cog.discord_ui.responder import Answer, AnyInteraction, Responder, Scope, SlashCommand
from botmon_cog.domain import text
from botmon_cog.settings import zones
from botmon_cog.settings.page import read_page, settings_embed
from botmon_cog.settings.views import main_view

_MOST_NAMED = 5


def settings_command(responder: Responder, name: str) -> SlashCommand:
    async def settings(interaction: AnyInteraction, timezone: str | None = None, scope: Scope | None = None) -> None:
        async def draw(guild_id: str | None) -> Answer:
            note = None if timezone is None else await _set_zone(responder, guild_id, timezone, interaction.user.id)
            return await settings_answer(responder, guild_id, note)

        await responder.answer_manager(interaction, scope, draw)

    command: SlashCommand = app_commands.Command(
        name=name, description="Time zone, weekly report, and who may ask", callback=settings
    )
    app_commands.describe(
        timezone="Set it: type a city, or what time it is there",
        scope="Whose settings (all guilds: the bot's own, its owners only)",
    )(command)

    @command.autocomplete("timezone")
    async def complete(_: AnyInteraction, current: str) -> list[app_commands.Choice[str]]:
        """Nothing that would not be the same for anybody."""
        found = await asyncio.to_thread(
            zones.matching, current, responder.system.clock.now()
        )  # the first time reads files
        return [app_commands.Choice(name=f"{each.label} ({each.name})", value=each.name) for each in found]

    del complete
    return command


async def settings_answer(responder: Responder, guild_id: str | None, note: str | None = None) -> Answer:
    """The settings and what changes them. Whether somebody may see them was asked before.

    Raises:
        StorageError: the database can't be read.
    """
    stats = responder.names().get("stats", "stats")
    page = await read_page(responder.system, guild_id, await responder.guild_name(guild_id), stats)
    return Answer(settings_embed(page, note), main_view(page))


async def _set_zone(responder: Responder, guild_id: str | None, typed: str, by: int) -> str | None:
    """Set it, or say why not."""
    now = responder.system.clock.now()
    name = await asyncio.to_thread(zones.find, typed, now)
    if name is not None:
        await responder.system.settings.change(guild_id, by, timezone=name)
        return None
    found = await asyncio.to_thread(zones.matching, typed, now)
    words = f"⚠️ {text.inline_code(typed, 40)} is not a time zone. Type the name of a large city near you, as `Berlin`."
    if found:
        names = ", ".join(text.inline_code(each.name) for each in found[:_MOST_NAMED])
        words = f"⚠️ {text.inline_code(typed, 40)} may be several time zones: {names}."
    return words
