"""How often the bot may still begin a session.

Discord grants a bot so many a day (1000, for most), and resets the token of one that goes on without.
"""

from __future__ import annotations

import asyncio
import logging
import math
from datetime import datetime, timedelta

import aiohttp
import discord
from discord.ext import commands

from botmon_cog.clock import Clock
from botmon_cog.monitors.failures import Failures

_log = logging.getLogger(__name__)

_HOLDS_S = 3600.0
_TIMEOUT_S = 10.0


class IdentifyBudget:
    """Asked for once an hour, and counted down in between.

    Only a bot that shards by itself can ask, since discord.py 2.5; of others nothing is known.

    Attributes:
        total: what Discord grants until `reset_at`.
    """

    def __init__(self, bot: commands.Bot, clock: Clock, failures: Failures) -> None:
        self._bot = bot
        self._clock = clock
        self._failures = failures
        self._asked_s = -math.inf
        self._left = 0
        self.total: int | None = None
        self.reset_at: datetime | None = None

    @property
    def left(self) -> int | None:
        """None where nobody knows: before it was asked, and after `reset_at` until it is asked again."""
        return None if self.reset_at is None or self._clock.now() >= self.reset_at else self._left

    def spend(self) -> None:
        """A session was begun."""
        self._left = max(self._left - 1, 0)

    async def ask(self) -> None:
        """Ask Discord, at most once an hour. An answer that does not come costs this figure alone."""
        if self._clock.monotonic() - self._asked_s < _HOLDS_S:
            return
        fetch = getattr(self._bot, "fetch_session_start_limits", None)
        if fetch is None:
            return
        self._asked_s = self._clock.monotonic()
        self.total = self.reset_at = None
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                limits = await fetch()
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            _log.debug("Discord does not say how often a session may be begun: %s", type(error).__name__)
        except Exception as error:  # noqa: BLE001 (the edge: a health check must go on)
            self._failures.note("asking how often a session may be begun", error)
        else:
            self._left, self.total = limits.remaining, limits.total
            self.reset_at = self._clock.now() + timedelta(milliseconds=limits.reset_after)
