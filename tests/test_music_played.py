"""What is seen of songs that a bot plays through discord.py's own voice client."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
import pytest
from discord.ext import commands

from botmon_cog.config import PrivacyConfig, RecordConfig
from botmon_cog.domain.models import EndReason, MusicEvent
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, until
from tests.music_helpers import (
    PAUSE,
    PLAYTIME,
    SKIP,
    SONG,
    QuietVoiceClient,
    Sound,
    Stage,
    playing,
    turn,
)

FINISHED, SKIPPED, STOPPED, FAILED, REPLACED = EndReason


@asynccontextmanager
async def another(stage: Stage) -> AsyncIterator[commands.Bot]:
    """A second bot in this process, with the extension."""
    other = make_bot()
    other.botmon_clock = stage.clock
    async with stage.discord.running(other):
        await other.load_extension(EXTENSION)
        yield other


class Wrapping(Sound):
    """As discord.py's `PCMVolumeTransformer`, which needs a library for its sound."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.original = Sound(title)


async def play_for(stage: Stage, seconds: float, title: str | None = None) -> Sound:
    sound = stage.play(Sound(title))
    await stage.clock.advance(seconds)
    return sound


async def test_a_song_counts_when_it_begins_and_its_time_when_it_has_ended(monkeypatch):
    async with playing(monkeypatch) as stage:
        sound = await play_for(stage, 180)
        assert stage.told() == [(SONG, 0.0, None)]
        await stage.finish(sound)
        assert stage.told() == [(SONG, 0.0, None), (PLAYTIME, 180.0, FINISHED)]
        assert stage.client._connection.packets >= 1, "it really was played"
        began, ended = stage.recorded.all(MusicEvent)
        assert (ended.occurred_at - began.occurred_at).total_seconds() == 180
        assert {(e.guild_id, e.user_id, e.title) for e in (began, ended)} == {(stage.channel.guild.id, None, None)}
        assert cog_of(stage.bot).system.failures.n == 0


async def test_two_finished_and_six_skipped_are_eight_songs_and_three_quarters_skipped(monkeypatch):
    async with playing(monkeypatch) as stage:
        for n in range(8):
            sound = await play_for(stage, 10)
            if n in {3, 7}:
                await stage.finish(sound)
            else:
                stage.client.stop()
                await stage.gone(sound)
                await stage.clock.advance(2)  # while the bot looks for the next one
        report = await cog_of(stage.bot).system.statistics.weekly(stage.channel.guild.id)
        assert (report.total_songs, report.total_skips, report.skip_rate) == (8, 6, 0.75)
        assert report.total_playtime_s == 80
        assert sorted(stage.reasons()) == sorted([SKIPPED] * 6 + [FINISHED] * 2)


async def test_next_song_may_begin_before_the_thread_of_the_last_has_ended(monkeypatch):
    async with playing(monkeypatch) as stage:
        first = await play_for(stage, 10)
        stage.client.stop()
        second = stage.play(Sound())  # in the same breath
        await stage.gone(first)
        await stage.clock.advance(5)
        await stage.finish(second)
        assert stage.told() == [
            (SONG, 0.0, None),
            (PLAYTIME, 10.0, SKIPPED),
            (SKIP, 0.0, None),
            (SONG, 0.0, None),
            (PLAYTIME, 5.0, FINISHED),
        ]


async def test_stop_that_nothing_follows_is_no_skip(monkeypatch):
    async with playing(monkeypatch) as stage:
        sound = await play_for(stage, 10)
        stage.client.stop()
        await stage.gone(sound)
        await stage.clock.advance(14.9)
        assert stage.reasons() == []
        await stage.clock.advance(0.2)
        assert stage.told()[1:] == [(PLAYTIME, 10.0, STOPPED)]
        ended = stage.recorded.all(MusicEvent)[-1]
        assert (stage.clock.now() - ended.occurred_at).total_seconds() == pytest.approx(15.1)
        sound = await play_for(stage, 1)
        await stage.finish(sound)
        assert stage.count(SKIP) == 0


