"""Prefix commands as the tests of their outcomes call them."""

from __future__ import annotations

from typing import Any

from discord.ext import commands

from botmon_cog.domain.reports import HistoryEntry
from tests.harness import Rig

Context = commands.Context[Any]

Row = tuple[str, str, str | None]
"""(command, outcome, error type)"""


async def crash(*_: object) -> Any:
    raise RuntimeError("no")


async def say(rig: Rig, *texts: str) -> None:
    """The user writes these, each once the bot is done with the one before."""
    for text in texts:
        await rig.discord.user.send(rig.discord.channel, text)
        await rig.discord.settled()


def brief(rows: list[HistoryEntry]) -> list[Row]:
    return [(str(row.command), str(row.outcome), row.error_type) for row in rows]


async def rows_of(rig: Rig, *texts: str) -> list[Row]:
    """What is recorded of them, oldest first."""
    await say(rig, *texts)
    return brief(await rig.rows())


def add_play(bot: commands.Bot, **options: Any) -> Any:
    """The command `play`, which works."""

    @bot.command(name="play", **options)
    async def play(context: Context) -> None:
        await context.send("playing")

    return play


def limited(bot: commands.Bot) -> Any:
    """The command `play`, once an hour."""
    return add_play(bot, cooldown=commands.CooldownMapping.from_cooldown(1, 3600, commands.BucketType.user))
