"""What goes from memory to the spool, and back to the store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from botmon_cog.clock import Clock
from botmon_cog.errors import SpoolError
from botmon_cog.store.log import Batch
from botmon_cog.store.queue.pending import Pending
from botmon_cog.store.queue.spool import Spool

_log = logging.getLogger(__name__)

_PAUSE_S = 10.0
"""How long a spool that failed is left alone."""
_STOP_TIMEOUT_S = 5.0
"""How long the end of the writer waits for the disk."""


class Overflow:
    """A writer's use of the spool; without one it does nothing.

    Attributes:
        holds_ours: whether the spool may hold events of the writer's run: they are older than those in memory.
    """

    def __init__(
        self, spool: Spool | None, pending: Pending, clock: Clock, batch_max: int, after_move: Callable[[], None]
    ) -> None:
        """`after_move` is called at the end of each move that `begin` began."""
        self._spool = spool
        self._pending = pending
        self._clock = clock
        self._batch_max = batch_max
        self._after_move = after_move
        self._paused_until = 0.0
        self._task: asyncio.Task[Any] | None = None
        self._to_move = 0
        self.holds_ours = False

    @property
    def has_room(self) -> bool:
        """Whether rows should wait for the spool; also while its disk fails or hangs."""
        return self._spool is not None and self._pending.may_spool and not self._spool.is_full

    @property
    def pause_s(self) -> float:
        """How long rows that are known to be in the spool can't be read yet; 0 if they can, or there are none."""
        return self._pause_s if self.holds_ours or (self._spool is not None and self._spool.rows) else 0.0

    @property
    def _is_moving(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def _pause_s(self) -> float:
        return max(self._paused_until - self._clock.monotonic(), 0.0)

    # -- to the spool --------------------------------------------------------------------------------------------------

    def begin(self, n: int) -> None:
        """Begin to move the `n` oldest rows in memory to the spool; if that is going on already, as many in all."""
        if self._spool is not None and self._pending.may_spool and not self._pause_s:
            if self._is_moving:
                self._to_move = max(self._to_move, n)
            else:
                self._to_move = n
                self._task = asyncio.get_running_loop().create_task(self._run(self._spool), name="botmon-spooling")

    async def _run(self, spool: Spool) -> None:
        await self._move(spool)
        self._task = None
        self._after_move()

    async def _move(self, spool: Spool) -> None:
        while self._to_move > 0 and (batch := self._pending.oldest(self._batch_max)) is not None:
            is_first = not spool.rows
            held_ours, self.holds_ours = self.holds_ours, True  # if this is cancelled it may be there all the same
            try:
                kept = await spool.add(batch)
            except SpoolError:
                self.holds_ours = held_ours
                self._pause()
                return
            if is_first and kept:
                _log.warning("the store does not take all rows; some wait in the spool")
            self._pending.remove(batch, kept)
            self._to_move -= kept
            if kept < len(batch.events):
                return

    async def move_rest(self) -> None:
        """Let go of what is in the store, and move everything in memory to the spool; its disk has 5 s for it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._task = asyncio.current_task()  # so that no other one begins
        try:
            if self._spool is not None:
                async with asyncio.timeout(_STOP_TIMEOUT_S):
                    await self.remove(())  # what was replayed, if that was cancelled after it was stored
                    if self._pending.may_spool:
                        self._to_move = len(self._pending)
                        await self._move(self._spool)
        except TimeoutError:
            _log.error("the spool's disk does not answer")
        finally:
            self._task = None

    def forget_loop(self) -> None:
        """The event loop on which something was begun is gone."""
        self._task = None

    # -- from the spool ------------------------------------------------------------------------------------------------

    async def oldest(self, token: int | None) -> list[Batch]:
        """Batches of one run or of any, about as many rows as a batch may have; empty if the disk fails."""
        spool = self._spool
        if spool is None or self._pause_s or (token is None and not spool.has_more):
            return []
        batches: list[Batch] = []
        try:
            batches = await spool.oldest(self._batch_max, token)
        except SpoolError:
            self._pause()
            if spool.has_more:
                return []
        if token is not None and not batches and not self._is_moving:
            self.holds_ours = False
        return batches

    async def remove(self, batches: Sequence[Batch]) -> None:
        """Let go of what is in the store."""
        if self._spool is not None:
            with suppress(SpoolError):  # it does not return them again, and removes them with the next ones
                await self._spool.remove(batches)

    def _pause(self) -> None:
        self._paused_until = self._clock.monotonic() + _PAUSE_S


def save_at_exit(pending: Pending, spool: Spool | None, batch_max: int) -> None:
    """Put what is left of a writer that nobody closed into the spool, without an event loop."""
    left = len(pending)
    if left and spool is not None and pending.may_spool:
        with suppress(SpoolError):
            left -= spool.add_now(pending.batches(batch_max))
    if left:
        _log.error("%d rows are lost: the process ended before the store took them", left)
