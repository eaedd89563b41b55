"""A host that counts its songs, skips and pauses itself is not counted twice."""

from __future__ import annotations

import logging

import pytest

from botmon_cog.config import HostConfig, PrivacyConfig
from botmon_cog.domain.models import EndReason, MusicEvent
from tests.harness import cog_of
from tests.host_helpers import PLAIN, HostDb
from tests.music_helpers import PAUSE, PLAYTIME, SKIP, SONG, Sound, Stage, playing, turn

FINISHED, SKIPPED, STOPPED = EndReason.FINISHED, EndReason.SKIPPED, EndReason.STOPPED


async def totals(stage: Stage) -> tuple[int, int, int, int]:
    """Songs, seconds, skips and pauses."""
    report = await cog_of(stage.bot).system.statistics.weekly(stage.channel.guild.id)
    return report.total_songs, report.total_playtime_s, report.total_skips, report.total_pauses


async def played(stage: Stage, seconds: float, *, tells: str, duration_s: float | None = None) -> None:
    """A song of a host that tells of it when it begins, or when it has ended."""
    statistics, guild_id = cog_of(stage.bot).system.statistics, stage.channel.guild.id
    sound = stage.play(Sound())
    if tells == "beginning":
        assert await statistics.song_played(guild_id, duration_s or seconds, 7)
    await stage.clock.advance(seconds)
    await stage.finish(sound)
    if tells == "end":
        assert await statistics.song_played(str(guild_id), duration_s or seconds, 7)


@pytest.mark.parametrize("tells", ["beginning", "end"])
async def test_every_song_counts_once_from_the_first_one_on(tells, monkeypatch):
    async with playing(monkeypatch) as stage:
        for _ in range(4):
            await played(stage, 60, tells=tells, duration_s=100)
        assert await totals(stage) == (4, 400, 0, 0), "its own numbers, and none of ours"


async def test_host_that_begins_the_next_song_before_it_tells_of_the_last(monkeypatch):
    async with playing(monkeypatch) as stage:
        statistics, guild_id = cog_of(stage.bot).system.statistics, stage.channel.guild.id
        first = stage.play(Sound())
        await stage.finish(first)
        second = stage.play(Sound())
        await statistics.song_played(guild_id, 100, 7)
        await stage.finish(second)
        await statistics.song_played(guild_id, 100, 7)
        await stage.finish(stage.play(Sound()))
        await statistics.song_played(guild_id, 100, 7)
        assert await totals(stage) == (3, 300, 0, 0)


async def test_kinds_that_it_does_not_count_are_counted_on(monkeypatch):
    async with playing(monkeypatch) as stage:
        for _ in range(2):
            await played(stage, 60, tells="beginning")
        stage.play(Sound())
        stage.client.pause()
        stage.client.resume()
        stage.client.stop()
        last = stage.play(Sound())
        await stage.finish(last)
        assert (await totals(stage))[:1] + (await totals(stage))[2:] == (2, 1, 1)


async def test_skips_and_pauses_of_a_host_count_once(monkeypatch):
    async with playing(monkeypatch) as stage:
        statistics, guild_id = cog_of(stage.bot).system.statistics, stage.channel.guild.id
        for n in range(6):
            stage.play(Sound())
            stage.client.pause()
            await statistics.song_paused(guild_id, 7)
            stage.client.resume()
            if n % 2:
                stage.client.stop()
                await statistics.song_skipped(guild_id, 7)
            else:
                await statistics.song_skipped(guild_id, 7)
                stage.client.stop()
            await stage.clock.advance(1)
        await stage.finish(stage.play(Sound()))
        assert await totals(stage) == (7, 0, 6, 6)
        assert stage.reasons() == [*[SKIPPED] * 6, FINISHED]


async def test_host_that_tells_late_of_its_first_skip_counts_it_once(monkeypatch):
    async with playing(monkeypatch) as stage:
        statistics = cog_of(stage.bot).system.statistics
        stage.play(Sound())
        stage.client.stop()
        last = stage.play(Sound())
        await turn()
        assert stage.count(SKIP) == 1
        await statistics.song_skipped(stage.channel.guild.id)
        await stage.finish(last)
        assert stage.count(SKIP) == 1
        await stage.clock.advance(60)
        await statistics.song_skipped(stage.channel.guild.id)
        assert stage.count(SKIP) == 2, "of something that was not seen"


async def test_skip_of_the_last_song_is_known_from_the_host(monkeypatch):
    async with playing(monkeypatch) as stage:
        stage.play(Sound())
        stage.client.stop()
        await cog_of(stage.bot).system.statistics.song_skipped(stage.channel.guild.id)
        await stage.clock.advance(60)
        assert stage.reasons() == [SKIPPED]
        assert stage.count(SKIP) == 1


