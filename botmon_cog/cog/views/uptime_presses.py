"""Answers the buttons of the uptime's calendar."""

from __future__ import annotations

from collections.abc import Sequence

from botmon_cog.cog.commands.health import calendar_answer
from botmon_cog.cog.views.buttons import calendar_buttons
from botmon_cog.discord_ui.desk import AnyInteraction, Desk
from botmon_cog.discord_ui.pressed import defer_in_place
from botmon_cog.discord_ui.refusal import refuse

_OWNERS_ONLY = "Only the bot's owners can see its uptime by day."


class UptimePresses:
    """For one bot. Whether somebody is an owner is asked at each press."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def answer(self, interaction: AnyInteraction, words: Sequence[str]) -> bool:
        """`words`: what the custom id says after `uptime:`. Returns False where it is none of ours."""
        match [*words]:
            case ["here" | "all" as scope]:
                await defer_in_place(interaction)
            case _:
                return False
        if not await self._desk.bot.is_owner(interaction.user):
            await refuse(interaction, _OWNERS_ONLY)
            return True
        guild_id = None if scope == "all" else str(interaction.guild_id)
        answer = await self._desk.attempt(lambda: calendar_answer(self._desk, guild_id))
        buttons = answer.view or calendar_buttons(guild_id)
        await interaction.edit_original_response(embed=answer.embed, view=buttons, attachments=answer.files)
        return True
