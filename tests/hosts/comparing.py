"""The same bot with the extension and without: what it answers, logs and is told of must be equal."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord, ManualClock
from tests.harness import cog_of, make_config, rows

Use = Callable[[LoopbackDiscord], Awaitable[list[Any]]]
"""People use the bot's commands; returns what they were answered."""
Row = tuple[str, str, str]
"""Kind, command, outcome."""


async def recorded(make: Callable[[], commands.Bot], use: Use) -> list[Row]:
    """Use the bot alone and with the extension, hold the two against each other, and return the rows.

    `make` makes the bot anew. It loads its `extensions_wanted` by itself, and what its handlers hear is in its `heard`.
    """
    _, *alone = await _use(make(), use, wanted=())
    found, *watched = await _use(make(), use, wanted=("botmon_cog",))
    assert watched == alone
    return found


async def _use(bot: Any, use: Use, *, wanted: Sequence[str]) -> tuple[list[Row], Any, Any, Any, Any]:
    clock = ManualClock(datetime.now(UTC))
    bot.botmon_config, bot.botmon_clock, bot.extensions_wanted = make_config(), clock, wanted
    found: list[Row] = []
    with logged() as records:
        async with LoopbackDiscord(clock=clock) as loopback:
            handler = bot.tree.on_error
            async with loopback.running(bot):
                await bot.tree.sync()
                answers = await use(loopback)
                if wanted:
                    found = [(row.kind, row.command, row.outcome) for row in await rows(bot)]
                    assert cog_of(bot).system.failures.n == 0
            is_restored = bot.tree.on_error == handler
    return found, answers, list(bot.heard), sorted(records), is_restored


@contextmanager
def logged() -> Iterator[list[tuple[str, str, str]]]:
    """(logger, level, message) of all that is logged at WARNING or above but not by us."""
    records: list[tuple[str, str, str]] = []
    handler = logging.Handler(logging.WARNING)

    def note(record: logging.LogRecord) -> None:
        if not record.name.startswith("botmon_cog"):
            records.append((record.name, record.levelname, record.getMessage()))

    handler.emit = note
    logging.getLogger().addHandler(handler)
    try:
        yield records
    finally:
        logging.getLogger().removeHandler(handler)
