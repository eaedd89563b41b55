"""What `[[alerts.rule]] metric` may name."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from botmon_cog.config.tables import RuleConfig

RULES = "rule"
"""What the keys of these alerts begin with."""

CUSTOM = "custom."
"""What the metrics of operations that the host times begin with: their mean in seconds."""

METRICS: dict[str, tuple[str, str]] = {
    "memory.percent": ("the memory of this process", "%"),
    "memory.rss_mb": ("the memory of this process", "MB"),
    "memory.growth_mb_per_h": ("the growth of this process's memory", "MB/h"),
    "cpu.percent": ("the processor time of this process (of one core)", "%"),
    "cpu.system_percent": ("the processor time of the machine", "%"),
    "files.percent": ("the share of open files (of their limit)", "%"),
    "threads": ("the number of threads", ""),
    "loop.lag_p99_ms": ("the event loop's lag (p99)", "ms"),
    "loop.lag_max_ms": ("the event loop's lag (largest)", "ms"),
    "loop.blocked_s": ("the time the event loop was blocked within ten minutes", "s"),
    "gateway.latency_ms": ("the gateway's latency (worst shard)", "ms"),
    "gateway.reconnects_1h": ("the number of gateway reconnects within an hour", ""),
    "gateway.shards_down": ("the number of shards without a connection", ""),
    "rest.rate_limits_1h": ("the number of rate limits (429) within an hour", ""),
    "rest.server_errors_1h": ("the number of Discord's server errors (5xx) within an hour", ""),
    "commands.total_1h": ("the number of commands within an hour", ""),
    "commands.error_rate": ("the bot's share of failed commands (0 to 1)", ""),
    "commands.late_1h": ("the number of late answers within an hour", ""),
    "commands.unanswered_1h": ("the number of unanswered commands within an hour", ""),
    "database.response_ms": ("the database's response time", "ms"),
    "database.size_mb": ("the database's size", "MB"),
    "monitor.queued": ("the number of rows that wait in memory", ""),
    "monitor.spooled": ("the number of rows that wait on disk", ""),
    "monitor.dropped": ("the number of rows lost since the start", ""),
    "uptime_s": ("the time since the start", "s"),
}
"""Name -> (what it is, its unit), in words for people. MB is a million bytes."""


def unknown_metric(name: str) -> str | None:
    """What is wrong with the name of a metric, with the nearest one that there is; None where nothing is."""
    if name in METRICS or (name.startswith(CUSTOM) and name != CUSTOM):
        return None
    near = difflib.get_close_matches(name, METRICS, n=1, cutoff=0.5)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    allowed = f"{', '.join(METRICS)}, or {CUSTOM}<name> for an operation that your bot times"
    return f"{name!r} is no metric{hint}. Allowed: {allowed}"


def rule_keys(rules: Sequence[RuleConfig]) -> list[str]:
    """The key of each rule's alert: its metric, and its limit where several rules are about one metric."""
    metrics = [rule.metric for rule in rules]
    return [f"{RULES}.{rule.metric}" + (f".{_limit(rule)}" if metrics.count(rule.metric) > 1 else "") for rule in rules]


def _limit(rule: RuleConfig) -> str:
    return f"over_{rule.over:.12g}" if rule.over is not None else f"under_{rule.under:.12g}"
