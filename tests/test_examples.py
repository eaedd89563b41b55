"""The examples run as they are."""

from __future__ import annotations

import runpy
from pathlib import Path

import discord
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord
from tests.harness import cog_of, make_config, rows

EXAMPLES = Path(__file__).parent.parent / "examples"


async def test_the_music_bot_is_watched():
    """Its commands, its songs and its voice connects are on record, and an admin can ask for them."""
    bot = runpy.run_path(str(EXAMPLES / "music_bot.py"))["Bot"](
        commands.when_mentioned, intents=discord.Intents.default()
    )
    bot.botmon_config = make_config()
    async with LoopbackDiscord() as loopback, loopback.running(bot):
        user, channel = loopback.user, loopback.channel
        answer = await user.slash(channel, "skip")
        assert answer.message.content == "Nothing is playing."
        for song in ("Low Tide", "Paper Boats"):
            answer = await user.slash(channel, "play", song=song)
            assert answer.message.content == f"Playing {song}"
        await user.slash(channel, "pause")
        answer = await user.slash(channel, "skip")
        assert answer.message.content == "Skipped."

        assert [(row.command, row.outcome) for row in await rows(bot)] == [
            ("skip", "ok"),
            ("play", "ok"),
            ("play", "ok"),
            ("pause", "ok"),
            ("skip", "ok"),
        ]
        system = cog_of(bot).system
        week = await system.statistics.weekly(loopback.guild.id)
        assert (week.total_songs, week.total_skips, week.total_pauses) == (2, 1, 1)
        performance = await system.performance.stats(loopback.guild.id)
        assert [(o.name, o.duration.n) for o in performance.operations] == [("voice_connect", 2)]
        answer = await loopback.admin.slash(channel, "stats weekly")
        assert any("2** songs" in field["value"] for field in answer.message.embeds[0]["fields"])
        assert loopback.check_requests() == []


async def test_closing_the_music_bot_counts_the_song_that_still_plays(tmp_path):
    bot = runpy.run_path(str(EXAMPLES / "music_bot.py"))["Bot"](
        commands.when_mentioned, intents=discord.Intents.default()
    )
    bot.botmon_config = make_config(str(tmp_path / "music.db"))
    async with LoopbackDiscord() as loopback, loopback.running(bot):
        await loopback.user.slash(loopback.channel, "play", song="Low Tide")
        system = cog_of(bot).system
    async with type(system)(bot.botmon_config) as after:
        week = await after.statistics.weekly(loopback.guild.id)
    assert week.total_songs == 1
