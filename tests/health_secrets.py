"""Samples that make every reason of the health fire, and whose every text is a secret of its own; and who got what."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, get_args, get_type_hints

import msgspec

from botmon_cog.domain.reports import HealthReport
from botmon_cog.domain.samples import Block, GatewaySample, LoopRun, LoopSample, RestSample, Sample, ShardSample
from botmon_cog.health.command_durations import SlowCommand
from botmon_cog.health.components import COMPONENTS
from botmon_cog.health.components.commands import CommandsSample
from botmon_cog.health.components.cpu import CpuSample
from botmon_cog.health.components.database import DatabaseSample
from botmon_cog.health.components.disk import DiskSample
from botmon_cog.health.components.files import FilesSample
from botmon_cog.health.components.memory import MemorySample
from botmon_cog.health.components.monitor import MonitorSample
from botmon_cog.health.components.voice import VoiceSample
from botmon_cog.health.rules import BROKEN
from botmon_cog.monitors.fault_runs import NO_RUN
from botmon_cog.monitors.recent_outcomes import FailingCommand
from botmon_cog.monitors.refusals import RefusedCommand
from botmon_cog.testing import LoopbackDiscord, LoopbackUser

MARK = "s3cret"
AT = datetime(2026, 1, 5, tzinfo=UTC)
GB = 10**9

DECLARED = {each.name for component in COMPONENTS for each in component.troubles} | {BROKEN.name}
"""Every `Reason.what` that there are words for."""


def secret(kind: type, field: str) -> str:
    """`s3cret-block-where`."""
    return f"{MARK}-{kind.__name__.removesuffix('Sample')}-{field}".lower().replace("_", "")


def marked(kind: type, **values: Any) -> Any:
    """One with a secret in every text that is not given."""
    for field, hint in get_type_hints(kind).items():
        if field not in values and _is_text(hint):
            values[field] = secret(kind, field)
        elif field not in values and hint == tuple[str, ...]:
            values[field] = (secret(kind, field),)
    return kind(**values)


def _is_text(hint: Any) -> bool:
    return hint is str or (str in get_args(hint) and hint != tuple[str, ...])


def secrets_of(value: object) -> set[str]:
    """All that are in what a person can read, be it with Discord's markup or in JSON."""
    plain = str(value).replace("\\n", "\n").replace("\\", "")
    return set(re.findall(rf"{MARK}[a-z0-9-]*", plain.lower()))


class Case(msgspec.Struct, frozen=True):
    """One look, and what must be found in it."""

    whats: frozenset[str]
    sample: Any


def case(whats: str, sample: Sample) -> Case:
    return Case(frozenset(whats.split()), sample)


def failing(n: int, faults: int, calls: int) -> FailingCommand:
    command = f"{secret(FailingCommand, 'command')}-{n}"
    counts = {"calls": calls, "faults": faults, "late": 1, "unanswered": 1, "run": NO_RUN, "fingerprint": 7}
    return marked(FailingCommand, command=command, **counts)


def shard(number: int = 0, **values: Any) -> ShardSample:
    usual: dict[str, Any] = {"latency_s": 0.04, "usual_latency_s": 0.04, "is_connected": True}
    return ShardSample(shard_id=number, **(usual | values))


def gateway(*shards: ShardSample, **values: Any) -> GatewaySample:
    return GatewaySample(shards=shards or (shard(),), **values)


DOWN = {"is_connected": False, "down_s": 90.0}
BLOCK = marked(Block, n=3, total_s=9.0, longest_s=4.0, last_at=AT)
READ: dict[str, Any] = {"process_bytes": GB, "virtual_bytes": GB, "used_bytes": GB, "limit_bytes": 8 * GB}

WELL: Mapping[str, Sample] = {
    "database": DatabaseSample(response_time_s=0.004, size_bytes=4096),
    "gateway": gateway(),
    "loop": LoopSample(p50_s=0.001, p99_s=0.004, max_s=0.01, blocks=(BLOCK,)),
    "commands": CommandsSample(total=300),
    "memory": MemorySample(**READ),
    "cpu": CpuSample(percent=3.0, system_percent=9.0, threads=8),
    "disk": DiskSample(free_bytes=GB, total_bytes=GB),
    "files": FilesSample(files=40, limit=1024),
    "rest": RestSample(),
    "voice": VoiceSample(connections=1, latency_s=0.02),
    "monitor": marked(MonitorSample, trouble=None, unreachable=(), broken=(), loops=(marked(LoopRun, last_at=AT),)),
}

