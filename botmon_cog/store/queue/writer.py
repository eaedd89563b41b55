"""The one way into the log: a bounded queue, written in batches, with a spool for what the store does not take.

Alone, an event is committed within the linger time; under load that grows by itself, and the batches with it.

The events of a run are committed in the order of their numbers. So what is in the spool is always older than what is in
memory: the oldest batch goes there first, even while it is on its way to the store.
"""

from __future__ import annotations

import asyncio
import random
import weakref
from asyncio import get_running_loop
from collections.abc import Callable
from contextlib import suppress

from botmon_cog.clock import Clock, Timer
from botmon_cog.config import StorageConfig
from botmon_cog.domain.models import Event
from botmon_cog.store.log import Log, RunKey
from botmon_cog.store.queue.delivery import Delivery
from botmon_cog.store.queue.overflow import Overflow, save_at_exit
from botmon_cog.store.queue.pending import Pending
from botmon_cog.store.queue.schedule import RollUpSchedule
from botmon_cog.store.queue.spool import Spool
from botmon_cog.store.rollup import RollUps

_LONGEST_LINGER_S = 1.0
_BUSY_ROWS = 10
"""The linger time doubles as long as so many rows come within it."""
_STOP_TIMEOUT_S = 5.0
"""How long closing waits for a task that does not heed its cancellation."""


