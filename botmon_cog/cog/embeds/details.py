"""`/health` in numbers: every component that is watched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import discord

from botmon_cog.cog.embeds.components import NAMES
from botmon_cog.cog.embeds.health import (
    Glance,
    commands,
    explanation,
    footer,
    headline,
    joined,
    of_hundred,
    uptime_items,
)
from botmon_cog.cog.embeds.parts import clamp, headed, more, status_colour
from botmon_cog.cog.embeds.reasons import one_line
from botmon_cog.domain import text
from botmon_cog.domain.reports import HealthReport
from botmon_cog.domain.samples import Block, LoopRun, ShardSample

_MOST_BLOCKS = 5
_MOST_SHARDS = 8
_WORST_SHARDS = 4
_MOST_SLOW = 5
_MOST_LOOPS = 8
_MOST_RULES = 5
_MOST_HINTS, _LONGEST_HINT = 4, 200
_MOST_WAYS = 4
_NOT_KNOWN = "not known yet"


def health_details(report: HealthReport, glance: Glance, now: datetime) -> discord.Embed:
    embed = discord.Embed(
        title=headline(report),
        description=explanation(report, glance, []),
        colour=status_colour(report.overall_status),
    )
    for key, component in report.components.items():
        lines = [line for line in _NUMBERS[key](report, now) if line]
        name = f"{text.status_emoji(component.status)} {NAMES[key]}"
        embed.add_field(name=name, value="\n".join(lines) or _NOT_KNOWN, inline=False)
    if report.rules:
        lines = [f"{text.status_emoji(rule.severity)} {one_line(rule.reason)}" for rule in report.rules[:_MOST_RULES]]
        embed.add_field(name="Rules", value="\n".join(lines + more(report.rules, _MOST_RULES)), inline=False)
    up = [f"up {text.duration(report.uptime_s)}"] if report.uptime_s > 0 else []
    up += filter(None, [joined(uptime_items(glance.uptimes))])
    if up:
        embed.add_field(name="Uptime", value="\n".join(up), inline=False)
    if glance.scope is not None:
        embed.add_field(name=f"In {text.plain(glance.scope, 60)}", value=", ".join(commands(glance)), inline=False)
    embed.set_footer(text=footer(report, now))
    return clamp(embed)


def _database(report: HealthReport, _now: datetime) -> list[str]:
    database = report.database
    items: list[str] = []
    if database.response_time_s is not None:
        items.append(f"answers in {text.latency(database.response_time_s)}")
    elif database.status == "error":
        items.append("no answer")
    if database.size_bytes is not None:
        items.append(f"{text.bytes_(database.size_bytes)} on disk")
    return [", ".join(items)]


def _memory(report: HealthReport, _now: datetime) -> list[str]:
    memory = report.memory
    items: list[str] = []
    if memory.rss_bytes is not None:
        items.append(text.bytes_(memory.rss_bytes))
    if text.finite(memory.percent) is not None:
        whose = "container" if memory.is_contained else "machine"
        limit = "" if memory.limit_bytes is None else f"'s {text.bytes_(memory.limit_bytes)}"
        items.append(f"{of_hundred(memory.percent)} of the {whose}{limit}")
    if memory.vms_bytes is not None:
        items.append(f"{text.bytes_(memory.vms_bytes)} virtual")
    growth = text.finite(memory.growth_bytes_per_h)
    if growth is not None:
        items.append(f"{'grows' if growth >= 0 else 'shrinks'} by {text.bytes_(abs(growth))} an hour")
    return [", ".join(items)]


def _cpu(report: HealthReport, _now: datetime) -> list[str]:
    cpu = report.cpu
    items: list[str] = []
    if text.finite(cpu.percent) is not None:
        items.append(f"{of_hundred(cpu.percent)} of a core")
    if text.finite(cpu.system_percent) is not None:
        items.append(f"whole machine {of_hundred(cpu.system_percent)}")
    if cpu.threads is not None:
        items.append(f"{text.count(cpu.threads)} {text.plural(cpu.threads, 'thread', 'threads')}")
    return [", ".join(items)]


def _files(report: HealthReport, _now: datetime) -> list[str]:
    files = report.files
    if files.files is None:
        return []
    limit = "" if files.limit is None else f" of at most {text.count(files.limit)}"
    return [f"{text.count(files.files)}{limit}"]


def _loop(report: HealthReport, _now: datetime) -> list[str]:
    sample = report.loop.sample
    if sample is None:
        return []
    known = (("p50", sample.p50_s), ("p99", sample.p99_s), ("at most", sample.max_s))
    late = ", ".join(f"{name} {text.latency(value)}" for name, value in known if text.finite(value) is not None)
    lines = [f"late by {late}"] if late else []
    if sample.blocked_s > 0:
        lines.append(f"blocked for {text.duration(sample.blocked_s)} in ten minutes")
    if sample.blocks:
        lines.append("Who blocked it, last hour:")
        lines += [_block(block) for block in sample.blocks[:_MOST_BLOCKS]]
        lines += more(sample.blocks, _MOST_BLOCKS)
    return lines


def _block(block: Block) -> str:
    inside = "" if block.inside is None else f", waiting in {text.inline_code(block.inside, 40)}"
    total = text.duration(block.total_s)
    return (
        f"**{text.plain(block.who, 40)}** {text.count(block.n)}x, {total}: {text.inline_code(block.where, 60)}{inside}"
    )


def _gateway(report: HealthReport, _now: datetime) -> list[str]:
    sample = report.gateway.sample
    if sample is None:
        return []
    reconnects = sum(shard.reconnects_1h for shard in sample.shards)
    counts = [f"{text.count(reconnects)} {text.plural(reconnects, 'reconnect', 'reconnects')} in 1 h"]
    if sample.heartbeats_blocked_1h:
        counts.append(f"heartbeat blocked {text.count(sample.heartbeats_blocked_1h)}x")
    if sample.identifies_left is not None:
        total = "" if sample.identifies_total is None else f" of {text.count(sample.identifies_total)}"
        counts.append(f"{text.count(sample.identifies_left)}{total} logins left today")
    return [_shards(sample.shards), ", ".join(counts)]


def _shards(shards: Sequence[ShardSample]) -> str:
    if len(shards) == 1:
        return _shard(shards[0])
    if len(shards) <= _MOST_SHARDS:
        return ", ".join(f"#{shard.shard_id} {_shard(shard)}" for shard in shards)
    connected = sum(shard.is_connected for shard in shards)
    worst = sorted(shards, key=_badness, reverse=True)[:_WORST_SHARDS]
    named = ", ".join(f"#{shard.shard_id} {_shard(shard)}" for shard in worst)
    return f"{text.count(connected)} of {text.count(len(shards))} shards connected; the worst: {named}"


def _shard(shard: ShardSample) -> str:
    if not shard.is_connected:
        return f"**down for {text.duration(shard.down_s)}**"
    return text.latency(shard.latency_s) if text.finite(shard.latency_s) is not None else "connected"


def _badness(shard: ShardSample) -> tuple[bool, float, float]:
    return not shard.is_connected, text.finite(shard.down_s) or 0.0, text.finite(shard.latency_s) or 0.0


def _rest(report: HealthReport, _now: datetime) -> list[str]:
    sample = report.rest.sample
    if sample is None:
        return []
    everything = f" ({text.count(sample.global_rate_limits_1h)} global)" if sample.global_rate_limits_1h else ""
    limits, errors = sample.rate_limits_1h, sample.server_errors_1h
    items = [
        f"{text.count(limits)} {text.plural(limits, 'rate limit', 'rate limits')}{everything}",
        f"{text.count(errors)} {text.plural(errors, 'error', 'errors')} of Discord's",
        f"{text.count(sample.late_1h)} too late, in 1 h",
    ]
    return [", ".join(items)]


def _error_rate(report: HealthReport, _now: datetime) -> list[str]:
    rate = report.error_rate
    if rate.total is None:
        return []
    failed = f"{text.count(rate.errors or 0)} failed"
    if rate.error_rate is not None:
        failed += f" ({text.percent(rate.error_rate)})"
    items = [text.count(rate.total), failed]
    if rate.error_rate is None and rate.total:
        items.append("too few for a rate")
    if rate.late:
        items.append(f"{text.count(rate.late)} too late")
    if rate.unanswered:
        items.append(f"{text.count(rate.unanswered)} never answered")
    return [", ".join(items)]


def _commands(report: HealthReport, _now: datetime) -> list[str]:
    slow = report.commands.slow
    lines = [
        f"**{text.plain('/' + command.command.removeprefix('/'), 40)}** p95 {text.duration(command.p95_s)}, "
        f"last week {text.duration(command.usual_s)}, {text.count(command.n)} {text.plural(command.n, 'call', 'calls')}"
        for command in slow[:_MOST_SLOW]
    ]
    if not slow and report.commands.status == "healthy":
        return ["none is much slower"]
    return [*lines, *more(slow, _MOST_SLOW)]


def _monitor(report: HealthReport, now: datetime) -> list[str]:
    monitor = report.monitor
    items = [f"{text.count(monitor.waiting)} {text.plural(monitor.waiting, 'row waits', 'rows wait')}"]
    if monitor.spooled:
        items.append(f"{text.count(monitor.spooled)} of them on disk ({text.bytes_(monitor.spool_bytes)})")
    items.append(f"{text.count(monitor.dropped)} lost")
    items.append(f"{text.count(monitor.failures)} {text.plural(monitor.failures, 'failure', 'failures')} of its own")
    if text.finite(monitor.cpu_percent) is not None:
        items.append(f"CPU {of_hundred(monitor.cpu_percent)}")
    lines = [", ".join(items)]
    if monitor.loops:
        lines.append("last run: " + ", ".join(_run(loop, now) for loop in monitor.loops[:_MOST_LOOPS]))
    lines += [f"closed: {text.plain(way, 80)}" for way in monitor.unreachable[:_MOST_WAYS]]
    lines += more(monitor.unreachable, _MOST_WAYS)
    lines += [one_line(words) for words in monitor.broken]
    lines += [_hint(words) for words in monitor.hints[:_MOST_HINTS]]
    lines += more(monitor.hints, _MOST_HINTS)
    if monitor.last_error:
        lines.append(f"last error: {text.inline_code(monitor.last_error)}")
    return lines


def _hint(words: str) -> str:
    """With the setting that it ends with as people would write it."""
    what, _, setting = words.partition(": [")
    shown = text.plain(headed(what), _LONGEST_HINT)
    return f"{shown}: {text.inline_code(f'[{setting}')}" if setting else shown


def _run(loop: LoopRun, now: datetime) -> str:
    ago = "not yet" if loop.last_at is None else f"{text.duration(round((now - loop.last_at).total_seconds()))} ago"
    return f"{text.plain(loop.name, 30)} {ago}" + (" (**late**)" if loop.is_late else "")


_NUMBERS: dict[str, Callable[[HealthReport, datetime], list[str]]] = {
    "database": _database,
    "gateway": _gateway,
    "loop": _loop,
    "error_rate": _error_rate,
    "commands": _commands,
    "memory": _memory,
    "cpu": _cpu,
    "files": _files,
    "rest": _rest,
    "monitor": _monitor,
}
