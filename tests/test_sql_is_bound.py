"""SQL holds no values: what is asked of one person, server or time is asked of every other with the same words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports import Period
from botmon_cog.export.reads import NEWEST_FIRST, OLDEST_FIRST, days_of, rows_of
from botmon_cog.growth.reads import GrowthReads
from botmon_cog.history.people import read_people
from botmon_cog.history.reads import Cursor, RowKey, piece
from botmon_cog.privacy.eraser import Eraser
from botmon_cog.privacy.person import Person
from botmon_cog.privacy.requests import Requests
from botmon_cog.store.history import HistoryFilter
from botmon_cog.store.script import Script
from tests.engines import Storage
from tests.privacy_helpers import ANNA, BEN, CLUB, OTHER, QuickClock, fill
from tests.storage_helpers import NOON

LATER = NOON + timedelta(days=10)


class Watched:
    """An engine, and every SQL text that it was given."""

    def __init__(self, storage: Storage) -> None:
        self._engine: Any = storage.engine
        self.seen: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def read(self, script: Script[Any]) -> Any:
        return await self._engine.read(self._watch(script))

    async def write(self, script: Script[Any]) -> Any:
        return await self._engine.write(self._watch(script))

    def _watch(self, script: Script[Any]) -> Script[Any]:
        result: Any = None
        while True:
            try:
                step = script.send(result)
            except StopIteration as end:
                return end.value
            if (sql := getattr(step, "sql", None)) is not None:
                self.seen.add(sql)
            result = yield step

    def taken(self) -> set[str]:
        """Those since the last time."""
        seen, self.seen = self.seen, set()
        assert seen
        return seen


async def ask(engine: Any, user: int, guild: int, outcome: Outcome, since: datetime, key: int) -> None:
    """All that is read of somebody."""
    await Person(engine).about(user)
    await Person(engine).copy(user, LATER)
    eraser = Eraser(engine, QuickClock(LATER))
    await eraser.count_user(user)
    await eraser.count_guild(guild)
    wanted = HistoryFilter(
        guild_id=str(guild),
        user_id=str(user),
        command="play",
        outcomes=frozenset({outcome}),
        components=False,
        since=since,
        until=LATER,
    )
    for direction in ("older", "newer"):
        await engine.read(piece(wanted, Cursor(direction, RowKey(key, 1, 1)), 10, 10_000))
    for order in (OLDEST_FIRST, NEWEST_FIRST):
        for day in await days_of(engine, wanted, order):
            _ = [page async for page in rows_of(engine, wanted, day, order)]
    period = Period(name="some", start=since, end=LATER, timezone="UTC")
    await read_people(engine, str(guild), period, 5)
    growth = GrowthReads(engine)
    day = int(since.timestamp()) // 86_400
    await growth.use(day, day + 1, day + 2)
    await growth.last_days(since, LATER)
    await growth.lost(since, LATER)
    await growth.commands_of_day(str(guild), day, 5)


async def test_reading_asks_of_everybody_with_the_same_words(storage: Storage) -> None:
    await fill(storage)
    engine = Watched(storage)
    key = int(NOON.timestamp() * 1000)
    await ask(engine, ANNA, CLUB, Outcome.OK, NOON, key + 1)
    first = engine.taken()
    for user, guild, outcome in ((BEN, OTHER, Outcome.OK), (BEN, CLUB, Outcome.OK), (ANNA, OTHER, Outcome.DENIED)):
        await ask(engine, user, guild, outcome, NOON + timedelta(hours=1), key + 2)
        assert engine.taken() - first == set()


async def test_erasing_is_done_with_the_same_words(storage: Storage) -> None:
    await fill(storage)
    engine = Watched(storage)
    for user, guild in ((ANNA, CLUB), (BEN, OTHER)):
        await Requests(engine).note_erasure(user, LATER)
        await Eraser(engine, QuickClock(LATER)).erase_user(user)
        await Eraser(engine, QuickClock(LATER)).erase_guilds([guild])
        await Requests(engine).note_purged([guild], LATER)
    # Of how much there is depends which statements there are; in none of them stands of whom.
    words = [word for value in (ANNA, BEN, CLUB, OTHER) for word in (str(value), hex(value))]
    assert [sql for sql in engine.taken() for word in words if word in sql] == []


async def test_many_servers_are_erased_in_as_many_statements_as_it_takes(storage: Storage) -> None:
    await fill(storage)
    eraser = Eraser(storage.engine, QuickClock(LATER))
    changed = await eraser.erase_guilds([*range(CLUB - 500, CLUB), CLUB, *range(CLUB + 1, CLUB + 500)])
    assert changed["invocations"]
    assert not await storage.rows("SELECT 1 FROM @invocations WHERE guild_id = :club", club=CLUB)
