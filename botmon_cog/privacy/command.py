"""/privacy: what is stored about whoever asks. For everyone, in servers and in direct messages."""

from __future__ import annotations

from functools import cache

from discord import app_commands

from botmon_cog.discord_ui.responder import Answer, AnyInteraction, Responder, SlashCommand
from botmon_cog.privacy import words
from botmon_cog.privacy.abouts import Abouts


def privacy_command(responder: Responder, name: str) -> SlashCommand:
    @cache  # commands are also made where there is no system yet, to know what they look like at Discord
    def abouts() -> Abouts:
        return Abouts(responder.system.store.engine, responder.system.clock)

    async def privacy(interaction: AnyInteraction) -> None:
        async def draw() -> Answer:
            await responder.system.recorder.settle()
            about = await abouts().of(interaction.user.id)
            return words.about_answer(about, responder.system.config)

        await responder.answer_anyone(interaction, draw)

    command: SlashCommand = app_commands.Command(
        name=name,
        description="What this bot's monitor stores about you; get a copy, erase it",
        callback=privacy,
    )
    return command
