"""Answers the buttons of the uptime's calendar."""

from __future__ import annotations

from collections.abc import Sequence

from botmon_cog.cog.commands.health import calendar_answer
from botmon_cog.cog.views.buttons import calendar_buttons
from botmon_cog.discord_ui.component_interactions import defer_in_place
from botmon_cog.discord_ui.refusal import refuse
from botmon_cog.discord_ui.responder import AnyInteraction, Responder

_OWNERS_ONLY = "Only the bot's owners can see its uptime by day."


class UptimeHandler:
    """For one bot. Whether somebody is an owner is asked at each press."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder

    async def answer(self, interaction: AnyInteraction, words: Sequence[str]) -> bool:
        """`words`: what the custom id says after `uptime:`. Returns False where it is none of ours."""
        match [*words]:
            case ["here" | "all" as scope]:
                await defer_in_place(interaction)
            case _:
                return False
        if not await self._responder.bot.is_owner(interaction.user):
            await refuse(interaction, _OWNERS_ONLY)
            return True
        guild_id = None if scope == "all" else str(interaction.guild_id)
        answer = await self._responder.attempt(lambda: calendar_answer(self._responder, guild_id))
        buttons = answer.view or calendar_buttons(guild_id)
        await interaction.edit_original_response(embed=answer.embed, view=buttons, attachments=answer.files)
        return True
