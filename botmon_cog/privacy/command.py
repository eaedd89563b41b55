"""/privacy: what is stored about whoever asks. For everyone, in servers and in direct messages."""

from __future__ import annotations

from discord import app_commands

from botmon_cog.discord_ui.desk import Answer, AnyInteraction, Desk, SlashCommand
from botmon_cog.privacy import words
from botmon_cog.privacy.abouts import Abouts


def privacy_command(desk: Desk, name: str) -> SlashCommand:
    abouts = Abouts(desk.system.store.engine, desk.system.clock)

    async def privacy(interaction: AnyInteraction) -> None:
        async def draw() -> Answer:
            await desk.system.recorder.settle()
            about = await abouts.of(interaction.user.id)
            return words.about_answer(about, desk.system.config)

        await desk.answer_anyone(interaction, draw)

    command: SlashCommand = app_commands.Command(
        name=name,
        description="What this bot's monitor stores about you; get a copy, erase it",
        callback=privacy,
    )
    return command
