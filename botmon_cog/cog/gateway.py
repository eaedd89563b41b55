"""The connections to Discord's gateway: which stand, since when, and how often they came back.

Learnt from discord.py's own events, inside their dispatch (`event_hooks.py`):

- `connect`: a session was begun anew, and the caches fill;
- `ready`: they are full;
- `resumed`: the connection is back, and nothing was missed;
- `disconnect`: it is lost, or one more attempt to make it failed.

A bot that shards by itself dispatches them for each shard, as `shard_connect` and so on.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from statistics import median
from typing import cast

from discord.ext import commands
from discord.gateway import DiscordWebSocket

from botmon_cog.clock import Clock
from botmon_cog.cog.discord_logs import DiscordLogs
from botmon_cog.cog.identifies import IdentifyBudget
from botmon_cog.domain.samples import GatewaySample, ShardSample
from botmon_cog.domain.uptime import GatewayLoss
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.windows import HourTally
from botmon_cog.observer.event_hooks import EventHooks

SHORTEST_LOSS_S = 5.0
"""Discord tells every client to reconnect now and then; that takes a moment, and loses nothing."""

RACE_S = 0.05
"""discord.py notes from a thread that it has sent a heartbeat, and may read the answer first. Then it measures from the
heartbeat before, so a latency this close to the interval between two is none."""
USUAL_INTERVAL_S = 41.25
"""Of heartbeats, where the library does not tell it."""
_HEARTBEATS = 5

_EVENTS = ("connect", "ready", "resumed", "disconnect")
"""`connect`: a session was begun anew. `ready`: its caches are full. `resumed`: the old one goes on."""


class Heartbeats:
    """The latencies of a connection's last five heartbeats. Each counts once, however often it is looked at."""

    def __init__(self) -> None:
        self._latencies: deque[float] = deque(maxlen=_HEARTBEATS)
        self._seen: float | None = None

    def look(self, latency_s: float, interval_s: float) -> None:
        """What discord.py says now: NaN or infinity before the first answer, then the same until the next one."""
        if latency_s == self._seen or not math.isfinite(latency_s):
            return
        self._seen = latency_s
        if abs(latency_s - interval_s) > RACE_S:
            self._latencies.append(latency_s)

    @property
    def newest_s(self) -> float | None:
        return self._latencies[-1] if self._latencies else None

    @property
    def usual_s(self) -> float | None:
        """Their median."""
        return median(self._latencies) if self._latencies else None


class Shard:
    """One connection, as far as its events told. It is lost until the first of them."""

    def __init__(self, clock: Clock, since: datetime, since_s: float) -> None:
        self._clock = clock
        self._since_s = since_s
        self._reconnects = HourTally(clock)
        self._was_connected = False
        self.heartbeats = Heartbeats()
        self.since: datetime | None = since
        self.is_connected = False

    @property
    def down_s(self) -> float:
        return 0.0 if self.is_connected else self._clock.monotonic() - self._since_s

    @property
    def reconnects_1h(self) -> int:
        return self._reconnects.total

    @property
    def reconnects(self) -> int:
        """Since the start."""
        return self._reconnects.ever

    def turn(self, *, is_connected: bool) -> None:
        if is_connected == self.is_connected:
            return
        self.is_connected = is_connected
        self.since, self._since_s = self._clock.now(), self._clock.monotonic()
        self.heartbeats = Heartbeats()
        if is_connected:
            if self._was_connected:
                self._reconnects.add()
            self._was_connected = True


