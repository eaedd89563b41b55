"""The one way in: a bounded queue, written in groups, with a spool for what the database does not take.

Everything that is queued goes into one transaction, then the next lot: alone, an event is on disk within the linger
time; under load the groups grow by themselves.
"""

from __future__ import annotations

import asyncio
import logging
import random
from asyncio import get_running_loop
from contextlib import suppress

from botmon_cog.clock import Clock, Timer
from botmon_cog.config import StorageConfig
from botmon_cog.domain.models import Event
from botmon_cog.storage.base import RejectedError, Storage
from botmon_cog.storage.queue.backlog import Backlog
from botmon_cog.storage.queue.flushes import Flushes
from botmon_cog.storage.queue.losses import Losses
from botmon_cog.storage.queue.spiller import Spiller
from botmon_cog.storage.queue.spool import Spool

_log = logging.getLogger(__name__)

_FIRST_BACKOFF_S = 0.25
_LONGEST_BACKOFF_S = 30.0
_STOP_TIMEOUT_S = 5.0
"""How long closing waits for a task that does not heed its cancellation, and for the spool's disk."""


class Writer:
    """Takes events at once, stores them later, and forgets none that fits into the queue or the spool.

    It belongs to the event loop that is running when an event is put; what one loop left behind the next one writes.

    Attributes:
        failures: writes that failed since the start.
        last_error: what the last write said when it failed, None after one that went well.
        away_since: when the database began to fail (`Clock.monotonic`), None while it takes rows.
    """

    def __init__(self, storage: Storage, clock: Clock, config: StorageConfig, spool: Spool | None = None) -> None:
        """`spool` None: what the queue has no room for is dropped."""
        self._storage = storage
        self._clock = clock
        self._config = config
        self._backlog = Backlog()
        self._queue = self._backlog.queue
        self._losses = Losses(lambda: storage.description)
        self._spiller = Spiller(spool, self._backlog, self._losses, clock, config.queue_max, self._after_spill)
        self._replaying: list[Event] = []
        self._go = asyncio.Event()
        self._timer: Timer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._armed: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._flushes = Flushes(self._backlog)
        self._retries: list[asyncio.Future[None]] = []
        self._backoff_s = 0.0
        self._first_mark = self._mark = min(config.batch_max, config.queue_max + 1)
        """How long the queue must be for `put` to do more than append."""
        self._closing = asyncio.Lock()
        self._is_closed = False
        self.failures = 0
        self.last_error: str | None = None
        self.away_since: float | None = None

    @property
    def queued(self) -> int:
        """Rows in memory: taken, and neither committed nor in the spool yet."""
        return len(self._backlog)

    @property
    def dropped(self) -> int:
        """Rows lost since the start: there was no room, the database refused this very row, or the spool is damaged."""
        return self._losses.n

    @property
    def spooled(self) -> int:
        """Rows on disk that wait for the database."""
        return self._spiller.rows

    @property
    def spool_bytes(self) -> int:
        """What the spool takes on disk."""
        return self._spiller.size_bytes

    def start(self) -> None:
        """Replay what an earlier process left in the spool; without this the first `put` does. Needs a running loop."""
        if self._spiller.spool is not None and not self._is_closed:
            self._ensure_task(get_running_loop())
            self._go.set()

    def put(self, event: Event) -> None:
        """Take an event. Needs a running event loop; does no I/O and never waits. After `close` it is dropped."""
        self._queue.append(event)
        if get_running_loop() is not self._armed or len(self._queue) >= self._mark:
            self._attend(get_running_loop())

    def _attend(self, loop: asyncio.AbstractEventLoop) -> None:
        """What few events need: a wake-up for the first, a write for a full batch, room for the one too many."""
        if self._is_closed:
            self._backlog.refuse_newest()
            self._losses.add(1, "the writer is closed")
            return
        if loop is not self._armed:
            self._ensure_task(loop)
            self._wake_in(self._config.linger_ms / 1000)
            self._armed = loop
        if len(self._queue) > self._config.queue_max:
            self._make_room()
        elif len(self._queue) >= self._mark:
            self._mark = self._config.queue_max + 1
            if not self._backoff_s:
                self._go.set()

    async def retry(self) -> None:
        """Try at once what else would be tried later, and return when it was tried."""
        if self.away_since is not None and not self._is_closed:
            self._ensure_task(get_running_loop())
            tried: asyncio.Future[None] = get_running_loop().create_future()
            self._retries.append(tried)
            self._go.set()
            await tried

    async def flush(self) -> None:
        """Return when everything taken before this call is committed or safe in the spool, or was dropped."""
        if self.queued:
            if not self._is_closed:
                self._ensure_task(get_running_loop())
                self._go.set()
            await self._flushes.wait()

    async def close(self, timeout_s: float) -> None:
        """Flush, for `timeout_s` at the most, and stop for good.

        What could not be written by then goes to the spool, for which the disk has 5 s; the rest is dropped. Where it
        is cancelled it tries to write once more before that. May be called twice.
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
                await self._stop(try_again=is_cut_short)

    async def _stop(self, *, try_again: bool) -> None:
        """End the task, then keep what is left in the spool."""
        self._is_closed = True
        task, self._task = self._task, None
        if self._loop is not get_running_loop():
            self._spiller.forget_loop()
        elif task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=_STOP_TIMEOUT_S)
        if try_again:
            await self._try_once_more()
        self._cancel_timer()
        self._armed, self._mark = None, 0
        await self._spiller.spill_rest(_STOP_TIMEOUT_S)
        self._replaying = []
        n = len(self._queue)
        if n:
            _log.error("gave up on writing %d rows to %s: %s", n, self._storage.description, self.last_error)
            self._losses.add(self._backlog.drop(n), "the writer is closed")
        self._losses.tell()
        self._flushes.wake()

    def _ensure_task(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the task; again where it was cancelled, or where its event loop is gone and its timer with it."""
        if self._task is not None and not self._task.done() and self._loop is loop:
            return
        if self._loop is not loop:
            self._spiller.forget_loop()
            self._backlog.give_all_back()
        self._loop = loop
        self._cancel_timer()
        self._flushes.keep_only(loop)
        self._retries = []
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
                retries, self._retries = self._retries, []
                await self._write_all()
                for tried in retries:
                    if not tried.done():
                        tried.set_result(None)
        except asyncio.CancelledError:
            # asyncio.run cancels what is left when its main coroutine returns.
            if not self._is_closed:
                await self._try_once_more()
                await self._spiller.spill_rest(_STOP_TIMEOUT_S)
            self._cancel_timer()
            self._armed = None  # so that the next event starts all anew
            raise

    async def _try_once_more(self) -> None:
        self._backlog.give_all_back()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._config.close_timeout_s):
                await self._write_all(replay=False)

    async def _write_all(self, *, replay: bool = True) -> None:
        """Write until nothing waits in memory or on disk, or until a write fails: then all goes back, for later."""
        try:
            while self._queue or (replay and self._spiller.can_replay):
                await self._write_queue()
                if replay and self._spiller.can_replay:
                    await self._replay_batch()
        except Exception as error:  # noqa: BLE001 (whatever the engine raises, the rows wait and the bot runs on)
            self._retry_later(error)
        else:
            self._rest()

    async def _write_queue(self) -> None:
        while self._queue:
            batch = self._backlog.lend(self._config.batch_max)
            try:
                await self._store(batch.rows, len(batch.rows))
            finally:  # cancelled, it may be committed all the same; writing an event twice changes nothing
                self._backlog.give_back(batch)
            self._flushes.wake()

    async def _replay_batch(self) -> None:
        """Write one batch of the spool. It stays in the spool until it is committed."""
        if not self._replaying:
            self._replaying = await self._spiller.read(self._config.batch_max)
        if self._replaying:
            await self._store(self._replaying, len(self._replaying))
            await self._spiller.commit()

    async def _store(self, rows: list[Event], n: int) -> None:
        """Write the first `n` of the rows and take them off; one that the database refuses is dropped alone.

        Raises:
            Exception: the engine's; what is still in `rows` was not stored.
        """
        try:
            await self._storage.write(rows[:n])
        except RejectedError as error:
            self.failures += 1
            if n > 1:
                await self._store(rows, n // 2)
                await self._store(rows, n - n // 2)
                return
            self._losses.add(1, f"the database refuses it: {error}")
        else:
            self._recover()
        del rows[:n]

    def _retry_later(self, error: Exception) -> None:
        self.failures += 1
        now = self._clock.monotonic()
        if self.away_since is None:
            self.away_since = now
            _log.error("can't write to %s, will try again", self._storage.description, exc_info=error)
        self.last_error = f"{type(error).__name__}: {error}"
        self._backoff_s = min(max(self._backoff_s * 2, _FIRST_BACKOFF_S), _LONGEST_BACKOFF_S)
        self._wake_in(self._backoff_s * random.uniform(0.8, 1.2))  # noqa: S311 (jitter, so that processes spread out)
        self._armed = self._loop
        if now - self.away_since >= self._config.spool_after_s:
            self._spiller.spill(len(self._queue))
        self._make_room()

    def _recover(self) -> None:
        if self.away_since is None:
            return
        waits = f", {self.spooled} come from the spool" if self.spooled else ""
        _log.warning("writing to %s again, %s%s", self._storage.description, self._losses.end_spell(), waits)
        self.last_error = self.away_since = None
        self._backoff_s = 0.0

    def _rest(self) -> None:
        """Nothing waits any more."""
        self._cancel_timer()
        self._armed = None
        self._mark = self._first_mark
        self._losses.tell()
        if self._spiller.pause_s:
            self._wake_in(self._spiller.pause_s)

    def _make_room(self) -> None:
        if self._spiller.keep_bounded():
            self._flushes.wake()

    def _after_spill(self) -> None:
        self._flushes.wake()
        if not self._is_closed:
            self._make_room()
            if not self._backoff_s:
                self._go.set()  # the database takes rows, and may have nothing else to do by now