class Writer:
    """Takes events at once, appends them to the log later, and forgets none that fits into the queue or the spool.

    It belongs to the event loop that is running when an event is put. What one loop left behind the next one writes;
    what the process leaves behind goes to the spool.

    Attributes:
        pending: what is in memory.
    """

    def __init__(
        self, log: Log, rollups: RollUps, clock: Clock, config: StorageConfig, run: RunKey, spool: Spool | None = None
    ) -> None:
        """`spool` None: what the queue has no room for is dropped."""
        self._clock = clock
        self._config = config
        self._spool = spool
        self._rollups = RollUpSchedule(rollups, clock)
        self.pending = Pending(run)
        self._queue = self.pending.queue
        self._overflow = Overflow(spool, self.pending, clock, config.batch_max, self._after_move)
        self._delivery = Delivery(log, self._rollups, clock, config, run, self.pending, self._overflow)
        self._at_exit = weakref.finalize(self, save_at_exit, self.pending, spool, config.batch_max)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._armed: asyncio.AbstractEventLoop | None = None
        """The loop on which a timer will wake the task."""
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._go = asyncio.Event()
        self._retries: list[asyncio.Future[None]] = []
        self._linger_s = self._first_linger_s = config.linger_ms / 1000
        self._mark = self._first_mark = min(config.batch_max, config.queue_max + 1)
        """How long the queue must be for `put` to do more than append."""
        self._closing = asyncio.Lock()
        self._is_closed = False

    @property
    def queued(self) -> int:
        """Rows in memory: taken, and neither committed nor in the spool yet."""
        return len(self.pending)

    @property
    def spool(self) -> Spool | None:
        """What waits on disk."""
        return self._spool

    @property
    def settled(self) -> int:
        """Every event up to this number was committed, spooled or dropped."""
        return self.pending.settled

    def tell_settled(self, tell: Callable[[int], None]) -> None:
        """Call `tell` with `settled` whenever that may have grown. It must not raise."""
        self.pending.on_settled = tell

    @property
    def spooled(self) -> int:
        """Rows on disk that wait for the store, those of other processes included."""
        return 0 if self._spool is None else self._spool.rows

    @property
    def spool_bytes(self) -> int:
        """The size of the rows on disk."""
        return 0 if self._spool is None else self._spool.size_bytes

    @property
    def dropped(self) -> int:
        """Rows lost since the start: there was no room for them, or the spool was damaged."""
        return self._delivery.dropped + (0 if self._spool is None else self._spool.lost)

    @property
    def failures(self) -> int:
        """Appends that failed since the start."""
        return self._delivery.failures

    @property
    def last_error(self) -> str | None:
        """What the last append said when it failed; None after one that went well."""
        return self._delivery.last_error

    @property
    def away_since(self) -> float | None:
        """When the store began to fail (`Clock.monotonic`); None while it takes rows."""
        return self._delivery.away_since

    # -- taking events -------------------------------------------------------------------------------------------------

    def put(self, event: Event) -> int:
        """Take an event; returns its number. Needs a running event loop; does no I/O and never waits.

        After `close` it is dropped.
        """
        queue = self._queue
        queue.append(event)
        waiting = len(queue)
        seq = self.pending.next_seq + waiting - 1
        if get_running_loop() is not self._armed or waiting >= self._mark:
            self._attend(get_running_loop())
        return seq

    def _attend(self, loop: asyncio.AbstractEventLoop) -> None:
        """What few events need: a timer for the first, a write for a full batch, room for the one too many."""
        if self._is_closed:
            self._delivery.drop(len(self._queue), "the writer is closed")
            return
        if loop is not self._armed:
            self._ensure_task(loop)
            self._wake_in(self._linger_s)
            self._armed = loop
        if len(self._queue) > self._config.queue_max:
            self._delivery.make_room()
        elif len(self._queue) >= self._mark:
            self._mark = self._config.queue_max + 1
            if not self._delivery.backoff_s:
                self._write_soon()

    def start(self) -> None:
        """Write what an earlier process left in the spool; without this the first `put` does. Needs a running loop."""
        if self._spool is not None and not self._is_closed:
            self._ensure_task(get_running_loop())
            self._write_soon()

    async def retry(self) -> None:
        """Try at once what else would be tried later, and return when it was tried."""
        if self.away_since is not None and not self._is_closed:
            self._ensure_task(get_running_loop())
            tried: asyncio.Future[None] = get_running_loop().create_future()
            self._retries.append(tried)
            self._write_soon()
            await tried

    async def flush(self) -> None:
        """Return when everything taken before this call is committed or safe in the spool, or was dropped."""
        if self.queued:
            if not self._is_closed:
                self._ensure_task(get_running_loop())
                self._write_soon()
            await self.pending.flushed()

    # -- the task ------------------------------------------------------------------------------------------------------

    def _ensure_task(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the task; again if it was cancelled, or if its event loop is gone and its timer with it."""
        if self._task is not None and not self._task.done() and self._loop is loop:
            return
        if self._loop is not loop:
            self._forget_loop()
        self._loop = loop
        self._cancel_timer()
        self._retries = []
        self._go = asyncio.Event()
        self._task = loop.create_task(self._run(), name="botmon-writer")

    def _forget_loop(self) -> None:
        self._overflow.forget_loop()
        if self.pending.head is not None:
            self.pending.head.is_repeat = True  # who knows what became of it

    def _write_soon(self) -> None:
        self._delivery.upto = self.pending.taken
        self._go.set()

    def _wake_in(self, delay_s: float) -> None:
        self._cancel_timer()
        self._timer = self._clock.call_later(delay_s, self._write_soon)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _run(self) -> None:
        try:
            while True:
                await self._go.wait()
                self._go.clear()
                retries, self._retries = self._retries, []
                await self._write()
                for tried in retries:
                    if not tried.done():
                        tried.set_result(None)
        except asyncio.CancelledError:
            # asyncio.run cancels what is left when its main coroutine returns.
            if not self._is_closed:
                await self._try_once_more()
                await self._rollups.close()
                await self._overflow.move_rest()
            self._cancel_timer()
            self._armed = None  # so that the next event starts all anew
            raise

    async def _write(self, *, replays_others: bool = True) -> None:
        """Write once, and set a timer for the next time if one is due."""
        self._cancel_timer()
        self._armed = None  # an event that comes from now on sets a timer
        self._mark = self._first_mark
        self._delivery.upto = self.pending.taken
        written = await self._delivery.write(replays_others=replays_others)
        if written is None:
            # Jitter, so that processes spread out.
            self._wake_in(self._delivery.backoff_s * random.uniform(0.8, 1.2))  # noqa: S311
            self._armed = self._loop
            self._mark = self._config.queue_max + 1
            return
        if written >= _BUSY_ROWS:
            self._linger_s = max(min(self._linger_s * 2, _LONGEST_LINGER_S), self._first_linger_s)
        else:
            self._linger_s = max(self._linger_s / 2, self._first_linger_s)
        if self._overflow.pause_s and self._timer is None:
            self._wake_in(self._overflow.pause_s)

    def _after_move(self) -> None:
        """Go on after rows were moved to the spool."""
        self._delivery.make_room()
        if not self._delivery.backoff_s or self._timer is None:
            self._write_soon()  # the store takes rows, and may have nothing else to do by now

    # -- the end -------------------------------------------------------------------------------------------------------

    async def _try_once_more(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._config.close_timeout_s):
                await self._write(replays_others=False)

    async def close(self, timeout_s: float) -> None:
        """Flush, for `timeout_s` at the most, and stop for good.

        What could not be written by then goes to the spool, for which the disk has 5 s; the rest is dropped. If it is
        cancelled it tries to write once more before that. May be called twice.
        """
        async with self._closing:
            is_cut_short = False
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(timeout_s):
                        while self.queued and not self._is_closed:  # more may arrive meanwhile
                            await self.flush()
            except asyncio.CancelledError:
                is_cut_short = True
                raise
            finally:
                await self._stop(tries_again=is_cut_short)

    async def _stop(self, *, tries_again: bool) -> None:
        """End the task, then keep what is left in the spool."""
        self._is_closed = True
        task, self._task = self._task, None
        if self._loop is not get_running_loop():
            self._forget_loop()
        elif task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=_STOP_TIMEOUT_S)
        if tries_again:
            await self._try_once_more()
        self._armed, self._mark = None, 0
        await self._rollups.close()
        await self._overflow.move_rest()
        self._cancel_timer()
        self._at_exit.detach()
        self.pending.return_head()
        if self._queue:
            self._delivery.drop(len(self._queue), "the writer is closed, and the store does not take them")
        self._delivery.tell_dropped()
        if self._spool is not None:
            await self._spool.close()
