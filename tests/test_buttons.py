"""Buttons under `/health` and the owners' notices: pressed at once, after a reload, by others, in another guild."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import discord
import msgspec
import pytest
from discord.ext import commands

from botmon_cog.cog.views import component_router
from botmon_cog.config import AlertsConfig
from botmon_cog.testing import LoopbackChannel, LoopbackUser, SeenMessage
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running, until
from tests.test_alerts_commands import fire
from tests.test_commands import ADMIN, text_of


def labels(message: SeenMessage) -> list[str]:
    return [button["label"] for row in message.components for button in row["components"]]


def said(message: SeenMessage) -> str:
    return text_of(message.embeds[0]).replace("\xa0", " ")


async def open_health(rig: Rig, who: LoopbackUser, where: LoopbackChannel, **options: str) -> SeenMessage:
    return (await who.slash(where, "health", **options)).message


async def post(rig: Rig, where: LoopbackChannel, *custom_ids: str) -> SeenMessage:
    """A message of the host's own, with buttons that go by our names."""
    view = discord.ui.View(timeout=None)
    for custom_id in custom_ids:
        view.add_item(discord.ui.Button(label=custom_id, custom_id=custom_id))
    view.stop()
    channel = rig.bot.get_channel(where.id)
    await channel.send("buttons", view=view)
    return await where.next_message()


async def refusal(rig: Rig, who: LoopbackUser, message: SeenMessage, button: str) -> str:
    """What only the one who pressed is told; the message stays as it was."""
    before = dict(message.body)
    answer = await who.click(message, button)
    assert answer.message is not message
    assert answer.message.ephemeral
    assert dict(message.body) == before
    return said(answer.message)


# -- /health -----------------------------------------------------------------------------------------------------------


async def test_the_views_of_the_health_take_each_others_place() -> None:
    async with running(make_bot()) as rig:
        admin = rig.discord.admin
        message = await open_health(rig, admin, rig.discord.channel)
        assert labels(message) == ["Details", "History", "Refresh"]
        glance = said(message)
        assert (await admin.click(message, "Details")).message is message
        assert labels(message) == ["Back", "Refresh"]
        details = said(message)
        assert details != glance
        await admin.click(message, "Refresh")
        assert labels(message) == ["Back", "Refresh"]
        await admin.click(message, "Back")
        assert said(message).splitlines()[:2] == glance.splitlines()[:2]
        await admin.click(message, "History")
        assert labels(message) == ["Back", "Refresh"]
        assert said(message) not in {glance, details}
        await admin.click(message, "Back")
        assert labels(message) == ["Details", "History", "Refresh"]
        assert message.ephemeral


@pytest.mark.parametrize(("view", "buttons"), [("details", ["Back", "Refresh"]), ("history", ["Back", "Refresh"])])
async def test_each_view_can_be_asked_for(view: str, buttons: list[str]) -> None:
    async with running(make_bot()) as rig:
        message = await open_health(rig, rig.discord.admin, rig.discord.channel, view=view)
        assert labels(message) == buttons


async def test_refresh_shows_what_has_happened_since() -> None:
    async with running(make_bot()) as rig:
        message = await open_health(rig, rig.discord.admin, rig.discord.channel)
        await cog_of(rig.bot).system.command_log.record(rig.discord.guild.id, 5, "play", duration=0.1)
        await rig.rows()
        before = said(message)
        await rig.discord.admin.click(message, "Refresh")
        assert said(message) != before


async def test_buttons_work_after_a_reload_and_keep_nothing_in_discord_py() -> None:
    async with running(make_bot()) as rig:
        message = await open_health(rig, rig.discord.admin, rig.discord.channel)
        await rig.bot.reload_extension(EXTENSION)
        await rig.discord.admin.click(message, "Details")
        assert labels(message) == ["Back", "Refresh"]
        assert rig.bot.persistent_views == []
        assert not rig.bot._connection._view_store._views


