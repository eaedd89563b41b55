"""Owners are told once when something breaks, and once when it is over."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from discord.ext import commands

from botmon_cog.config import AlertsConfig
from botmon_cog.testing import LoopbackUser
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, make_health, running
from tests.test_commands import text_of

PATIENT = AlertsConfig(after_s=(900, 60), recover_after_s=120)
"""Told at the second check that finds it, and over two minutes after it has ended."""
AT_ONCE = AlertsConfig(after_s=(0, 0), recover_after_s=0)
CROWDED = make_health(memory_percent=(0.00001, 0.00002))


@pytest.fixture
def bot(tmp_path: Path) -> commands.Bot:
    bot = make_bot()
    bot.botmon_config = make_config(url=str(tmp_path / "bot.db"), alerts=PATIENT)
    return bot


async def break_database(rig: Rig, tmp_path: Path) -> None:
    await cog_of(rig.bot).system.store.engine.close()
    (tmp_path / "bot.db").rename(tmp_path / "away.db")
    (tmp_path / "bot.db").symlink_to("bot.db")  # a loop, which nobody can follow


async def mend_database(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "bot.db").unlink()
    (tmp_path / "away.db").rename(tmp_path / "bot.db")
    await rig.clock.advance(60)
    await write_rows(rig)


async def write_rows(rig: Rig) -> None:
    """Until none waits."""
    writer = cog_of(rig.bot).system.writer
    while writer.queued or writer.spooled:
        await rig.clock.advance(0.25)


async def check(rig: Rig, times: int = 1) -> None:
    for _ in range(times):
        await rig.clock.advance(60)
        await cog_of(rig.bot).check_health()


def told(user: LoopbackUser) -> list[str]:
    return [text_of(message.embeds[0]) for message in user.dms]


async def test_owner_is_told_once_and_once_again_when_it_is_over(bot: commands.Bot, tmp_path: Path) -> None:
    async with running(bot) as rig:
        await check(rig, 3)
        assert told(rig.discord.owner) == []
        await break_database(rig, tmp_path)
        await check(rig)
        assert told(rig.discord.owner) == []  # once may be a hiccup
        await check(rig, 5)
        (alert,) = told(rig.discord.owner)
        assert "🔴" in alert
        assert "What to do" in alert
        await mend_database(rig, tmp_path)
        await check(rig, 5)
        _, recovery = told(rig.discord.owner)
        assert "🟢" in recovery
        assert [[b["label"] for b in dm.components[0]["components"]] for dm in rig.discord.owner.dms] == [
            ["Show health", "Mute 1 h", "Mute 24 h"],
            ["Show health"],
        ]
        assert told(rig.discord.admin) == []


async def test_rows_that_are_about_to_be_written_are_no_news(
    bot: commands.Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot.botmon_config = make_config(url=bot.botmon_config.storage.url, health=CROWDED, alerts=AT_ONCE)

    async def leave_them() -> bool:
        return False

    async with running(bot) as rig:
        await check(rig, 2)
        monkeypatch.setattr(cog_of(bot).system.recorder, "settle", leave_them)
        await check(rig)
        assert cog_of(bot).system.writer.queued, "at least what this check found"
        (alert,) = told(rig.discord.owner)
        assert "row" not in alert


async def test_restart_neither_forgets_nor_repeats(bot: commands.Bot) -> None:
    url = bot.botmon_config.storage.url
    bot.botmon_config = make_config(url=url, health=CROWDED, alerts=AT_ONCE)
    async with running(bot) as rig:
        await check(rig, 4)
        assert len(told(rig.discord.owner)) == 1
        await bot.reload_extension(EXTENSION)
        await check(rig, 4)
        assert len(told(rig.discord.owner)) == 1
        bot.botmon_config = make_config(url=url, alerts=AT_ONCE)
        await bot.reload_extension(EXTENSION)
        await check(rig, 5)
        _, recovery = told(rig.discord.owner)
        assert "🟢" in recovery


async def test_restart_while_the_database_is_away_repeats_nothing(bot: commands.Bot, tmp_path: Path) -> None:
    async with running(bot) as rig:
        await break_database(rig, tmp_path)
        await check(rig, 3)
        assert len(told(rig.discord.owner)) == 1
        await bot.reload_extension(EXTENSION)
        await check(rig, 3)
        assert len(told(rig.discord.owner)) == 1
        await mend_database(rig, tmp_path)
        await check(rig, 6)
        assert ["🔴" in notice or "🟢" in notice for notice in told(rig.discord.owner)] == [True, True]


async def test_a_database_that_is_back_is_well_at_once_though_all_that_waits_is_on_disk(
    bot: commands.Bot, tmp_path: Path
) -> None:
    async with running(bot) as rig:
        await break_database(rig, tmp_path)
        await check(rig)
        writer = cog_of(bot).system.writer
        async with asyncio.timeout(10):
            while writer.queued or not writer.spooled:
                await rig.clock.advance(10)
                await writer.retry()
        (tmp_path / "bot.db").unlink()
        (tmp_path / "away.db").rename(tmp_path / "bot.db")
        report = await cog_of(bot).check_health()
        assert report.components["database"].status == "healthy"
        await write_rows(rig)


async def test_every_admin_and_developer_of_a_team_is_told(bot: commands.Bot, tmp_path: Path) -> None:
    async with running(bot, team=True) as rig:
        await break_database(rig, tmp_path)
        await check(rig, 2)
        names = [member.name for member in rig.discord.team_members]
        assert [len(told(member)) for member in rig.discord.team_members] == [1, 1, 1, 0], names
        await mend_database(rig, tmp_path)


async def test_closed_dms_go_to_the_log_and_to_the_configured_channel(
    bot: commands.Bot, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(bot, load=False) as rig:
        bot.botmon_config = make_config(
            url=bot.botmon_config.storage.url,
            alerts=AlertsConfig(after_s=(900, 0), channel_id=rig.discord.channel.id),
        )
        await bot.load_extension(EXTENSION)
        rig.discord.faults.close_dms(rig.discord.owner)
        await break_database(rig, tmp_path)
        await check(rig)
        message = await rig.discord.channel.next_message()
        assert "🔴" in text_of(message.embeds[0])
        assert "50007" in caplog.text
        await mend_database(rig, tmp_path)


async def test_nobody_to_tell_is_said_in_the_log(
    bot: commands.Bot, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(bot) as rig:
        rig.discord.faults.close_dms(rig.discord.owner)
        await break_database(rig, tmp_path)
        await check(rig, 2)
        assert "no owner could be told" in caplog.text
        assert "[alerts] channel_id" in caplog.text
        await mend_database(rig, tmp_path)


async def test_news_that_discord_could_not_take_are_told_at_the_next_check(bot: commands.Bot, tmp_path: Path) -> None:
    bot.botmon_config = make_config(url=bot.botmon_config.storage.url, alerts=AT_ONCE)
    async with running(bot) as rig:
        await break_database(rig, tmp_path)
        rig.discord.faults.drop_next(50, path="/users/@me/channels")
        await check(rig)
        assert told(rig.discord.owner) == []
        rig.discord.faults.clear()
        await check(rig, 3)
        assert len(told(rig.discord.owner)) == 1
        await mend_database(rig, tmp_path)


async def test_the_loop_outlives_its_errors(bot: commands.Bot, caplog: pytest.LogCaptureFixture) -> None:
    async with running(bot) as rig:
        cog = cog_of(bot)

        async def broken() -> None:
            raise RuntimeError("in the check")

        cog.system.health.check = broken
        before = cog.system.failures.n
        await cog._checker.tick()
        assert cog.system.failures.n == before + 1
        del cog.system.health.check
        await cog._checker.tick()
        assert "in the check" in caplog.text
        assert "🟡" in text_of((await rig.discord.admin.slash(rig.discord.channel, "health")).message.embeds[0]), (
            "our own failure is shown"
        )


async def test_alerts_can_be_switched_off(bot: commands.Bot, tmp_path: Path) -> None:
    bot.botmon_config = make_config(
        url=bot.botmon_config.storage.url, alerts=AlertsConfig(after_s=(900, 0), enabled=False)
    )
    async with running(bot) as rig:
        await break_database(rig, tmp_path)
        await check(rig, 3)
        assert told(rig.discord.owner) == []
        await mend_database(rig, tmp_path)


def test_the_log_of_this_package_is_left_to_the_host() -> None:
    assert logging.getLogger("botmon_cog").handlers == []
