"""Erases people, and servers, from a store: in short transactions, with pauses for all who write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

from botmon_cog.clock import Clock
from botmon_cog.privacy import changing, finding
from botmon_cog.privacy.change import Changes, counted, made
from botmon_cog.privacy.mentions import Mentions
from botmon_cog.privacy.subject import Subject, guilds, user
from botmon_cog.store.columns import LogTable
from botmon_cog.store.engine import Engine
from botmon_cog.store.records import milliseconds
from botmon_cog.store.schema import INVOCATIONS
from botmon_cog.store.script import Script

T = TypeVar("T")

Advance = Callable[[int], object]

_ROWS_AT_ONCE = 500
_GUILDS_AT_ONCE = 50
"""Their names and ids are looked for in one statement, and SQLite takes no condition of more than a thousand parts."""
_SHORTEST_PAUSE_S = 0.005
_MIRROR_PAUSE_S = 5.0
_MIRROR_TRIES = 14
"""Whoever mirrors rows into a host's table has done so, or is known to have ended, after a minute."""
_YOUNG = timedelta(hours=1)
"""By then it is decided whether another process's row is of the same interaction."""


def _nobody(_: int) -> None:
    """The progress interests nobody."""


class Eraser:
    """Erases from one store. What it does may be repeated, and goes on where it was broken off.

    Every method raises StorageError if the store is away; what was done until then is done.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def count_user(self, user_id: int) -> Mapping[str, int]:
        """What `erase_user` would return; changes nothing."""
        return await self._count(user(user_id))

    async def count_guild(self, guild_id: int) -> Mapping[str, int]:
        """Likewise, of a server."""
        return await self._count(guilds((guild_id,)))

    async def erase_user(self, user_id: int, advance: Advance = _nobody) -> Mapping[str, int]:
        """Take a person out of everything. Their commands stay, as nobody's: so all sums do.

        Args:
            user_id: theirs.
            advance: told how many rows were looked through.

        Returns:
            By table, how many rows were changed or removed.
        """
        subject = user(user_id)
        changed, mentions = await self._erase_log(subject, advance)
        changed["texts"] += await self._timed(made(changing.texts(mentions)))
        changed["signatures"] = await self._timed(made(changing.signatures(subject)))
        return +changed

    async def erase_guilds(self, guild_ids: Collection[int], advance: Advance = _nobody) -> Mapping[str, int]:
        """Take servers out of everything. What happened in them stays as the whole bot's, without people or place."""
        changed: Counter[str] = Counter()
        ids = sorted(guild_ids)
        for start in range(0, len(ids), _GUILDS_AT_ONCE):
            changed += await self._erase_some(guilds(ids[start : start + _GUILDS_AT_ONCE]), advance)
        return changed

    async def _erase_some(self, subject: Subject, advance: Advance) -> Counter[str]:
        changed, mentions = await self._erase_log(subject, advance)
        while n := await self._timed(changing.move_hours(subject)):
            changed["guild_hourly"] += n
        changed["texts"] += await self._timed(made(changing.texts(mentions)))
        changed["guilds"] = await self._timed(changing.drop_guilds(subject))
        return +changed

    async def rows(self) -> int:
        """How many rows there are to look through."""
        return sum(stretch.upto - stretch.after for lot in await self._lots() for stretch in lot)

    async def _lots(self) -> Sequence[Sequence[finding.Stretch]]:
        return await self._engine.read(finding.stretches())

    async def _erase_log(self, subject: Subject, advance: Advance) -> tuple[Counter[str], Mentions]:
        mentions = Mentions.of(subject.ids, await self._engine.read(finding.names_of(subject)))
        changed: Counter[str] = Counter()
        changed["kept_aside"] = await self._timed(made(changing.kept_aside(subject)))
        for lot in await self._lots():
            for table in finding.LOOKED_THROUGH:
                keys = await self._engine.read(finding.rows_of(table, subject, lot))
                for some in _some(keys):
                    changed[table.name] += await self._clear(table, subject, some)
            for some in _some(await self._engine.read(finding.mentioning(mentions, lot))):
                changed["texts"] += await self._timed(made(changing.mentions_in(mentions, some)))
            advance(sum(stretch.upto - stretch.after for stretch in lot))
        for day in await self._engine.read(changing.days_of(subject)):
            changed["days"] += await self._timed(changing.drop_day(subject, day))
        return changed, mentions

    async def _clear(self, table: LogTable, subject: Subject, keys: Sequence[finding.Key]) -> int:
        changed = 0
        for _ in range(_MIRROR_TRIES):
            young_ms = milliseconds(self._clock.now() - _YOUNG)
            n, waiting = await self._timed(changing.clear_rows(table, subject, keys, young_ms))
            changed += n
            if not waiting:
                break
            await self._clock.sleep(_MIRROR_PAUSE_S)
        return changed

    async def _timed(self, script: Script[T]) -> T:
        """What came of a script; then the store is left to the others for as long as it was ours."""
        began_s = self._clock.monotonic()
        result = await self._engine.write(script)
        await self._clock.sleep(max(self._clock.monotonic() - began_s, _SHORTEST_PAUSE_S))
        return result

    async def _count(self, subject: Subject) -> Mapping[str, int]:
        found: Counter[str] = Counter()

        async def add(what: str, changes: Changes) -> None:
            found[what] += await self._engine.read(counted(changes))

        mentions = Mentions.of(subject.ids, await self._engine.read(finding.names_of(subject)))
        for lot in await self._lots():
            own: set[finding.Key] = set()
            for table in finding.LOOKED_THROUGH:
                keys = await self._engine.read(finding.rows_of(table, subject, lot))
                found[table.name] += len(keys)
                own |= set(keys) if table is INVOCATIONS else set()
            others = [key for key in await self._engine.read(finding.mentioning(mentions, lot)) if key not in own]
            for some in _some(others):
                await add("texts", changing.mentions_in(mentions, some))
        for day in await self._engine.read(changing.days_of(subject)):
            await add("days", changing.parts_of_day(subject, day))
        await add("kept_aside", changing.kept_aside(subject))
        await add("texts", changing.texts(mentions))
        if subject.is_guilds:
            await add("guild_hourly", changing.hours_of(subject))
            await add("guilds", changing.rest_of_guilds(subject))
        else:
            await add("signatures", changing.signatures(subject))
        return +found


def _some(keys: Sequence[finding.Key]) -> Iterator[Sequence[finding.Key]]:
    for start in range(0, len(keys), _ROWS_AT_ONCE):
        yield keys[start : start + _ROWS_AT_ONCE]
