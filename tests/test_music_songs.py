"""Whatever happens in whichever order: each song counts once, its time once, and why it ended once."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from botmon_cog.domain.models import EndReason, Event, MusicEvent
from botmon_cog.observer.music.host_counts import HostCounts
from botmon_cog.observer.music.inbox import Inbox
from botmon_cog.observer.music.songs import Instant, Song, Songs
from botmon_cog.testing import ManualClock
from tests.music_helpers import PAUSE, PLAYTIME, SKIP, SONG

GUILDS = (1, 2)
guilds = st.sampled_from(GUILDS)
acts = st.one_of(
    st.tuples(st.sampled_from(["begin", "pause", "resume", "fail", "leave"]), guilds),
    st.tuples(st.just("end"), guilds, st.sampled_from(EndReason)),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 14.0, 16.0, 4000.0])),
)


class Model:
    """The same, as one would count by hand: who plays, and since when."""

    def __init__(self) -> None:
        self.playing: dict[int, bool] = {}
        """By guild: whether what plays there is paused."""
        self.songs = self.pauses = 0
        self.played_s = 0.0

    def act(self, name: str, *of: Any) -> None:
        if name == "wait":
            self.played_s += of[0] * sum(not is_paused for is_paused in self.playing.values())
        elif name == "begin":
            self.songs += 1
            self.playing[of[0]] = False
        elif name in {"end", "leave"}:
            self.playing.pop(of[0], None)
        elif name in {"pause", "resume"} and of[0] in self.playing:
            self.pauses += name == "pause" and not self.playing[of[0]]
            self.playing[of[0]] = name == "pause"


async def happen(events: list[MusicEvent], drawn: list[tuple[Any, ...]]) -> tuple[Model, ManualClock]:
    clock, model = ManualClock(), Model()

    def record(event: Event) -> None:
        assert isinstance(event, MusicEvent)
        events.append(event)

    songs = Songs(record, clock, HostCounts(), ignored=())
    for name, *of in drawn:
        model.act(name, *of)
        now = Instant(clock.monotonic(), clock.now())
        if name == "wait":
            await clock.advance(*of)
        elif name == "begin":
            songs.begin(Song(of[0], 0, None), now)
        elif name == "fail":
            songs.fail(of[0])
        else:
            getattr(songs, name)(*of, now)
    songs.close(Instant(clock.monotonic(), clock.now()))
    return model, clock


@settings(deadline=None)
@given(st.lists(acts, max_size=30))
def test_everything_counts_once(drawn: list[tuple[Any, ...]]) -> None:
    events: list[MusicEvent] = []
    model, clock = asyncio.run(happen(events, drawn))
    n = Counter(event.type for event in events)
    reasons = Counter(event.end_reason for event in events if event.end_reason is not None)
    assert (n[SONG], n[PAUSE]) == (model.songs, model.pauses)
    assert abs(sum(event.duration_s for event in events if event.type is PLAYTIME) - model.played_s) < 1e-6
    assert n[SKIP] == reasons[EndReason.SKIPPED] + reasons[EndReason.REPLACED]
    assert sum(reasons.values()) == model.songs - len(model.playing)
    assert all(0 <= event.duration_s <= 3600 for event in events)
    assert clock.pending == 0


class Failures:
    def __init__(self) -> None:
        self.noted: list[BaseException] = []

    def note(self, doing: str, error: BaseException) -> None:
        self.noted.append(error)


async def test_what_is_put_in_by_threads_is_taken_up_in_that_order_and_no_failure_stops_it() -> None:
    failures: Any = Failures()
    inbox = Inbox(failures)
    seen: list[int] = []
    inbox.put(lambda: seen.append(0))  # nobody is there yet
    inbox.open()

    def put() -> None:
        for n in (1, 2):
            inbox.put(lambda n=n: seen.append(n))
        inbox.put(lambda: seen.append(1 // 0))
        inbox.put(lambda: seen.append(3))

    await asyncio.to_thread(put)
    await asyncio.sleep(0)
    assert seen == [1, 2, 3]
    assert [type(error) for error in failures.noted] == [ZeroDivisionError]
    inbox.put(lambda: seen.append(4))
    inbox.close()
    assert seen == [1, 2, 3, 4]
    inbox.put(lambda: seen.append(5))
    await asyncio.sleep(0)
    assert seen == [1, 2, 3, 4]


def test_song_that_outlives_the_event_loop_is_let_pass() -> None:
    failures: Any = Failures()
    inbox = Inbox(failures)

    async def open_it() -> None:
        inbox.open()

    asyncio.run(open_it())
    inbox.put(lambda: None)
    inbox.close()
    assert failures.noted == []
