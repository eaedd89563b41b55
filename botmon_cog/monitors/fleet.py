"""How the processes are that share the store."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from botmon_cog.clock import Clock
from botmon_cog.domain.reports.fleet import FleetHealth
from botmon_cog.monitors.failures import Failures, absorbing
from botmon_cog.store.fleet import FleetStore

_MISSED_CHECKS = 5


def lively_for(interval_s: float) -> timedelta:
    """How long after its last sign of life a process counts as running. `interval_s`: between two checks."""
    return timedelta(seconds=_MISSED_CHECKS * interval_s)


class Fleet:
    """Reads what each process keeps of itself. One that has missed five checks is not among them.

    Attributes:
        lively: how long after its last sign of life a process counts as running.
    """

    def __init__(
        self, store: FleetStore, clock: Clock, failures: Failures, interval_s: float, timeout_s: float
    ) -> None:
        """`interval_s`: between two checks; `timeout_s`: how long the database may take to answer."""
        self._store = store
        self._clock = clock
        self.lively = lively_for(interval_s)
        self._timeout_s = timeout_s
        self.failures = failures

    @absorbing(lambda: FleetHealth(processes=()))
    async def report(self) -> FleetHealth:
        """The gravest process first; none where the database does not tell."""
        async with asyncio.timeout(self._timeout_s):
            return FleetHealth.of(await self._store.processes(self._clock.now() - self.lively))
