"""/stats settings: what a server's admins and the bot's owners set, and what follows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import discord
import pytest

from botmon_cog.config import ReportsConfig
from botmon_cog.domain.settings import Settings
from botmon_cog.store.posts import PostKey
from botmon_cog.testing import ManualClock
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running
from tests.settings_helpers import ADMIN, REPORT_CHANNEL, custom_ids, labels, open_settings, said, use

LOG_CHANNEL = "Channel for the log of commands"


async def kept(rig: Rig, guild_id: int | None = None, *, own: bool = False) -> Settings:
    """As they are stored."""
    return await cog_of(rig.bot).system.settings.of(None if own else guild_id or rig.discord.guild.id)


async def test_settings_of_a_new_server_are_the_defaults() -> None:
    async with running(make_bot()) as rig:
        message = await open_settings(rig)
        words = said(message)
        assert f"Settings for {rig.discord.guild.name}" in words
        assert f"**Time zone** UTC (the default), now {rig.clock.now():%H:%M}" in words
        assert "**Weekly report** off" in words
        assert "on Mondays at 09:00" in words
        assert "**Who may ask** people who may manage this server\n" in words
        assert labels(message) == [
            REPORT_CHANNEL,
            *("Time zone", "Day and hour", "Send one now"),
            *("Who may ask", "Show people", "Log of commands"),
        ]
        assert await kept(rig) == Settings()


async def test_channel_chosen_and_report_turned_off() -> None:
    async with running(make_bot()) as rig:
        admin, channel = rig.discord.admin, rig.discord.channel
        message = await open_settings(rig)
        assert (await admin.select(message, REPORT_CHANNEL, channel)).message is message
        assert f"**Weekly report** Mondays at 09:00 in <#{channel.id}>" in said(message)
        settings = await kept(rig)
        assert (settings.report_channel_id, settings.report_by) == (channel.id, admin.id)
        assert settings.report_since == rig.clock.now()
        await admin.click(message, "Turn report off")
        assert "**Weekly report** off" in said(message)
        assert (await kept(rig)).report_channel_id is None
        assert "Turn report off" not in labels(message)


@pytest.mark.parametrize(
    ("lacks", "named"),
    [
        ({"view_channel": False}, "**View Channel**"),
        ({"send_messages": False}, "**Send Messages**"),
        ({"embed_links": False}, "**Embed Links**"),
    ],
)
async def test_channel_in_which_the_bot_lacks_a_permission_is_not_taken(lacks: dict[str, bool], named: str) -> None:
    async with running(make_bot()) as rig:
        secret = rig.discord.guild.add_text_channel("secret")
        may = discord.Permissions(view_channel=True, send_messages=True, embed_links=True)
        may.update(**lacks)
        rig.discord.bot_user.set_permissions(secret, may)
        await rig.discord.settled()
        message = await open_settings(rig)
        await rig.discord.admin.select(message, REPORT_CHANNEL, secret)
        assert f"The bot lacks {named} in <#{secret.id}>" in said(message)
        await rig.discord.admin.click(message, "Log of commands")
        await rig.discord.admin.select(message, LOG_CHANNEL, secret)
        assert f"The bot lacks {named}" in said(message)
        assert await kept(rig) == Settings()


async def test_day_and_hour_are_chosen_in_menus() -> None:
    async with running(make_bot()) as rig:
        admin = rig.discord.admin
        message = await open_settings(rig)
        await admin.select(message, REPORT_CHANNEL, rig.discord.channel)
        await admin.click(message, "Day and hour")
        assert labels(message) == ["Day", "Hour", "Back"]
        await admin.select(message, "Day", "Fridays")
        await admin.click(message, "Day and hour")
        await admin.select(message, "Hour", "18:00")
        assert "**Weekly report** Fridays at 18:00" in said(message)
        settings = await kept(rig)
        assert (settings.weekday, settings.hour) == ("friday", 18)


async def test_log_channel_and_people() -> None:
    async with running(make_bot()) as rig:
        admin, channel = rig.discord.admin, rig.discord.channel
        message = await open_settings(rig)
        await admin.click(message, "Show people")
        assert "**People** everybody who may ask sees" in said(message)
        await admin.click(message, "Log of commands")
        await admin.select(message, LOG_CHANNEL, channel)
        assert f"**Log of commands** in <#{channel.id}>" in said(message)
        settings = await kept(rig)
        assert (settings.people, settings.log_channel_id, settings.log_by) == (True, channel.id, admin.id)
        assert settings.report_since is None, "the report's schedule did not change"
        await admin.click(message, "Hide people")
        await admin.click(message, "Log of commands")
        await admin.click(message, "Turn log off")
        settings = await kept(rig)
        assert (settings.people, settings.log_channel_id) == (False, None)


async def test_a_log_that_stopped_says_why_until_a_channel_is_chosen() -> None:
    async with running(make_bot()) as rig:
        admin, channel = rig.discord.admin, rig.discord.channel
        book = cog_of(rig.bot).system.settings
        await book.put(rig.discord.guild.id, Settings(log_problem="the channel is gone"), admin.id)
        message = await open_settings(rig)
        assert "It stopped: the channel is gone" in said(message)
        await admin.click(message, "Log of commands")
        await admin.select(message, LOG_CHANNEL, channel)
        assert "It stopped" not in said(message)
        assert (await kept(rig)).log_problem is None


# -- the time zone -----------------------------------------------------------------------------------------------------


async def test_time_zone_is_chosen_from_the_usual_ones() -> None:
    async with running(make_bot()) as rig:
        message = await open_settings(rig)
        await rig.discord.admin.click(message, "Time zone")
        assert "/stats settings timezone:" in said(message)
        await rig.discord.admin.select(message, "Time zone", "Asia/Tokyo")
        assert f"**Time zone** Asia/Tokyo, now {rig.clock.now() + timedelta(hours=9):%H:%M}" in said(message)
        assert (await kept(rig)).timezone == "Asia/Tokyo"


async def test_time_zone_is_suggested_by_city_and_by_clock() -> None:
    async with running(make_bot()) as rig:
        admin, channel = rig.discord.admin, rig.discord.channel
        found = await admin.autocomplete(channel, "stats settings", focused="timezone", value="berl")
        assert [choice["value"] for choice in found] == ["Europe/Berlin"]
        hour = (rig.clock.now() + timedelta(hours=9)).hour
        found = await admin.autocomplete(channel, "stats settings", focused="timezone", value=f"{hour}")
        assert "Asia/Tokyo" in [choice["value"] for choice in found]
        assert len(await admin.autocomplete(channel, "stats settings", focused="timezone")) == 25
        message = await open_settings(rig, timezone="Europe/Berlin")
        assert "**Time zone** Europe/Berlin, now" in said(message)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("new york", None),
        ("Atlantis", "⚠️ `Atlantis` is not a time zone"),
        ("america", "⚠️ `america` may be several time zones: `America/Los_Angeles`, `America/Denver`"),
        ("../etc/passwd", "is not a time zone"),
    ],
)
async def test_time_zone_that_was_typed_is_understood_or_refused(typed: str, told: str | None) -> None:
    async with running(make_bot()) as rig:
        message = await open_settings(rig, timezone=typed)
        if told is None:
            assert (await kept(rig)).timezone == "America/New_York"
        else:
            assert told in said(message)
            assert await kept(rig) == Settings()


async def test_every_report_of_a_server_is_in_its_zone() -> None:
    bot = make_bot()
    bot.botmon_config = make_config(reports=ReportsConfig(timezone="Asia/Tokyo"))
    async with running(bot) as rig:
        guild, admin, owner = rig.discord.guild, rig.discord.admin, rig.discord.owner
        owner.add_permissions(guild, ADMIN)
        await use(rig, guild, *[timedelta(minutes=10)] * 25)
        for zone in ("Asia/Tokyo", "Pacific/Kiritimati"):
            for name in ("stats today", "stats weekly", "stats monthly"):
                answer = await admin.slash(rig.discord.channel, name)
                assert f", {zone}" in said(answer.message), "before it is set, the configured one"
            answer = await admin.slash(rig.discord.channel, "perf", command="play")
            assert f"By hour, {zone.partition('/')[2]}" in said(answer.message)
            answer = await admin.slash(rig.discord.channel, "health", view="history")
            assert zone.partition("/")[2] in said(answer.message)
            await open_settings(rig, timezone="Pacific/Kiritimati")
        for where in ({"scope": "all guilds"}, {}):
            channel = rig.discord.channel if where else owner.dm_channel
            assert ", Asia/Tokyo" in said((await owner.slash(channel, "stats weekly", **where)).message)
        await open_settings(rig, owner, owner.dm_channel, timezone="America/New_York")
        assert ", America/New_York" in said((await owner.slash(owner.dm_channel, "stats weekly")).message)
        assert ", Pacific/Kiritimati" in said((await admin.slash(rig.discord.channel, "stats weekly")).message)


async def test_bots_own_zone_holds_for_servers_that_set_none() -> None:
    async with running(make_bot()) as rig:
        await use(rig, rig.discord.guild, timedelta(minutes=1))
        await open_settings(rig, rig.discord.owner, rig.discord.owner.dm_channel, timezone="Asia/Tokyo")
        assert ", Asia/Tokyo" in said((await rig.discord.admin.slash(rig.discord.channel, "stats weekly")).message)


# -- the bot's own -----------------------------------------------------------------------------------------------------


async def test_owner_sets_the_bots_own_in_a_dm() -> None:
    async with running(make_bot()) as rig:
        owner = rig.discord.owner
        message = await open_settings(rig, owner, owner.dm_channel)
        assert "Settings of the bot" in said(message)
        await owner.click(message, "Week: turn on")
        await owner.click(message, "Month: turn on")
        assert "**Summary of the week** by DM, Mondays at 09:00" in said(message)
        assert "**Summary of the month** by DM, on the 1st at 09:00" in said(message)
        settings = await kept(rig, own=True)
        assert (settings.weekly_summary, settings.monthly_summary) == (True, True)
        await owner.click(message, "Week: turn off")
        await owner.click(message, "Month: turn off")
        assert not (await kept(rig, own=True)).monthly_summary
        await owner.click(message, "Log of commands")
        assert labels(message) == ["Back"], "a DM has no channels"
        assert "scope:all guilds" in said(message)


async def test_owner_chooses_the_channel_of_their_log_in_a_server() -> None:
    async with running(make_bot()) as rig:
        owner, channel = rig.discord.owner, rig.discord.channel
        owner.add_permissions(rig.discord.guild, ADMIN)
        message = await open_settings(rig, owner, scope="all guilds")
        await owner.click(message, "Log of commands")
        await owner.select(message, LOG_CHANNEL, channel)
        assert (await kept(rig, own=True)).log_channel_id == channel.id
        assert await kept(rig) == Settings()


# -- what became of the last report ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("sent", "Posted <t:"),
        ("skipped", "Left out the last time: no commands."),
        ("failed", "⚠️ Not posted <t:"),
        ("due", "⚠️ Not posted yet: the reason."),
    ],
)
async def test_settings_tell_what_became_of_the_last_report(state: str, told: str) -> None:
    clock = ManualClock(datetime.now(UTC))
    async with running(make_bot(), clock=clock) as rig:
        posts, scope = cog_of(rig.bot).system.store.posts, rig.discord.guild.id
        message = await open_settings(rig)
        await rig.discord.admin.select(message, REPORT_CHANNEL, rig.discord.channel)
        await clock.advance(10)
        key = PostKey(clock.now() - timedelta(seconds=5), "weekly", scope)
        assert await posts.claim(key, "somebody", clock.now())
        await posts.finish(key, "somebody", state, "the reason", clock.now())
        await rig.discord.admin.click(message, "Time zone")
        await rig.discord.admin.click(message, "Back")
        assert told in said(message)


async def test_buttons_hold_over_a_restart() -> None:
    async with running(make_bot()) as rig:
        message = await open_settings(rig)
        assert all(custom_id.startswith("botmon:") for custom_id in custom_ids(message))
        await rig.bot.unload_extension(EXTENSION)
        await rig.bot.load_extension(EXTENSION)
        await rig.discord.admin.select(message, REPORT_CHANNEL, rig.discord.channel)
        assert (await kept(rig)).report_channel_id == rig.discord.channel.id
