"""The connections to Discord's gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from botmon_cog.config import HealthConfig
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.samples import GatewaySample, ShardSample
from botmon_cog.domain.text import count, duration, finite, latency, plural
from botmon_cog.health.component import Component, Effect, Finding, Saying, Words, fact, level

DOWN_S = 60.0
"""Without a connection for longer than this is a trouble: discord.py reconnects by itself, and mostly sooner."""
FEW_SESSIONS = 100
BLOCKED_TOO_OFTEN = 3
"""Heartbeats within the hour. One is a moment of the past, which a warning would outlive."""
_HOUR_S = 3600.0
_LONGEST_S = 1e9
"""What claims to be longer means nothing."""
_MOST_NAMED, _MOST_SHOWN, _WORST_SHOWN = 5, 8, 4
_WHEN_DOWN = (
    "discord.py keeps trying by itself. See discordstatus.com and the machine's network; if it lasts, see the bot's "
    "log and restart it."
)
_LOGINS = "find out why it logs in so often: a crash loop, or a second process with the same token."
_LATE = "Some answers come late or not at all."


def _down(shards: int, down_s: float | None) -> Words:
    nobody = "the bot has not" if shards == 1 else f"none of {count(shards)} shards has"
    return Words(what=f"{nobody} been connected to Discord for {duration(down_s)}", remedy=_WHEN_DOWN)


def _shards_down(shards: int, down: int, names: Sequence[str], down_s: float | None) -> Words:
    for_ = duration(down_s)
    if down == 1:
        return Words(what=f"shard {names[0]} has been disconnected from Discord for {for_}", remedy=_WHEN_DOWN)
    named = ", ".join(names) + (", …" if down > len(names) else "")
    return Words(
        what=f"{count(down)} of {count(shards)} shards are disconnected from Discord, the longest for {for_}",
        detail=named,
        remedy=_WHEN_DOWN,
    )


def _up_again(names: Sequence[str], down: int, **_: object) -> str:
    return f"shard {names[0]} is connected" if down == 1 else "every shard is connected"


def _latency(latency_s: float | None, shard: int | None = None) -> Words:
    on = "" if shard is None else f" on shard {shard}"
    return Words(
        what=f"Discord takes {latency(latency_s)} to answer heartbeats{on}",
        remedy="See discordstatus.com and the machine's network. A blocked event loop looks the same; the details of "
        "the health name it.",
    )


def _reconnects(n: int, shard: int | None = None) -> Words:
    who = "the bot" if shard is None else f"shard {shard}"
    return Words(
        what=f"{who} reconnected to Discord {count(n)} {plural(n, 'time', 'times')} in the last hour",
        remedy="See the machine's network and discordstatus.com; a blocked event loop loses connections too.",
    )


def _sessions(left: int, reset_s: float | None = None) -> Words:
    until = "" if reset_s is None else f" for {duration(reset_s)}"
    if left <= 0:
        return Words(
            what=f"Discord refuses new sessions{until}",
            remedy=f"Don't restart the bot until then: it could not log in. Afterwards {_LOGINS}",
        )
    return Words(
        what=f"Discord allows only {count(left)} more {plural(left, 'session', 'sessions')}{until}",
        remedy=f"Restart the bot rarely until then, and {_LOGINS}",
    )


def _heartbeat(n: int) -> Words:
    return Words(
        what=f"discord.py could not send its heartbeat for 10 s or more, {count(n)} {plural(n, 'time', 'times')} "
        "in the last hour",
        remedy="Something blocks the event loop: the details of the health name it, and the bot's log has its stack.",
    )


class Gateway(Component[GatewaySample]):
    name = "gateway"
    title = "Gateway"
    sayings: ClassVar[Mapping[str, Saying]] = {
        "gateway.down": Saying(
            words=_down,
            recovered="the bot is connected to Discord",
            meanwhile="What people do does not reach the bot.",
            effect=Effect.AWAY,
        ),
        "gateway.shards_down": Saying(
            words=_shards_down,
            recovered=_up_again,
            meanwhile="What people do in that shard's servers does not reach the bot.",
        ),
        "gateway.latency": Saying(
            words=_latency, recovered="Discord answers heartbeats in time", meanwhile=_LATE, effect=Effect.SLOW
        ),
        "gateway.reconnects": Saying(words=_reconnects, recovered="the connection to Discord holds", meanwhile=_LATE),
        "gateway.sessions": Saying(
            words=_sessions,
            recovered="the bot may begin sessions with Discord",
            meanwhile="The bot runs on, and it must not lose its connection.",
        ),
        "gateway.heartbeat": Saying(words=_heartbeat, recovered="heartbeats get through", meanwhile=_LATE),
    }
    metrics: ClassVar[Mapping[str, Callable[[Any], float | None]]] = {
        "gateway.latency_ms": lambda sample: None if (s := _slowest_s(sample.shards)) is None else s * 1e3,
        "gateway.reconnects_1h": lambda sample: sum(shard.reconnects_1h for shard in sample.shards),
        "gateway.shards_down": lambda sample: sum(not shard.is_connected for shard in sample.shards),
    }
    inhibits: ClassVar[Mapping[str, Sequence[str]]] = {"gateway": ("gateway.*", "rest.*", "commands.*", "voice.*")}

    def __init__(self) -> None:
        self._source: Callable[[], GatewaySample | None] | None = None

    def watch(self, source: Callable[[], GatewaySample | None]) -> None:
        """Ask `source` at every look."""
        self._source = source

    async def sample(self) -> GatewaySample | None:
        return None if self._source is None else self._source()

    def judge(self, sample: GatewaySample, config: HealthConfig) -> Iterable[Finding]:
        shards = sample.shards
        yield from _lost(shards)
        yield from _scarce_sessions(sample)
        yield _blocked_heartbeats(sample.heartbeats_blocked_1h)
        if shards:
            slowest = max(shards, key=_usual_s)
            warning_ms, critical_ms = config.gateway_latency_ms
            slow = Reason.of("gateway.latency", latency_s=slowest.usual_latency_s, shard=_number(slowest, shards))
            yield level("gateway.latency", slowest.usual_latency_s, (warning_ms / 1e3, critical_ms / 1e3), slow)
            shakiest = max(shards, key=_reconnects_1h)
            n = shakiest.reconnects_1h
            shaky = Reason.of("gateway.reconnects", n=n, shard=_number(shakiest, shards))
            yield level("gateway.reconnects", n, config.gateway_reconnects_1h, shaky, looks_back_s=_HOUR_S)

    def is_known(self, sample: GatewaySample) -> bool:
        return bool(sample.shards)

    def brief(self, sample: GatewaySample) -> Iterable[str]:
        slowest_s = _slowest_s(sample.shards)
        if slowest_s is not None:
            yield f"ping {latency(slowest_s)}"
        if len(sample.shards) > 1:
            connected = sum(shard.is_connected for shard in sample.shards)
            yield f"{count(connected)}/{count(len(sample.shards))} shards"

    def numbers(self, sample: GatewaySample, now: datetime) -> Iterable[str]:  # noqa: ARG002
        reconnects = sum(shard.reconnects_1h for shard in sample.shards)
        counts = [f"{count(reconnects)} {plural(reconnects, 'reconnect', 'reconnects')} in 1 h"]
        if sample.heartbeats_blocked_1h:
            counts.append(f"heartbeat blocked {count(sample.heartbeats_blocked_1h)}x")
        if sample.identifies_left is not None:
            total = "" if sample.identifies_total is None else f" of {count(sample.identifies_total)}"
            counts.append(f"{count(sample.identifies_left)}{total} logins left today")
        return [_shown(sample.shards), ", ".join(counts)]


# -- judging -----------------------------------------------------------------------------------------------------------


def _lost(shards: Sequence[ShardSample]) -> Iterable[Finding]:
    """All connections, or some; those of which it is certain are told by the one that has been lost longest."""
    down = sorted(
        (shard for shard in shards if not shard.is_connected and shard.down_s > DOWN_S),
        key=lambda shard: shard.down_s,
        reverse=True,
    )
    if not down:
        return
    if len(down) == len(shards):
        down_s = _known_s(down[-1].down_s)
        reason = Reason.of("gateway.down", shards=len(shards), down_s=down_s)
        yield fact("gateway", "critical", reason, lasted_s=down_s)
        return
    down_s = _known_s(down[0].down_s)
    names = [str(shard.shard_id) for shard in down[:_MOST_NAMED]]
    reason = Reason.of("gateway.shards_down", shards=len(shards), down=len(down), names=names, down_s=down_s)
    yield fact(f"gateway.shard.{names[0]}", "warning", reason, lasted_s=down_s)


def _scarce_sessions(sample: GatewaySample) -> Iterable[Finding]:
    left = sample.identifies_left
    if left is None:
        return
    reason = Reason.of("gateway.sessions", left=left, reset_s=sample.identifies_reset_s)
    if left <= 0:
        yield fact("gateway.identifies", "critical", reason)
    else:  # the fewer, the higher: 1 and more where there are fewer than 100
        yield level("gateway.identifies", FEW_SESSIONS / (left + 1), (1.0, None), reason)


def _blocked_heartbeats(n: int) -> Finding:
    reason = Reason.of("gateway.heartbeat", n=n)
    return level("gateway.heartbeat", n, (BLOCKED_TOO_OFTEN, None), reason, looks_back_s=_HOUR_S)


def _known_s(down_s: float) -> float:
    return min(down_s, _LONGEST_S)


def _number(shard: ShardSample, shards: Sequence[ShardSample]) -> int | None:
    """None if there is only one connection."""
    return shard.shard_id if len(shards) > 1 else None


def _usual_s(shard: ShardSample) -> float:
    value = finite(shard.usual_latency_s)
    return float("-inf") if value is None else value


def _reconnects_1h(shard: ShardSample) -> int:
    return shard.reconnects_1h


# -- numbers -----------------------------------------------------------------------------------------------------------


def _slowest_s(shards: Iterable[ShardSample]) -> float | None:
    return max((s for shard in shards if (s := finite(shard.latency_s)) is not None), default=None)


def _shown(shards: Sequence[ShardSample]) -> str:
    if len(shards) == 1:
        return _shard(shards[0])
    if len(shards) <= _MOST_SHOWN:
        return ", ".join(f"#{shard.shard_id} {_shard(shard)}" for shard in shards)
    connected = sum(shard.is_connected for shard in shards)
    worst = sorted(shards, key=_badness, reverse=True)[:_WORST_SHOWN]
    named = ", ".join(f"#{shard.shard_id} {_shard(shard)}" for shard in worst)
    return f"{count(connected)} of {count(len(shards))} shards connected; the worst: {named}"


def _shard(shard: ShardSample) -> str:
    if not shard.is_connected:
        return f"**down for {duration(shard.down_s)}**"
    return latency(shard.latency_s) if finite(shard.latency_s) is not None else "connected"


def _badness(shard: ShardSample) -> tuple[bool, float, float]:
    return not shard.is_connected, finite(shard.down_s) or 0.0, finite(shard.latency_s) or 0.0
