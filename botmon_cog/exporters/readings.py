"""What is read at one moment, from which every exported metric is made."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from botmon_cog.domain.exposed import Family
from botmon_cog.domain.reports import HealthReport
from botmon_cog.domain.samples import GatewaySample, RestTotals
from botmon_cog.domain.totals import Totals
from botmon_cog.installed import installed_version
from botmon_cog.monitors.event_loop import LoopTotals


class Readings(NamedTuple):
    """None: not known, and then not exported. Counts are of this process, since it loaded the extension.

    Attributes:
        totals: of the instance, over all of its restarts.
        gateway_events: by Discord's name of them.
        reconnects: by shard.
        log_records: by the name of the level.
        write_failures: attempts to write to the store that failed.
        guilds: servers of this process, by shard.
        people_today: in all processes.
        began_at_s: when this process began, in seconds since 1970.
        versions: (instance, ours, discord.py's, Python's, the host's).
        custom: the host's own metrics, as families.
    """

    totals: Totals | None = None
    loop: LoopTotals | None = None
    gateway: GatewaySample | None = None
    reconnects: Mapping[int, int] = {}
    gateway_events: Mapping[str, int] = {}
    log_records: Mapping[str, int] = {}
    rest: RestTotals | None = None
    queued: int = 0
    spooled: int = 0
    spool_bytes: int = 0
    dropped: int = 0
    write_failures: int = 0
    is_store_away: bool = False
    health: HealthReport | None = None
    own_failures: int = 0
    guilds: Mapping[int, int] = {}
    people_today: int | None = None
    began_at_s: float | None = None
    processor_s: float | None = None
    versions: tuple[str, ...] = ()
    custom: Sequence[Family] = ()


def versions(instance: str, discord_py: str, release: str | None) -> tuple[str, ...]:
    """As `Readings` has them."""
    return (instance, installed_version() or "unknown", discord_py, platform.python_version(), release or "")