async def test_an_owner_asks_for_all_guilds_in_a_dm_and_presses_there() -> None:
    async with running(make_bot()) as rig:
        await cog_of(rig.bot).system.command_log.record(999, 5, "elsewhere", duration=0.1)
        await rig.rows()
        owner = rig.discord.owner
        message = await open_health(rig, owner, owner.dm_channel)
        await owner.click(message, "Refresh")
        assert "1 command in 1 h" in said(message)
        assert labels(message) == ["Details", "History", "Refresh"]


async def test_no_buttons_where_a_press_would_be_refused() -> None:
    async with running(make_bot()) as rig:
        stranger = rig.discord.admin
        message = await open_health(rig, stranger, stranger.dm_channel)
        assert "owner" in said(message)
        assert message.components == []
        message = await open_health(rig, stranger, rig.discord.channel, scope="all guilds")
        assert message.components == []


async def test_what_is_seen_is_decided_at_each_press() -> None:
    async with running(make_bot()) as rig:
        admin = rig.discord.admin
        message = await open_health(rig, admin, rig.discord.channel)
        admin.set_permissions(rig.discord.guild, discord.Permissions(view_channel=True))
        assert "manage this server" in await refusal(rig, admin, message, "Refresh")
        admin.set_permissions(rig.discord.guild, ADMIN)
        await admin.click(message, "Details")
        assert labels(message) == ["Back", "Refresh"]


async def test_nothing_of_another_guild_is_seen() -> None:
    async with running(make_bot()) as rig:
        here, user = rig.discord.channel, rig.discord.user
        owner = rig.discord.owner
        other_admin = rig.discord.add_user("Other admin")
        other = rig.discord.add_guild("Elsewhere", members=[other_admin])
        other_admin.set_permissions(other, ADMIN)
        there = other.add_text_channel("lobby")
        await rig.bot.wait_for("guild_channel_create")
        for _ in range(3):
            await cog_of(rig.bot).system.command_log.record(rig.discord.guild.id, 5, "secret", duration=0.1)
        await rig.rows()
        message = await post(rig, there, "botmon:health:glance:here", "botmon:health:details:all")
        assert "bot's owners" in await refusal(rig, other_admin, message, "botmon:health:details:all")
        answer = await other_admin.click(message, "botmon:health:glance:here")
        assert "0 commands" in said(answer.message)
        message = await post(rig, here, "botmon:health:glance:here")
        await refusal(rig, user, message, "botmon:health:glance:here")
        await owner.click(message, "botmon:health:glance:here")
        assert "3 commands in 1 h" in said(message)


@pytest.mark.parametrize(
    "custom_id",
    [
        "botmon:",
        "botmon:nonsense",
        "botmon:health:glance",
        "botmon:health:glance:12345",
        "botmon:health:secrets:all",
        "botmon:mute:forever:1",
        "botmon:mute:²:1",
    ],
)
async def test_a_button_that_is_not_known_is_answered(custom_id: str) -> None:
    async with running(make_bot()) as rig:
        message = await post(rig, rig.discord.channel, custom_id)
        assert "another version" in await refusal(rig, rig.discord.owner, message, custom_id)


async def test_buttons_of_the_host_are_left_alone() -> None:
    async with running(make_bot()) as rig:
        message = await post(rig, rig.discord.channel, "botmonitor:show")
        answer = await rig.discord.owner.click(message, "botmonitor:show", timeout_s=0.1)
        assert answer.messages == []
        assert not answer.deferred


async def test_a_fault_of_ours_is_answered_and_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(make_bot()) as rig:
        message = await post(rig, rig.discord.channel, "botmon:show")
        failures = cog_of(rig.bot).system.failures

        async def broken(_: Any) -> bool:
            raise RuntimeError("in the press")

        monkeypatch.setattr(rig.bot, "is_owner", broken)
        answer = await rig.discord.owner.click(message, "botmon:show")
        assert "went wrong" in said(answer.message)
        assert failures.n == 1
        assert "in the press" in caplog.text


# -- notices -----------------------------------------------------------------------------------------------------------