async def test_leaving_the_channel_is_a_stop_even_if_the_bot_is_back_at_once(monkeypatch):
    async with playing(monkeypatch) as stage:
        sound = await play_for(stage, 10)
        await stage.client.disconnect()
        await stage.gone(sound)
        assert stage.told()[1:] == [(PLAYTIME, 10.0, STOPPED)]
        await stage.join()
        await stage.finish(await play_for(stage, 1))
        assert (stage.count(SONG), stage.count(SKIP)) == (2, 0)


async def test_bot_that_is_thrown_out_has_stopped(monkeypatch):
    async with playing(monkeypatch) as stage:
        sound = await play_for(stage, 10)
        guild = stage.discord.guild
        stage.discord.world.move_in_voice(guild, stage.discord.world.bot, None)
        await stage.gone(sound)
        assert stage.reasons() == [STOPPED]


async def test_song_that_fails_has_failed(monkeypatch, caplog):
    async with playing(monkeypatch) as stage:
        sound = stage.play(Sound(error=OSError("no such stream")))
        await stage.gone(sound)
        assert stage.reasons() == [FAILED]
        assert stage.count(SKIP) == 0


async def test_pauses_are_counted_and_are_no_time(monkeypatch):
    async with playing(monkeypatch) as stage:
        sound = await play_for(stage, 30)
        stage.client.pause()
        stage.client.pause()  # it is already
        await stage.clock.advance(600)
        stage.client.resume()
        stage.client.resume()
        await stage.clock.advance(15)
        await stage.finish(sound)
        stage.client.pause()  # nothing plays
        await turn()
        assert stage.told()[1:] == [(PAUSE, 0.0, None), (PLAYTIME, 45.0, FINISHED)]


async def test_song_that_replaces_a_paused_one_is_a_skip(monkeypatch):
    async with playing(monkeypatch) as stage:
        first = await play_for(stage, 30)
        stage.client.pause()
        await stage.clock.advance(100)
        player: Any = stage.client._player
        second = stage.play(Sound())  # discord.py allows it: nothing "is playing"
        await turn()
        assert stage.told()[2:] == [(PLAYTIME, 30.0, REPLACED), (SKIP, 0.0, None), (SONG, 0.0, None)]
        player.stop()  # which discord.py never does: its thread would wait for ever
        await stage.gone(first)
        await stage.finish(second)
        assert stage.reasons() == [REPLACED, FINISHED]


async def test_looped_song_begins_again_and_again(monkeypatch):
    async with playing(monkeypatch) as stage:
        sounds = [Sound(frames=1) for _ in range(3)]
        left = iter(sounds)

        def play_next(error: Exception | None) -> None:
            sound = next(left, None)
            if sound is not None:
                stage.client.play(sound, after=play_next)  # in the player's thread, as many bots do

        play_next(None)
        for sound in sounds:
            await stage.gone(sound)
        assert (stage.count(SONG), stage.count(SKIP)) == (3, 0)
        assert stage.reasons() == [FINISHED] * 3


async def test_stream_is_one_song_whose_time_counts_while_it_plays(monkeypatch):
    async with playing(monkeypatch) as stage:
        sound = await play_for(stage, 2.5 * 3600)
        assert stage.told() == [(SONG, 0.0, None), *[(PLAYTIME, 3600.0, None)] * 2]
        stage.client.pause()
        await stage.clock.advance(5 * 3600)
        stage.client.resume()
        await stage.finish(sound)
        assert stage.count(SONG) == 1
        report = await cog_of(stage.bot).system.statistics.weekly(stage.channel.guild.id)
        assert (report.total_songs, report.total_playtime_s) == (1, 9000)


async def test_what_plays_when_the_extension_goes_has_played_until_then(monkeypatch):
    async with playing(monkeypatch) as stage:
        sound = await play_for(stage, 42)
        await stage.bot.unload_extension(EXTENSION)
        assert stage.told() == [(SONG, 0.0, None), (PLAYTIME, 42.0, None)]
        await stage.finish(sound)
        assert len(stage.told()) == 2
        await stage.bot.load_extension(EXTENSION)
        assert stage.client.is_connected()
        await stage.finish(await play_for(stage, 3))
        report = await cog_of(stage.bot).system.statistics.weekly()  # of a store of its own, in memory
        assert (report.total_songs, report.total_playtime_s) == (1, 3)