class GatewayProbe:
    """Watches the connections of one bot from the moment that it is made.

    Attributes:
        budget: how often the bot may still begin a session.
        lost: called with each loss of 5 s or more, once it is over.
    """

    def __init__(self, bot: commands.Bot, clock: Clock, failures: Failures, logs: DiscordLogs) -> None:
        self._bot = bot
        self._clock = clock
        self._logs = logs
        self._hooks = EventHooks(bot, failures)
        self._began_at, self._began_s = clock.now(), clock.monotonic()
        self._shards: dict[int, Shard] = {}
        self.budget = IdentifyBudget(bot, clock, failures)
        self.lost: Callable[[GatewayLoss], None] = _nowhere
        self._take_over()
        for shard in self._shards.values():
            if shard.is_connected:
                shard.since = None  # it may have stood for long

    def attach(self) -> None:
        """Start listening. Needs a running event loop."""
        for event in _EVENTS:
            if isinstance(self._bot, commands.AutoShardedBot):
                self._hooks.listen(f"shard_{event}", partial(self._hear, event))
            else:
                self._hooks.listen(event, partial(self._hear, event, *self._shard_ids()))
        self._take_over()

    async def detach(self) -> None:
        await self._hooks.end()

    def sample(self) -> GatewaySample:
        return GatewaySample(
            shards=tuple(
                ShardSample(
                    shard_id=shard_id,
                    latency_s=shard.heartbeats.newest_s,
                    usual_latency_s=shard.heartbeats.usual_s,
                    is_connected=shard.is_connected,
                    down_s=shard.down_s,
                    since=shard.since,
                    reconnects_1h=shard.reconnects_1h,
                )
                for shard_id, shard in self._every()
            ),
            heartbeats_blocked_1h=self._logs.heartbeats_blocked_1h,
            identifies_left=self.budget.left,
            identifies_total=self.budget.total,
            identifies_reset_s=self._reset_s(),
        )

    def reconnects(self) -> dict[int, int]:
        """By shard, since the start."""
        return {shard_id: shard.reconnects for shard_id, shard in self._every()}

    def _reset_s(self) -> float | None:
        at = self.budget.reset_at
        return None if at is None else max((at - self._clock.now()).total_seconds(), 0.0)

    def ongoing(self) -> list[GatewayLoss]:
        """The losses of 5 s or more that last."""
        return [loss for shard_id, shard in self._every() if (loss := self._loss(shard_id, shard)) is not None]

    def _hear(self, event: str, shard_id: int) -> None:
        shard = self._shard(shard_id)
        if event == "ready" and not shard.is_connected:
            return  # the caches of a connection that is gone
        if event == "connect":
            self.budget.spend()
        self._turn(shard_id, shard, is_connected=event != "disconnect")

    def _take_over(self) -> None:
        """Connections that came to stand before anybody listened."""
        for shard_id, shard in self._every():
            if _stands(self._bot, shard_id):
                self._turn(shard_id, shard, is_connected=True)

    def _turn(self, shard_id: int, shard: Shard, *, is_connected: bool) -> None:
        loss = self._loss(shard_id, shard) if is_connected else None
        shard.turn(is_connected=is_connected)
        if loss is not None:
            self.lost(loss)

    def _loss(self, shard_id: int, shard: Shard) -> GatewayLoss | None:
        down_s = shard.down_s
        if down_s < SHORTEST_LOSS_S:
            return None
        now = self._clock.now()
        share = 1 / max(len(self._shard_ids()), 1)
        return GatewayLoss(shard_id=shard_id, began_at=now - timedelta(seconds=down_s), ended_at=now, share=share)

    def _every(self) -> list[tuple[int, Shard]]:
        every = [(shard_id, self._shard(shard_id)) for shard_id in self._shard_ids()]
        for shard_id, shard in every:
            if shard.is_connected and not _stands(self._bot, shard_id):
                # discord.py reconnects one shard after the other, and says that one is lost when its turn has come.
                shard.turn(is_connected=False)
            if shard.is_connected:
                shard.heartbeats.look(*_heartbeat(self._bot, shard_id))
        return every

    def _shard(self, shard_id: int) -> Shard:
        shard = self._shards.get(shard_id)
        if shard is None:
            shard = self._shards[shard_id] = Shard(self._clock, self._began_at, self._began_s)
        return shard

    def _shard_ids(self) -> Sequence[int]:
        """Those of this process; none before a bot that shards by itself knows how many it needs."""
        if isinstance(self._bot, commands.AutoShardedBot):
            return self._bot.shard_ids or range(self._bot.shard_count or 0)
        return (self._bot.shard_id or 0,)


def _stands(bot: commands.Bot, shard_id: int) -> bool:
    if isinstance(bot, commands.AutoShardedBot):
        shard = bot.get_shard(shard_id)
        return shard is not None and not shard.is_closed()
    websocket = cast("DiscordWebSocket | None", bot.ws)  # None until the first connection
    # A bot in somebody's tests may have one without a socket.
    return websocket is not None and cast("object", websocket.socket) is not None and websocket.open


def _heartbeat(bot: commands.Bot, shard_id: int) -> tuple[float, float]:
    """What discord.py says of the newest latency, and the interval of heartbeats, in seconds."""
    source = bot.get_shard(shard_id) if isinstance(bot, commands.AutoShardedBot) else bot
    if source is None:
        return math.nan, USUAL_INTERVAL_S
    websocket = getattr(getattr(source, "_parent", source), "ws", None)  # private, like the next: told nowhere else
    interval_s = getattr(getattr(websocket, "_keep_alive", None), "interval", None)
    return source.latency, interval_s or USUAL_INTERVAL_S


def _nowhere(_: GatewayLoss) -> None:
    pass
