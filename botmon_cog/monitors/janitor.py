"""Keeps the database small: removes what is too old, and the oldest where there is too much."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Protocol, TypeVar

from botmon_cog.clock import Clock
from botmon_cog.config import RetentionConfig
from botmon_cog.domain import text
from botmon_cog.domain.rollup import day_of, start_of_day
from botmon_cog.errors import StorageError
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.loop_runs import LoopRuns
from botmon_cog.storage.script import Do, Script
from botmon_cog.storage.upkeep import retention
from botmon_cog.storage.upkeep.maintained import Maintained
from botmon_cog.storage.upkeep.retention import Cut

_log = logging.getLogger(__name__)

T = TypeVar("T")

_FIRST_AFTER_S = 300.0
"""Seconds: a bot that is starting has better things to do."""
_MB = 1_000_000
_ENOUGH = 0.9
"""Of the cap: so far the oldest go, so that they need not go again at once."""
_LARGEST_SHARE = 20_000
"""Bytes of the cap per row that goes at once: of today not much more goes than must."""
_SHORTEST_PAUSE_S = 0.005
_CHUNKS_TO_SETTLE = 4
_NAME = "cleaning up"

Advance = Callable[[int], object]
IsEnough = Callable[[], Awaitable[bool]]


class Remove(Protocol):
    """Removes rows until there are none or it is enough, so many at once at the most."""

    async def __call__(self, cut: Cut, is_enough: IsEnough = ..., most: int = ...) -> None: ...


def _nobody(n: int) -> None:
    """Where nobody wants to know."""


async def _never() -> bool:
    return False


class Pace:
    """How many rows go at once, so that a chunk holds the write lock for `TARGET_S` seconds or less."""

    TARGET_S = 0.02
    FIRST = 16
    MOST = 10_000
    _FASTER = 1.5
    """The cost of a row varies: a small step up can't go far wrong. A step down may be of any size."""

    def __init__(self, most: int = MOST) -> None:
        """`most`: rows, however quickly they go."""
        self._most = most
        self.n = min(self.FIRST, most)

    def took(self, seconds: float) -> None:
        """Learn from a chunk of `n` rows."""
        if seconds > self.TARGET_S:
            self.n = max(1, int(self.n * self.TARGET_S / seconds))
        elif seconds < self.TARGET_S / 2:
            self.n = min(math.ceil(self.n * self._FASTER), self._most)