async def test_sigterm_notes_what_has_played(monkeypatch):
    async with playing(monkeypatch) as stage:
        sound = await play_for(stage, 42)
        cog_of(stage.bot).observer.end()
        assert stage.told() == [(SONG, 0.0, None), (PLAYTIME, 42.0, None)]
        await stage.finish(sound)
        assert len(stage.told()) == 2


# -- what is left out --------------------------------------------------------------------------------------------------


async def test_music_can_be_switched_off(monkeypatch):
    before = {name: getattr(discord.VoiceClient, name) for name in ("play", "stop", "pause", "resume")}
    async with playing(monkeypatch, record=RecordConfig(music=False)) as stage:
        assert {name: getattr(discord.VoiceClient, name) for name in before} == before
        await stage.finish(await play_for(stage, 3))
        assert (stage.told(), stage.connects()) == ([], [])
        statistics = cog_of(stage.bot).system.statistics
        assert await statistics.song_played(stage.channel.guild.id, 3.0)
        assert stage.told() == [(SONG, 3.0, None)], "what the bot tells is recorded all the same"


async def test_ignored_servers_are_left_out(monkeypatch):
    def ignore(rig: Rig) -> None:
        rig.bot.botmon_config = make_config(record=RecordConfig(ignore_guilds=(rig.discord.guild.id,)))

    async with playing(monkeypatch, prepare=ignore) as stage:
        await stage.finish(await play_for(stage, 3))
        assert (stage.told(), stage.connects()) == ([], [])


@pytest.mark.parametrize("keeps", [True, False])
async def test_titles_are_kept_only_if_that_is_allowed(keeps, monkeypatch):
    async with playing(monkeypatch, privacy=PrivacyConfig(song_titles=keeps)) as stage:
        for sound in (Sound("  Low\n Tide "), Sound("x" * 500), Sound(), Sound(""), Wrapping("Inside")):
            await stage.finish(stage.play(sound))
        titles = [event.title for event in stage.recorded.all(MusicEvent) if event.type is SONG]
        assert titles == (["Low Tide", "x" * 100, None, None, "Inside"] if keeps else [None] * 5)


# -- a good guest ------------------------------------------------------------------------------------------------------


async def test_host_is_called_in_its_thread_with_what_discord_py_gives_it(monkeypatch):
    async with playing(monkeypatch) as stage:
        called: list[tuple[Exception | None, str]] = []

        def after(error: Exception | None) -> None:
            called.append((error, threading.current_thread().name))

        error = OSError("gone")
        for sound in (Sound(frames=1), Sound(error=error)):
            await stage.gone(stage.play(sound, after=after))
        assert [told for told, _ in called] == [None, error]
        assert all(name.startswith("audio-player:") for _, name in called)


@pytest.mark.parametrize("is_watched", [True, False])
async def test_error_that_nobody_waits_for_is_logged_as_discord_py_does(is_watched, monkeypatch, caplog):
    """So that a host finds the same line in its log with and without us."""
    async with playing(monkeypatch, record=RecordConfig(music=is_watched)) as stage:
        error = OSError("gone")
        await stage.gone(stage.play(Sound(error=error)))
        (line,) = [record for record in caplog.records if record.name == "discord.player"]
        assert line.levelname == "ERROR"
        assert line.getMessage().startswith("Exception in voice thread audio-player:")
        assert line.exc_info is not None
        assert line.exc_info[1] is error


@pytest.mark.parametrize("is_watched", [True, False])
async def test_callback_that_raises_is_logged_as_discord_py_does(is_watched, monkeypatch, caplog):
    async with playing(monkeypatch, record=RecordConfig(music=is_watched)) as stage:

        def after(error: Exception | None) -> None:
            raise KeyError("queue")

        await stage.gone(stage.play(Sound(frames=1), after=after))
        (line,) = [record for record in caplog.records if record.name == "discord.player"]
        assert line.getMessage() == "Calling the after function failed."
        assert cog_of(stage.bot).system.failures.n == 0