def alert_bot(url: str = ":memory:", **alerts: Any) -> commands.Bot:
    bot = make_bot()
    bot.botmon_config = make_config(url=url, alerts=AlertsConfig(after_s=(0, 0), **alerts))
    return bot


async def told(rig: Rig, *keys: str) -> SeenMessage:
    """The owner's DM about these keys."""
    await fire(rig, *keys)
    return await rig.discord.owner.next_dm()


async def test_news_can_be_muted_and_unmuted() -> None:
    async with running(alert_bot()) as rig:
        owner = rig.discord.owner
        message = await told(rig, "memory", "database")
        assert labels(message) == ["Show health", "Mute 1 h", "Mute 24 h"]
        assert (await owner.click(message, "Mute 24 h")).message is message
        assert labels(message) == ["Show health", "Unmute"]
        until = rig.clock.now() + timedelta(hours=24)
        assert discord.utils.format_dt(until, "f") in message.content
        overview = await cog_of(rig.bot).system.alerts.overview()
        assert {(mute.scope, mute.key, mute.by) for mute in overview.mutes} == {
            ("main", "memory", str(owner.id)),
            ("", "database", str(owner.id)),
        }
        assert all(abs(mute.until - until) < timedelta(milliseconds=1) for mute in overview.mutes)
        await owner.click(message, "Unmute")
        assert labels(message) == ["Show health", "Mute 1 h", "Mute 24 h"]
        assert (await cog_of(rig.bot).system.alerts.overview()).mutes == ()


async def test_muting_works_after_a_restart(tmp_path: Path) -> None:
    async with running(alert_bot(str(tmp_path / "bot.db"))) as rig:
        message = await told(rig, "memory")
        await rig.bot.reload_extension(EXTENSION)
        await rig.discord.owner.click(message, "Mute 1 h")
        assert labels(message) == ["Show health", "Unmute"]
        overview = await cog_of(rig.bot).system.alerts.overview()
        assert [mute.key for mute in overview.mutes] == ["memory"]
        await rig.bot.reload_extension(EXTENSION)
        await rig.discord.owner.click(message, "Unmute")
        assert (await cog_of(rig.bot).system.alerts.overview()).mutes == ()


async def test_what_is_not_on_record_any_more_is_said() -> None:
    async with running(alert_bot()) as rig:
        message = await told(rig, "memory")
        await rig.bot.reload_extension(EXTENSION)  # the database was in memory
        assert "no longer on record" in await refusal(rig, rig.discord.owner, message, "Mute 1 h")


async def test_show_health_answers_beside_the_news() -> None:
    async with running(alert_bot()) as rig:
        message = await told(rig, "memory")
        answer = await rig.discord.owner.click(message, "Show health")
        assert answer.message is not message
        assert labels(answer.message) == ["Details", "History", "Refresh"]
        assert not answer.message.ephemeral, "in a DM it stays"
        await rig.discord.owner.click(answer.message, "Details")
        assert labels(answer.message) == ["Back", "Refresh"]
        assert labels(message) == ["Show health", "Mute 1 h", "Mute 24 h"]


async def test_in_a_channel_only_owners_mute_and_only_who_may_see_the_health_does() -> None:
    async with running(alert_bot(), load=False) as rig:
        channel, owner, admin, user = rig.discord.channel, rig.discord.owner, rig.discord.admin, rig.discord.user
        rig.bot.botmon_config = msgspec.structs.replace(
            rig.bot.botmon_config, alerts=AlertsConfig(after_s=(0, 0), dm=False, channel_id=channel.id)
        )
        await rig.bot.load_extension(EXTENSION)
        await fire(rig, "memory")
        message = await channel.next_message()
        for other in (admin, user):
            assert "Only the bot's owners" in await refusal(rig, other, message, "Mute 1 h")
        assert (await cog_of(rig.bot).system.alerts.overview()).mutes == ()
        assert "manage this server" in await refusal(rig, user, message, "Show health")
        for allowed in (admin, owner):
            answer = await allowed.click(message, "Show health")
            assert answer.message.ephemeral
            assert labels(answer.message) == ["Details", "History", "Refresh"]
        scopes = {b["custom_id"] for b in answer.message.components[0]["components"]}
        assert "botmon:health:details:all" in scopes
        await owner.click(message, "Mute 1 h")
        assert labels(message) == ["Show health", "Unmute"]
        assert "Only the bot's owners" in await refusal(rig, admin, message, "Unmute")


