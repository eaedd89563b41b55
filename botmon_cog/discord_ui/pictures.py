"""Charts in messages: drawn, attached, and shown within an embed."""

from __future__ import annotations

import io
from typing import NamedTuple

import discord

from botmon_cog.charts.drawing import Charts
from botmon_cog.charts.values import Chart

_NOT_DRAWN = "-# The chart could not be drawn. The bot's log says why."


class Picture(NamedTuple):
    """A chart as PNG."""

    name: str
    """Of the file, without its ending: `commands`."""
    png: bytes
    description: str
    """What it shows, for people who can't see it."""

    def file(self) -> discord.File:
        """A new one for each message."""
        return discord.File(io.BytesIO(self.png), f"{self.name}.png", description=self.description)

    def show_in(self, embed: discord.Embed) -> discord.Embed:
        """A copy that shows the picture, once the file is attached to its message."""
        return embed.copy().set_image(url=f"attachment://{self.name}.png")


async def draw_picture(charts: Charts, chart: Chart, name: str) -> Picture | None:
    """None where it can't be drawn; why is noted."""
    png = await charts.draw(chart)
    return None if png is None else Picture(name, png, chart.description)


def without_picture(embed: discord.Embed) -> discord.Embed:
    """What is shown in a chart's place: the same in numbers, which says so."""
    embed.description = "\n".join(filter(None, (embed.description, _NOT_DRAWN)))
    return embed