class Janitor:
    """Cleans up once per `[retention] interval_s`, of all the processes that share a database one.

    Everything is done in short transactions with pauses as long as themselves in between: being stopped at any moment
    leaves a database that is as good as before, with some rows less.
    """

    def __init__(
        self,
        storage: Maintained,
        clock: Clock,
        config: RetentionConfig,
        failures: Failures,
        loops: LoopRuns | None = None,
    ) -> None:
        """`loops`: told of each run."""
        self._loops = loops or LoopRuns(clock)
        self._storage = storage
        self._clock = clock
        self._config = config
        self._failures = failures
        self._task: asyncio.Task[None] | None = None
        self._is_over_cap = False
        self._unsettled = 0

    # -- when ----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Clean up from now on. Needs a running event loop; what was started has to be stopped."""
        if self._task is None:
            self._loops.begin(_NAME, self._config.interval_s)
            self._task = asyncio.get_running_loop().create_task(self._run(), name="botmon-janitor")

    async def stop(self) -> None:
        """Stop at once, and return when that is done."""
        task, self._task = self._task, None
        self._loops.end(_NAME)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        await self._clock.sleep(min(_FIRST_AFTER_S, self._config.interval_s))
        while True:
            await self.clean_if_due()
            self._loops.note(_NAME)
            await self._clock.sleep(self._config.interval_s)

    async def clean_if_due(self) -> None:
        """Clean up unless that was done less than an interval ago, by whomever. Raises nothing."""
        try:
            if await self._storage.transact(retention.claim(self._clock.now(), self._config.interval_s)):
                await self.clean()
        except StorageError as error:  # a database that is away is what the health check tells of
            _log.warning("can't clean up %s, will try again: %s", self._storage.description, error)
        except Exception as error:  # noqa: BLE001 (a task would end for good with its first error)
            self._failures.note("cleaning up", error)

    # -- what ----------------------------------------------------------------------------------------------------------

    async def clean(self, advance: Advance = _nobody) -> Mapping[str, int]:
        """Remove what is too old, then the oldest where there is too much, and give the room back.

        Args:
            advance: told of every chunk how many rows went.

        Returns:
            By table, how many rows went.

        Raises:
            StorageError: it ended in the middle; what went until then is gone.
        """
        removed: Counter[str] = Counter()

        async def remove(cut: Cut, is_enough: IsEnough = _never, most: int = Pace.MOST) -> None:
            async with aclosing(self._chunks(cut, most)) as chunks:
                async for n in chunks:
                    removed[cut.table.name] += n
                    advance(n)
                    if await is_enough():
                        return

        now = self._clock.now()
        end = retention.raw_end(self._config, now)
        if end is not None:
            await self._storage.transact(retention.raise_raw_since(end))
            for cut in retention.raw_cuts(end):
                await remove(cut)
        for cut in retention.other_cuts(self._config, now, await self._storage.look(retention.raw_since())):
            await remove(cut)
        await self._keep_below_cap(now, remove)
        await self.give_back()
        if removed:
            _log.info("removed %d rows from %s: %s", removed.total(), self._storage.description, dict(removed))
        return removed

    async def preview(self) -> list[tuple[Cut, int]]:
        """What is too old, and how many rows of each table that is; changes nothing.

        Raises:
            StorageError: the database can't be read.
        """
        now = self._clock.now()
        end = retention.raw_end(self._config, now)
        since = await self._storage.look(retention.raw_since())
        cuts = [] if end is None else retention.raw_cuts(end)
        cuts += retention.other_cuts(self._config, now, max(filter(None, (since, end)), default=None))
        return [(cut, await self._storage.look(retention.count(cut, self._storage.dialect))) for cut in cuts]

    async def excess_bytes(self) -> int:
        """By how much the database is larger than it may be; 0 where it is not.

        Raises:
            StorageError: the database can't be read.
        """
        cap = self._config.disk_cap_mb * _MB
        return max(await self._used_bytes(cap) - cap, 0) if cap else 0

    async def _chunks(self, cut: Cut, most: int) -> AsyncGenerator[int, None]:
        """Remove rows, and say after each chunk how many went."""
        dialect, pace = self._storage.dialect, Pace(most)
        while (first := await self._storage.look(retention.first_old(cut, dialect))) is not None:
            removed, took_s = await self._timed(retention.remove_some(cut, first, pace.n, dialect))
            pace.took(took_s)
            yield removed
            await self._pause(took_s)

    async def _timed(self, script: Script[T]) -> tuple[T, float]:
        """What came of a script, and the seconds that it took, without those that it waited for its turn."""
        began_s = self._clock.monotonic()

        def timed() -> Script[T]:
            nonlocal began_s
            began_s = self._clock.monotonic()
            return (yield from script)

        result = await self._storage.transact(timed())
        return result, self._clock.monotonic() - began_s

    async def _pause(self, took_s: float) -> None:
        """Leave the database to the others for as long as it was ours."""
        self._loops.note(_NAME)  # as long as it gets on, it may take hours
        self._unsettled += 1
        if self._unsettled >= _CHUNKS_TO_SETTLE:
            await self._settle()
        await self._clock.sleep(max(took_s, _SHORTEST_PAUSE_S))

    async def _settle(self) -> None:
        """Empty the log on the readers' side: else it would be done in the writer's turn, once it has grown long."""
        self._unsettled = 0
        if self._storage.upkeep.settle is not None:
            await self._storage.rows(self._storage.upkeep.settle, {})

    async def _keep_below_cap(self, now: datetime, remove: Remove) -> None:
        cap = self._config.disk_cap_mb * _MB
        used = await self._used_bytes(cap) if cap else 0
        if used <= cap:
            self._is_over_cap = False
            return
        is_news, self._is_over_cap = not self._is_over_cap, True
        if is_news:
            _log.warning(
                "%s takes %s, and [retention] disk_cap_mb allows %s: its oldest single rows go",
                self._storage.description,
                text.bytes_(used),
                text.bytes_(cap),
            )

        async def is_enough() -> bool:
            return await self._used_bytes(0) <= cap * _ENOUGH

        while not await is_enough():
            oldest = await self._storage.look(retention.oldest_raw(now, self._storage.dialect))
            if oldest is None:
                if is_news:
                    _log.warning("no single row is left to go; what is counted needs more than disk_cap_mb allows")
                return
            end = retention.next_raw_end(oldest, now)
            await self._storage.transact(retention.raise_raw_since(end))
            is_today = end > start_of_day(day_of(now))
            for cut in retention.raw_cuts(end):
                if is_today:
                    await remove(cut, is_enough, max(cap // _LARGEST_SHARE, 1))
                else:
                    await remove(cut)

    async def _used_bytes(self, below: int) -> int:
        """What the database takes; exact only where that is more than `below`."""
        upkeep = self._storage.upkeep
        size = int((await self._storage.rows(upkeep.size_bytes, {}))[0][0])
        return size if size <= below else int((await self._storage.rows(upkeep.used_bytes, {}))[0][0])

    async def give_back(self, advance: Advance = _nobody) -> None:
        """Give free pages back to the file system, where that is not done by the engine.

        Args:
            advance: told of every step how many went.

        Raises:
            StorageError: it ended in the middle.
        """
        upkeep = self._storage.upkeep
        if upkeep.free_pages is None or upkeep.give_back is None:
            return
        while (rows := await self._storage.rows(upkeep.free_pages, {})) and rows[0][0]:
            n, took_s = await self._timed(self._give_some(upkeep.give_back, int(rows[0][0])))
            advance(n)
            if not n:
                break
            await self._pause(took_s)
        await self._settle()

    def _give_some(self, statement: str, most: int) -> Script[int]:
        """One by one, until it is time to let others have their turn."""
        until_s = self._clock.monotonic() + Pace.TARGET_S
        for n in range(most):
            if self._clock.monotonic() >= until_s:
                return n
            yield Do(statement, {})
        return most
