"""Answers what is pressed and chosen under `/botmon errors`."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import discord

from botmon_cog.cog.commands.errors import error_answer, error_as_text, errors_answer
from botmon_cog.cog.views.errors import MUTES, PERIODS, errors_view
from botmon_cog.discord_ui.component_interactions import chosen, defer_in_place
from botmon_cog.discord_ui.refusal import refuse
from botmon_cog.discord_ui.responder import Answer, AnyInteraction, Responder
from botmon_cog.domain.reports.errors import fingerprint_of

_OWNERS_ONLY = "Only the bot's owners can see errors."
_FORGOTTEN = "That error is no longer on record."
_LONGEST_CONTENT = 2_000

_DAYS = {str(days): days for days in PERIODS.values()}
_HOURS = {str(hours): hours for hours in MUTES.values()}


class ErrorListHandler:
    """For one bot. Whether somebody is an owner is asked at each press."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder

    async def answer(self, interaction: AnyInteraction, words: Sequence[str]) -> bool:
        """`words`: what the custom id says after `errors:`. Returns False where it is none of ours."""
        match [*words]:
            case [days] if days in _DAYS:
                await self._show(interaction, lambda: errors_answer(self._responder, _DAYS[days]), _DAYS[days])
            case [days, "open"] if days in _DAYS and (values := chosen(interaction)):
                await self._open(interaction, values[0], _DAYS[days])
            case [days, "open", error_id] if days in _DAYS:
                await self._open(interaction, error_id, _DAYS[days])
            case [days, "copy", error_id] if days in _DAYS:
                await self._copy(interaction, error_id, _DAYS[days])
            case [days, "mute", hours, error_id] if days in _DAYS and hours in _HOURS:
                await self._act(interaction, self._mute(_HOURS[hours]), error_id, _DAYS[days])
            case [days, "resolve" | "reopen" | "unmute" as verb, error_id] if days in _DAYS:
                acts = {"resolve": self._resolve, "reopen": self._reopen, "unmute": self._unmute}
                await self._act(interaction, acts[verb], error_id, _DAYS[days])
            case _:
                return False
        return True

    async def _open(self, interaction: AnyInteraction, error_id: str, days: int) -> None:
        await self._show(interaction, lambda: error_answer(self._responder, error_id, days), days)

    async def _show(self, interaction: AnyInteraction, draw: Callable[[], Awaitable[Answer]], days: int) -> None:
        """In place of what is there, or beside it where others see that message."""
        await defer_in_place(interaction)
        if await self._is_allowed(interaction):
            await self._put(interaction, draw, days)

    async def _act(
        self, interaction: AnyInteraction, act: Callable[[int, str], Awaitable[None]], error_id: str, days: int
    ) -> None:
        """Change how it stands, and show it as it is then."""
        await defer_in_place(interaction)
        if not await self._is_allowed(interaction):
            return
        fingerprint = fingerprint_of(error_id)
        if fingerprint is None:
            await refuse(interaction, _FORGOTTEN)
            return
        await act(fingerprint, str(interaction.user.id))
        await self._put(interaction, lambda: error_answer(self._responder, error_id, days), days)

    async def _put(self, interaction: AnyInteraction, draw: Callable[[], Awaitable[Answer]], days: int) -> None:
        async def seen() -> Answer:
            return await draw()

        answer = await self._responder.attempt(seen)
        await interaction.edit_original_response(embed=answer.embed, view=answer.view or errors_view((), days))

    async def _copy(self, interaction: AnyInteraction, error_id: str, days: int) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        if not await self._is_allowed(interaction):
            return
        words = await error_as_text(self._responder, error_id, days)
        if words is None:
            await refuse(interaction, _FORGOTTEN)
        elif len(words.encode("utf-16-le")) <= 2 * _LONGEST_CONTENT:
            await interaction.followup.send(words, ephemeral=True, allowed_mentions=discord.AllowedMentions.none())
        else:
            file = discord.File(io.BytesIO(words.encode()), filename=f"error-{error_id}.md")
            await interaction.followup.send(file=file, ephemeral=True)

    async def _is_allowed(self, interaction: AnyInteraction) -> bool:
        is_owner = await self._responder.bot.is_owner(interaction.user)
        if not is_owner:
            await refuse(interaction, _OWNERS_ONLY)
        return is_owner

    # -- how it stands -------------------------------------------------------------------------------------------------

    def _mute(self, hours: int) -> Callable[[int, str], Awaitable[None]]:
        async def mute(fingerprint: int, by: str) -> None:
            until = self._responder.system.clock.now() + timedelta(hours=hours)
            await self._responder.system.errors.mute(fingerprint, until, by)

        return mute

    async def _unmute(self, fingerprint: int, _by: str) -> None:
        await self._responder.system.errors.unmute(fingerprint)

    async def _resolve(self, fingerprint: int, by: str) -> None:
        await self._responder.system.errors.resolve(fingerprint, by)

    async def _reopen(self, fingerprint: int, _by: str) -> None:
        await self._responder.system.errors.reopen(fingerprint)