async def test_unloading_waits_for_the_press_that_is_being_answered() -> None:
    async with running(alert_bot()) as rig:
        message = await told(rig, "memory")
        rig.discord.faults.latency_s = 0.05
        answer = await rig.discord.owner.click(message, "Mute 1 h", wait=False)
        await rig.bot.wait_for("interaction")
        await rig.bot.unload_extension(EXTENSION)
        rig.discord.faults.clear()
        await answer.wait()
        assert labels(message) == ["Show health", "Unmute"]
        assert [t.name for t in threading.enumerate() if t.name.startswith("botmon")] == []


async def test_unloading_gives_up_a_press_whose_answer_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(component_router, "_DETACH_TIMEOUT_S", 0.01)
    async with running(alert_bot()) as rig:
        message = await told(rig, "memory")
        is_asked = asyncio.Event()

        async def hang(_: str) -> None:
            is_asked.set()
            await asyncio.Event().wait()

        cog_of(rig.bot).system.alerts.message = hang
        await rig.discord.owner.click(message, "Mute 1 h", wait=False)
        await is_asked.wait()
        await rig.bot.unload_extension(EXTENSION)
        assert not [task for task in asyncio.all_tasks() if "ComponentRouter" in repr(task.get_coro())]


async def test_news_of_a_database_that_is_away_can_be_muted_meanwhile(tmp_path: Path) -> None:
    async with running(alert_bot(str(tmp_path / "bot.db"))) as rig:
        owner = rig.discord.owner
        before = await told(rig, "memory")
        await cog_of(rig.bot).system.store.engine.close()
        (tmp_path / "bot.db").rename(tmp_path / "away.db")
        (tmp_path / "bot.db").symlink_to("bot.db")  # a loop, which nobody can follow
        message = await told(rig, "memory", "database")
        await owner.click(message, "Mute 1 h")
        assert labels(message) == ["Show health", "Unmute"]
        assert {mute.key for mute in (await cog_of(rig.bot).system.alerts.overview()).mutes} == {"database"}
        assert "does not answer" in await refusal(rig, owner, before, "Mute 1 h")
        (tmp_path / "bot.db").unlink()
        (tmp_path / "away.db").rename(tmp_path / "bot.db")
        await owner.click(before, "Mute 1 h")
        assert labels(before) == ["Show health", "Unmute"]


@pytest.mark.parametrize("code", [10062, 40060])
async def test_a_press_that_discord_takes_no_answer_to_is_no_failure(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    is_asked = asyncio.Event()

    async def be_late(*_: Any) -> None:
        is_asked.set()
        raise discord.NotFound(SimpleNamespace(status=404, reason="Not Found"), {"code": code, "message": "too late"})

    monkeypatch.setattr(component_router.ComponentRouter, "_show", be_late)
    async with running(alert_bot()) as rig:
        message = await told(rig, "memory")
        await rig.discord.owner.click(message, "Show health", wait=False)
        await is_asked.wait()
        await cog_of(rig.bot).cog_unload()
        assert cog_of(rig.bot).system.failures.n == 0
        assert not [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]


async def test_a_press_that_can_not_be_answered_is_noted_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    async with running(make_bot()) as rig:
        message = await open_health(rig, rig.discord.admin, rig.discord.channel)
        failures = cog_of(rig.bot).system.failures
        rig.discord.faults.fail_next(2, status=404, path="/callback")
        await rig.discord.admin.click(message, "Details", wait=False)
        await until(lambda: failures.n == 1 and not rig.discord.faults._plans)
        await cog_of(rig.bot).cog_unload()
        assert "Ignoring exception" not in caplog.text
        assert labels(message) == ["Details", "History", "Refresh"]
