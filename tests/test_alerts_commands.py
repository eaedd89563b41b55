"""/botmon alerts: the owners' alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import discord
import pytest
from discord.ext import commands

from botmon_cog.config import AlertsConfig
from botmon_cog.domain.alerts import EVERYTHING
from botmon_cog.monitors.alert_teller import AlertContext
from botmon_cog.testing import LoopbackUser
from tests.alert_helpers import problem, rule_reason
from tests.harness import Rig, cog_of, make_bot, make_config, running
from tests.test_commands import ask, text_of

AUDIENCE = "app"


@pytest.fixture
def bot() -> commands.Bot:
    bot = make_bot()
    bot.botmon_config = make_config(alerts=AlertsConfig(after_s=(0, 0)))
    return bot


async def fire(rig: Rig, *keys: str) -> None:
    """Let these keys be in trouble, and tell the owners."""
    cog = cog_of(rig.bot)
    since = rig.clock.now()
    problems = [
        problem(key, since=since, is_shared=key == "database", reason=rule_reason(f"{key} is not well")) for key in keys
    ]
    await cog.system.alerts.step(problems, AlertContext(audience=AUDIENCE))
    await cog.system.alerts.deliver(AUDIENCE, cog.delivery.send)


async def owner_asks(rig: Rig, command: str, **options: Any) -> str:
    owner = rig.discord.owner
    return await ask(rig, owner, owner.dm_channel, f"botmon alerts {command}", **options)


async def offered(rig: Rig, who: LoopbackUser, command: str, value: str) -> list[str]:
    choices = await who.autocomplete(who.dm_channel, f"botmon alerts {command}", focused="what", value=value)
    return [choice["value"] for choice in choices]


def mutes(said: str) -> bool:
    return "🔕" in said


async def test_the_list_shows_what_is_wrong_and_what_is_muted(bot: commands.Bot) -> None:
    async with running(bot) as rig:
        assert "not well" not in await owner_asks(rig, "list")
        await fire(rig, "memory", "database")
        said = await owner_asks(rig, "list")
        assert "emory is not well" in said
        assert "atabase is not well" in said
        assert not mutes(said)
        await owner_asks(rig, "mute", what="database", **{"for": "7 days"})
        said = await owner_asks(rig, "list")
        assert mutes(said)
        assert discord.utils.format_dt(rig.clock.now() + timedelta(days=7), "f") in said


@pytest.mark.parametrize(("options", "minutes"), [({}, 60), ({"minutes": 5}, 5), ({"for": "7 days"}, 10_080)])
async def test_what_is_muted_is_told_when_the_mute_ends(
    bot: commands.Bot, options: dict[str, Any], minutes: int
) -> None:
    async with running(bot) as rig:
        await cog_of(bot)._checker.stop()  # days that pass in a moment would make every loop of the monitor late
        said = await owner_asks(rig, "mute", what="memory", **options)
        assert "🔕" in said
        await fire(rig, "memory")
        await rig.clock.advance(minutes * 60 - 1)
        await fire(rig, "memory")
        assert rig.discord.owner.dms == []
        await rig.clock.advance(2)
        await fire(rig, "memory")
        assert len(rig.discord.owner.dms) == 1


async def test_unmuting_tells_at_once(bot: commands.Bot) -> None:
    async with running(bot) as rig:
        await owner_asks(rig, "mute", what="memory")
        await fire(rig, "memory")
        assert "🔔" in await owner_asks(rig, "unmute", what="memory")
        await fire(rig, "memory")
        assert len(rig.discord.owner.dms) == 1
        assert "🔔" not in await owner_asks(rig, "unmute", what="memory")


async def test_everything_is_what_is_shared_too(bot: commands.Bot) -> None:
    async with running(bot) as rig:
        await owner_asks(rig, "mute", what="Everything")
        await fire(rig, "memory", "database")
        assert rig.discord.owner.dms == []
        overview = await cog_of(bot).system.alerts.overview()
        assert {mute.key for mute in overview.mutes} == {EVERYTHING}
        assert (await owner_asks(rig, "list")).count("all alerts until") == 1
        await owner_asks(rig, "unmute", what="everything")
        await fire(rig, "memory", "database")
        assert len(rig.discord.owner.dms) == 1


async def test_a_key_that_can_not_be_is_not_muted(bot: commands.Bot) -> None:
    async with running(bot) as rig:
        assert "memroy" in await owner_asks(rig, "mute", what="memroy")
        assert (await cog_of(bot).system.alerts.overview()).mutes == ()


async def test_the_history_shows_what_was_told_and_how(bot: commands.Bot) -> None:
    async with running(bot) as rig:
        assert "not well" not in await owner_asks(rig, "history")
        await fire(rig, "memory")
        assert "emory is not well" in await owner_asks(rig, "history")


async def test_names_are_offered(bot: commands.Bot) -> None:
    async with running(bot) as rig:
        owner = rig.discord.owner
        await fire(rig, "commands.play")
        assert (await offered(rig, owner, "mute", ""))[:2] == ["everything", "commands.play"]
        assert "commands" in await offered(rig, owner, "mute", "COMM")
        assert await offered(rig, owner, "unmute", "") == []
        await owner_asks(rig, "mute", what="commands.play")
        assert await offered(rig, owner, "unmute", "play") == ["commands.play"]
        assert await offered(rig, rig.discord.admin, "mute", "") == []
        assert await offered(rig, rig.discord.admin, "unmute", "") == []


async def test_nobody_else_gets_an_answer(bot: commands.Bot) -> None:
    async with running(bot) as rig:
        await fire(rig, "memory")
        admin = rig.discord.admin
        with pytest.raises(PermissionError, match="administrators only"):
            await admin.slash(rig.discord.channel, "botmon alerts list")
        for command, options in (
            ("list", {}),
            ("history", {}),
            ("mute", {"what": "memory"}),
            ("unmute", {"what": "memory"}),
        ):
            said = await ask(rig, admin, admin.dm_channel, f"botmon alerts {command}", **options)
            assert "owners" in said
            assert "not well" not in said
        admin.set_permissions(rig.discord.guild, discord.Permissions.all())
        assert "owners" in await ask(rig, admin, rig.discord.channel, "botmon alerts mute", what="memory")
        assert (await cog_of(bot).system.alerts.overview()).mutes == ()


async def test_the_team_may_ask_too(bot: commands.Bot) -> None:
    async with running(bot, team=True) as rig:
        await fire(rig, "memory")
        member = rig.discord.team_members[1]
        answer = await member.slash(member.dm_channel, "botmon alerts list")
        assert "emory is not well" in text_of(answer.message.embeds[0])
