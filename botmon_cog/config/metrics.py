"""What `[[alerts.rule]] metric` may name."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import NamedTuple

from botmon_cog.config.tables import RuleConfig

RULES = "rule"
"""What the keys of these alerts begin with."""

CUSTOM = "custom."
"""What the host's own metrics begin with, and operations that it times; which there are is not known at the start."""


class Metric(NamedTuple):
    what: str
    """In words for people."""
    unit: str = ""
    of: str = ""
    """The component and the field of its sample that it is read from, where its name does not say so. What is told in
    ms or MB (a million bytes) is read from seconds or bytes."""


METRICS: dict[str, Metric] = {
    "memory.percent": Metric("the memory of this process", "%"),
    "memory.rss_mb": Metric("the memory of this process", "MB", "memory.process_bytes"),
    "memory.growth_mb_per_h": Metric("the growth of this process's memory", "MB/h", "memory.growth_bytes_per_h"),
    "cpu.percent": Metric("the processor time of this process (of one core)", "%"),
    "cpu.system_percent": Metric("the processor time of the machine", "%"),
    "disk.free_mb": Metric("the free space of the store's disk", "MB", "disk.free_bytes"),
    "files.percent": Metric("the share of open files (of their limit)", "%"),
    "threads": Metric("the number of threads", "", "cpu.threads"),
    "loop.lag_p99_ms": Metric("the event loop's lag (p99)", "ms", "loop.p99_s"),
    "loop.lag_max_ms": Metric("the event loop's lag (largest)", "ms", "loop.max_s"),
    "loop.blocked_s": Metric("the time the event loop was blocked within ten minutes", "s"),
    "gateway.latency_ms": Metric("the gateway's latency (worst shard)", "ms", "gateway.slowest_s"),
    "gateway.reconnects_1h": Metric("the number of gateway reconnects within an hour"),
    "gateway.shards_down": Metric("the number of shards without a connection"),
    "rest.rate_limits_1h": Metric("the number of rate limits (429) within an hour"),
    "rest.server_errors_1h": Metric("the number of Discord's server errors (5xx) within an hour"),
    "commands.total_1h": Metric("the number of commands within an hour", "", "commands.total"),
    "commands.error_rate": Metric("the bot's share of failed commands (0 to 1)"),
    "commands.late_1h": Metric("the number of late answers within an hour", "", "commands.late"),
    "commands.unanswered_1h": Metric("the number of unanswered commands within an hour", "", "commands.unanswered"),
    "database.response_ms": Metric("the database's response time", "ms", "database.response_time_s"),
    "database.size_mb": Metric("the database's size", "MB", "database.size_bytes"),
    "monitor.queued": Metric("the number of rows that wait in memory"),
    "monitor.spooled": Metric("the number of rows that wait on disk"),
    "monitor.dropped": Metric("the number of rows lost since the start"),
    "uptime_s": Metric("the time since the start", "s"),
}


def unknown_metric(name: str) -> str | None:
    """What is wrong with the name of a metric, with the nearest one that there is; None where nothing is."""
    if name in METRICS or (name.startswith(CUSTOM) and name != CUSTOM):
        return None
    near = difflib.get_close_matches(name, METRICS, n=1, cutoff=0.5)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    allowed = f"{', '.join(METRICS)}, or {CUSTOM}<name> for a metric of your bot's own"
    return f"{name!r} is no metric{hint}. Allowed: {allowed}"


def rule_keys(rules: Sequence[RuleConfig]) -> list[str]:
    """The key of each rule's alert: its metric, and its limit where several rules are about one metric."""
    metrics = [rule.metric for rule in rules]
    return [f"{RULES}.{rule.metric}" + (f".{_limit(rule)}" if metrics.count(rule.metric) > 1 else "") for rule in rules]


def _limit(rule: RuleConfig) -> str:
    return f"over_{rule.over:.12g}" if rule.over is not None else f"under_{rule.under:.12g}"
