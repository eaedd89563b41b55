"""The one way in: a bounded queue, written in groups.

Everything that is queued goes into one transaction, then the next lot: alone, an event is on disk within the linger
time; under load the groups grow by themselves.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque

from botmon_cog.clock import Clock, Timer
from botmon_cog.config import StorageConfig
from botmon_cog.domain.models import Event
from botmon_cog.storage.base import RejectedError, Storage

_log = logging.getLogger(__name__)

_FIRST_BACKOFF_S = 0.25
_LONGEST_BACKOFF_S = 30.0


class Writer:
    """Takes events at once, stores them later, and forgets none that fits into the queue.

    It belongs to the event loop that is running when an event is put; what one loop left behind the next one writes.

    Attributes:
        dropped: events lost since the start: the queue was full, the database refused this very event, or it was not
            back when we closed.
        failures: writes that failed since the start.
        last_error: what the last write said when it failed, None after one that went well.
    """

    def __init__(self, storage: Storage, clock: Clock, config: StorageConfig) -> None:
        self._storage = storage
        self._clock = clock
        self._config = config
        self._queue: deque[Event] = deque()
        self._in_flight: list[Event] = []
        self._taken = 0
        self._go = asyncio.Event()
        self._timer: Timer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._backoff_s = 0.0
        self._batch_max = config.batch_max
        self._lost_in_a_row = 0
        self._is_closed = False
        self.dropped = 0
        self.failures = 0
        self.last_error: str | None = None

    @property
    def queued(self) -> int:
        """Events taken and not yet committed."""
        return len(self._in_flight) + len(self._queue)

    def put(self, event: Event) -> None:
        """Take an event. Needs a running event loop; does no I/O and never waits. After `close` it is dropped."""
        if self._is_closed:
            self._lose(1, "the writer is closed")
            return
        self._queue.append(event)
        self._taken += 1
        if len(self._queue) > self._config.queue_max:
            self._keep_bounded()
        if self._timer is None or self._loop is not asyncio.get_running_loop():
            self._ensure_task()
            self._wake_in(self._config.linger_ms / 1000)
        elif len(self._queue) == self._config.batch_max and not self._backoff_s:
            self._go.set()

    async def flush(self) -> None:
        """Return when everything taken before this call is committed, or was dropped."""
        if not self.queued:
            return
        self._ensure_task()
        self._go.set()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[done] = self._taken
        try:
            await done
        finally:
            self._waiting.pop(done, None)

    async def close(self, timeout_s: float) -> None:
        """Flush, for `timeout_s` at the most, and stop for good. What could not be written by then is dropped."""
        try:
            async with asyncio.timeout(timeout_s):
                while self.queued:  # more may arrive meanwhile
                    await self.flush()
        except TimeoutError:
            self._give_up()
        finally:
            self._is_closed = True
            await self._stop()
            self._give_up()

    def _give_up(self) -> None:
        if not self.queued:
            return
        _log.error("gave up on writing %d rows to %s: %s", self.queued, self._storage.description, self.last_error)
        self.dropped += self.queued
        self._queue.clear()
        self._in_flight = []
        self._wake_waiting()

    async def _stop(self) -> None:
        self._cancel_timer()
        task, self._task = self._task, None
        if task is not None and self._loop is asyncio.get_running_loop():
            task.cancel()
            await asyncio.wait([task])

    def _ensure_task(self) -> None:
        """Start the task; again where it was cancelled, or where its event loop is gone and its timer with it."""
        task, loop = self._task, asyncio.get_running_loop()
        if task is not None and not task.done() and self._loop is loop:
            return
        self._loop = loop
        self._put_back()
        self._cancel_timer()
        self._waiting = {done: upto for done, upto in self._waiting.items() if done.get_loop() is loop}
        self._go = asyncio.Event()
        self._task = loop.create_task(self._run(), name="botmon-writer")

    def _wake_in(self, delay_s: float) -> None:
        self._cancel_timer()
        self._timer = self._clock.call_later(delay_s, self._go.set)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _run(self) -> None:
        try:
            while True:
                await self._go.wait()
                self._go.clear()
                await self._write_all()
        except asyncio.CancelledError:
            # asyncio.run cancels what is left when its main coroutine returns; close() has emptied the queue by now.
            if self._queue:
                await self._write_all()
            self._cancel_timer()  # so that the next event starts all anew
            raise

    async def _write_all(self) -> None:
        """Write until nothing is queued, or until a write fails: then all goes back in order, for later."""
        while self._queue:
            size = min(len(self._queue), self._batch_max)
            batch = self._in_flight = [self._queue.popleft() for _ in range(size)]
            try:
                await self._storage.write(batch)
            except RejectedError as error:
                self._set_apart(error)
            except Exception as error:  # noqa: BLE001 (whatever the engine raises, the rows wait and the bot runs on)
                self._put_back()
                self._retry_later(error)
                return
            except BaseException:
                if self._in_flight is batch:
                    self._put_back()  # it may be committed all the same; writing an event twice changes nothing
                raise
            else:
                self._in_flight = []
            self._wake_waiting()
        self._cancel_timer()
        self._recovered()

    def _set_apart(self, error: RejectedError) -> None:
        """Halve the batch until the event that the database refuses is alone, then drop that one."""
        self.failures += 1
        if len(self._in_flight) > 1:
            self._batch_max = len(self._in_flight) // 2
            self._put_back()
        else:
            self._in_flight = []
            self._batch_max = self._config.batch_max
            self._lose(1, f"the database refuses it: {error}")

    def _put_back(self) -> None:
        self._queue.extendleft(reversed(self._in_flight))
        self._in_flight = []
        self._keep_bounded()

    def _retry_later(self, error: Exception) -> None:
        self.failures += 1
        if self.last_error is None:
            _log.error("can't write to %s, will try again", self._storage.description, exc_info=error)
        self.last_error = f"{type(error).__name__}: {error}"
        self._backoff_s = min(max(self._backoff_s * 2, _FIRST_BACKOFF_S), _LONGEST_BACKOFF_S)
        self._wake_in(self._backoff_s * random.uniform(0.8, 1.2))  # noqa: S311 (jitter, so that processes spread out)

    def _recovered(self) -> None:
        if self.last_error is not None:
            lost = f"{self._lost_in_a_row} rows were lost" if self._lost_in_a_row else "none was lost"
            _log.warning("writing to %s again, %s", self._storage.description, lost)
        self.last_error = None
        self._backoff_s = 0.0
        self._batch_max = self._config.batch_max
        self._lost_in_a_row = 0

    def _keep_bounded(self) -> None:
        excess = len(self._queue) - self._config.queue_max
        if excess <= 0:
            return
        for _ in range(excess):
            self._queue.popleft()
        self._lose(excess, f"{self._config.queue_max} wait already and the database does not take them: the oldest go")
        self._wake_waiting()

    def _lose(self, n: int, why: str) -> None:
        self.dropped += n
        if not self._lost_in_a_row:
            _log.error("lost a row for %s: %s", self._storage.description, why)
        self._lost_in_a_row += n

    def _wake_waiting(self) -> None:
        """End those flushes whose events are all settled."""
        if self._in_flight:
            return
        settled = self._taken - len(self._queue)
        for done, upto in self._waiting.items():
            if upto <= settled and not done.done():
                done.set_result(None)
