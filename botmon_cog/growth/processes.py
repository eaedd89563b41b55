"""Which processes of a bot there are, and which of those that ended are missed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from botmon_cog.domain.inventory import ServersByShard
from botmon_cog.domain.reports.fleet import FleetHealth, ProcessHealth
from botmon_cog.growth.values import Process

Shards = set[tuple[int, int]]
"""(number of shards, shard)."""


def processes(recent: Sequence[ProcessHealth], now: datetime, lively: timedelta) -> tuple[Process, ...]:
    """Those that run, and those that do no more and whose shards no other one has: these first, then the gravest.

    `lively`: how long after its last sign of life a process counts as running.
    """
    live = [each for each in recent if each.ended_at is None and each.seen_at >= now - lively]
    covered: Shards = {shard for each in live for shard in _shards(each.servers)}
    instances = {each.instance for each in live}
    missed: list[ProcessHealth] = []
    for each in newest_first(each for each in recent if each not in live):
        own = _shards(each.servers)
        if own - covered if own else each.instance not in instances:
            missed.append(each)
        covered |= own
        instances.add(each.instance)
    down = sorted(missed, key=lambda each: each.instance)
    return tuple(map(_down, down)) + tuple(map(_running, FleetHealth.of(live).processes))


def newest_first(recent: Iterable[ProcessHealth]) -> list[ProcessHealth]:
    """By their last sign of life, then by their start."""
    return sorted(recent, key=lambda each: (each.seen_at, each.started_at), reverse=True)


def _shards(servers: ServersByShard | None) -> Shards:
    return set() if servers is None else {(servers.shard_count, shard_id) for shard_id in servers.servers}


def _down(process: ProcessHealth) -> Process:
    return Process(
        instance=process.instance,
        status=process.status,
        seen_at=process.seen_at,
        state="silent" if process.ended_at is None else "stopped",
        servers=None if process.servers is None else process.servers.total,
    )


def _running(process: ProcessHealth) -> Process:
    return Process(
        instance=process.instance,
        status=process.status,
        seen_at=process.seen_at,
        state="running",
        servers=None if process.servers is None else process.servers.total,
    )
