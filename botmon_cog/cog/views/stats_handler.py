"""Answers the buttons under `/stats` and `/perf`, for who may see those numbers now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import discord

from botmon_cog.cog.commands.perf import PERIODS, performance_answer
from botmon_cog.cog.commands.stats import statistics_answer
from botmon_cog.discord_ui.component_interactions import defer_in_place
from botmon_cog.discord_ui.refusal import refuse
from botmon_cog.discord_ui.responder import Answer, AnyInteraction, Responder
from botmon_cog.domain.periods import DAYS

_NOT_YOURS = "Only people who may ask for this server's numbers, and the bot's owners, can see that."
_PERF_DAYS = {str(days): days for days in PERIODS.values()}

DrawFor = Callable[[str | None, bool], Awaitable[Answer]]
"""(guild id, whether an owner reads it) -> what is shown."""


class StatsHandler:
    """For one bot. Who may is asked at each press."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder

    async def stats(self, interaction: AnyInteraction, words: Sequence[str]) -> bool:
        """`words`: what the custom id says after `stats:`. Returns False where it is none of ours."""
        match [*words]:
            case ["numbers" | "chart" | "heat" as view, period, "here" | "all" as scope] if period in DAYS:
                await self._show(
                    interaction,
                    scope,
                    lambda guild_id, is_owner: statistics_answer(
                        self._responder, guild_id, period, view, is_owner=is_owner
                    ),
                )
            case _:
                return False
        return True

    async def perf(self, interaction: AnyInteraction, words: Sequence[str]) -> bool:
        """The same after `perf:`. A command's name may hold colons."""
        match [*words]:
            case ["numbers" | "chart" as view, days, "here" | "all" as scope, *name] if days in _PERF_DAYS and name:
                command = ":".join(name) or None
                await self._show(
                    interaction,
                    scope,
                    lambda guild_id, is_owner: performance_answer(
                        self._responder, guild_id, _PERF_DAYS[days], command, view, is_owner=is_owner
                    ),
                )
            case _:
                return False
        return True

    async def _show(self, interaction: AnyInteraction, scope: str, draw: DrawFor) -> None:
        """In place of what is there, or beside it where others see that message. To draw takes a second or more."""
        await defer_in_place(interaction)
        guild_id = None if scope == "all" else str(interaction.guild_id)
        if not await self._responder.may_press(interaction, guild_id):
            await refuse(interaction, _NOT_YOURS)
            return
        is_owner = await self._responder.bot.is_owner(interaction.user)
        answer = await self._responder.attempt(lambda: draw(guild_id, is_owner))
        buttons = answer.view or discord.utils.MISSING  # after a failure, those that are there stay
        await interaction.edit_original_response(embed=answer.embed, view=buttons, attachments=answer.files)
