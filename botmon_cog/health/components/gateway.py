"""The connections to Discord's gateway."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

from msgspec.structs import replace

from botmon_cog.config import HealthConfig
from botmon_cog.domain.samples import GatewaySample, ShardSample
from botmon_cog.domain.text import count, duration, finite, latency
from botmon_cog.health.component import HOUR_S, Component, Effect, Finding, Trouble, in_seconds
from botmon_cog.health.phrases import Phrase

DOWN_S = 60.0
"""Without a connection for longer than this is a trouble: discord.py reconnects by itself, and mostly sooner."""
FEW_SESSIONS = 100
BLOCKED_TOO_OFTEN = 3
"""Heartbeats within the hour. One is a moment of the past, which a warning would outlive."""
_LONGEST_S = 1e9
"""What claims to be longer means nothing."""
_MOST_NAMED, _MOST_SHOWN, _WORST_SHOWN = 5, 8, 4
_WHEN_DOWN = (
    "discord.py keeps trying by itself. See discordstatus.com and the machine's network; if it lasts, see the bot's "
    "log and restart it."
)
_LEFT = "logins left today"
_UNTIL = "{reset_s:? for {reset_s:duration}}"
_LOGINS = "find out why it logs in so often: a crash loop, or a second process with the same token."


def _named(down: int, names: Sequence[str], **_: object) -> Phrase:
    return () if down == 1 else "{names:list}, …" if down > len(names) else "{names:list}"


_DOWN = Trouble(
    "gateway.down",
    "{shards:the bot has not|none of {shards:count} shards has} been connected to Discord for {down_s:duration}",
    "the bot is connected to Discord",
    remedy=_WHEN_DOWN,
    meanwhile="What people do does not reach the bot.",
    effect=Effect.AWAY,
)
_SHARDS_DOWN = Trouble(
    "gateway.shards_down",
    "{down:shard {names:list} has been disconnected from Discord for {down_s:duration}|{down:count} of {shards:count} "
    "shards are disconnected from Discord, the longest for {down_s:duration}}",
    "{down:shard {names:list} is connected|every shard is connected}",
    detail=_named,
    remedy=_WHEN_DOWN,
    meanwhile="What people do in that shard's servers does not reach the bot.",
)
_late = partial(Trouble, meanwhile="Some answers come late or not at all.")
_LATENCY = _late(
    "gateway.latency",
    "Discord takes {latency_s:latency} to answer heartbeats{shard:? on shard {shard}}",
    "Discord answers heartbeats in time",
    remedy="See discordstatus.com and the machine's network. A blocked event loop looks the same; the details of the "
    "health name it.",
    effect=Effect.SLOW,
)
_TIMES = "reconnected to Discord {n:count} {n:time|times} in the last hour"
_RECONNECTS = _late(
    "gateway.reconnects",
    (f"shard {{shard}} {_TIMES}", f"the bot {_TIMES}"),
    "the connection to Discord holds",
    remedy="See the machine's network and discordstatus.com; a blocked event loop loses connections too.",
    looks_back_s=HOUR_S,
)
_HEARTBEAT = _late(
    "gateway.heartbeat",
    "discord.py could not send its heartbeat for 10 s or more, {n:count} {n:time|times} in the last hour",
    "heartbeats get through",
    remedy="Something blocks the event loop: the details of the health name it, and the bot's log has its stack.",
    looks_back_s=HOUR_S,
)
_SESSIONS = Trouble(
    "gateway.sessions",
    (
        f"Discord allows only {{left:count?}} more {{left:session|sessions}}{_UNTIL}",
        f"Discord refuses new sessions{_UNTIL}",
    ),
    "the bot may begin sessions with Discord",
    remedy=(
        f"{{left:any?}}Restart the bot rarely until then, and {_LOGINS}",
        f"Don't restart the bot until then: it could not log in. Afterwards {_LOGINS}",
    ),
    meanwhile="The bot runs on, and it must not lose its connection.",
)


class Gateway(Component[GatewaySample]):
    name = "gateway"
    title = "Gateway"
    troubles = (_DOWN, _SHARDS_DOWN, _LATENCY, _RECONNECTS, _SESSIONS, _HEARTBEAT)
    vital = (("shards", None),)
    in_brief = ("ping {slowest_s:latency}",)
    in_numbers = (
        "{reconnects_1h:count} {reconnects_1h:reconnect|reconnects} in 1 h",
        "heartbeat blocked {heartbeats_blocked_1h:count?}x",
        "{identifies_left:count}{identifies_total:? of {identifies_total:count}} logins left today",
    )

    async def sample(self) -> GatewaySample | None:
        return self._sources.gateway()

    def judge(self, sample: GatewaySample, config: HealthConfig) -> Iterable[Finding]:
        shards, blocked, left = sample.shards, sample.heartbeats_blocked_1h, sample.identifies_left
        yield from _lost(shards)
        yield _HEARTBEAT.level(blocked, (BLOCKED_TOO_OFTEN, None), n=blocked)
        if left is not None:  # the fewer, the higher: 1 and more where there are fewer than 100
            left, reset_s = max(left, 0), sample.identifies_reset_s
            found = _SESSIONS.level(
                FEW_SESSIONS / (left + 1), (1.0, None), "gateway.identifies", left=left, reset_s=reset_s
            )
            yield found if left > 0 else replace(found, limits=(1.0, 1.0), is_certain=True)
        if shards:
            shard = max(shards, key=lambda each: finite(each.usual_latency_s) or 0.0)
            slowest_s = shard.usual_latency_s
            limits = in_seconds(config.gateway_latency_ms)
            yield _LATENCY.level(slowest_s, limits, latency_s=slowest_s, shard=_number(shard, shards))
            shard = max(shards, key=lambda shard: shard.reconnects_1h)
            n = shard.reconnects_1h
            yield _RECONNECTS.level(n, config.gateway_reconnects_1h, n=n, shard=_number(shard, shards))

    def brief(self, sample: GatewaySample) -> Iterable[str]:
        n = len(sample.shards)
        connected = f"{count(n - sample.shards_down)}/{count(n)} shards"
        return [*super().brief(sample), *([connected] if n > 1 else [])]

    def numbers(self, sample: GatewaySample, now: datetime) -> Iterable[str]:
        return [_shown(sample), *super().numbers(sample, now)]


def _lost(shards: Sequence[ShardSample]) -> Iterable[Finding]:
    """All connections, or some; those of which it is certain are told by the one that has been lost longest."""
    down = [shard for shard in shards if not shard.is_connected and shard.down_s > DOWN_S]
    down.sort(key=lambda shard: shard.down_s, reverse=True)
    if not down:
        return
    is_whole = len(down) == len(shards)
    down_s = min(down[-1 if is_whole else 0].down_s, _LONGEST_S)
    if is_whole:
        yield _DOWN.fact("critical", "gateway", down_s, shards=len(shards), down_s=down_s)
        return
    names = [str(shard.shard_id) for shard in down[:_MOST_NAMED]]
    values = {"shards": len(shards), "down": len(down), "names": names, "down_s": down_s}
    yield _SHARDS_DOWN.fact("warning", f"gateway.shard.{names[0]}", down_s, **values)


def _number(shard: ShardSample, shards: Sequence[ShardSample]) -> int | None:
    """None if there is only one connection."""
    return shard.shard_id if len(shards) > 1 else None


def _shown(sample: GatewaySample) -> str:
    shards, n = sample.shards, len(sample.shards)
    if n == 1:
        return _shard(shards[0])
    worst = sorted(shards, key=_badness, reverse=True)[:_WORST_SHOWN] if n > _MOST_SHOWN else shards
    named = ", ".join(f"#{shard.shard_id} {_shard(shard)}" for shard in worst)
    if n <= _MOST_SHOWN:
        return named
    return f"{count(n - sample.shards_down)} of {count(n)} shards connected; the worst: {named}"


def _shard(shard: ShardSample) -> str:
    if not shard.is_connected:
        return f"**down for {duration(shard.down_s)}**"
    return latency(shard.latency_s) if finite(shard.latency_s) is not None else "connected"


def _badness(shard: ShardSample) -> tuple[bool, float, float]:
    return not shard.is_connected, finite(shard.down_s) or 0.0, finite(shard.latency_s) or 0.0
