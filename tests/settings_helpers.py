"""What the tests of settings and posts do with a loopback Discord."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import discord

from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.testing import LoopbackChannel, LoopbackGuild, LoopbackUser, SeenMessage
from tests.harness import Rig, cog_of, rows
from tests.test_commands import text_of

ADMIN = discord.Permissions(manage_guild=True, view_channel=True, use_application_commands=True)
MEMBER = discord.Permissions(view_channel=True, use_application_commands=True)
REPORT_CHANNEL = "Channel for the weekly report"


def said(message: SeenMessage) -> str:
    """All that a person reads in it."""
    return "\n".join([message.content, *map(text_of, message.embeds)])


def labels(message: SeenMessage) -> list[str]:
    """What stands on its buttons and menus, in order."""
    items = [item for row in message.components for item in row["components"]]
    return [item.get("label") or item["placeholder"] for item in items]


def custom_ids(message: SeenMessage) -> list[str]:
    return [item["custom_id"] for row in message.components for item in row["components"]]


async def open_settings(rig: Rig, who: LoopbackUser | None = None, where: Any = None, **options: object) -> SeenMessage:
    answer = await (who or rig.discord.admin).slash(where or rig.discord.channel, "stats settings", **options)
    assert answer.deferred
    assert answer.message.ephemeral or where is not None
    return answer.message


def used(guild: LoopbackGuild, when: datetime, command: str = "play", user_id: int = 5) -> Invocation:
    return Invocation(
        kind=Kind.SLASH,
        command=command,
        outcome=Outcome.OK,
        started_at=when,
        duration_s=0.2,
        guild_id=guild.id,
        guild_name=guild.name,
        channel_id=1,
        user_id=user_id,
        username="u",
    )


async def use(rig: Rig, guild: LoopbackGuild, *ago: timedelta, command: str = "play") -> None:
    """Commands that were used in a server so long ago."""
    system = cog_of(rig.bot).system
    for each in ago:
        system.writer.put(used(guild, rig.clock.now() - each, command))
    await rows(rig.bot)


def posted(channel: LoopbackChannel) -> list[str]:
    """Titles of what the bot posted there."""
    return [message.embeds[0]["title"] for message in channel.messages if message.is_from_bot and message.embeds]
