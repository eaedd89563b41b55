"""What is written next, and what happens when the store does not take it. Of tasks and timers the writer takes care."""

from __future__ import annotations

import logging

from botmon_cog.causes.logged import logged, one_line
from botmon_cog.clock import Clock
from botmon_cog.config import StorageConfig
from botmon_cog.errors import ConflictError, NotOursError, SchemaTooNewError
from botmon_cog.store.log import Batch, Log, RunKey
from botmon_cog.store.queue.overflow import Overflow
from botmon_cog.store.queue.pending import Pending
from botmon_cog.store.queue.schedule import RollUpSchedule

_log = logging.getLogger(__name__)

_FIRST_BACKOFF_S = 0.25
_LONGEST_BACKOFF_S = 30.0


class Delivery:
    """Appends batches to the log, in the order of their numbers: from the spool, then from memory.

    Attributes:
        upto: events up to this number are written; what comes later lingers.
        backoff_s: how long to wait before the next attempt; 0 while the store takes rows.
        dropped: rows of the queue that were lost.

    See `Writer` for `failures`, `last_error` and `away_since`.
    """

    def __init__(
        self,
        log: Log,
        rollups: RollUpSchedule,
        clock: Clock,
        config: StorageConfig,
        run: RunKey,
        pending: Pending,
        overflow: Overflow,
    ) -> None:
        self._log = log
        self._rollups = rollups
        self._clock = clock
        self._config = config
        self._run = run
        self._pending = pending
        self._overflow = overflow
        self._dropped_lately = 0
        self.upto = 0
        self.backoff_s = 0.0
        self.dropped = 0
        self.failures = 0
        self.last_error: str | None = None
        self.away_since: float | None = None

    # -- writing -------------------------------------------------------------------------------------------------------

    async def write(self, *, replays_others: bool = True) -> int | None:
        """Append what waits, ours and that of others in turn, until nothing is left; None if an append failed.

        Returns:
            How many rows of this run were appended.
        """
        written = 0
        try:
            while True:
                ours = await self._write_next()
                others = await self._replay(None) if replays_others else 0
                if not ours and not others:
                    break
                written += ours
        except Exception as error:  # noqa: BLE001 (whatever the engine raises, the rows wait and the bot runs on)
            self._fail(error)
            return None
        if not self._pending.queue:
            self.tell_dropped()
        return written

    async def _write_next(self) -> int:
        """Append the oldest batch of this run; returns how many rows it had."""
        if self._overflow.holds_ours:
            n = await self._replay(self._run.token)
            if n or self._overflow.holds_ours:
                return n
        batch = self._pending.oldest(self._config.batch_max) if self._pending.settled < self.upto else None
        if batch is None:
            return 0
        try:
            await self._append([batch])
        except BaseException:
            batch.is_repeat = True  # it may have been committed all the same
            raise
        self._pending.remove(batch, len(batch.events))
        return len(batch.events)

    async def _replay(self, token: int | None) -> int:
        """Append the oldest of what is in the spool, of one run or of any; returns how many rows that was."""
        batches = await self._overflow.oldest(token)
        if batches:
            await self._append(batches)
            await self._overflow.remove(batches)
        return sum(len(batch.events) for batch in batches)

    async def _append(self, batches: list[Batch]) -> None:
        try:
            await self._log.append(batches)
        except ConflictError:
            if all(batch.is_repeat for batch in batches):
                raise
            for batch in batches:
                batch.is_repeat = True
            await self._log.append(batches)
        self._rollups.add(sum(len(batch.events) for batch in batches))
        if self.away_since is not None:
            lost = f"{self._dropped_lately} rows were lost" if self._dropped_lately else "none was lost"
            _log.warning("the store takes rows again, %s", lost)
            self._dropped_lately = 0
            self.last_error = self.away_since = None
            self.backoff_s = 0.0
            self._pending.may_spool = True

    # -- when the store does not take rows -----------------------------------------------------------------------------

    def _fail(self, error: Exception) -> None:
        is_refused = isinstance(error, NotOursError | SchemaTooNewError)
        if is_refused and self._pending.may_spool:
            _log.error("nothing is recorded: %s", error)
        elif self.away_since is None:
            _log.error("can't write to the store, will try again\n%s", logged(error))  # a driver may repeat a row
        self._pending.may_spool = not is_refused
        self.failures += 1
        self.last_error = one_line(error)
        self.backoff_s = min(max(self.backoff_s * 2, _FIRST_BACKOFF_S), _LONGEST_BACKOFF_S)
        now = self._clock.monotonic()
        if self.away_since is None:
            self.away_since = now
        if now - self.away_since >= self._config.spool_after_s:
            self._overflow.begin(len(self._pending))
        self.make_room()

    def make_room(self) -> None:
        """Shorten a queue that is too long: by way of the spool, or by dropping what is oldest in it.

        While the spool's disk fails or hangs, the queue may be twice as long.
        """
        excess = len(self._pending.queue) - self._config.queue_max
        if excess > 0 and self._overflow.has_room:
            self._overflow.begin(max(excess, self._config.queue_max // 2))
            excess -= self._config.queue_max
        if excess > 0:
            self.drop(excess, f"{self._config.queue_max} wait already and the store does not take them")

    def drop(self, n: int, why: str) -> None:
        """Forget the `n` oldest rows of the queue. The first ones of a spell are logged."""
        if not self._dropped_lately:
            _log.error("dropping rows: %s", why)
        self._pending.drop(n)
        self._dropped_lately += n
        self.dropped += n

    def tell_dropped(self) -> None:
        """Log how many rows a spell of dropping cost."""
        if self._dropped_lately:
            _log.error("%d rows were dropped", self._dropped_lately)
        self._dropped_lately = 0
