"""The event loop: how late it is, and who blocks it."""

from __future__ import annotations

from datetime import timedelta

from botmon_cog.config import HealthConfig
from botmon_cog.domain.health.levels import Check, Words
from botmon_cog.domain.health.verdict import HEALTHY, UNKNOWN, conclude
from botmon_cog.domain.reports import LoopHealth
from botmon_cog.domain.samples import LoopSample
from botmon_cog.domain.text import duration, finite, latency

_LATELY = timedelta(minutes=10)
_UNBLOCK = (
    "Move it to a thread (await asyncio.to_thread(...)), or use an async library: aiohttp for requests, aiosqlite for "
    "sqlite3, asyncio.sleep for time.sleep."
)


def judge_loop(sample: LoopSample, config: HealthConfig, check: Check) -> LoopHealth:
    verdict = conclude(
        check.level(
            "loop.blocked",
            sample.blocked_s,
            config.loop_blocked_warning_s,
            config.loop_blocked_critical_s,
            lambda: _blocked(sample, check),
        ),
        check.level(
            "loop.lag",
            sample.p99_s,
            config.loop_lag_warning_ms / 1000,
            config.loop_lag_critical_ms / 1000,
            lambda: _lag(sample, check),
        ),
        otherwise=UNKNOWN if finite(sample.p99_s) is None else HEALTHY,
    )
    return LoopHealth(**verdict, sample=sample)


def _blocked(sample: LoopSample, check: Check) -> Words:
    by = _worst(sample, check)
    reason = f"the event loop was blocked for {duration(sample.blocked_s)} in ten minutes"
    return reason + (f", most by {by}" if by else ""), _UNBLOCK


def _lag(sample: LoopSample, check: Check) -> Words:
    by = _worst(sample, check)
    reason = f"every hundredth callback waits {latency(sample.p99_s)} or more for the event loop"
    if by:
        return f"{reason}, which {by} blocked most", _UNBLOCK
    return reason, "The bot has too much to do at once, or its machine has: see what else runs there."


def _worst(sample: LoopSample, check: Check) -> str | None:
    """`/play (cogs/music.py:42 in play)`: who blocked the loop the longest, of those who did so lately."""
    for block in sample.blocks:
        if check.now - block.last_at <= _LATELY:
            inside = f", waiting in {block.inside}" if block.inside else ""
            return f"{block.who} ({block.where}{inside})"
    return None
