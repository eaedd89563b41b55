"""Who may see and change what in /stats settings, and who may ask once roles were chosen: commands and old buttons."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from botmon_cog.config import CommandsConfig
from botmon_cog.domain.settings import Settings
from botmon_cog.testing import LoopbackUser, SeenMessage
from tests.harness import Rig, cog_of, make_bot, make_config, running
from tests.settings_helpers import ADMIN, MEMBER, open_settings, posted, said
from tests.test_commands import ask

EVERY_BUTTON = (
    *("settings:here", "settings:here:zone", "settings:here:when", "settings:here:roles", "settings:here:log"),
    *("settings:here:set:report:off", "settings:here:set:people:on", "settings:here:set:log:off"),
    *("settings:all", "settings:all:zone", "settings:all:set:weekly:on", "settings:all:set:monthly:on"),
    *("post:preview", "post:now"),
)
EVERY_MENU = {"hour": "18", "zone": "Asia/Tokyo"}
"""What each menu offers."""
REFUSALS = (
    "Only people who may manage this server, and the bot's owners, can",
    "Only the bot's owners can change its own settings.",
)


async def board(rig: Rig) -> SeenMessage:
    """A message that everybody sees, with all that there is to press and to choose."""
    view = discord.ui.View(timeout=None)
    for what, value in EVERY_MENU.items():
        options = [discord.SelectOption(label="it", value=value)]
        view.add_item(discord.ui.Select(custom_id=f"botmon:settings:here:set:{what}", options=options))
    for custom_id in EVERY_BUTTON:
        view.add_item(discord.ui.Button(label=custom_id, custom_id=f"botmon:{custom_id}"))
    view.stop()
    await rig.bot.get_channel(rig.discord.channel.id).send("buttons", view=view)
    return await rig.discord.channel.next_message()


async def all_settings(rig: Rig) -> dict[int, Settings]:
    return await cog_of(rig.bot).system.store.settings.all()


async def strangers(rig: Rig) -> list[LoopbackUser]:
    """A member, one with a role that may ask, and an admin of another server."""
    guild = rig.discord.guild
    other_admin, listener = rig.discord.add_user("Other admin"), rig.discord.add_user("Listener")
    for person in (other_admin, listener):
        guild.add_member(person)
    other_admin.set_permissions(guild, MEMBER)
    elsewhere = rig.discord.add_guild("Elsewhere", members=[other_admin])
    other_admin.set_permissions(elsewhere, ADMIN)
    role = guild.add_role("Listeners")
    guild.give_role(listener, role)
    await rig.discord.settled()
    await cog_of(rig.bot).system.settings.change(
        guild.id, 1, role_ids=(role.id,), report_channel_id=rig.discord.channel.id
    )
    return [rig.discord.user, listener, other_admin]


async def test_old_buttons_change_nothing_for_anybody_else() -> None:
    async with running(make_bot()) as rig:
        people = await strangers(rig)
        message = await board(rig)
        before, body = await all_settings(rig), dict(message.body)
        for person in people:
            for custom_id in EVERY_BUTTON:
                answer = await person.click(message, f"botmon:{custom_id}")
                assert answer.message.ephemeral, custom_id
                assert any(refusal in said(answer.message) for refusal in REFUSALS), custom_id
                assert answer.message.components == []
            for what, value in EVERY_MENU.items():
                answer = await person.select(message, f"botmon:settings:here:set:{what}", value)
                assert any(refusal in said(answer.message) for refusal in REFUSALS)
        assert await all_settings(rig) == before
        assert (dict(message.body), posted(rig.discord.channel)) == (body, [])


async def test_admin_does_not_change_the_bots_own() -> None:
    async with running(make_bot()) as rig:
        message = await board(rig)
        for custom_id in EVERY_BUTTON:
            if custom_id.startswith("settings:all"):
                answer = await rig.discord.admin.click(message, f"botmon:{custom_id}")
                assert "Only the bot's owners can change its own settings." in said(answer.message)
        answer = await rig.discord.admin.slash(rig.discord.channel, "stats settings", scope="all guilds")
        assert "Only the bot's owners" in said(answer.message)
        assert await all_settings(rig) == {}


async def test_owner_changes_any_server_that_they_are_in_and_the_bot() -> None:
    async with running(make_bot()) as rig:
        owner = rig.discord.owner
        message = await board(rig)
        await owner.click(message, "botmon:settings:here:set:people:on")
        await owner.click(message, "botmon:settings:all:set:weekly:on")
        settings = await all_settings(rig)
        assert settings[rig.discord.guild.id].people is True
        assert settings[0].weekly_summary is True
        assert "buttons" in message.content, "what others see stays"


async def test_buttons_in_direct_messages_are_refused_to_all_but_owners() -> None:
    async with running(make_bot()) as rig:
        for person in (rig.discord.user, rig.discord.owner):
            user: Any = rig.bot.get_user(person.id)
            view = discord.ui.View(timeout=None)
            for custom_id in EVERY_BUTTON:
                view.add_item(discord.ui.Button(label=custom_id, custom_id=f"botmon:{custom_id}"))
            view.stop()
            await user.send("buttons", view=view)
            message = await person.next_dm()
            for custom_id in EVERY_BUTTON:
                answer = await person.click(message, f"botmon:{custom_id}")
                is_refused = any(refusal in said(answer.message) for refusal in REFUSALS)
                is_own = custom_id.startswith("settings:all") and person is rig.discord.owner
                assert is_refused is not is_own, (person, custom_id)
        assert list(await all_settings(rig)) == [0]


async def test_stranger_who_sees_the_command_is_refused() -> None:
    """A server's admins may show the command to anybody; its settings stay theirs."""
    async with running(make_bot()) as rig:
        command = rig.bot.tree.get_command("stats")
        command.default_permissions = None
        await rig.bot.tree.sync()
        for person in await strangers(rig):
            assert "can see and change its settings" in said(await open_settings(rig, person))
        answer = await rig.discord.user.slash(rig.discord.user.dm_channel, "stats settings", timezone="Asia/Tokyo")
        assert "Here only the bot's owners get an answer" in said(answer.message)
        assert 0 not in await all_settings(rig)


