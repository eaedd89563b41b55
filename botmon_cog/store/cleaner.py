"""Removes what is too old from a store, and the oldest if there is too much."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from botmon_cog.clock import Clock
from botmon_cog.config import RetentionConfig
from botmon_cog.domain import text
from botmon_cog.domain.rollup import MS_PER_DAY, MS_PER_HOUR
from botmon_cog.store import retention
from botmon_cog.store.ages import PATIENCE_MS, Ages, ages, take_ages
from botmon_cog.store.records import milliseconds, moment
from botmon_cog.store.retention import Cut
from botmon_cog.store.room import ROOM
from botmon_cog.store.script import Execute, Query, Script
from botmon_cog.store.store import Store

_log = logging.getLogger(__name__)

T = TypeVar("T")

_MB = 1_000_000
_ENOUGH = 0.9
"""Of the cap: so far the oldest go, so that they need not go again at once."""
_LARGEST_SHARE = 20_000
"""Bytes of the cap per row that goes at once: of today not much more goes than must."""
_SHORTEST_PAUSE_S = 0.005

Advance = Callable[[int], object]


def _nobody(n: int) -> None:
    """The progress interests nobody."""


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


class Cleaner:
    """Cleans up one store.

    Everything is done in short transactions with pauses as long as themselves in between: being stopped at any moment
    leaves a store that is as good as before, with some rows less. Every method raises StorageError if the store is
    away; what was done until then is done.
    """

    def __init__(self, store: Store, clock: Clock, config: RetentionConfig) -> None:
        self._engine = store.engine
        self._rollups = store.rollups
        self._room = ROOM[store.engine.name]
        self._clock = clock
        self._config = config
        self._is_over_cap = False

    async def clean(self, advance: Advance = _nobody) -> Mapping[str, int]:
        """Roll up, remove what is too old, then the oldest if there is too much, and give the room back.

        Args:
            advance: told after every transaction how many rows went.

        Returns:
            By table, how many rows went.
        """
        removed: Counter[str] = Counter()

        def note(cut: Cut, n: int) -> None:
            removed[cut.aged.table.name] += n
            advance(n)

        await self._rollups.catch_up()
        now_ms = milliseconds(self._clock.now())
        taken = await self._engine.write(take_ages(now_ms))
        if taken.as_of_ms is not None:
            self._tell_doubt(taken, now_ms)
            raw = retention.raw_cuts(self._config, taken.as_of_ms)
            if await self._engine.read(retention.oldest(raw)) is not None:
                await self._engine.write(retention.raise_raw_since(raw[0].end_ms))
                for cut in raw:
                    await self._remove(cut, note)
            since_ms = await self._engine.read(retention.raw_since())
            for cut in retention.other_cuts(self._config, taken.as_of_ms, since_ms):
                await self._remove(cut, note)
        await self._keep_below_cap(now_ms, note)
        await self.give_back(lambda _: advance(0))
        if +removed:
            said = ", ".join(retention.in_words(name, n) for name, n in removed.items())
            _log.info("removed from %s: %s", self._engine.description, said)
        return +removed

    async def preview(self) -> list[tuple[Cut, int]]:
        """What is too old, and how many rows of each table that is; changes nothing."""
        as_of_ms = (await self.ages()).as_of_ms
        if as_of_ms is None:
            return []
        counts = [(cut, await self._count(cut)) for cut in retention.raw_cuts(self._config, as_of_ms)]
        ends = [cut.end_ms for cut, n in counts if n]
        since_ms = max(filter(None, (await self._engine.read(retention.raw_since()), *ends)), default=None)
        others = retention.other_cuts(self._config, as_of_ms, since_ms)
        return counts + [(cut, await self._count(cut)) for cut in others]

    async def ages(self) -> Ages:
        """At which moment a clean-up would take ages now."""
        return await self._engine.read(ages(milliseconds(self._clock.now())))

    async def excess_bytes(self) -> int:
        """By how much the store is larger than it may be."""
        cap = self._config.disk_cap_mb * _MB
        return max(await self._used_bytes(cap) - cap, 0) if cap else 0

    async def give_back(self, advance: Advance = _nobody) -> None:
        """Give free pages back to the file system, if the engine leaves that to us.

        `advance`: told after every transaction how many went.
        """
        statement = self._room.give_back
        while statement is not None and (free := await self.free_pages()):
            n, took_s = await self._timed(self._give_some(statement, free))
            advance(n)
            if not n:
                break
            await self._pause(took_s)

    async def free_pages(self) -> int:
        """How many pages we can give back to the file system."""
        return await self._engine.read(_number(self._room.free_pages)) if self._room.free_pages else 0

    def _tell_doubt(self, taken: Ages, now_ms: int) -> None:
        if taken.doubted_at_ms == now_ms and taken.as_of_ms is not None:
            _log.info(
                "%s was last cleaned up %s ago, says the clock. If it is right, old data is removed after %s",
                self._engine.description,
                text.duration((now_ms - taken.as_of_ms) / 1000),
                f"{moment(now_ms + PATIENCE_MS):%Y-%m-%d %H:%M} UTC",
            )

    async def _count(self, cut: Cut) -> int:
        return await self._engine.read(retention.count(cut))

    async def _remove(
        self,
        cut: Cut,
        note: Callable[[Cut, int], None],
        is_enough: Callable[[], Awaitable[bool]] = _never,
        most: int = Pace.MOST,
    ) -> None:
        """Remove rows until none is to go or it is enough, at most so many at once."""
        pace = Pace(most)
        while True:
            wanted = pace.n
            removed, took_s = await self._timed(retention.remove_some(cut, wanted))
            pace.took(took_s)
            if removed:
                note(cut, removed)
                await self._pause(took_s)
            if removed < wanted or await is_enough():
                return

    async def _timed(self, script: Script[T]) -> tuple[T, float]:
        """What came of a script, and the seconds that it took, without those that it waited for its turn."""
        began_s = self._clock.monotonic()

        def timed() -> Script[T]:
            nonlocal began_s
            began_s = self._clock.monotonic()
            return (yield from script)

        result = await self._engine.write(timed())
        return result, self._clock.monotonic() - began_s

    async def _pause(self, took_s: float) -> None:
        """Leave the store to the others for as long as it was ours."""
        await self._clock.sleep(max(took_s, _SHORTEST_PAUSE_S))

    async def _keep_below_cap(self, now_ms: int, note: Callable[[Cut, int], None]) -> None:
        cap = self._config.disk_cap_mb * _MB
        used = await self._used_bytes(cap) if cap else 0
        if used <= cap:
            self._is_over_cap = False
            return
        is_new, self._is_over_cap = not self._is_over_cap, True
        if is_new:
            _log.warning(
                "%s takes %s, and [retention] disk_cap_mb allows %s: its oldest single rows are removed",
                self._engine.description,
                text.bytes_(used),
                text.bytes_(cap),
            )

        async def is_enough() -> bool:
            return await self._used_bytes(0) <= cap * _ENOUGH

        today_ms, next_hour_ms = _start(now_ms, MS_PER_DAY), _start(now_ms, MS_PER_HOUR) + MS_PER_HOUR
        while not await is_enough():
            oldest_ms = await self._engine.read(retention.oldest(retention.first_cuts(next_hour_ms)))
            if oldest_ms is None:
                if is_new:
                    _log.warning("no single rows are left to remove: raise [retention] disk_cap_mb, or set rollup_days")
                return
            # The whole of the oldest day, of today an hour.
            is_today = oldest_ms >= today_ms
            unit_ms = MS_PER_HOUR if is_today else MS_PER_DAY
            end_ms = _start(oldest_ms, unit_ms) + unit_ms
            await self._engine.write(retention.raise_raw_since(end_ms))
            for cut in retention.first_cuts(end_ms):
                if is_today:
                    await self._remove(cut, note, is_enough, max(cap // _LARGEST_SHARE, 1))
                else:
                    await self._remove(cut, note)

    async def _used_bytes(self, below: int) -> int:
        """What the store takes; exact only if that is more than `below`."""
        size = await self._engine.read(_number(self._room.size_bytes))
        return size if size <= below else await self._engine.read(_number(self._room.used_bytes))

    def _give_some(self, statement: str, most: int) -> Script[int]:
        """One by one, until it is time to let others have their turn."""
        until_s = self._clock.monotonic() + Pace.TARGET_S
        for n in range(most):
            if self._clock.monotonic() >= until_s:
                return n
            yield Execute(statement)
        return most


def _number(query: str) -> Script[int]:
    return int((yield Query(query))[0][0] or 0)


def _start(ms: int, unit_ms: int) -> int:
    return ms // unit_ms * unit_ms
