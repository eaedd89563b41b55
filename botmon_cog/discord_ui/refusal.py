"""What somebody is told whose press changes nothing."""

from __future__ import annotations

from typing import Any

import discord

from botmon_cog.discord_ui.parts import short_embed


async def refuse(interaction: discord.Interaction[Any], words: str) -> None:
    """Tell the one who pressed, and nobody else; the message stays as it is."""
    embed = short_embed("Not done", words)
    if interaction.response.is_done():
        await interaction.followup.send(embed=embed, ephemeral=True)
    else:
        await interaction.response.send_message(embed=embed, ephemeral=True)
