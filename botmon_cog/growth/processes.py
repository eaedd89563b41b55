"""Which processes of a bot there are, and which of those that ended are missed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from botmon_cog.domain.inventory import ServersByShard, all_servers
from botmon_cog.domain.reports.fleet import FleetHealth, ProcessHealth
from botmon_cog.growth.values import Process, Processes

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
    return (
        *(_told(each, "silent" if each.ended_at is None else "stopped") for each in down),
        *(_told(each, "running") for each in FleetHealth.of(live).processes),
    )


def all_processes(recent: Sequence[ProcessHealth], now: datetime, lively: timedelta) -> Processes:
    """The same, with what they have together."""
    found = processes(recent, now, lively)
    newest = [each.servers for each in newest_first(recent) if each.servers is not None]
    shard_count = newest[0].shard_count if newest else None
    had = {shard_id for each in found if each.state == "running" for shard_id in each.shard_ids}
    return Processes(
        processes=found,
        servers=all_servers(newest),
        shard_count=shard_count,
        nobodys=tuple(shard_id for shard_id in range(shard_count or 0) if shard_id not in had),
    )


def newest_first(recent: Iterable[ProcessHealth]) -> list[ProcessHealth]:
    """By their last sign of life, then by their start."""
    return sorted(recent, key=lambda each: (each.seen_at, each.started_at), reverse=True)


def _shards(servers: ServersByShard | None) -> Shards:
    return set() if servers is None else {(servers.shard_count, shard_id) for shard_id in servers.servers}


def _told(process: ProcessHealth, state: Literal["running", "silent", "stopped"]) -> Process:
    return Process(
        instance=process.instance,
        status=process.status,
        seen_at=process.seen_at,
        state=state,
        servers=None if process.servers is None else process.servers.total,
        started_at=process.started_at,
        shard_ids=() if process.servers is None else tuple(sorted(process.servers.servers)),
        versions=process.versions,
        reason=process.reason,
    )