CASES: dict[str, list[Case]] = {
    "database": [
        case("database.away", marked(DatabaseSample, refusal=None)),
        case("database.refuses", marked(DatabaseSample, error=None, response_time_s=0.01)),
        case("database.slow", DatabaseSample(response_time_s=2.0)),
    ],
    "gateway": [
        case("gateway.down", gateway(shard(**DOWN))),
        case("gateway.shards_down", gateway(shard(), shard(1, **DOWN))),
        case("gateway.latency", gateway(shard(usual_latency_s=2.0))),
        case("gateway.reconnects", gateway(shard(reconnects_1h=7))),
        case("gateway.sessions gateway.heartbeat", gateway(identifies_left=5, heartbeats_blocked_1h=4)),
    ],
    "loop": [
        case("loop.blocked", LoopSample(p99_s=0.01, blocked_s=10.0, blocks=(BLOCK,), worst=BLOCK)),
        case("loop.lag", LoopSample(p99_s=0.5, blocks=(BLOCK,), worst=BLOCK)),
    ],
    "commands": [
        case(
            "commands.failing",
            CommandsSample(total=40, errors=20, late=2, failing=(failing(1, 10, 20), failing(2, 10, 20))),
        ),
        case("commands.one_failing", CommandsSample(total=20, errors=20, failing=(failing(1, 20, 20),))),
        case("commands.watched", CommandsSample(total=300, errors=3, failing=(failing(2, 3, 3),))),
        case(
            "commands.slow",
            CommandsSample(total=300, slow=(marked(SlowCommand, p95_s=9.0, usual_s=1.0, n=30),)),
        ),
        case(
            "commands.refused",
            CommandsSample(total=300, servers=4, refused=(marked(RefusedCommand, n=9, servers=4),)),
        ),
    ],
    "memory": [
        case("memory.full", MemorySample(**READ | {"used_bytes": 7_900_000_000}, is_contained=True)),
        case("memory.growing", MemorySample(**READ, growth_bytes_per_h=90e6)),
        case("memory.unread", marked(MemorySample)),
        case("memory.no_limit", marked(MemorySample, **READ | {"limit_bytes": None})),
    ],
    "cpu": [
        case("cpu.busy", CpuSample(percent=99.0)),
        case("cpu.quota", CpuSample(percent=50.0, quota_percent=99.0, quota_cores=2.0, throttled_share=0.0)),
        case("cpu.throttled", CpuSample(percent=5.0, quota_percent=9.0, quota_cores=2.0, throttled_share=0.5)),
        case("cpu.unread", marked(CpuSample)),
    ],
    "disk": [case("disk.full", DiskSample(free_bytes=5, total_bytes=GB))],
    "files": [
        case("files.many", FilesSample(files=1000, limit=1024)),
        case("files.unread", marked(FilesSample)),
    ],
    "rest": [
        case("rest.rate_limits", RestSample(rate_limits_1h=400, global_rate_limits_1h=3)),
        case("rest.server_errors", RestSample(server_errors_1h=40)),
    ],
    "voice": [
        case("voice.lost", VoiceSample(connections=3, lost=2, lost_s=90.0)),
        case("voice.latency", VoiceSample(connections=3, latency_s=2.0)),
    ],
    "monitor": [
        case(
            "monitor.lost monitor.trouble monitor.failures monitor.loops monitor.unreachable monitor.broken "
            "monitor.spool",
            marked(
                MonitorSample,
                dropped=3,
                failed_lately=True,
                spooled=2,
                loops=(marked(LoopRun, last_at=AT, is_late=True),),
            ),
        ),
    ],
    "rule": [case(BROKEN.name, WELL["cpu"])],
}
"""By component: what makes each of its reasons fire. The rules are those of the test's own configuration."""


def fired(report: HealthReport) -> list[Any]:
    """The reasons of everything that is told in it."""
    found = [problem.reason for problem in (*report.problems, *report.rules)]
    for component in report.components.values():
        found += [*component.watched, *([] if component.unread is None else [component.unread])]
    return found


def received(discord: LoopbackDiscord) -> dict[LoopbackUser, str]:
    """All that the bot ever sent, in JSON, by who can see it."""
    world = discord.world
    everybody = {user for guild in discord.guilds for user in guild.members}
    seen: defaultdict[LoopbackUser, list[str]] = defaultdict(list)
    for request in discord.requests:
        if request.json is None:
            continue
        place = next((world.channels[int(part)] for part in request.path.split("/") if _is_channel(world, part)), None)
        token = next((part for part in request.path.split("/") if part in world.interactions_by_token), None)
        if token is not None:
            interaction = world.interactions_by_token[token]
            source = interaction.source
            is_public = source is not None and source.visible_to is None
            who = set(interaction.channel.guild.members) if is_public and interaction.channel.guild else set()
            who.add(interaction.user)
        elif place is None:
            who = everybody
        else:
            who = {place.recipient} if place.recipient is not None else set(place.guild.members if place.guild else ())
        for user in who:
            seen[user].append(json.dumps(request.json, ensure_ascii=False))
    return {user: "\n".join(texts) for user, texts in seen.items()}


def _is_channel(world: Any, part: str) -> bool:
    return part.isdecimal() and int(part) in world.channels
