"""What the components of the health look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botmon_cog.clock import Clock
from botmon_cog.domain.samples import GatewaySample, LoopSample, RestSample
from botmon_cog.health.process import ProcessReader
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.loop_runs import LoopRuns
from botmon_cog.monitors.metrics import Metrics
from botmon_cog.monitors.recent_outcomes import RecentOutcomes
from botmon_cog.monitors.recorder import Recorder
from botmon_cog.monitors.windows import LiveWindows
from botmon_cog.store.queue.writer import Writer
from botmon_cog.store.store import Store


@dataclass(kw_only=True)
class Sources:
    """Each component takes what it needs. What only the extension can see it puts here; until then there is nothing."""

    clock: Clock
    failures: Failures
    process: ProcessReader
    store: Store
    writer: Writer
    recorder: Recorder
    metrics: Metrics
    recent: RecentOutcomes
    live: LiveWindows
    loops: LoopRuns
    store_path: Callable[[], Path | None]
    """A file on the disk that the store, or what waits for it, is written to; None if nothing is left on a disk."""
    timeout_s: float
    """How long the database may take to answer until it counts as away."""

    bot: Any = None
    """discord.py's."""
    gateway: Callable[[], GatewaySample | None] = lambda: None
    loop: Callable[[], LoopSample | None] = lambda: None
    rest: Callable[[], RestSample | None] = lambda: None
    unreachable: Callable[[], tuple[str, ...]] = tuple
    """The ways to the owners that are closed, in words."""
    broken: Callable[[], tuple[str, ...]] = tuple
    """The features that were asked for and do not work, in words."""
    held_bytes: Callable[[], int | None] = lambda: None
    """How much memory the monitors' own data takes."""
    hints: Callable[[], tuple[str, ...]] = tuple
    """What the owners could have besides, in words."""
