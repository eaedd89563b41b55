"""How a bot of several processes is: derived from how each of them says it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from botmon_cog.domain.inventory import ServersByShard
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.report import Report
from botmon_cog.domain.reports.health import DEGRADED, HEALTHY, UNHEALTHY, UNKNOWN

_GRAVEST_FIRST = (UNHEALTHY, DEGRADED, HEALTHY, UNKNOWN)


class Versions(Report, frozen=True, kw_only=True):
    """What a process runs; None where it did not say so."""

    host: str | None = None
    """The bot's own."""
    botmon: str | None = None
    discord_py: str | None = None
    python: str | None = None


class ProcessHealth(Report, frozen=True, kw_only=True):
    """One process, at its last check."""

    instance: str
    started_at: datetime
    seen_at: datetime
    ended_at: datetime | None = None
    """None while it runs, and where it ended without a word."""
    servers: ServersByShard | None = None
    """None before it was ready."""
    status: str
    """`unknown` before its first check."""
    reason: Reason | None = None
    checked_at: datetime | None = None
    versions: Versions = Versions()


class FleetHealth(Report, frozen=True, kw_only=True):
    """All processes on one store."""

    processes: tuple[ProcessHealth, ...]
    """The gravest first."""

    @classmethod
    def of(cls, processes: Sequence[ProcessHealth]) -> FleetHealth:
        return cls(processes=tuple(sorted(processes, key=lambda each: (_gravity(each), each.instance))))

    @property
    def status(self) -> str:
        """The worst; `unknown` without a process."""
        return self.processes[0].status if self.processes else UNKNOWN

    @property
    def worst(self) -> ProcessHealth | None:
        """The one that the status is from; None while all are well."""
        return self.processes[0] if self.processes and self.status in {UNHEALTHY, DEGRADED} else None

    @property
    def well(self) -> int:
        """How many are well."""
        return sum(each.status == HEALTHY for each in self.processes)


def _gravity(process: ProcessHealth) -> int:
    return _GRAVEST_FIRST.index(process.status) if process.status in _GRAVEST_FIRST else len(_GRAVEST_FIRST)
