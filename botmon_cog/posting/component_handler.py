"""**Send one now**: the weekly report is shown to who pressed it, and posted once they have seen it."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from botmon_cog.discord_ui.buttons import row, view_of
from botmon_cog.discord_ui.component_interactions import defer_in_place
from botmon_cog.discord_ui.parts import short_embed
from botmon_cog.discord_ui.refusal import refuse
from botmon_cog.discord_ui.responder import Answer, AnyInteraction, Responder
from botmon_cog.domain.periods import week_before
from botmon_cog.posting.drawing import DrawnReport, DrawReport
from botmon_cog.posting.sending import post

_NOT_YOURS = "Only people who may manage this server, and the bot's owners, can post its report."
_NO_CHANNEL = "-# Only you see this. Choose a channel in the settings to have it posted."


class PostHandler:
    """For one bot. Who may is asked at each press."""

    def __init__(self, responder: Responder, draw: DrawReport) -> None:
        self._responder = responder
        self._draw = draw

    async def answer(self, interaction: AnyInteraction, words: Sequence[str]) -> bool:
        """`words`: what the custom id says after `post:`. Returns False where it is none of ours."""
        match [*words]:
            case ["preview"]:
                await interaction.response.defer(ephemeral=True, thinking=True)
            case ["now"]:
                await defer_in_place(interaction)
            case _:
                return False
        guild = interaction.guild
        if guild is None or not await self._responder.may_change(interaction, str(guild.id)):
            await refuse(interaction, _NOT_YOURS)
            return True
        content = None

        async def seen() -> Answer:
            nonlocal content
            channel_id = (await self._responder.system.settings.of(guild.id)).report_channel_id
            drawn = await self._week(guild)
            if words[0] == "now":
                return await self._posted(interaction, guild, channel_id, drawn)
            where = f"-# Only you see this. It would be posted in <#{channel_id}>."
            content = _NO_CHANNEL if channel_id is None else where
            view = None if channel_id is None else view_of(row({"Post it": "post:now"}))
            if drawn.picture is None:
                return Answer(drawn.embed, view)
            return Answer(drawn.picture.show_in(drawn.embed), view, files=(drawn.picture.file(),))

        answer = await self._responder.attempt(seen)
        await interaction.edit_original_response(
            content=content, embed=answer.embed, view=answer.view, attachments=answer.files
        )
        return True

    async def _week(self, guild: discord.Guild) -> DrawnReport:
        """The seven days up to the last midnight."""
        zone = await self._responder.system.settings.zone(guild.id)
        return await self._draw(str(guild.id), week_before(self._responder.system.clock.now(), zone))

    async def _posted(
        self, interaction: AnyInteraction, guild: discord.Guild, channel_id: int | None, drawn: DrawnReport
    ) -> Answer:
        """A second press of the same button posts nothing more: Discord keeps one message for each nonce."""
        message = interaction.message
        nonce = f"now{interaction.id if message is None else message.id}"
        sent = await post(guild, channel_id, drawn, nonce)
        if sent.state == "sent":
            return Answer(short_embed("Posted", f"The report is in <#{channel_id}>."))
        return Answer(short_embed("Not posted", f"⚠️ Not posted: {sent.words}."), view_of(row({"Post it": "post:now"})))
