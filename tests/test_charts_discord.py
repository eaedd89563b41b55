"""Charts in Discord: what each button shows, who may press it, and what is there where nothing can be drawn."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import pytest
from discord.ext import commands as ext_commands

from botmon_cog.charts.drawing import TIMEOUT_S
from botmon_cog.charts.values import CommandsChart
from botmon_cog.cog.views.stats import perf_buttons, stats_buttons
from botmon_cog.config import ChartsConfig, ReportsConfig
from botmon_cog.domain.uptime import GatewayLoss
from botmon_cog.testing import LoopbackUser, ManualClock, SeenMessage
from tests import metrics_scene
from tests.chart_helpers import BLUE, PANEL, at, decoded, drawing_bot, share, worker_processes
from tests.harness import EXTENSION, Rig, cog_of, make_config, running, until
from tests.settings_helpers import labels, open_settings, said, use
from tests.test_errors_permissions import strangers
from tests.test_posting import DAY, MONDAY_9, SATURDAY, TITLE, state, until_moment

HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 27, 18, 40, tzinfo=UTC)
EXAMPLE = CommandsChart(title="Nothing", about="UTC", labels=(), now=())


@asynccontextmanager
async def drawing(bot: ext_commands.Bot | None = None, now: datetime = NOW) -> AsyncIterator[Rig]:
    """A bot with a few days of commands, whose worker process is there already."""
    async with running(bot or drawing_bot(), clock=ManualClock(now)) as rig:
        await use(rig, rig.discord.guild, *[n * DAY + HOUR for n in range(4) for _ in range(25)], HOUR, 9 * DAY)
        await cog_of(rig.bot)._charts.draw(EXAMPLE)
        yield rig


def picture_of(message: SeenMessage) -> discord.Embed:
    """The one attachment, which the embed shows."""
    (attachment,) = message.attachments
    assert message.embeds[0]["image"]["url"].endswith(attachment.filename)
    return decoded(attachment.bytes)


def alt_text(message: SeenMessage) -> str:
    (attachment,) = message.attachments
    return attachment.payload()["description"]


async def post(rig: Rig, *custom_ids: str) -> SeenMessage:
    """A message that everybody sees, with these buttons."""
    view = discord.ui.View(timeout=None)
    for custom_id in custom_ids:
        view.add_item(discord.ui.Button(label=custom_id, custom_id=custom_id))
    view.stop()
    await rig.bot.get_channel(rig.discord.channel.id).send("buttons", view=view)
    return await rig.discord.channel.next_message()


# -- the views ---------------------------------------------------------------------------------------------------------


async def test_an_admin_goes_through_the_views_of_stats_in_one_message() -> None:
    async with drawing() as rig:
        admin = rig.discord.admin
        message = (await admin.slash(rig.discord.channel, "stats weekly")).message
        assert labels(message) == ["Week", "Month", "Chart", "Heat map", "Export"]
        assert message.attachments == []
        answer = await admin.click(message, "Chart")
        assert answer.deferred, "to draw takes longer than Discord waits"
        assert answer.message is message
        image = picture_of(message)
        assert at(image, 0, 0) == PANEL
        assert share(image, BLUE) > 0.05
        assert alt_text(message) == "101 commands, ▲ ×101 on the week before. 21 to 27 Nov, UTC"  # noqa: RUF001
        assert message.embeds[0]["title"] == "Last 7 days in Loopback Guild"
        assert labels(message) == ["Week", "Month", "Numbers", "Heat map", "Export"]
        await admin.click(message, "Heat map")
        assert message.attachments[0].filename == "heat-map.png"
        picture_of(message)
        assert alt_text(message).startswith("Busiest on Friday, 17:00 to 18:00.")
        assert labels(message) == ["Week", "Month", "Numbers", "Chart", "Export"]
        await admin.click(message, "Month")
        assert alt_text(message).startswith("Busiest on Tuesdays, 17:00 to 18:00."), (
            "25 in 4 weeks are more than 26 in 5"
        )
        await admin.click(message, "Numbers")
        assert message.attachments == [], "the picture goes with its view"
        assert "102" in said(message)
        assert message.embeds[0]["title"] == "Last 30 days in Loopback Guild"
        message = (await admin.slash(rig.discord.channel, "stats today")).message
        await admin.click(message, "Chart")
        assert alt_text(message).startswith("26 commands, ▲ 4 % on the day before.")
        await admin.click(message, "Heat map")
        assert "21 to 27 Nov" in alt_text(message), "of the week: a day has but one row"


async def test_perf_shows_percentiles_of_all_commands_and_of_one() -> None:
    async with drawing() as rig:
        admin = rig.discord.admin
        for options in ({}, {"command": "play"}):
            message = (await admin.slash(rig.discord.channel, "perf", period="24 hours", **options)).message
            assert labels(message) == ["Chart"]
            await admin.click(message, "Chart")
            picture_of(message)
            assert "p95 stays at 0.2 s. Duration" in alt_text(message)
            assert alt_text(message).startswith("play: ") is bool(options)
            assert labels(message) == ["7 days", "30 days", "Numbers"]
            await admin.click(message, "30 days")
            assert "last 30 days" in message.embeds[0]["title"]
            await admin.click(message, "Numbers")
            assert message.attachments == []
            assert "last 30 days" in message.embeds[0]["title"]
            assert labels(message) == ["Chart"]
        await use(rig, rig.discord.guild, HOUR, command="a:b:c")
        message = await post(rig, "botmon:perf:chart:7:here:a:b:c")
        answer = await admin.click(message, "botmon:perf:chart:7:here:a:b:c")
        assert alt_text(answer.message).startswith("a:b:c: at most 0.2 s."), "colons part the words of an id, too"


async def test_owner_sees_growth_and_the_calendar_of_the_uptime() -> None:
    async with drawing() as rig:
        owner, system = rig.discord.owner, cog_of(rig.bot).system
        message = (await owner.slash(owner.dm_channel, "botmon overview")).message
        assert labels(message) == ["7 days", "30 days", "Growth", "Chart", "Processes", "Errors", "Export"]
        await owner.click(message, "Chart")
        picture_of(message)
        assert alt_text(message).endswith("By week, UTC")
        await owner.click(message, "Growth")
        assert message.attachments == []
        lost = NOW - 3 * HOUR
        await system.store.uptime.put_gateway_loss(GatewayLoss(shard_id=0, began_at=lost, ended_at=lost + HOUR))
        message = (await owner.slash(owner.dm_channel, "health", view="history")).message
        assert labels(message) == ["Back", "Calendar", "Refresh"]
        await owner.click(message, "Calendar")
        picture_of(message)
        assert message.embeds[0]["title"] == "Uptime, last 30 days"
        await owner.click(message, "Back")
        assert message.attachments == []
        assert labels(message) == ["Back", "Calendar", "Refresh"]
        assert system.failures.n == 0


async def test_owner_sees_a_metric_of_the_bots_own() -> None:
    async with drawing() as rig:
        owner, system = rig.discord.owner, cog_of(rig.bot).system
        await metrics_scene.fill(system, rig.clock)
        message = (await owner.slash(owner.dm_channel, "botmon metrics")).message
        await owner.select(message, "botmon:metrics:7:pick", "songs_queued")
        assert labels(message) == ["Week", "Month", "Chart", "All metrics"]
        await owner.click(message, "Chart")
        picture_of(message)
        assert alt_text(message).startswith("songs_queued: ")
        assert alt_text(message).endswith("Sum by day, UTC")
        assert labels(message) == ["Week", "Month", "Numbers", "All metrics"]
        await owner.click(message, "Month")
        picture_of(message)
        await owner.click(message, "Numbers")
        assert (message.attachments, message.embeds[0]["title"]) == ([], "songs_queued")
        assert system.failures.n == 0


async def test_admin_is_offered_no_calendar() -> None:
    async with running(drawing_bot()) as rig:
        message = (await rig.discord.admin.slash(rig.discord.channel, "health", view="history")).message
        assert labels(message) == ["Back", "Refresh"]


def test_buttons_fit_whatever_the_command_is_called() -> None:
    assert perf_buttons("chart", 7, "1", "x" * 60, can_draw=True) is not None
    assert perf_buttons("numbers", 7, "1", "x" * 90, can_draw=True) is None, "Discord takes 100 characters of an id"
    assert perf_buttons("numbers", 7, "1", None, can_draw=False) is None
    assert len(stats_buttons("chart", "weekly", None, can_draw=True).children) == 5


# -- who may -----------------------------------------------------------------------------------------------------------

OF_THIS_SERVER = ("botmon:stats:chart:weekly:here", "botmon:stats:heat:monthly:here", "botmon:perf:chart:7:here:")
OF_ALL = ("botmon:stats:chart:weekly:all", "botmon:stats:numbers:weekly:all", "botmon:perf:chart:7:all:")
OWNERS_ALONE = ("botmon:growth:chart", "botmon:uptime:here", "botmon:uptime:all")
NOT_OURS = (
    "botmon:stats:pie:weekly:here",
    "botmon:stats:chart:yearly:here",
    "botmon:perf:chart:8:here:",
    "botmon:uptime",
)


async def refused(rig: Rig, who: LoopbackUser, message: SeenMessage, custom_id: str) -> None:
    answer = await who.click(message, custom_id)
    assert answer.message is not message
    assert answer.message.ephemeral
    assert answer.message.attachments == []
    assert "Not done" in said(answer.message), (who.name, custom_id)


async def test_each_press_asks_who_it_is() -> None:
    """Admins of this server for it alone, owners for all; nobody else, whatever they press."""
    async with drawing() as rig:
        message = await post(rig, *OF_THIS_SERVER, *OF_ALL, *OWNERS_ALONE, *NOT_OURS)
        before = dict(message.body)
        people = {person.name: person for person in await strangers(rig)}
        member, other_admin = rig.discord.user, people["other_admin"]
        admin, owner = rig.discord.admin, rig.discord.owner
        for custom_id in OF_THIS_SERVER[:1]:
            for person in (admin, owner):
                answer = await person.click(message, custom_id)
                assert answer.message.ephemeral, "others see the message: the answer stands beside it"
                picture_of(answer.message)
        for custom_id in (*OF_THIS_SERVER, *OF_ALL, *OWNERS_ALONE):
            for person in (member, other_admin):
                await refused(rig, person, message, custom_id)
        for custom_id in (*OF_ALL, *OWNERS_ALONE):
            await refused(rig, admin, message, custom_id)
        for custom_id in NOT_OURS:
            await refused(rig, owner, message, custom_id)
        assert dict(message.body) == before
        own = (await admin.slash(rig.discord.channel, "stats weekly")).message
        admin.set_permissions(rig.discord.guild, discord.Permissions(view_channel=True, use_application_commands=True))
        await refused(rig, admin, own, "Chart")
        assert own.attachments == [], "who is no admin any more gets nothing from an old message"


# -- the weekly post ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def weekly(**settings: Any) -> AsyncIterator[Rig]:
    bot = drawing_bot()
    bot.botmon_config = make_config(reports=ReportsConfig(timezone="Europe/Berlin"), charts=ChartsConfig(), **settings)
    async with running(bot, clock=ManualClock(SATURDAY)) as rig:
        given = {"report_channel_id": rig.discord.channel.id, "report_by": rig.discord.admin.id}
        await cog_of(rig.bot).system.settings.change(rig.discord.guild.id, rig.discord.admin.id, **given)
        await use(rig, rig.discord.guild, *[n * DAY for n in (1, 2, 3, 9)])
        await cog_of(rig.bot)._charts.draw(EXAMPLE)
        yield rig


async def test_weekly_post_carries_the_chart_and_comes_once() -> None:
    async with weekly() as rig:
        for later in (0, 60, 3_600):
            await until_moment(rig, MONDAY_9 + timedelta(seconds=later))
        (message,) = rig.discord.channel.messages
        picture_of(message)
        assert message.embeds[0]["title"] == TITLE
        assert alt_text(message) == "3 commands, ▲ 2 on the week before. 16 to 22 Nov, Berlin"
        assert await state(rig) == [("sent", 1, f"posted in <#{rig.discord.channel.id}>")]
        preview = await open_settings(rig)
        answer = await rig.discord.admin.click(preview, "Send one now")
        picture_of(answer.message)
        rig.discord.check_requests()


async def test_weekly_post_comes_without_a_chart_where_none_can_be_drawn_or_files_are_not_allowed() -> None:
    async with weekly() as rig:
        os.kill(cog_of(rig.bot)._charts.pid, signal.SIGKILL)
        await until_moment(rig, MONDAY_9)
        all_but = discord.Permissions(view_channel=True, send_messages=True, embed_links=True)
        rig.discord.bot_user.set_permissions(rig.discord.channel, all_but)
        await rig.discord.settled()
        await use(rig, rig.discord.guild, HOUR)
        await until_moment(rig, MONDAY_9 + 7 * DAY)
        for message in rig.discord.channel.messages:
            assert message.embeds[0]["title"] == TITLE
            assert message.attachments == []
            assert "image" not in message.embeds[0]
        assert [what for what, _, _ in await state(rig)] == ["sent", "sent"]
        assert cog_of(rig.bot).system.failures.n == 1


async def test_weekly_post_waits_for_a_chart_no_longer_than_its_time() -> None:
    async with weekly() as rig:
        (process,) = worker_processes()
        process.suspend()
        looking = asyncio.ensure_future(until_moment(rig, MONDAY_9))
        await until(lambda: bool(cog_of(rig.bot)._charts._jobs))
        assert rig.discord.channel.messages == []
        await rig.clock.advance(TIMEOUT_S)
        await looking
        (message,) = rig.discord.channel.messages
        assert message.attachments == []


# -- without -----------------------------------------------------------------------------------------------------------


async def test_without_the_extra_the_bars_of_text_stay_and_owners_are_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    caplog.set_level("INFO")
    async with running(drawing_bot(), clock=ManualClock(NOW)) as rig:
        await use(rig, rig.discord.guild, HOUR, DAY)
        admin, owner = rig.discord.admin, rig.discord.owner
        message = (await admin.slash(rig.discord.channel, "stats weekly")).message
        assert labels(message) == ["Week", "Month", "Export"]
        assert "█" in said(message)
        assert labels((await admin.slash(rig.discord.channel, "perf")).message) == []
        old = await post(rig, "botmon:stats:chart:weekly:here")
        answer = await admin.click(old, "botmon:stats:chart:weekly:here")
        assert "█" in said(answer.message)
        assert "The chart could not be drawn" in said(answer.message)
        details = (await owner.slash(owner.dm_channel, "health", view="details")).message
        assert "botmon-cog[charts]" in said(details)
        assert caplog.text.count("botmon-cog[charts]") == 1
        assert cog_of(rig.bot).system.failures.n == 0


async def test_worker_that_dies_leaves_the_numbers_in_place_of_the_chart() -> None:
    async with drawing() as rig:
        admin = rig.discord.admin
        message = (await admin.slash(rig.discord.channel, "stats weekly")).message
        os.kill(cog_of(rig.bot)._charts.pid, signal.SIGKILL)
        await admin.click(message, "Chart")
        assert message.attachments == []
        assert "The chart could not be drawn" in said(message)
        assert "█" in said(message)
        assert "exit code -9" in cog_of(rig.bot).system.failures.last
        assert labels(message) == ["Week", "Month", "Numbers", "Heat map", "Export"]


async def test_reload_and_unload_leave_no_process() -> None:
    bot = drawing_bot()
    async with drawing(bot) as rig:
        (first,) = worker_processes()
        await bot.reload_extension(EXTENSION)
        assert worker_processes() == []
        assert not first.is_running()
        message = await post(rig, "botmon:stats:chart:weekly:here")
        await cog_of(bot)._charts.draw(EXAMPLE)
        await rig.discord.admin.click(message, "botmon:stats:chart:weekly:here")
        assert len(worker_processes()) == 1
        await bot.unload_extension(EXTENSION)
        assert worker_processes() == []
