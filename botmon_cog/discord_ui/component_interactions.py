"""What answers to buttons and menus have in common."""

from __future__ import annotations

from typing import Any

import discord

AnyInteraction = discord.Interaction[Any]


async def defer_in_place(interaction: AnyInteraction) -> None:
    """What only one person sees is changed in its place; what others see stays, with an answer for one beside it."""
    message = interaction.message
    if message is not None and message.flags.ephemeral:
        await interaction.response.defer()
    else:
        await interaction.response.defer(ephemeral=True, thinking=True)


def chosen(interaction: AnyInteraction) -> list[str]:
    """What was chosen in a menu: values, or ids of channels and roles."""
    values: list[Any] = dict[str, Any](interaction.data or {}).get("values") or []
    return [str(value) for value in values]
