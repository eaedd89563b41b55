"""The weekly post: when it comes, what it says, and what becomes of one that can't be posted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import pytest
from discord.ext import commands

from botmon_cog.cog.features import services
from botmon_cog.config import ReportsConfig
from botmon_cog.posting.service import ReportPosts
from botmon_cog.store.posts import Post
from botmon_cog.testing import ManualClock
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running, until
from tests.settings_helpers import REPORT_CHANNEL, labels, open_settings, posted, said, use

SATURDAY = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MONDAY_9 = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
"""In Berlin."""
DAY = timedelta(days=1)
MINUTE_S = 60.0
TITLE = "The week in Loopback Guild"


@asynccontextmanager
async def set_up(now: datetime = SATURDAY, **settings: Any) -> AsyncIterator[Rig]:
    """A server in Berlin with a report on Mondays at nine, that an admin set up; commands of two weeks."""
    bot = make_bot()
    bot.botmon_config = make_config(reports=ReportsConfig(timezone="Europe/Berlin"))
    async with running(bot, clock=ManualClock(now)) as rig:
        given = {"report_channel_id": rig.discord.channel.id, "report_by": rig.discord.admin.id}
        await cog_of(bot).system.settings.change(rig.discord.guild.id, rig.discord.admin.id, **(given | settings))
        await use(rig, rig.discord.guild, *[n * DAY for n in (1, 2, 3, 9)])
        yield rig


async def until_moment(rig: Rig, moment: datetime) -> None:
    """Let time pass up to then without what would happen meanwhile, and look once."""
    rig.clock.jump_wall((moment - rig.clock.now()).total_seconds())
    await service_of(rig).look()
    await rig.discord.settled()


def service_of(rig: Rig) -> ReportPosts:
    """One more of the kind that the extension runs."""
    return service_of_bot(rig.bot)


def service_of_bot(bot: commands.Bot) -> ReportPosts:
    cog = cog_of(bot)
    (service,) = (s for s in services(cog._responder, cog.delivery) if isinstance(s, ReportPosts))
    return service


async def next_look(rig: Rig) -> None:
    """Let the minute pass after which the extension looks by itself, and wait for that."""
    await rig.clock.advance(MINUTE_S)
    runs = cog_of(rig.bot).system.loops.runs
    await until(lambda: next(run.last_at for run in runs() if run.name == "posting reports") == rig.clock.now())


async def state(rig: Rig) -> list[tuple[str, int, str | None]]:
    posts = await cog_of(rig.bot).system.store.posts.since(datetime(2026, 1, 1, tzinfo=UTC))
    return [(post.state, post.attempts, post.result) for post in _sorted(posts.values())]


def _sorted(posts: Any) -> list[Post]:
    return sorted(posts, key=lambda post: post.key)


async def test_report_is_posted_at_its_hour_and_once() -> None:
    async with set_up() as rig:
        await until_moment(rig, MONDAY_9 - timedelta(seconds=1))
        assert posted(rig.discord.channel) == []
        for later in (0, 60, 3_600, 7_200):
            await until_moment(rig, MONDAY_9 + timedelta(seconds=later))
        (message,) = rig.discord.channel.messages
        embed = message.embeds[0]
        assert embed["title"] == TITLE
        assert embed["description"].startswith("16 to 22 November, Europe/Berlin\n")
        assert "**3** commands  ▲ 2, none failed" in embed["description"]
        assert embed["footer"]["text"].startswith("compared with the week before")
        assert message.components == []
        assert await state(rig) == [("sent", 1, f"posted in <#{rig.discord.channel.id}>")]
        rig.discord.check_requests()


async def test_extension_posts_it_by_itself() -> None:
    async with set_up() as rig:
        rig.clock.jump_wall((MONDAY_9 - rig.clock.now()).total_seconds() - 90)
        await next_look(rig)
        await rig.discord.settled()
        assert posted(rig.discord.channel) == []
        await next_look(rig)
        assert posted(rig.discord.channel) == [TITLE]
        await next_look(rig)
        assert posted(rig.discord.channel) == [TITLE]


@pytest.mark.parametrize(("later", "is_posted"), [(timedelta(hours=23, minutes=59), True), (DAY, False)])
async def test_report_missed_while_the_bot_was_off_is_made_up_for_within_a_day(
    later: timedelta, is_posted: bool
) -> None:
    async with set_up() as rig:
        await until_moment(rig, MONDAY_9 + later)
        assert (posted(rig.discord.channel) == [TITLE]) is is_posted
        if is_posted:
            description = rig.discord.channel.messages[0].embeds[0]["description"]
            assert description.startswith("16 to 22 November"), "of the week that was due"


async def test_report_set_up_after_its_hour_comes_next_week() -> None:
    async with set_up(MONDAY_9 + timedelta(hours=2)) as rig:
        await until_moment(rig, MONDAY_9 + timedelta(hours=3))
        assert posted(rig.discord.channel) == []
        await use(rig, rig.discord.guild, timedelta(hours=1))
        await until_moment(rig, MONDAY_9 + 7 * DAY)
        assert posted(rig.discord.channel) == [TITLE]


async def test_report_moved_to_later_on_its_day_does_not_come_twice() -> None:
    async with set_up() as rig:
        await until_moment(rig, MONDAY_9)
        await cog_of(rig.bot).system.settings.change(rig.discord.guild.id, 1, hour=15)
        await until_moment(rig, MONDAY_9 + timedelta(hours=6, minutes=1))
        assert posted(rig.discord.channel) == [TITLE]
        await use(rig, rig.discord.guild, timedelta(hours=1))
        await until_moment(rig, MONDAY_9 + timedelta(days=7, hours=6))
        assert posted(rig.discord.channel) == [TITLE, TITLE]


async def test_server_without_commands_in_both_weeks_gets_no_report() -> None:
    async with set_up() as rig:
        await until_moment(rig, MONDAY_9)
        await until_moment(rig, MONDAY_9 + 7 * DAY)
        await until_moment(rig, MONDAY_9 + 14 * DAY)
        assert posted(rig.discord.channel) == [TITLE, TITLE], "the second has a week to compare with"
        assert [what for what, _, _ in await state(rig)] == ["sent", "sent", "skipped"]


async def test_report_is_left_to_the_process_that_has_the_server() -> None:
    async with set_up() as rig:
        elsewhere = cog_of(rig.bot).system.settings
        await elsewhere.change(424242, 1, report_channel_id=1, report_by=1)
        await until_moment(rig, MONDAY_9)
        assert len(await state(rig)) == 1


async def test_server_in_an_outage_gets_its_report_afterwards() -> None:
    async with set_up() as rig:
        rig.discord.guild.begin_outage()
        await rig.discord.settled()
        await until_moment(rig, MONDAY_9)
        assert await state(rig) == []
        rig.discord.guild.end_outage()
        await rig.discord.settled()
        await until_moment(rig, MONDAY_9 + timedelta(hours=1))
        assert posted(rig.discord.channel) == [TITLE]
        assert rig.discord.admin.dms == []


async def test_report_turned_off_is_not_posted() -> None:
    async with set_up() as rig:
        message = await open_settings(rig)
        await rig.discord.admin.click(message, "Turn report off")
        await until_moment(rig, MONDAY_9)
        assert posted(rig.discord.channel) == []


# -- what goes wrong ---------------------------------------------------------------------------------------------------


async def test_lack_of_a_permission_is_told_once_to_who_set_it_up() -> None:
    async with set_up() as rig:
        channel, admin, bot = rig.discord.channel, rig.discord.admin, rig.discord.bot_user
        all_but = discord.Permissions(view_channel=True, send_messages=True)
        bot.set_permissions(channel, all_but)
        await rig.discord.settled()
        for week in range(3):
            await until_moment(rig, MONDAY_9 + 7 * week * DAY)
            await use(rig, rig.discord.guild, timedelta(hours=1))
        assert posted(channel) == []
        (dm,) = admin.dms
        assert "could not be posted: the bot lacks **Embed Links**" in said(dm)
        assert f"<#{channel.id}>" in said(dm)
        assert "/stats settings" in said(dm)
        assert [what for what, _, _ in await state(rig)] == ["failed"] * 3
        bot.set_permissions(channel, all_but | discord.Permissions(embed_links=True))
        await rig.discord.settled()
        await until_moment(rig, MONDAY_9 + 21 * DAY)
        assert posted(channel) == [TITLE]
        bot.set_permissions(channel, all_but)
        await rig.discord.settled()
        await until_moment(rig, MONDAY_9 + 28 * DAY)
        assert len(admin.dms) == 2, "it is due again"


async def test_channel_that_is_gone_is_told() -> None:
    async with set_up(report_channel_id=123) as rig:
        await until_moment(rig, MONDAY_9)
        (dm,) = rig.discord.admin.dms
        assert "the channel is gone, or the bot does not see it" in said(dm)


async def test_refusal_that_only_discord_knows_of_is_told() -> None:
    async with set_up() as rig:
        rig.discord.faults.fail_next(1, status=403, path="/messages")
        await until_moment(rig, MONDAY_9)
        (dm,) = rig.discord.admin.dms
        assert "Discord said in" in said(dm)
        assert [what for what, _, _ in await state(rig)] == ["failed"]


async def test_who_takes_no_dms_does_not_stop_the_others() -> None:
    async with set_up(report_channel_id=123) as rig:
        rig.discord.faults.close_dms(rig.discord.admin)
        other = rig.discord.add_guild("Zebra", members=[rig.discord.admin])
        await rig.discord.settled()
        await cog_of(rig.bot).system.settings.change(other.id, 1, report_channel_id=other.channel.id, report_by=1)
        await use(rig, other, DAY)
        await until_moment(rig, MONDAY_9)
        assert posted(other.channel) == ["The week in Zebra"]
        assert cog_of(rig.bot).system.failures.n == 0


async def test_discord_that_is_away_is_tried_again_within_the_day() -> None:
    async with set_up() as rig:
        rig.discord.faults.fail_next(1, status=501, path="/messages")
        await until_moment(rig, MONDAY_9)
        assert [(what, n) for what, n, _ in await state(rig)] == [("due", 1)]
        message = await open_settings(rig)
        assert "⚠️ Not posted yet: Discord said in" in said(message)
        await until_moment(rig, MONDAY_9 + timedelta(minutes=4))
        assert posted(rig.discord.channel) == []
        await until_moment(rig, MONDAY_9 + timedelta(minutes=6))
        assert posted(rig.discord.channel) == [TITLE]
        assert [(what, n) for what, n, _ in await state(rig)] == [("sent", 2)]
        assert rig.discord.admin.dms == []


async def test_database_that_is_away_costs_nothing_but_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async with set_up() as rig:
        system = cog_of(rig.bot).system
        service = service_of(rig)
        rig.clock.jump_wall((MONDAY_9 - rig.clock.now()).total_seconds())
        await system.store.engine.close()
        with monkeypatch.context() as away:
            away.setattr(type(system.store.engine), "read", _raise)
            await service.look()
        assert posted(rig.discord.channel) == []
        assert system.failures.n == 0


async def _raise(*_: Any) -> None:
    from botmon_cog.errors import StorageError  # noqa: PLC0415

    raise StorageError("away")


async def test_process_killed_after_posting_makes_no_second_post() -> None:
    """Its claim is taken over, and Discord knows the nonce."""
    async with set_up() as rig:
        posts = cog_of(rig.bot).system.store.posts
        service = service_of(rig)
        real = posts.finish

        async def killed(*_: Any) -> None:
            raise KeyboardInterrupt

        posts.finish = killed
        rig.clock.jump_wall((MONDAY_9 - rig.clock.now()).total_seconds())
        with pytest.raises(KeyboardInterrupt):
            await service.look()
        posts.finish = real
        await until_moment(rig, MONDAY_9 + timedelta(minutes=1))
        assert [(what, n) for what, n, _ in await state(rig)] == [("due", 1)], "the lease holds"
        await until_moment(rig, MONDAY_9 + timedelta(minutes=3))
        assert [(what, n) for what, n, _ in await state(rig)] == [("sent", 2)]
        assert posted(rig.discord.channel) == [TITLE]


# -- the owners' summaries ---------------------------------------------------------------------------------------------


async def test_owner_gets_a_summary_of_the_week_and_of_the_month() -> None:
    async with set_up(report_channel_id=None) as rig:
        owner = rig.discord.owner
        message = await open_settings(rig, owner, owner.dm_channel)
        await owner.click(message, "Week: turn on")
        await owner.click(message, "Month: turn on")
        await until_moment(rig, MONDAY_9)
        await until_moment(rig, MONDAY_9 + timedelta(hours=1))
        titles = [m.embeds[0]["title"] for m in owner.dms if m.interaction_id is None]
        assert titles == ["The week in all servers"]
        first = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
        await until_moment(rig, first)
        titles = [m.embeds[0]["title"] for m in owner.dms if m.interaction_id is None]
        assert titles == ["The week in all servers", "November in all servers"]
        month = next(m for m in owner.dms if "November" in m.embeds[0]["title"])
        assert month.embeds[0]["description"].startswith("1 to 30 November, Europe/Berlin")
        assert "30 days before" in month.embeds[0]["footer"]["text"] or "counting since" in said(month)


# -- Send one now ------------------------------------------------------------------------------------------------------


async def test_one_is_shown_first_and_posted_then() -> None:
    async with running(make_bot()) as rig:
        admin, channel = rig.discord.admin, rig.discord.channel
        await use(rig, rig.discord.guild, 2 * DAY)
        message = await open_settings(rig)
        await admin.select(message, REPORT_CHANNEL, channel)
        answer = await admin.click(message, "Send one now")
        assert answer.message.ephemeral
        assert answer.message is not message
        assert answer.message.embeds[0]["title"] == TITLE
        assert f"Only you see this. It would be posted in <#{channel.id}>." in said(answer.message)
        assert posted(channel) == []
        await admin.click(answer.message, "Post it")
        assert posted(channel) == [TITLE]
        assert f"The report is in <#{channel.id}>." in said(answer.message)
        assert labels(answer.message) == []


async def test_one_without_a_channel_is_only_shown() -> None:
    async with running(make_bot()) as rig:
        message = await open_settings(rig)
        answer = await rig.discord.admin.click(message, "Send one now")
        assert "Choose a channel in the settings" in said(answer.message)
        assert labels(answer.message) == []


async def test_post_button_says_what_is_missing() -> None:
    async with running(make_bot()) as rig:
        admin, channel = rig.discord.admin, rig.discord.channel
        message = await open_settings(rig)
        await admin.select(message, REPORT_CHANNEL, channel)
        answer = await admin.click(message, "Send one now")
        rig.discord.bot_user.set_permissions(channel, discord.Permissions(view_channel=True))
        await rig.discord.settled()
        await admin.click(answer.message, "Post it")
        assert "the bot lacks **Send Messages**" in said(answer.message)
        assert posted(channel) == []


async def test_unloading_stops_it() -> None:
    async with set_up() as rig:
        await rig.bot.unload_extension(EXTENSION)
        rig.clock.jump_wall((MONDAY_9 - rig.clock.now()).total_seconds())
        await rig.clock.advance(5 * MINUTE_S)
        await rig.discord.settled()
        assert posted(rig.discord.channel) == []
