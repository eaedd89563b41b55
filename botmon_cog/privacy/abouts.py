"""What is stored about people, for those who ask: never counted for two at once, nor again and again for one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from botmon_cog.clock import Clock
from botmon_cog.privacy.person import About, Person
from botmon_cog.store.engine import Engine
from botmon_cog.store.script import Query, Row, Script

_REST = 100
"""An answer holds for so many times as long as it took to count, so that one person takes at most a hundredth of us."""
_LONGEST_REST_S = 60.0
_STATE = """
SELECT 0, since_ms, 0 FROM @unrecorded WHERE user_id = :user_id
UNION ALL SELECT 1, before_ms, passes_left FROM @erasures WHERE user_id = :user_id
"""


class _Answer(NamedTuple):
    about: About
    state: Sequence[Row]
    until_s: float


class Abouts:
    """Of one store. In one with a few thousand rows all is counted anew each time.

    What somebody does here, that it is not to be recorded or to be erased, is seen at once.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._person = Person(engine)
        self._turn = asyncio.Lock()
        self._answers: dict[int, _Answer] = {}

    async def of(self, user_id: int) -> About:
        """Raises StorageError if the store is away."""
        async with self._turn:
            began_s = self._clock.monotonic()
            self._answers = {id_: answer for id_, answer in self._answers.items() if began_s < answer.until_s}
            state = await self._engine.read(_state(user_id))
            known = self._answers.get(user_id)
            if known is not None and known.state == state:
                return known.about
            about = await self._person.about(user_id)
            now_s = self._clock.monotonic()
            until_s = now_s + min(_REST * (now_s - began_s), _LONGEST_REST_S)
            self._answers[user_id] = _Answer(about, state, until_s)
            return about


def _state(user_id: int) -> Script[Sequence[Row]]:
    return [tuple(row) for row in (yield Query(_STATE, {"user_id": user_id}))]