async def test_songs_that_nobody_saw_count_as_told(monkeypatch):
    """Of a player that is neither discord.py's nor one of the known libraries'."""
    async with playing(monkeypatch) as stage:
        statistics, guild_id = cog_of(stage.bot).system.statistics, stage.channel.guild.id
        await played(stage, 60, tells="nothing")
        await stage.clock.advance(16)
        await statistics.song_played(guild_id, 100)
        assert await totals(stage) == (2, 160, 0, 0)


async def test_title_that_was_seen_goes_with_what_the_host_tells(monkeypatch):
    async with playing(monkeypatch, privacy=PrivacyConfig(song_titles=True)) as stage:
        statistics, guild_id = cog_of(stage.bot).system.statistics, stage.channel.guild.id
        for title, told in (("Low Tide", None), ("Wires", None), ("Wires", "Wires (live)")):
            sound = stage.play(Sound(title))
            await statistics.song_played(guild_id, 60, 7, title=told)
            await stage.finish(sound)
        titles = [(event.type, event.title, event.user_id) for event in stage.recorded.all(MusicEvent)]
        assert titles == [
            (SONG, "Low Tide", None),
            (PLAYTIME, None, 7),
            (SONG, "Wires", 7),
            (SONG, "Wires (live)", 7),
        ]


async def test_it_is_said_once_and_the_owners_find_it_in_health(monkeypatch, caplog):
    caplog.set_level(logging.INFO, "botmon_cog")
    async with playing(monkeypatch) as stage:
        cog, guild_id = cog_of(stage.bot), stage.channel.guild.id
        assert "count" not in " ".join(cog._hints())
        for _ in range(2):
            await cog.system.statistics.song_played(guild_id, 60)
            await cog.system.statistics.song_played(5, 60)
            await cog.system.statistics.song_paused(guild_id)
        said = [record.getMessage() for record in caplog.records if "itself" in record.getMessage()]
        assert said == [
            "the bot counts its songs itself; they are not counted by themselves where it does",
            "the bot counts its pauses itself; they are not counted by themselves where it does",
        ]
        (hint,) = [hint for hint in cog._hints() if "count" in hint]
        assert hint == "the bot counts its songs and pauses itself in 2 servers, so they are not counted twice"


async def test_other_servers_are_counted_on(monkeypatch):
    async with playing(monkeypatch) as stage:
        await cog_of(stage.bot).system.statistics.song_played(5, 60)
        await stage.finish(stage.play(Sound()))
        assert await totals(stage) == (1, 0, 0, 0)
        assert stage.count(PAUSE) == 0


# -- a host that writes into a database of its own ---------------------------------------------------------------------


async def looked(stage: Stage) -> None:
    """What the health check does every minute, once the host's database was read."""
    cog = cog_of(stage.bot)
    assert cog.system.host is not None
    await cog.system.flush()
    await cog.system.host.sync()
    await cog.observer.music.look_at_host()


async def test_songs_in_its_own_table_are_not_counted_again(monkeypatch, tmp_path, caplog):
    caplog.set_level(logging.INFO, "botmon_cog")
    host = HostDb(tmp_path / "host.db", PLAIN)
    async with playing(monkeypatch, host=HostConfig(database=str(host.path))) as stage:
        await stage.finish(stage.play(Sound()))
        assert stage.told() == [], "nobody has looked yet"
        today = stage.clock.now().date().isoformat()
        host.run(f"INSERT INTO bot_stats (guild_id, date, songs_played) VALUES ('5', '{today}', 3)")  # noqa: S608
        for _ in range(2):
            await looked(stage)
        stage.play(Sound())
        stage.client.pause()
        await turn()
        assert [kind for kind, *_ in stage.told()] == [PAUSE], "which the table does not count"
        assert [hint for hint in cog_of(stage.bot)._hints() if "count" in hint] == [
            "the bot writes its songs into bot_stats itself, so they are not counted twice"
        ]
        said = [record.getMessage() for record in caplog.records if "bot_stats itself" in record.getMessage()]
        assert said == ["the bot writes its songs into bot_stats itself; they are not counted by themselves"]
        await stage.clock.advance(9 * 86_400)
        await looked(stage)
        stage.client.stop()
        await stage.finish(stage.play(Sound()))
        assert stage.count(SONG) == 1, "it has stopped counting"


async def test_what_we_wrote_into_its_table_is_not_taken_for_the_hosts(monkeypatch, tmp_path):
    host = HostDb(tmp_path / "host.db", PLAIN)
    async with playing(monkeypatch, host=HostConfig(database=str(host.path))) as stage:
        for _ in range(2):
            await looked(stage)
            sound = stage.play(Sound())
            await stage.clock.advance(60)
            await stage.finish(sound)
        await looked(stage)
        assert host.run("SELECT songs_played, total_playtime FROM bot_stats") == [(2, 120)]
        assert await totals(stage) == (2, 120, 0, 0)
