"""Totals that go on over restarts: a counter that fell by one would be taken for one that began again at zero.

An event counts once it is committed or in the spool, so that nothing is counted that a killed process forgets. The
totals are kept every minute, and a process that starts adds what the log holds beyond that; until then it shows none.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from operator import attrgetter

from botmon_cog.clock import Clock
from botmon_cog.domain.ended import Taken, events_of
from botmon_cog.domain.models import AutocompleteCalls, BackgroundFailures, Event, Invocation, MusicEvent
from botmon_cog.domain.totals import Totals
from botmon_cog.errors import SpoolError, StorageError
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.loop_runs import LoopRuns
from botmon_cog.store.log import RunKey
from botmon_cog.store.queue.pending import Pending
from botmon_cog.store.queue.spool import Spool
from botmon_cog.store.records import microseconds
from botmon_cog.store.totals import Held, TotalsStore, encoded
from botmon_cog.threads import in_thread

_log = logging.getLogger(__name__)

_NAME = "keeping totals"
_EVERY_S = 60.0
_RETRY_S = 1.0
_SECONDS_PER_DAY = 86_400
_MOST_WAITING = 2_000
"""Events that wait to be counted; then a thread counts them, though nobody asked."""
_STOP_TIMEOUT_S = 2.0

_call = attrgetter("command", "kind", "outcome")
_duration, _response, _delay = map(attrgetter, ("duration_s", "response_s", "gateway_delay_s"))


class TotalsKeeper:
    """Of this instance, whichever process it was at the time.

    Attributes:
        people_today: how many used the bot today (UTC), in all processes; None until it is known.
    """

    def __init__(
        self,
        store: TotalsStore,
        run: RunKey,
        pending: Pending,
        spool: Spool | None,
        clock: Clock,
        failures: Failures,
        loops: LoopRuns,
    ) -> None:
        """From here on it counts what `pending` lets go of."""
        self._store = store
        self._own = run.token
        self._spool = spool
        self._clock = clock
        self._failures = failures
        self._loops = loops
        self._lock = threading.Lock()
        """For what is counted below, by threads."""
        self._waiting: deque[tuple[Sequence[Taken], int]] = deque()
        """Kept but not counted yet, each lot with the number of the last. The loop adds, threads take."""
        self._rows = 0
        """How many came since a thread was told to count."""
        self._totals = Totals()
        """Of this process until the others are known, then of all."""
        self._counted = 0
        """Up to which number of this run they count."""
        self._held: Held = {}
        self._is_known = self._is_superseded = False
        self._task: asyncio.Task[None] | None = None
        self._counting: asyncio.Task[None] | None = None
        self.people_today: int | None = None
        pending.on_kept = self._note

    def start(self) -> None:
        """Needs a running event loop."""
        self._loops.begin(_NAME, _EVERY_S)
        self._task = asyncio.get_running_loop().create_task(self._run(), name="botmon-totals")

    async def stop(self) -> None:
        """Keep the totals once more; what is recorded later, the next process finds in the log."""
        self._loops.end(_NAME)
        tasks = [task for task in (self._task, self._counting) if task is not None]
        self._task = self._counting = None
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        with suppress(StorageError, TimeoutError):
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await self._keep()

    def read(self) -> Totals | None:
        """A copy of the totals as of now; None until those of earlier processes are known. For a thread."""
        self._count()
        with self._lock:
            return self._totals.copy() if self._is_known else None

    # -- counting ------------------------------------------------------------------------------------------------------

    def _note(self, events: Sequence[Taken], last_seq: int) -> None:
        """Events were committed or spooled. On the event loop, so it does as little as it can."""
        self._waiting.append((events, last_seq))
        self._rows += len(events)
        if self._rows >= _MOST_WAITING and self._task is not None and self._counting is None:
            self._rows = 0
            self._counting = asyncio.ensure_future(self._count_soon())

    async def _count_soon(self) -> None:
        try:
            await in_thread(self._count)
        except Exception as error:  # noqa: BLE001 (the next time is as good)
            self._failures.note(_NAME, error)
        finally:
            self._counting = None

    def _count(self) -> None:
        """Count what waits. Not on the event loop."""
        while self._waiting:
            with self._lock:  # for one batch after the other: the loop may want it, too
                if self._waiting:
                    taken, self._counted = self._waiting.popleft()
                    _add(self._totals, events_of(taken))

    # -- keeping -------------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                await self.step()
            except StorageError:  # the health check tells of a database that is away
                pass
            except Exception as error:  # noqa: BLE001 (a task would end for good with its first error)
                self._failures.note(_NAME, error)
            self._loops.note(_NAME)
            await self._clock.sleep(_EVERY_S if self._is_known else _RETRY_S)

    async def step(self) -> None:
        """Find out what earlier processes did, or keep the totals.

        Raises:
            StorageError: the database is away.
        """
        if self._is_known:
            more, held = await self._store.beyond(self._held)
            await in_thread(partial(self._take, more, held))
            await self._keep()
        elif not await self._holds_earlier():
            await self._recall()
        self.people_today = await self._store.people(int(self._clock.now().timestamp()) // _SECONDS_PER_DAY)

    def _take(self, more: Totals, held: Held) -> None:
        with self._lock:
            self._totals.merge(more)
            self._held = held

    async def _holds_earlier(self) -> bool:
        """Whether rows that an earlier process counted wait on disk. A spool that can't be read holds none."""
        if self._spool is None:
            return False
        try:
            return self._spool.has_more and bool(await self._spool.oldest(1))
        except SpoolError:  # said by then
            return False

    async def _recall(self) -> None:
        """Take up what earlier processes did. It is kept before it is shown: whoever comes next must know of it."""
        found = await self._store.recall()

        def merged() -> bytes:
            self._count()
            with self._lock:
                totals = found.totals.copy()
                totals.merge(self._totals)
                return encoded(totals, {**found.held, self._own: self._counted})

        if not await self._store.keep(await in_thread(merged), found.owner):
            return  # another process did the same meanwhile; this one goes on from there
        with self._lock:
            found.totals.merge(self._totals)
            self._totals, self._held, self._is_known = found.totals, found.held, True

    async def _keep(self) -> None:
        if self._is_known and not self._is_superseded:
            self._is_superseded = not await self._store.keep(await in_thread(self._encoded), None)
            if self._is_superseded:
                _log.info("another process with the same instance name keeps its totals from now on")

    def _encoded(self) -> bytes:
        self._count()
        with self._lock:
            return encoded(self._totals, {**self._held, self._own: self._counted})


def _add(totals: Totals, events: Sequence[Event]) -> None:
    invocations = [event for event in events if type(event) is Invocation and not event.is_own]
    if invocations:
        times = (microseconds([*map(get, invocations)]) for get in (_duration, _response, _delay))
        totals.add_invocations(map(_call, invocations), zip(*times, strict=True))
    if len(invocations) == len(events):
        return
    for event in events:
        if type(event) is AutocompleteCalls:
            totals.add_completions(event.command, event.n, event.failed)
        elif type(event) is BackgroundFailures:
            totals.background[event.kind] += event.n
        elif type(event) is MusicEvent:
            totals.music[event.type] += 1
