"""The connections to Discord's gateway."""

from __future__ import annotations

from datetime import datetime, timedelta

from botmon_cog.config import HealthConfig
from botmon_cog.domain.health.levels import Check, Words
from botmon_cog.domain.health.verdict import HEALTHY, UNKNOWN, conclude
from botmon_cog.domain.reports import GatewayHealth, Problem
from botmon_cog.domain.samples import GatewaySample, ShardSample
from botmon_cog.domain.text import count, duration, finite, latency, plural

_MOST_NAMED = 5
_LONGEST_S = 1e9
"""Of a sample that says more, nobody knows what it means."""
_BLOCKED_TOO_OFTEN = 3
"""Heartbeats within the hour. One is a moment of the past, which a warning would outlive."""
_WHEN_DOWN = (
    "discord.py keeps trying by itself. See discordstatus.com and the machine's network; if it lasts, see the bot's "
    "log and restart it."
)


def judge_gateway(sample: GatewaySample, config: HealthConfig, check: Check) -> GatewayHealth:
    shards = sample.shards
    slowest = max(shards, key=_latency, default=None)
    shakiest = max(shards, key=_reconnects, default=None)
    verdict = conclude(
        _down(sample, config, check),
        _no_identifies(sample, check),
        check.level(
            "gateway.latency",
            finite(slowest.latency_s) if slowest else None,
            config.gateway_latency_warning_ms / 1000,
            config.gateway_latency_critical_ms / 1000,
            lambda: _slow(slowest, shards),
        ),
        check.level(
            "gateway.reconnects",
            shakiest.reconnects_1h if shakiest else None,
            config.gateway_reconnects_warning,
            config.gateway_reconnects_critical,
            lambda: _shaky(shakiest, shards),
        ),
        check.level(
            "gateway.identifies",
            _scarcity(sample, config, check),
            1.0,
            None,
            lambda: _few_identifies(sample, check),
        ),
        check.level(
            "gateway.heartbeat",
            sample.heartbeats_blocked_1h,
            _BLOCKED_TOO_OFTEN,
            None,
            lambda: _heartbeat(sample),
        ),
        otherwise=HEALTHY if shards else UNKNOWN,
    )
    return GatewayHealth(**verdict, sample=sample)


def _down(sample: GatewaySample, config: HealthConfig, check: Check) -> Problem | None:
    down = [shard for shard in sample.shards if not shard.is_connected and shard.down_s > config.gateway_down_s]
    if not down:
        return None
    down.sort(key=_down_s, reverse=True)
    longest = duration(down[0].down_s)
    n = len(sample.shards)
    if n == 1:
        reason = f"the bot has not been connected to Discord for {longest}"
        return check.fact("gateway", "critical", reason, _WHEN_DOWN, since=_lost_at(down[0], check))
    if len(down) == n:
        reason = f"none of {n} shards has been connected to Discord for {duration(down[-1].down_s)}"
        return check.fact("gateway", "critical", reason, _WHEN_DOWN, since=_lost_at(down[-1], check))
    key = f"gateway.shard.{down[0].shard_id}"
    if len(down) == 1:
        reason = f"shard {down[0].shard_id} has not been connected to Discord for {longest}"
        return check.fact(key, "warning", reason, _WHEN_DOWN, since=_lost_at(down[0], check))
    names = ", ".join(str(shard.shard_id) for shard in down[:_MOST_NAMED]) + (", …" if len(down) > _MOST_NAMED else "")
    reason = f"{len(down)} of {n} shards are not connected to Discord ({names}), the longest for {longest}"
    return check.fact(key, "warning", reason, _WHEN_DOWN, since=_lost_at(down[0], check))


def _lost_at(shard: ShardSample, check: Check) -> datetime:
    known_s = (check.now - datetime.min.replace(tzinfo=check.now.tzinfo)).total_seconds()  # a clock may say anything
    return check.now - timedelta(seconds=min(shard.down_s, _LONGEST_S, known_s))


def _no_identifies(sample: GatewaySample, check: Check) -> Problem | None:
    left = sample.identifies_left
    if left is None or left > 0 or _is_reset(sample, check):
        return None
    return check.fact(
        "gateway.identifies",
        "critical",
        f"Discord lets the bot begin no more sessions{_until(sample, check)}",
        "Don't restart the bot until then: it could not log in. Afterwards find out why it logs in so often: a crash "
        "loop, or a second process with the same token.",
    )


def _scarcity(sample: GatewaySample, config: HealthConfig, check: Check) -> float | None:
    """Above 1 where fewer sessions are left than `gateway_identifies_left_warning`: the fewer, the higher."""
    left = sample.identifies_left
    if left is None or left <= 0:
        return None  # a fact, no level
    if _is_reset(sample, check):
        return 0.0
    return config.gateway_identifies_left_warning / (left + 1)


def _few_identifies(sample: GatewaySample, check: Check) -> Words:
    left = sample.identifies_left or 0
    sessions = plural(left, "session", "sessions")
    return f"the bot may begin only {count(left)} more {sessions} with Discord{_until(sample, check)}", (
        "Restart it rarely until then, and find out why it logs in so often: a crash loop, or a second process with "
        "the same token."
    )


def _is_reset(sample: GatewaySample, check: Check) -> bool:
    return sample.identifies_reset_at is not None and sample.identifies_reset_at <= check.now


def _until(sample: GatewaySample, check: Check) -> str:
    if sample.identifies_reset_at is None:
        return ""
    return f" for {duration((sample.identifies_reset_at - check.now).total_seconds())}"


def _heartbeat(sample: GatewaySample) -> Words:
    n = sample.heartbeats_blocked_1h
    reason = f"discord.py could not send its heartbeat for 10 s or more, {count(n)} {plural(n, 'time', 'times')}"
    return f"{reason} within the hour", (
        "Something blocks the event loop: the details of the health name it, and the bot's log has its stack."
    )


def _slow(shard: ShardSample | None, shards: tuple[ShardSample, ...]) -> Words:
    slow_s = shard.latency_s if shard else None
    return f"Discord answers heartbeats{_of(shard, shards)} only after {latency(slow_s)}", (
        "See discordstatus.com and the machine's network. A blocked event loop looks the same; the details of the "
        "health name it."
    )


def _shaky(shard: ShardSample | None, shards: tuple[ShardSample, ...]) -> Words:
    n = shard.reconnects_1h if shard else 0
    who = f"shard {shard.shard_id}" if shard and len(shards) > 1 else "the bot"
    return f"{who} had to reconnect to Discord {count(n)} {plural(n, 'time', 'times')} within the hour", (
        "See the machine's network and discordstatus.com; a blocked event loop loses connections too."
    )


def _of(shard: ShardSample | None, shards: tuple[ShardSample, ...]) -> str:
    return f" of shard {shard.shard_id}" if shard and len(shards) > 1 else ""


def _latency(shard: ShardSample) -> float:
    value = finite(shard.latency_s)
    return float("-inf") if value is None else value


def _reconnects(shard: ShardSample) -> int:
    return shard.reconnects_1h


def _down_s(shard: ShardSample) -> float:
    return shard.down_s
