"""The songs that were played most: counted by day where titles are stored, and shown under /stats."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from botmon_cog.cog import embeds
from botmon_cog.config import PrivacyConfig
from botmon_cog.domain.models import EndReason, MusicEventType
from botmon_cog.domain.reports import MusicTotals, SongCounts
from botmon_cog.domain.taken import taken_title
from botmon_cog.observer.music.titles import title_of
from tests.harness import cog_of, make_bot, make_config, running
from tests.storage_helpers import EVER, NOON, music, period
from tests.test_embeds import NOW, statistics_report, values

DAY = timedelta(days=1)


async def most_played(storage, guild_id=None, wanted=EVER, **more):
    return [(song.title, song.n) for song in await storage.reports.top_songs(guild_id, wanted, **more)]


async def test_songs_that_began_most_often_come_first(storage):
    songs = {"Nachtzug 🎵": 3, "Low Tide": 3, "Wires": 1}
    await storage.write([music(title=title) for title, n in songs.items() for _ in range(n)])
    await storage.write([music(guild_id="2", title="Low Tide"), music()])
    skipped = music(type=MusicEventType.SKIP)
    ended = music(type=MusicEventType.PLAYTIME, duration_s=60.0, end_reason=EndReason.SKIPPED)
    await storage.write([skipped, ended])
    assert await most_played(storage, "1") == [("Low Tide", 3), ("Nachtzug 🎵", 3), ("Wires", 1)]
    assert await most_played(storage) == [("Low Tide", 4), ("Nachtzug 🎵", 3), ("Wires", 1)]
    assert await most_played(storage, "1", most=1) == [("Low Tide", 3)]
    assert await most_played(storage, "3") == []
    assert await storage.music_totals("1", EVER) == MusicTotals(songs_played=8, playtime_s=60, skips=1)


async def test_day_counts_if_its_noon_or_today_lies_in_the_period(storage):
    await storage.write([music(occurred_at=NOON + n * DAY, title=f"day {n}") for n in range(4)])
    wanted = period(NOON + DAY - timedelta(hours=2), hours=48)
    assert await most_played(storage, "1", wanted) == [("day 1", 1), ("day 2", 1)]
    now = NOON + 3 * DAY - timedelta(hours=3)
    assert await most_played(storage, "1", wanted, now=now) == [("day 1", 1), ("day 2", 1), ("day 3", 1)]


async def test_store_without_titles_has_no_top_songs(storage):
    await storage.write([music()])
    assert await most_played(storage, "1") == []


@pytest.mark.parametrize(
    ("given", "title"),
    [("  Low\n\tTide ", "Low Tide"), ("x" * 300, "x" * 100), ("", None), (" \n", None), (None, None), (7, None)],
)
def test_title_is_one_line_of_at_most_a_hundred_characters(given, title):
    assert taken_title(given) == title


class Named:
    def __init__(self, title: object, original: object = None) -> None:
        self.title = title
        self.original = original


class Broken:
    @property
    def title(self) -> str:
        raise RuntimeError("not loaded")


def test_title_is_that_of_the_source_or_of_what_it_wraps():
    assert title_of(Named("Low Tide")) == "Low Tide"
    assert title_of(Named(None, Named("", Named("Low Tide")))) == "Low Tide"
    assert title_of(Broken()) is None
    assert title_of(object()) is None
    assert title_of(None) is None
    endless = Named(None)
    endless.original = endless
    assert title_of(endless) is None


async def test_stats_show_what_a_host_tells_only_where_titles_are_allowed():
    for is_allowed in (True, False):
        bot = make_bot()
        bot.botmon_config = make_config(privacy=PrivacyConfig(song_titles=is_allowed))
        async with running(bot) as rig:
            statistics, guild = cog_of(bot).system.statistics, rig.discord.guild
            for title in ("Low Tide", "Wires", "Low Tide", None):
                assert await statistics.song_played(guild.id, 60.0, title=title)
            answer = await rig.discord.admin.slash(rig.discord.channel, "stats weekly")
            (embed,) = answer.message.embeds
            fields = {field["name"]: field["value"] for field in embed["fields"]}
            assert fields.get("Top songs") == ("**2×** Low Tide\n**1×** Wires" if is_allowed else None)  # noqa: RUF001
            assert fields["Music"] == "**4** songs\n4 min"


def test_titles_can_neither_format_nor_ping():
    report = statistics_report(top_songs=(SongCounts(title="*@everyone* [x](http://y)", n=1234),))
    (line,) = (values(embeds.statistics(report, NOW))["Top songs"] or "").splitlines()
    assert line == "**1,234×** \\*@\u200beveryone\\* [x]\u200b(http:\u200b//y)"  # noqa: RUF001
    many = replace(report, top_songs=tuple(SongCounts(title=f"{n}" * 100, n=1) for n in range(9)))
    lines = (values(embeds.statistics(many, NOW))["Top songs"] or "").splitlines()
    assert len(lines) == 5
    assert all(len(line) < 80 for line in lines)
