"""Bots whose `on_ready` loads their cogs only if `bot.cogs` is empty.

With the extension loaded before, such a bot would never load its own. So while `on_ready` begins, up to its first
`await`, the only cog there is does not count.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from discord.ext import commands

_log = logging.getLogger(__name__)

COGS = "_BotBase__cogs"
"""Private: what `bot.cogs` shows. discord.py has no public way to take a cog out without unloading it."""


class CogsAtReady:
    """Keeps one cog out of sight while `on_ready` begins, if it is the only one."""

    def __init__(self, bot: commands.Bot, name: str) -> None:
        self._bot = bot
        self._name = name

    def on_ready(self) -> None:
        """To be called inside the dispatch of `ready`, before the tasks of its listeners start."""
        if list(self._bot.cogs) != [self._name] or not self._is_heard():
            return
        cogs: dict[str, Any] | None = getattr(self._bot, COGS, None)
        if cogs is None:
            _log.warning(
                "this discord.py has no %s: if the bot's on_ready loads its cogs only when there are none,"
                " load botmon_cog there, after them",
                COGS,
            )
            return
        cog = cogs.pop(self._name)
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, cogs.setdefault, self._name, cog)  # the tasks start in between

    def _is_heard(self) -> bool:
        return hasattr(self._bot, "on_ready") or bool(self._bot.extra_events.get("on_ready"))
