"""What the probes found, each with its unit. A source that is missing or was refused gives None, never an error."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

GatewayEvent = Literal["connect", "ready", "resumed", "disconnect"]
"""`connect`: a session was begun anew. `ready`: its caches are full. `resumed`: the old one goes on."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One look at one thing."""


class ProcessSample(Sample, frozen=True, kw_only=True):
    """The process and the machine, or the container, that it runs on."""

    rss_bytes: int | None = None
    vms_bytes: int | None = None
    limit_bytes: int | None = None
    """The memory that this process may use: the container's (cgroup) where that is less than the machine's."""
    is_contained: bool = False
    """Whether `limit_bytes` is a container's."""
    growth_bytes_per_h: float | None = None
    """The trend of `rss_bytes`; None until it has been watched for hours. A jump is no trend."""
    cpu_percent: float | None = None
    """Of one core, by this process since the look before; above 100 with several threads."""
    is_cpu_measured: bool = True
    """False: there was no time to measure it yet, which is no fault."""
    system_cpu_percent: float | None = None
    """Of all cores of the machine."""
    threads: int | None = None
    files: int | None = None
    """Open file descriptors (on Windows: handles)."""
    files_limit: int | None = None


class Block(Sample, frozen=True, kw_only=True):
    """One place that kept the event loop from running, and how often."""

    who: str
    """`/play`, `listener on_message of Music`, `task sync_songs`, or what else could be found out."""
    where: str
    """The host's own line: `cogs/music.py:42 in play`."""
    inside: str | None = None
    """The library's function that it called there, `requests.api.get`; None where its own line did it."""
    n: int
    total_s: float
    longest_s: float
    last_at: datetime


class LoopSample(Sample, frozen=True, kw_only=True):
    """How late the event loop ran its callbacks since about the check before, and who blocked it in the last hour."""

    p50_s: float | None = None
    p99_s: float | None = None
    max_s: float | None = None
    blocked_s: float = 0.0
    """Seconds blocked within the last ten minutes, counting only blocks longer than `[loop] blocked_ms`."""
    blocks: tuple[Block, ...] = ()
    """The longest in total first."""


class ShardSample(Sample, frozen=True, kw_only=True):
    """One connection to the gateway. A bot without shards has one, number 0."""

    shard_id: int
    latency_s: float | None = None
    """None where no heartbeat was answered yet (NaN or infinity in discord.py)."""
    is_connected: bool
    down_s: float = 0.0
    """Seconds since the connection was lost, 0 while it stands."""
    since: datetime | None = None
    """When it came to be as it is; None where that was before the extension was loaded."""
    reconnects_1h: int = 0
    event: GatewayEvent | None = None
    """What was heard of it last; None where nothing was since the extension was loaded."""
    event_at: datetime | None = None


class GatewaySample(Sample, frozen=True, kw_only=True):
    shards: tuple[ShardSample, ...] = ()
    heartbeats_blocked_1h: int = 0
    """How often discord.py said that its heartbeat was blocked."""
    behind_1h: int = 0
    """How often it said that it can't keep up: a heartbeat was answered after more than 10 s."""
    identifies_left: int | None = None
    """How many sessions may still be begun before `identifies_reset_at`; at 0 the bot can't reconnect."""
    identifies_total: int | None = None
    identifies_reset_at: datetime | None = None


class RestSample(Sample, frozen=True, kw_only=True):
    """What Discord's REST interface answered within the last hour."""

    rate_limits_1h: int = 0
    """429s, global ones among them."""
    global_rate_limits_1h: int = 0
    server_errors_1h: int = 0
    """5xx that reached the bot's code."""
    late_1h: int = 0
    """Responses that came after Discord's 3 s (error 10062)."""


class SlowCommand(Sample, frozen=True, kw_only=True):
    """A command that takes much longer than it used to."""

    command: str
    p95_s: float
    """Within the last hour."""
    usual_s: float
    """The p95 of the week before."""
    n: int
    """Calls within the last hour, as far as they were measured."""


class CommandsSample(Sample, frozen=True, kw_only=True):
    """The last hour's commands."""

    total: int = 0
    errors: int = 0
    """The bot's faults: errors, late answers, unanswered ones."""
    late: int = 0
    unanswered: int = 0
    slow: tuple[SlowCommand, ...] = ()
    """The worst first."""


class DatabaseSample(Sample, frozen=True, kw_only=True):
    response_time_s: float | None = None
    size_bytes: int | None = None
    error: str | None = None
    """What it said instead of answering."""
    refusal: str | None = None
    """What it says to rows, where it answers else."""


class LoopRun(Sample, frozen=True, kw_only=True):
    """One of the monitor's own loops."""

    name: str
    last_at: datetime | None
    """None before its first run."""
    is_late: bool = False
    """Whether it should have run long since."""


class MonitorSample(Sample, frozen=True, kw_only=True):
    """The monitor itself."""

    queued: int = 0
    spooled: int = 0
    spool_bytes: int = 0
    dropped: int = 0
    failures: int = 0
    failed_lately: bool = False
    last_error: str | None = None
    trouble: str | None = None
    """What befell the database since the start and is over."""
    loops: tuple[LoopRun, ...] = ()
    unreachable: tuple[str, ...] = ()
    """Ways to the owners that are closed, in words: `DMs to owner 123 are closed`."""
    broken: tuple[str, ...] = ()
    """Features that were asked for and do not work, in words: `/healthz and /readyz are off: …`."""
    hints: tuple[str, ...] = ()
    """What the owners could have besides, or is left out, in words. No fault of the bot."""
    cpu_percent: float | None = None
    """Of one core, by the monitor's own threads; None where they can't be told apart. What it does on the event loop's
    thread is not in it."""


class Samples(Sample, frozen=True, kw_only=True):
    """One look at everything. None: nobody watches it here, or it is among `failed`."""

    taken_at: datetime
    failed: tuple[str, ...] = ()
    """The fields that could not be looked at."""
    jumped_s: float = 0.0
    """By how much the wall clock jumped since the check before: it was set, or the machine slept."""
    process: ProcessSample | None = None
    loop: LoopSample | None = None
    gateway: GatewaySample | None = None
    rest: RestSample | None = None
    commands: CommandsSample | None = None
    database: DatabaseSample | None = None
    monitor: MonitorSample | None = None
    custom: dict[str, float] = {}
    """The host's own metrics, by name: the mean of what was recorded since the check before."""
