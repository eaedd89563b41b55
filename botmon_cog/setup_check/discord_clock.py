"""How far this machine's clock is from Discord's, by when Discord says that it answered."""

from __future__ import annotations

import asyncio
from email.utils import parsedate_to_datetime

import aiohttp
from discord.http import HTTPClient, Route

from botmon_cog.clock import Clock
from botmon_cog.setup_check.findings import Finding, fine, warning

_LONGEST_ASK_S = 5.0
_OFF_S = 2.0
"""An interaction that is later than this has seen traffic; earlier than Discord made it, it can't be."""
_PATH = "/gateway"
"""It needs no token, and tells nothing of the bot."""


async def check_clock(http: HTTPClient, clock: Clock, interaction_age_s: float | None = None) -> list[Finding]:
    """Hold this machine's clock against the `Date` of an answer of Discord's.

    `interaction_age_s`: how old an interaction is by this machine's clock, for where Discord can't be asked; what it
    took on its way is part of that. None: then nothing is found.
    """
    off_s = await _ahead_s(http, clock)
    if off_s is None:
        if interaction_age_s is None:
            return []
        off_s = interaction_age_s if interaction_age_s < 0 else max(interaction_age_s - _OFF_S, 0.0)
    return [warning("clock.off", off_s=off_s) if abs(off_s) >= _OFF_S else fine("clock.fine")]


async def _ahead_s(http: HTTPClient, clock: Clock) -> float | None:
    """By how much this clock is ahead of Discord's at least; negative: behind. None: Discord gave no time."""
    headers = {"User-Agent": http.user_agent}
    try:
        async with asyncio.timeout(_LONGEST_ASK_S), aiohttp.ClientSession(headers=headers) as session:
            asked_at = clock.now()
            async with session.get(Route.BASE + _PATH, proxy=http.proxy, proxy_auth=http.proxy_auth) as response:
                told_at = parsedate_to_datetime(response.headers["Date"])
            answered_at = clock.now()
    except (aiohttp.ClientError, OSError, TimeoutError, KeyError, ValueError):
        return None
    # Discord's time is cut to the second, and it was that at some moment between asking and the answer.
    ahead_s = (asked_at - told_at).total_seconds() - 1.0
    behind_s = (told_at - answered_at).total_seconds()
    return ahead_s if ahead_s > 0 else -behind_s if behind_s > 0 else 0.0
