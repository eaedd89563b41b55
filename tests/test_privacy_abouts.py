"""Who asks again and again what is stored about them does not have all of the log counted each time."""

from __future__ import annotations

import asyncio

import pytest

from botmon_cog.privacy import abouts
from botmon_cog.privacy.abouts import Abouts
from botmon_cog.privacy.person import About, Person
from botmon_cog.privacy.requests import Requests
from botmon_cog.testing import ManualClock
from tests.engines import Storage
from tests.privacy_helpers import ANNA, BEN, fill, of
from tests.storage_helpers import NOON


class SlowPerson(Person):
    """Counting takes a second by the clock."""

    clock: ManualClock
    counted: list[int]
    at_once = 0

    async def about(self, user_id: int) -> About:
        self.at_once += 1
        assert self.at_once == 1, "two are counted at once"
        self.counted.append(user_id)
        await self.clock.advance(1.0)
        found = await super().about(user_id)
        self.at_once -= 1
        return found


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> list[int]:
    """Of whom was counted."""
    SlowPerson.clock, SlowPerson.counted = clock, []
    monkeypatch.setattr(abouts, "Person", SlowPerson)
    return SlowPerson.counted


async def test_answer_holds_for_a_minute_at_most(storage: Storage, clock: ManualClock, counted: list[int]) -> None:
    await fill(storage)
    asked = Abouts(storage.engine, clock)
    first = await asked.of(ANNA)
    await storage.write([of(ANNA)])
    await clock.advance(59.9)
    assert await asked.of(ANNA) == first
    assert counted == [ANNA]
    await clock.advance(0.2)
    assert (await asked.of(ANNA)).commands == first.commands + 1


async def test_people_are_counted_one_after_the_other(storage: Storage, clock: ManualClock, counted: list[int]) -> None:
    await fill(storage)
    asked = Abouts(storage.engine, clock)
    found = await asyncio.gather(*(asked.of(user) for user in (ANNA, BEN, ANNA, BEN, ANNA)))
    assert counted == [ANNA, BEN]
    assert found[0] == found[2] == found[4] != found[1]


async def test_what_they_ask_for_is_seen_at_once(storage: Storage, clock: ManualClock, counted: list[int]) -> None:
    await fill(storage)
    asked = Abouts(storage.engine, clock)
    assert (await asked.of(ANNA)).unrecorded_since is None
    await storage.unrecorded.add(ANNA, NOON)
    assert (await asked.of(ANNA)).unrecorded_since == NOON
    await Requests(storage.engine).note_erasure(ANNA, NOON)
    await asked.of(ANNA)
    await Requests(storage.engine).pass_done(ANNA, NOON)
    await asked.of(ANNA)
    assert counted == [ANNA] * 4


async def test_small_log_is_counted_anew(storage: Storage, clock: ManualClock) -> None:
    await fill(storage)
    asked = Abouts(storage.engine, clock)
    first = await asked.of(ANNA)
    await storage.write([of(ANNA)])
    assert (await asked.of(ANNA)).commands == first.commands + 1
