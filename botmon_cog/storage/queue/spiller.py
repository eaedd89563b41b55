"""Moves rows between memory and the spool, beside the writing, so that a write that hangs holds up no spilling."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from botmon_cog.clock import Clock
from botmon_cog.domain.models import Event
from botmon_cog.storage.queue.backlog import Backlog
from botmon_cog.storage.queue.losses import Losses
from botmon_cog.storage.queue.spool import Spool

_log = logging.getLogger(__name__)

_SEGMENT_ROWS = 10_000
"""The most in one file."""
_PAUSE_S = 10.0
"""How long a spool whose disk failed is left alone."""


class Spiller:
    """The writer's hand on its spool. Where there is no spool it never does anything.

    A disk that fails is logged once, and asked again after a while; the rows stay where they were.
    """

    def __init__(
        self,
        spool: Spool | None,
        backlog: Backlog,
        losses: Losses,
        clock: Clock,
        queue_max: int,
        after_spill: Callable[[], None],
    ) -> None:
        """`after_spill` is called after each file, and when spilling ends."""
        self.spool = spool
        self._backlog = backlog
        self._losses = losses
        self._clock = clock
        self._queue_max = queue_max
        self._segment_rows = min(_SEGMENT_ROWS, max(queue_max // 2, 1))
        self._after_spill = after_spill
        self._task: asyncio.Task[None] | None = None
        self._spilling = 0
        """Rows on their way to the disk."""
        self._failed_at: float | None = None
        self._lost = 0

    @property
    def rows(self) -> int:
        return 0 if self.spool is None else self.spool.rows

    @property
    def size_bytes(self) -> int:
        return 0 if self.spool is None else self.spool.size_bytes

    @property
    def is_usable(self) -> bool:
        """Whether rows should wait for the spool; also while its disk fails or hangs, but not where it is full."""
        return self.spool is not None and not self.spool.is_full

    @property
    def can_replay(self) -> bool:
        return self.spool is not None and self.spool.has_more and not self.pause_s

    @property
    def pause_s(self) -> float:
        """For how many seconds the spool is still left alone."""
        if self._failed_at is None:
            return 0.0
        return max(self._failed_at + _PAUSE_S - self._clock.monotonic(), 0.0)

    def spill(self, n: int) -> None:
        """Begin to move the `n` oldest rows of the queue to disk. Does nothing while that is going on already."""
        if n > 0 and self._task is None and self.is_usable and not self.pause_s:
            self._task = asyncio.get_running_loop().create_task(self._run(n), name="botmon-spiller")

    def keep_bounded(self) -> bool:
        """Where the queue is too long its oldest rows begin to go to disk, or are dropped where there is no room.

        While the disk fails or hangs, twice as much as the queue may hold stays in memory, besides the batch that is
        being written to the database.

        Returns:
            Whether a row was dropped.
        """
        excess = len(self._backlog.queue) - self._queue_max
        if excess > 0 and self.is_usable:
            self.spill(max(excess, self._queue_max // 2))
            excess = len(self._backlog.queue) + self._spilling - 2 * self._queue_max
        if excess <= 0:
            return False
        why = f"{self._queue_max} wait already and the database does not take them: the oldest go"
        self._losses.add(self._backlog.drop(excess), why)
        return True

    async def spill_rest(self, timeout_s: float) -> None:
        """Move everything in memory to disk, for `timeout_s` at the most."""
        try:
            async with asyncio.timeout(timeout_s):
                if self._task is not None:
                    await asyncio.wait([self._task])
                self._backlog.give_all_back()
                await self._spill(len(self._backlog.queue))
                if self.spool is not None:
                    await self.spool.settle()
        except TimeoutError:
            _log.error("the spool's disk does not answer")
        finally:
            if self._task is not None:
                self._task.cancel()
                await asyncio.wait([self._task])
            self._backlog.give_all_back()

    async def read(self, max_rows: int) -> list[Event]:
        """The oldest rows on disk; empty where there are none or the disk failed."""
        if self.spool is None:
            return []
        try:
            rows = await self.spool.read(max_rows)
        except OSError as error:
            self._fail(error)
            return []
        self._failed_at = None
        self._count_lost(self.spool)
        return rows

    async def commit(self) -> None:
        """Let go of what was read last. A file that can't be removed is replayed again at the next start."""
        if self.spool is None:
            return
        try:
            await self.spool.commit()
        except OSError as error:
            self._fail(error)

    def forget_loop(self) -> None:
        """What the event loop before this one was about to spill is to be given back."""
        self._task = None
        self._spilling = 0

    async def _run(self, n: int) -> None:
        task = asyncio.current_task()
        try:
            await self._spill(n)
        finally:
            if self._task is task:
                self._task = None
        self._after_spill()

    async def _spill(self, n: int) -> None:
        while n > 0 and self._backlog.queue and self.spool is not None and not self.spool.is_full:
            batch = self._backlog.lend(min(n, self._segment_rows))
            n -= len(batch.rows)
            is_first = not self.spool.rows
            self._spilling = len(batch.rows)
            try:
                kept = await self.spool.add(batch.rows)
            except OSError as error:
                self._fail(error)
                return
            else:
                del batch.rows[:kept]
            finally:
                self._spilling = 0
                self._backlog.give_back(batch)
            self._failed_at = None
            self._count_lost(self.spool)
            if is_first and self.spool.rows:
                _log.warning("the database does not take all rows; some wait in %s", self.spool.folder)
            self._after_spill()

    def _count_lost(self, spool: Spool) -> None:
        lost, self._lost = spool.lost - self._lost, spool.lost
        self._losses.add(lost, "it can't be written as JSON, or can't be read in the spool any more")

    def _fail(self, error: OSError) -> None:
        if self._failed_at is None:
            _log.error("the spool can't be used, will try again: %s", error)
        self._failed_at = self._clock.monotonic()
