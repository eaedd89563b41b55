"""Uses of commands as the observer records them, for what shows them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.settings import Settings
from tests.harness import Rig, cog_of

ELSEWHERE = 999
"""A server in which nobody of the tests is."""


def use(rig: Rig, command: str = "play", *, ago: timedelta = timedelta(0), **fields: Any) -> Invocation:
    """Somebody used a command in the server of the test."""
    guild = rig.discord.guild
    defaults: dict[str, Any] = {
        "kind": Kind.SLASH,
        "outcome": Outcome.OK,
        "guild_id": guild.id,
        "guild_name": guild.name,
        "user_id": 1000,
        "username": "anna",
        "duration_s": 0.9,
    }
    row = Invocation(command=command, started_at=rig.clock.now() - ago, **defaults | fields)
    cog_of(rig.bot).system.recorder.record(row)
    return row


def use_elsewhere(rig: Rig, command: str = "elsewhere", **fields: Any) -> Invocation:
    return use(rig, command, guild_id=ELSEWHERE, guild_name="Another place", username="zoe", user_id=2000, **fields)


async def put(rig: Rig, guild_id: int | None, **fields: Any) -> None:
    """Set that of a server, or of the bot."""
    await cog_of(rig.bot).system.settings.put(guild_id, Settings(**fields), rig.discord.owner.id)


async def settings_of(rig: Rig, guild_id: int | None) -> Settings:
    return await cog_of(rig.bot).system.settings.of(guild_id)
