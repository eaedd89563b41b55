"""What is seen where the health can't look by itself, each value with its unit. None: not known."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from botmon_cog.domain.text import finite


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One look at one thing. Each component of the health has its own."""


class Block(Sample, frozen=True, kw_only=True):
    """One place that kept the event loop from running, and how often."""

    who: str
    """`/play`, `listener on_message of Music`, `task sync_songs`, or what else could be found out."""
    where: str
    """The host's own line: `cogs/music.py:42 in play`."""
    inside: str | None = None
    """The library's function that it called there, `requests.api.get`; None where its own line did it."""
    n: int
    total_s: float
    longest_s: float
    last_at: datetime


class LoopSample(Sample, frozen=True, kw_only=True):
    """How late the event loop ran its callbacks since about the check before, and who blocked it in the last hour."""

    p50_s: float | None = None
    p99_s: float | None = None
    max_s: float | None = None
    blocked_s: float = 0.0
    """Seconds blocked within the last ten minutes, counting only blocks longer than `[loop] blocked_ms`."""
    blocks: tuple[Block, ...] = ()
    """The longest in total first."""
    worst: Block | None = None
    """The longest in total of the last ten minutes."""


class ShardSample(Sample, frozen=True, kw_only=True):
    """One connection to the gateway. A bot without shards has one, number 0."""

    shard_id: int
    latency_s: float | None = None
    """Of the newest heartbeat that was measured; None before the first."""
    usual_latency_s: float | None = None
    """The median of the last five."""
    is_connected: bool
    down_s: float = 0.0
    """Seconds since the connection was lost, 0 while it stands."""
    since: datetime | None = None
    """When it came to be as it is; None where that was before the extension was loaded."""
    reconnects_1h: int = 0


class GatewaySample(Sample, frozen=True, kw_only=True):
    shards: tuple[ShardSample, ...] = ()
    heartbeats_blocked_1h: int = 0
    """How often discord.py said that its heartbeat was blocked."""
    identifies_left: int | None = None
    """How many sessions may still be begun within `identifies_reset_s`; at 0 the bot can't reconnect."""
    identifies_total: int | None = None
    identifies_reset_s: float | None = None
    """Seconds until all of them are granted anew."""

    @property
    def slowest_s(self) -> float | None:
        """The newest latency of the slowest shard."""
        return max((s for shard in self.shards if (s := finite(shard.latency_s)) is not None), default=None)

    @property
    def reconnects_1h(self) -> int:
        return sum(shard.reconnects_1h for shard in self.shards)

    @property
    def shards_down(self) -> int:
        return sum(not shard.is_connected for shard in self.shards)


class RestSample(Sample, frozen=True, kw_only=True):
    """What Discord's REST interface answered within the last hour."""

    rate_limits_1h: int = 0
    """429s, global ones among them."""
    global_rate_limits_1h: int = 0
    server_errors_1h: int = 0
    """5xx that reached the bot's code."""
    late_1h: int = 0
    """Responses that came after Discord's 3 s (error 10062)."""


class RestTotals(NamedTuple):
    """What it answered since the start: 429s, and 5xx that reached the bot's code."""

    rate_limits: int
    server_errors: int


class LoopRun(Sample, frozen=True, kw_only=True):
    """One of the monitor's own loops."""

    name: str
    last_at: datetime | None
    """None before its first run."""
    is_late: bool = False
    """Whether it should have run long since."""
