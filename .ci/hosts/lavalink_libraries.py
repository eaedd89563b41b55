"""What the extension sees of wavelink, pomice, mafic and lavalink.py themselves, without a Lavalink node.

Runs in a virtual environment that has them: see `.ci/hosts/run`. Their own players and events are used; what a node
would be asked is asked of nobody. Prints one line per library, and ends with exit code 1 at the first that is not seen.
"""

# ruff: noqa: INP001, S106, SLF001, T201 (a script that looks into libraries and tells)

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

os.chdir(tempfile.mkdtemp(prefix="botmon-lavalink-"))

import discord  # noqa: E402
import lavalink  # noqa: E402
import mafic  # noqa: E402
import pomice  # noqa: E402
import wavelink  # noqa: E402
from discord.ext import commands  # noqa: E402

import botmon_cog  # noqa: E402
from botmon_cog.config import PrivacyConfig, StorageConfig  # noqa: E402
from botmon_cog.testing import LoopbackDiscord  # noqa: E402

INFO = {
    "identifier": "abc", "isSeekable": True, "author": "Somebody", "length": 180_000, "isStream": False, "position": 0,
    "title": "Low Tide", "uri": None, "artworkUrl": None, "isrc": None, "sourceName": "youtube",
}  # fmt: skip
TRACK: Any = {"encoded": "x", "info": INFO, "pluginInfo": {}, "userData": {}}
WANTED = ["song_played Low Tide", "pause", "playtime skipped", "skip", "song_played Low Tide", "playtime finished"]
"""One song that is paused and stopped, and another one right after it."""


async def _nothing(*_: object, **__: object) -> Any:
    return {"track": None, "volume": 100, "paused": False}


async def _play(start: Callable[[], None], player: Any, pausing: str, end: Callable[[str], None]) -> None:
    start()
    await getattr(player, pausing)(True)
    await getattr(player, pausing)(False)
    end("stopped")
    start()
    end("finished")


async def of_wavelink(bot: commands.Bot, channel: discord.VoiceChannel) -> None:
    node: Any = wavelink.Node(uri="http://127.0.0.1:1", password="x", client=bot)
    node._update_player = _nothing
    player = wavelink.Player(bot, channel, nodes=[node])
    player._guild = channel.guild
    track = wavelink.Playable(TRACK)

    def tell(event: str, payload: object) -> None:  # as its websocket does
        bot.dispatch(f"wavelink_{event}", payload)

    await _play(
        lambda: tell("track_start", wavelink.TrackStartEventPayload(player=player, track=track)),
        player,
        "pause",
        lambda reason: tell("track_end", wavelink.TrackEndEventPayload(player=player, track=track, reason=reason)),
    )
    await node.close()
    await node._session.close()


async def of_pomice(bot: commands.Bot, channel: discord.VoiceChannel) -> None:
    node: Any = SimpleNamespace(bot=bot, send=_nothing, _players={}, _session_id="s", _log=None)
    player: Any = pomice.Player(bot, channel, node=node)
    player._guild = channel.guild
    player._current = player._ending_track = pomice.Track(track_id="x", info=INFO, track_type=pomice.TrackType.YOUTUBE)
    events = pomice.events
    await _play(
        lambda: events.TrackStartEvent({}, player).dispatch(bot),
        player,
        "set_pause",
        lambda reason: events.TrackEndEvent({"reason": reason}, player).dispatch(bot),
    )


async def of_mafic(bot: commands.Bot, channel: discord.VoiceChannel) -> None:
    node: Any = SimpleNamespace(version=4, update=_nothing)
    player: Any = mafic.Player(bot, channel, node=node)
    player._connected = True

    def tell(kind: str, **more: object) -> None:
        player.dispatch_event({"type": kind, "track": TRACK, **more})

    await _play(
        lambda: tell("TrackStartEvent"),
        player,
        "pause",
        lambda reason: tell("TrackEndEvent", reason=reason),
    )


async def of_lavalink(bot: commands.Bot, channel: discord.VoiceChannel) -> None:
    assert bot.user is not None
    client: Any = lavalink.Client(bot.user.id)
    node: Any = SimpleNamespace(manager=SimpleNamespace(client=client), update_player=_nothing)
    player: Any = lavalink.DefaultPlayer(channel.guild.id, node)
    track = lavalink.AudioTrack(TRACK, requester=1)

    def end(reason: str) -> None:
        client._dispatch_event(lavalink.TrackEndEvent(player, track, lavalink.EndReason.from_str(reason)))

    try:
        await _play(
            lambda: client._dispatch_event(lavalink.TrackStartEvent(player, track)),
            player,
            "set_pause",
            end,
        )
    finally:
        await client.close()


async def main() -> None:
    for library in (of_wavelink, of_pomice, of_mafic, of_lavalink):
        bot: Any = commands.Bot("!", intents=discord.Intents.all(), help_command=None)
        bot.botmon_config = botmon_cog.Config(
            storage=StorageConfig(url=":memory:"), privacy=PrivacyConfig(song_titles=True)
        )
        seen: list[str] = []
        async with LoopbackDiscord() as loopback, loopback.running(bot):
            await bot.load_extension("botmon_cog")
            songs = bot.get_cog("botmon").observer.music._songs
            record = songs._record

            def note(event: Any, record: Callable[[Any], None] = record, seen: list[str] = seen) -> None:
                seen.append(" ".join(filter(None, (event.type, event.title, event.end_reason))))
                record(event)

            songs._record = note
            await library(bot, bot.get_channel(loopback.voice_channel.id))
            await asyncio.sleep(0.1)
            failures = botmon_cog.of(bot).failures
            if seen != WANTED or failures.n:
                raise SystemExit(f"{library.__name__}: saw {seen}, and not {WANTED}; {failures.last}")
        print(f"{library.__name__.removeprefix('of_')}: songs, titles, pauses, skips and ends are seen")


asyncio.run(main())
