"""When the log is rolled up: not with every batch, but in large lots."""

from __future__ import annotations

import asyncio
import logging

from botmon_cog.clock import Clock, Timer
from botmon_cog.store.rollup import LOT_ROWS, RollUps

_log = logging.getLogger(__name__)

LONGEST_WAIT_S = 60.0
"""Fewer rows than a lot are rolled up so long after the first of them."""


class RollUpSchedule:
    """Rolls up what was appended, in a task of its own: no append waits for it.

    It belongs to the event loop on which it is told of rows, and forgets what another one had begun.
    """

    def __init__(self, rollups: RollUps, clock: Clock) -> None:
        self._rollups = rollups
        self._clock = clock
        self._rows = 0
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_failing = False

    def add(self, rows: int) -> None:
        """So many rows were appended to the log. Needs a running event loop."""
        if self._loop is not asyncio.get_running_loop():
            self._cancel_timer()
            self._loop, self._task = asyncio.get_running_loop(), None
        self._rows += rows
        if self._rows >= LOT_ROWS and not self._is_failing:
            self._begin()
        elif self._timer is None:
            self._timer = self._clock.call_later(LONGEST_WAIT_S, self._begin)

    async def close(self) -> None:
        """End what is under way. What is not rolled up yet, the next process or report does."""
        self._cancel_timer()
        task, self._task = self._task, None
        if task is not None and self._loop is asyncio.get_running_loop():
            task.cancel()
            await asyncio.wait([task])

    def _begin(self) -> None:
        self._cancel_timer()
        if self._task is None or self._task.done():
            self._rows = 0
            self._task = asyncio.get_running_loop().create_task(self._run(), name="botmon-rollup")
        else:  # still busy with the rows before these
            self._timer = self._clock.call_later(LONGEST_WAIT_S, self._begin)

    async def _run(self) -> None:
        try:
            while await self._rollups.lot() >= LOT_ROWS:
                pass
        except Exception:  # noqa: BLE001 (whatever the engine raises, the log is as it was and waits)
            if not self._is_failing:
                _log.exception("can't roll up the log, will try again; reports lack what came last")
            self._is_failing = True
            if self._timer is None:
                self._timer = self._clock.call_later(LONGEST_WAIT_S, self._begin)
        else:
            self._is_failing = False

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
