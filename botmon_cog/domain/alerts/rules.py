"""Alerts of the owner's own: `[[alerts.rule]]` over what the probes found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from botmon_cog.config import RuleConfig
from botmon_cog.config.metrics import CUSTOM, METRICS, rule_keys
from botmon_cog.domain.alerts.values import Value
from botmon_cog.domain.reports import Problem
from botmon_cog.domain.samples import (
    CommandsSample,
    DatabaseSample,
    LoopSample,
    MonitorSample,
    ProcessSample,
    RestSample,
    Samples,
    ShardSample,
)
from botmon_cog.domain.text import finite

_MB = 1e6
_MS_PER_S = 1e3
_LONG, _ENDLESS = 1e4, 1e15
"""From the first on a number is written without decimals, from the second on with an exponent."""

Getter = Callable[[Samples], float | None]


class Found(Value, frozen=True, kw_only=True):
    """What the rules make of one look."""

    problems: tuple[Problem, ...] = ()
    unknown: tuple[str, ...] = ()
    """The keys of rules that are neither: there is no value, or it has not been beyond its limit for long enough."""


class Rules:
    """Remembers since when each rule has held."""

    def __init__(self, rules: Sequence[RuleConfig], min_commands: int) -> None:
        """`min_commands`: with fewer within the hour there is no `commands.error_rate`."""
        self._min_commands = min_commands
        self._rules = dict(zip(rule_keys(rules), rules, strict=True))
        self._since: dict[str, datetime] = {}

    def step(self, samples: Samples, uptime_s: float) -> Found:
        """Hold one look against every rule."""
        if samples.jumped_s:
            self._since = {key: since + timedelta(seconds=samples.jumped_s) for key, since in self._since.items()}
        problems: list[Problem] = []
        unknown: list[str] = []
        for key, rule in self._rules.items():
            value = self._value(rule.metric, samples, uptime_s)
            if value is None:
                unknown.append(key)
            elif not _is_beyond(value, rule):
                self._since.pop(key, None)
            elif samples.taken_at - (since := self._since.setdefault(key, samples.taken_at)) < timedelta(
                seconds=rule.for_s
            ):
                unknown.append(key)
            else:
                problems.append(
                    Problem(key=key, severity=rule.severity, reason=rule.message or _sentence(rule, value), since=since)
                )
        return Found(problems=tuple(problems), unknown=tuple(unknown))

    def _value(self, metric: str, samples: Samples, uptime_s: float) -> float | None:
        if metric.startswith(CUSTOM):
            return finite(samples.custom.get(metric.removeprefix(CUSTOM)))
        if metric == "uptime_s":
            return finite(uptime_s)
        if metric == "commands.error_rate" and samples.commands and samples.commands.total < self._min_commands:
            return None
        return finite(GETTERS[metric](samples))


def _is_beyond(value: float, rule: RuleConfig) -> bool:
    if rule.over is not None:
        return value > rule.over
    return rule.under is not None and value < rule.under


def _sentence(rule: RuleConfig, value: float) -> str:
    """`the memory of this process is 812 MB, over 700 MB`."""
    words, unit = METRICS.get(rule.metric, (rule.metric.removeprefix(CUSTOM), ""))
    side, limit = ("over", rule.over) if rule.over is not None else ("under", rule.under or 0.0)
    return f"{words} is {_number(value)} {unit}".rstrip() + f", {side} {_number(limit)} {unit}".rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if _LONG <= abs(value) < _ENDLESS else f"{value:.4g}"


def _of(value: float | None, times: float = 1.0) -> float | None:
    return None if value is None else value * times


def _share(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _process(read: Callable[[ProcessSample], float | None]) -> Getter:
    return lambda samples: read(samples.process) if samples.process else None


def _loop(read: Callable[[LoopSample], float | None]) -> Getter:
    return lambda samples: read(samples.loop) if samples.loop else None


def _gateway(read: Callable[[tuple[ShardSample, ...]], float | None]) -> Getter:
    return lambda samples: read(samples.gateway.shards) if samples.gateway else None


def _rest(read: Callable[[RestSample], float | None]) -> Getter:
    return lambda samples: read(samples.rest) if samples.rest else None


def _commands(read: Callable[[CommandsSample], float | None]) -> Getter:
    return lambda samples: read(samples.commands) if samples.commands else None


def _database(read: Callable[[DatabaseSample], float | None]) -> Getter:
    return lambda samples: read(samples.database) if samples.database else None


def _monitor(read: Callable[[MonitorSample], float | None]) -> Getter:
    return lambda samples: read(samples.monitor) if samples.monitor else None


def _worst_latency_s(shards: tuple[ShardSample, ...]) -> float | None:
    return max((s for shard in shards if (s := finite(shard.latency_s)) is not None), default=None)


GETTERS: dict[str, Getter] = {
    "memory.percent": _process(lambda process: _of(_share(process.rss_bytes, process.limit_bytes), 100)),
    "memory.rss_mb": _process(lambda process: _of(process.rss_bytes, 1 / _MB)),
    "memory.growth_mb_per_h": _process(lambda process: _of(process.growth_bytes_per_h, 1 / _MB)),
    "cpu.percent": _process(lambda process: process.cpu_percent),
    "cpu.system_percent": _process(lambda process: process.system_cpu_percent),
    "files.percent": _process(lambda process: _of(_share(process.files, process.files_limit), 100)),
    "threads": _process(lambda process: process.threads),
    "loop.lag_p99_ms": _loop(lambda loop: _of(loop.p99_s, _MS_PER_S)),
    "loop.lag_max_ms": _loop(lambda loop: _of(loop.max_s, _MS_PER_S)),
    "loop.blocked_s": _loop(lambda loop: loop.blocked_s),
    "gateway.latency_ms": _gateway(lambda shards: _of(_worst_latency_s(shards), _MS_PER_S)),
    "gateway.reconnects_1h": _gateway(lambda shards: sum(shard.reconnects_1h for shard in shards)),
    "gateway.shards_down": _gateway(lambda shards: sum(not shard.is_connected for shard in shards)),
    "rest.rate_limits_1h": _rest(lambda rest: rest.rate_limits_1h),
    "rest.server_errors_1h": _rest(lambda rest: rest.server_errors_1h),
    "commands.total_1h": _commands(lambda commands: commands.total),
    "commands.error_rate": _commands(lambda commands: _share(commands.errors, commands.total)),
    "commands.late_1h": _commands(lambda commands: commands.late),
    "commands.unanswered_1h": _commands(lambda commands: commands.unanswered),
    "database.response_ms": _database(lambda database: _of(database.response_time_s, _MS_PER_S)),
    "database.size_mb": _database(lambda database: _of(database.size_bytes, 1 / _MB)),
    "monitor.queued": _monitor(lambda monitor: monitor.queued),
    "monitor.spooled": _monitor(lambda monitor: monitor.spooled),
    "monitor.dropped": _monitor(lambda monitor: monitor.dropped),
}
"""For all of METRICS but `uptime_s`, which is no sample."""
