"""The lag meter and the watchdog as one thing that is started and stopped."""

from __future__ import annotations

from typing import NamedTuple

from botmon_cog.clock import Clock, SystemClock
from botmon_cog.config import LoopConfig
from botmon_cog.domain.exposed import Distribution
from botmon_cog.domain.samples import LoopSample
from botmon_cog.monitors.event_loop.blocks import LATELY_S, Blocks
from botmon_cog.monitors.event_loop.lag import LagMeter
from botmon_cog.monitors.event_loop.watchdog import Namer, Watchdog
from botmon_cog.monitors.failures import Failures

BEAT_S = 0.25
"""Waking an idle loop up is what costs: four times a second it is well below 0.1 % of a core."""
_SHORTEST_WINDOW_S, _LONGEST_WINDOW_S = 10.0, 600.0


class LoopTotals(NamedTuple):
    """Since the start: how late the loop ran, how often it was blocked, and for how long in total."""

    lag: Distribution
    blocks: int
    blocked_s: float


class LoopWatch:
    """Watches the running event loop, in real time whatever `clock` is; by `clock` what it found grows old.

    Args:
        window_s: over how long the lag is told: the time between two checks of the health.
    """

    def __init__(
        self, config: LoopConfig, failures: Failures, namer: Namer, clock: Clock, *, window_s: float = 60.0
    ) -> None:
        real = SystemClock()
        self._is_wanted = config.watch
        self._meter = LagMeter(
            real, interval_s=BEAT_S, window_s=min(max(window_s, _SHORTEST_WINDOW_S), _LONGEST_WINDOW_S)
        )
        self._blocks = Blocks(clock)
        self._watchdog = Watchdog(self._blocks, namer, failures, real, blocked_s=config.blocked_ms / 1000)

    def start(self) -> None:
        """Needs a running event loop. Where `[loop] watch` is false, this does nothing."""
        if self._is_wanted:
            self._meter.start()
            self._watchdog.start()

    def stop(self) -> None:
        """No timer and no thread is left when this returns."""
        self._watchdog.stop()
        self._meter.stop()

    def ever(self) -> LoopTotals | None:
        """What was seen since the start. None where nobody watches."""
        if not self._is_wanted:
            return None
        counts = dict(self._meter.ever.counts)
        n, blocked_s = self._blocks.ever
        return LoopTotals(Distribution(sum(counts.values()), self._meter.ever_s, counts), n, blocked_s)

    def sample(self) -> LoopSample | None:
        """The lag over the window, and who blocked the loop. None where nobody watches. Changes nothing."""
        if not self._is_wanted:
            return None
        lag = self._meter.lag()
        return LoopSample(
            p50_s=lag.p50_s,
            p99_s=lag.p99_s,
            max_s=lag.max_s,
            blocked_s=self._blocks.blocked_s(),
            blocks=self._blocks.ranked(),
            worst=next(iter(self._blocks.ranked(LATELY_S)), None),
        )
