"""What is seen of players of Lavalink libraries: by their events, and the method that pauses.

The classes here are as far as it matters those of wavelink 3.5, pomice 2.11, mafic 2.11 and lavalink.py 5.11: their
modules, what their events hold, and who dispatches them.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import Enum
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from botmon_cog.config import PrivacyConfig
from botmon_cog.domain.models import EndReason, MusicEvent
from tests.harness import EXTENSION, cog_of
from tests.music_helpers import PAUSE, PLAYTIME, SKIP, SONG, Stage, playing, turn

FINISHED, SKIPPED, STOPPED, FAILED, REPLACED = EndReason


def of(module: str) -> Callable[[type], type]:
    """Give a class the module that it has in its library."""

    def moved(kind: type) -> type:
        kind.__module__ = module
        return kind

    return moved


@of("mafic.events")
class MaficReason(str, Enum):  # noqa: UP042 (as it is there)
    FINISHED = "finished"
    LOAD_FAILED = "loadFailed"
    STOPPED = "stopped"
    REPLACED = "replaced"
    CLEANUP = "cleanup"


class LavalinkReason(Enum):
    FINISHED = "finished"
    LOAD_FAILED = "loadFailed"
    STOPPED = "stopped"
    REPLACED = "replaced"
    CLEANUP = "cleanup"


@of("wavelink.player")
class WavelinkPlayer:
    def __init__(self, client: Any, guild: Any) -> None:
        self.client, self.guild = client, guild

    async def pause(self, value: bool, /) -> None:
        self.paused = value


@of("pomice.player")
class PomicePlayer(WavelinkPlayer):
    pause = None  # pyright: ignore[reportAssignmentType]

    async def set_pause(self, pause: bool) -> bool:
        return pause


@of("mafic.player")
class MaficPlayer(WavelinkPlayer):
    async def pause(self, pause: bool = True) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.paused = pause

    async def resume(self) -> None:
        await self.pause(False)


@of("lavalink.player")
class LavalinkPlayer:
    def __init__(self, client: Any, guild: Any) -> None:
        self.client, self.guild_id = client, guild.id

    async def set_pause(self, pause: bool) -> None:
        self.paused = pause


@of("wavelink.payloads")
class WavelinkPayload:
    def __init__(self, **parts: Any) -> None:
        self.__dict__.update(parts)


@of("mafic.events")
class MaficEvent(WavelinkPayload):
    pass


def event_of(name: str) -> type:
    return of("lavalink.events")(type(name, (), {"__init__": lambda self, **parts: self.__dict__.update(parts)}))


@of("lavalink.client")
class LavalinkClient:
    heard: list[str]

    def __init__(self, user_id: int) -> None:
        self._user_id = user_id
        self.heard = []

    def _dispatch_event(self, event: Any) -> None:
        self.heard.append(type(event).__name__)


Tell = Callable[..., None]


class Library:
    """One of them, with a player in the server of the stage."""

    def __init__(self, name: str, stage: Stage) -> None:
        self.stage = stage
        self.name = name
        bot, guild = stage.bot, stage.channel.guild
        self.client = LavalinkClient(bot.user.id)  # pyright: ignore[reportOptionalMemberAccess]
        kinds = {"wavelink": WavelinkPlayer, "pomice": PomicePlayer, "mafic": MaficPlayer, "lavalink": LavalinkPlayer}
        self.player: Any = kinds[name](self.client if name == "lavalink" else bot, guild)

    def _tell(self, event: str, **parts: Any) -> None:
        dispatch, player = self.stage.bot.dispatch, self.player
        if self.name == "wavelink":
            dispatch(f"wavelink_{event}", WavelinkPayload(player=player, original=None, **parts))
        elif self.name == "pomice":
            dispatch(f"pomice_{event}", player, *parts.values())
        elif self.name == "mafic":
            if isinstance(parts.get("reason"), str):
                parts["reason"] = MaficReason(parts["reason"])
            dispatch(event, MaficEvent(player=player, **parts))
        else:
            if isinstance(parts.get("reason"), str):
                parts["reason"] = LavalinkReason(parts["reason"])
            name = "".join(word.title() for word in event.split("_")) + "Event"
            self.client._dispatch_event(event_of(name)(player=player, **parts))

    def start(self, title: str = "Low Tide") -> None:
        self._tell("track_start", track=SimpleNamespace(title=title))

    def end(self, reason: str) -> None:
        self._tell("track_end", track=SimpleNamespace(title="Low Tide"), reason=reason)

    def fail(self, how: str = "exception") -> None:
        self._tell(f"track_{how}", track=SimpleNamespace(title="Low Tide"), error="no sound")

    async def pause(self, *, is_paused: bool) -> None:
        await getattr(self.player, "set_pause" if self.name in {"pomice", "lavalink"} else "pause")(is_paused)


@asynccontextmanager
async def using(name: str, monkeypatch: pytest.MonkeyPatch, **tables: Any) -> AsyncIterator[tuple[Stage, Library]]:
    module = ModuleType(name)
    module.Client = LavalinkClient  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, name, module)
    async with playing(monkeypatch, **tables) as stage:
        yield stage, Library(name, stage)


@pytest.fixture(params=["wavelink", "pomice", "mafic", "lavalink"])
def name(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_song_counts_when_it_begins_and_its_time_when_it_has_ended(name, monkeypatch):
    async with using(name, monkeypatch, privacy=PrivacyConfig(song_titles=True)) as (stage, library):
        library.start()
        await stage.clock.advance(180)
        library.end("finished")
        await turn()
        assert stage.told() == [(SONG, 0.0, None), (PLAYTIME, 180.0, FINISHED)]
        (began, _) = stage.recorded.all(MusicEvent)
        assert (began.guild_id, began.title) == (stage.channel.guild.id, "Low Tide")
        assert cog_of(stage.bot).system.failures.n == 0


async def test_why_songs_end(name, monkeypatch):
    async with using(name, monkeypatch) as (stage, library):
        for reason in ("finished", "replaced", "stopped", "loadFailed", "cleanup", "finished"):
            library.start()
            await stage.clock.advance(10)
            library.end(reason)
            await stage.clock.advance(16 if reason == "cleanup" else 1)
        assert stage.reasons() == [FINISHED, REPLACED, SKIPPED, FAILED, STOPPED, FINISHED]
        assert (stage.count(SONG), stage.count(SKIP)) == (6, 2)


async def test_song_that_raised_or_got_stuck_has_failed(name, monkeypatch):
    async with using(name, monkeypatch) as (stage, library):
        for how, reason in (("exception", "finished"), ("stuck", "replaced"), ("stuck", "stopped")):
            library.start()
            library.fail(how)
            library.end(reason)
        library.start()
        library.end("finished")
        await turn()
        assert stage.reasons() == [FAILED] * 3 + [FINISHED]
        assert stage.count(SKIP) == 0


async def test_pauses_are_counted_and_are_no_time(name, monkeypatch):
    async with using(name, monkeypatch) as (stage, library):
        library.start()
        await stage.clock.advance(10)
        await library.pause(is_paused=True)
        await library.pause(is_paused=True)
        await stage.clock.advance(100)
        await library.pause(is_paused=False)
        await stage.clock.advance(5)
        library.end("finished")
        await turn()
        assert stage.told()[1:] == [(PAUSE, 0.0, None), (PLAYTIME, 15.0, FINISHED)]


async def test_bot_that_leaves_has_stopped_whatever_the_library_says(name, monkeypatch):
    async with using(name, monkeypatch) as (stage, library):
        library.start()
        await stage.client.disconnect()
        await turn()
        library.end("stopped")
        await turn()
        assert stage.reasons() == [STOPPED]


async def test_player_that_is_gone_and_events_of_the_bots_own_are_let_pass(name, monkeypatch):
    async with using(name, monkeypatch) as (stage, library):
        library.end("finished")  # of a song that began before
        for event in ("track_start", "track_end", "wavelink_track_start", "wavelink_track_end", "track_stuck"):
            stage.bot.dispatch(event)
            stage.bot.dispatch(event, "a song", 3)
            stage.bot.dispatch(event, SimpleNamespace(player=library.player, track=None, reason="finished"))
        library.player = None
        library.start()
        library.end("finished")
        library.fail()
        await turn()
        assert stage.told() == []
        assert cog_of(stage.bot).system.failures.n == 0


async def test_classes_of_the_libraries_are_put_back_as_they_were(name, monkeypatch):
    kinds = (WavelinkPlayer, PomicePlayer, MaficPlayer, LavalinkPlayer, LavalinkClient)
    before = [dict(vars(kind)) for kind in kinds]
    async with using(name, monkeypatch) as (stage, library):
        library.start()
        await library.pause(is_paused=True)
        assert [dict(vars(kind)) for kind in kinds] != before
        await stage.bot.unload_extension(EXTENSION)
        assert [dict(vars(kind)) for kind in kinds] == before
        assert not [event for event in stage.bot._listeners if "track" in event]


async def test_library_that_is_imported_later_is_found_when_the_bot_joins_a_channel(name, monkeypatch):
    async with playing(monkeypatch, joins=False) as stage:
        assert not [event for event in stage.bot._listeners if "track" in event], "bots without one pay nothing"
        library = Library(name, stage)
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(Client=LavalinkClient))
        for _ in range(2):
            await stage.join()
            library.start()
            library.end("finished")
            await stage.client.disconnect()
        await turn()
        assert stage.reasons() == [FINISHED] * 2
        assert library.client.heard == (["TrackStartEvent", "TrackEndEvent"] * 2 if name == "lavalink" else [])


async def test_client_of_another_bot_is_let_pass(monkeypatch):
    async with using("lavalink", monkeypatch) as (stage, library):
        library.client._user_id = 5
        library.start()
        await turn()
        assert (stage.told(), library.client.heard) == ([], ["TrackStartEvent"])