@pytest.mark.parametrize("name", ["stats weekly", "perf", "health"])
async def test_roles_that_were_chosen_may_ask_and_nobody_else(name: str) -> None:
    async with running(make_bot()) as rig:
        for key in ("stats", "perf", "health"):
            rig.bot.tree.get_command(key).default_permissions = None
        await rig.bot.tree.sync()
        for key in ("stats", "perf", "health"):  # what Discord shows to whom is the server's to set
            rig.bot.tree.get_command(key).default_permissions = discord.Permissions(manage_guild=True)
        guild, channel = rig.discord.guild, rig.discord.channel
        allowed = await ask(rig, rig.discord.user, channel, name)
        assert "For this server's admins" not in allowed, "who sees it was allowed to by the server's admins"
        member, listener, other_admin = await strangers(rig)
        for person, may in ((member, False), (listener, True), (other_admin, False), (rig.discord.admin, True)):
            words = await ask(rig, person, channel, name)
            assert ("For this server's admins" not in words) is may, person
            if may:
                assert guild.name in words or name != "stats weekly"
        words = await ask(rig, listener, channel, name, scope="all guilds")
        assert "Only the bot's owners may look at all servers" in words


async def test_role_that_may_ask_may_press_and_not_any_longer() -> None:
    async with running(make_bot()) as rig:
        _, listener, other_admin = await strangers(rig)
        view = discord.ui.View(timeout=None)
        view.add_item(discord.ui.Button(label="Details", custom_id="botmon:health:details:here"))
        view.stop()
        await rig.bot.get_channel(rig.discord.channel.id).send("buttons", view=view)
        message = await rig.discord.channel.next_message()
        refused = await other_admin.click(message, "Details")
        assert "can see that" in said(refused.message)
        assert (await listener.click(message, "Details")).message is message
        assert "This server, last hour" in said(message)
        await cog_of(rig.bot).system.settings.change(rig.discord.guild.id, 1, role_ids=())
        refused = await listener.click(message, "Refresh")
        assert "can see that" in said(refused.message)


async def test_role_that_may_ask_gets_answers_to_prefix_commands() -> None:
    bot = make_bot()
    bot.botmon_config = make_config(commands=CommandsConfig(prefix=True))
    async with running(bot) as rig:
        member, listener, _ = await strangers(rig)
        channel = rig.discord.channel
        await member.send(channel, "!stats")
        await rig.discord.settled()
        assert posted(channel) == []
        await listener.send(channel, "!stats")
        assert rig.discord.guild.name in said(await channel.next_message())


async def test_admin_chooses_roles_and_takes_them_back() -> None:
    async with running(make_bot()) as rig:
        guild, admin = rig.discord.guild, rig.discord.admin
        role = guild.add_role("Listeners")
        await rig.discord.settled()
        message = await open_settings(rig)
        await admin.click(message, "Who may ask")
        assert "Integrations" in said(message)
        await admin.select(message, "Up to 10 roles", role)
        assert f"**Who may ask** people who may manage this server, <@&{role.id}>" in said(message)
        await admin.click(message, "Who may ask")
        await admin.select(message, "Up to 10 roles")
        assert (await all_settings(rig))[guild.id].role_ids == ()
