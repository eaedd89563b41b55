"""What is posted: a report that somebody else draws."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import NamedTuple, Protocol

import discord

from botmon_cog.discord_ui.pictures import Picture
from botmon_cog.domain.reports import Period


class DrawnReport(NamedTuple):
    """A report as Discord shows it. `has_content`: something happened in it, or in the period before."""

    embed: discord.Embed
    has_content: bool
    picture: Picture | None = None
    """For those who may have files. None: there is none, or it could not be drawn in time."""


class DrawReport(Protocol):
    def __call__(self, guild_id: str | None, period: Period) -> Awaitable[DrawnReport]:
        """Of a guild, as all of its members may read it; of all guilds (None), as the bot's owners may.

        Raises:
            StorageError: the database can't be read.
        """
        ...
