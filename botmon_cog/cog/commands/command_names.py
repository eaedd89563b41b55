"""Which commands a bot has, and which were used: what a name that somebody typed is held against."""

from __future__ import annotations

from datetime import timedelta

from botmon_cog.discord_ui.responder import Responder
from botmon_cog.observer.offered import offered_commands

KNOWN_FOR = timedelta(days=90)
"""What was not used for longer is forgotten."""


async def known_commands(responder: Responder, guild_id: str | None) -> set[str]:
    """The names of all commands that can be used in a guild or were; of the whole bot without one.

    Raises:
        StorageError: the database can't be read.
    """
    used = await responder.system.store.reports.last_used(guild_id, responder.system.clock.now() - KNOWN_FOR)
    return {*used, *offered_commands(responder.bot).of(None if guild_id is None else int(guild_id))}
