"""Where everything that happened enters: one synchronous call that does no I/O."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from uuid import uuid4

from botmon_cog.domain.models import Event, Invocation, MetricSample
from botmon_cog.monitors.windows import LiveWindows, RecentOutcomes
from botmon_cog.storage.writer import Writer

_SETTLE_TIMEOUT_S = 1.0


class Recorder:
    """Hands an event to the writer's queue and to the windows in memory."""

    def __init__(self, writer: Writer, live: LiveWindows, recent: RecentOutcomes) -> None:
        self._writer = writer
        self._live = live
        self._recent = recent

    def record(self, event: Event) -> None:
        self._writer.put(event)
        if type(event) is Invocation:
            self._live.add_invocation(event)
            self._recent.add(event)
        elif type(event) is MetricSample and event.unit == "s":
            self._live.add_operation(event.name, event.value)

    async def settle(self) -> None:
        """Let what was recorded reach the database before it is asked, but don't wait long for one that is away."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_TIMEOUT_S):
                await self._writer.flush()


def new_event_id() -> str:
    """An id for what has none from Discord."""
    return uuid4().hex