async def test_what_discord_py_refuses_it_refuses_and_nothing_was_played(monkeypatch):
    async with playing(monkeypatch) as stage:
        sound = stage.play(Sound())
        await turn()
        with pytest.raises(discord.ClientException, match="Already playing"):
            stage.client.play(Sound())
        await stage.finish(sound)
        with pytest.raises(TypeError, match="AudioSource"):
            stage.client.play("a file")  # pyright: ignore[reportArgumentType]
        with pytest.raises(TypeError, match="callable"):
            stage.client.play(Sound(), after=3)  # pyright: ignore[reportArgumentType]
        await turn()
        assert stage.told() == [(SONG, 0.0, None), (PLAYTIME, 0.0, FINISHED)]


async def test_source_stays_the_hosts_own(monkeypatch):
    async with playing(monkeypatch) as stage:
        sound = stage.play(Sound())
        assert stage.client.source is sound
        other = Sound()
        stage.client.source = other
        sound.over.set()
        await until(lambda: other.reads > 0)
        await stage.finish(other)
        assert stage.count(SONG) == 1


async def test_class_is_put_back_as_it_was(monkeypatch):
    methods = {name: vars(discord.VoiceClient)[name] for name in ("play", "stop", "pause", "resume")}
    connect = vars(discord.abc.Connectable)["connect"]
    async with playing(monkeypatch, joins=False) as stage:
        assert all(vars(discord.VoiceClient)[name] is not method for name, method in methods.items())
        assert asyncio.iscoroutinefunction(vars(discord.abc.Connectable)["connect"])
        async with another(stage):
            pass
        assert vars(discord.VoiceClient)["play"] is not methods["play"], "another bot's extension went, ours did not"
        await stage.bot.unload_extension(EXTENSION)
        assert {name: vars(discord.VoiceClient)[name] for name in methods} == methods
        assert vars(discord.abc.Connectable)["connect"] is connect


async def test_wrapper_of_a_host_around_ours_stays(monkeypatch):
    original = discord.VoiceClient.play
    async with playing(monkeypatch) as stage:
        ours = discord.VoiceClient.play
        called: list[object] = []

        def play(self: Any, *args: Any, **kwargs: Any) -> None:
            called.append(args[0])
            ours(self, *args, **kwargs)

        monkeypatch.setattr(discord.VoiceClient, "play", play)
        await stage.bot.unload_extension(EXTENSION)
        assert discord.VoiceClient.play is play
        sound = stage.play(Sound(frames=1))
        await stage.gone(sound)
        assert (called, stage.told()) == ([sound], [])
    discord.VoiceClient.play = original


async def test_two_bots_in_one_process_have_each_their_own_songs(monkeypatch):
    async with playing(monkeypatch) as stage, another(stage) as other:
        await stage.finish(await play_for(stage, 5))
        client = QuietVoiceClient(other, stage.channel)
        sound = Sound(frames=1)
        client.play(sound)
        await stage.gone(sound)
        client.stop()
        await turn()
        reports = [await cog_of(bot).system.statistics.weekly() for bot in (stage.bot, other)]
        assert [(report.total_songs, report.total_playtime_s) for report in reports] == [(1, 5), (1, 0)]


# -- voice connects ----------------------------------------------------------------------------------------------------


async def test_voice_connects_are_timed(monkeypatch):
    async with playing(monkeypatch, joins=False) as stage:
        clock = stage.clock

        class Slow(QuietVoiceClient):
            async def connecting(self) -> None:
                await clock.advance(1.5)

        class Broken(QuietVoiceClient):
            async def connecting(self) -> None:
                await clock.advance(30)
                raise TimeoutError

        with pytest.raises(TimeoutError):
            await stage.channel.connect(cls=Broken)
        await stage.join(Slow)
        with pytest.raises(discord.ClientException, match="Already connected"):
            await stage.channel.connect(cls=Slow)
        await turn()
        assert stage.connects() == [(30.0, False), (1.5, True)]


async def test_host_that_times_its_connects_is_not_timed_twice(monkeypatch):
    async with playing(monkeypatch, joins=False) as stage:
        performance = cog_of(stage.bot).system.performance
        for _ in range(2):
            async with performance.track("voice_connect", stage.channel.guild.id):
                client = await stage.channel.connect(cls=QuietVoiceClient)
            await client.disconnect()
        await turn()
        assert len(stage.connects()) == 2
