"""/botmon errors is the owners' alone: buttons and menus replayed by others, in servers, DMs and teams."""

from __future__ import annotations

import json
from typing import Any

import discord
import pytest

from botmon_cog.domain.reports.errors import ErrorState
from botmon_cog.testing import LoopbackChannel, LoopbackUser, SeenMessage
from tests.harness import Rig, cog_of, make_bot, running
from tests.test_commands import ADMIN
from tests.test_errors_buttons import ID, OPEN_ONE, state
from tests.test_errors_command import fail, open_errors, said

EVERY_BUTTON = (
    "botmon:errors:7",
    f"botmon:errors:7:open:{ID}",
    f"botmon:errors:7:resolve:{ID}",
    f"botmon:errors:7:reopen:{ID}",
    f"botmon:errors:7:mute:24:{ID}",
    f"botmon:errors:7:unmute:{ID}",
    f"botmon:errors:7:copy:{ID}",
)


async def post(rig: Rig, where: LoopbackChannel, *custom_ids: str) -> SeenMessage:
    """A message that everybody sees, with these buttons and the menu of errors."""
    view = discord.ui.View(timeout=None)
    options = [discord.SelectOption(label="one", value=ID)]
    view.add_item(discord.ui.Select(custom_id="botmon:errors:7:open", placeholder=OPEN_ONE, options=options))
    for custom_id in custom_ids:
        view.add_item(discord.ui.Button(label=custom_id, custom_id=custom_id))
    view.stop()
    await rig.bot.get_channel(where.id).send("buttons", view=view)
    return await where.next_message()


async def strangers(rig: Rig) -> list[LoopbackUser]:
    """Everybody who must not get anywhere, each of whom sees the channel."""
    admin, user = rig.discord.admin, rig.discord.user
    administrator = rig.discord.add_user("Administrator")
    other_admin = rig.discord.add_user("Other admin")
    for person in (administrator, other_admin):
        rig.discord.guild.add_member(person)
    administrator.set_permissions(rig.discord.guild, discord.Permissions.all())
    other_admin.set_permissions(rig.discord.guild, discord.Permissions(view_channel=True))
    elsewhere = rig.discord.add_guild("Elsewhere", members=[other_admin])
    other_admin.set_permissions(elsewhere, ADMIN)
    people = [admin, administrator, other_admin, user]
    if rig.discord.team_members:
        reader = rig.discord.team_members[3]
        if reader.id not in rig.discord.guild.memberships:
            rig.discord.guild.add_member(reader)
        people.append(reader)
    return people


async def refused(rig: Rig, who: LoopbackUser, message: SeenMessage, custom_id: str | None) -> None:
    """Press it, or choose in the menu: only who did is told, and hears of nothing but the refusal."""
    before = dict(message.body)
    answer = await (who.select(message, OPEN_ONE, ID) if custom_id is None else who.click(message, custom_id))
    assert len(answer.messages) == 1, who
    assert answer.message.ephemeral, who
    assert answer.message is not message
    assert "Only the bot's owners can see errors" in said(answer.message)
    assert "lyrics" not in json.dumps(dict(answer.message.body))
    assert answer.message.components == []
    assert dict(message.body) == before


@pytest.mark.parametrize("team", [False, True])
async def test_nobody_else_gets_anywhere_with_a_replayed_button_or_menu(team: bool) -> None:
    async with running(make_bot(), team=team) as rig:
        fail(rig)
        before = await state(rig)
        message = await post(rig, rig.discord.channel, *EVERY_BUTTON)
        for person in await strangers(rig):
            for custom_id in (None, *EVERY_BUTTON):
                await refused(rig, person, message, custom_id)
        assert await state(rig) == before
        assert cog_of(rig.bot).system.errors.muted == frozenset()


async def test_nobody_else_gets_anywhere_in_direct_messages() -> None:
    async with running(make_bot()) as rig:
        fail(rig)
        for person in (rig.discord.admin, rig.discord.user):
            await rig.bot.get_user(person.id).create_dm()
            channel: Any = rig.bot.get_user(person.id).dm_channel
            view = discord.ui.View(timeout=None)
            for custom_id in EVERY_BUTTON:
                view.add_item(discord.ui.Button(label=custom_id, custom_id=custom_id))
            view.stop()
            await channel.send("buttons", view=view)
            message = await person.next_dm()
            for custom_id in EVERY_BUTTON:
                await refused(rig, person, message, custom_id)
        assert await state(rig) == (ErrorState.NEW, False, False)


@pytest.mark.parametrize(("member", "is_allowed"), [(0, True), (1, True), (2, True), (3, False)])
async def test_of_a_team_those_may_press_who_own_the_bot_for_discord_py(member: int, is_allowed: bool) -> None:
    async with running(make_bot(), team=True) as rig:
        fail(rig)
        who = rig.discord.team_members[member]
        if who.id not in rig.discord.guild.memberships:
            rig.discord.guild.add_member(who)
        message = await post(rig, rig.discord.channel, *EVERY_BUTTON)
        if is_allowed:
            await who.click(message, f"botmon:errors:7:resolve:{ID}")
            assert await state(rig) == (ErrorState.RESOLVED, True, False)
        else:
            await refused(rig, who, message, f"botmon:errors:7:resolve:{ID}")
            assert await state(rig) == (ErrorState.NEW, False, False)


async def test_whether_somebody_is_an_owner_is_asked_at_each_press() -> None:
    async with running(make_bot()) as rig:
        owner = rig.discord.owner
        fail(rig)
        message = await open_errors(rig, id=ID)
        rig.bot.owner_id = rig.discord.admin.id
        await refused(rig, owner, message, "Resolved")
        assert await state(rig) == (ErrorState.NEW, False, False)
        rig.bot.owner_id = owner.id
        await owner.click(message, "Resolved")
        assert "✅" in said(message)


async def test_an_owners_press_shows_nothing_in_a_message_that_others_see() -> None:
    async with running(make_bot()) as rig:
        fail(rig)
        owner = rig.discord.owner
        message = await post(rig, rig.discord.channel, *EVERY_BUTTON)
        before = dict(message.body)
        for custom_id in (None, *EVERY_BUTTON):
            answer = await (
                owner.select(message, OPEN_ONE, ID) if custom_id is None else owner.click(message, custom_id)
            )
            assert answer.message is not message
            assert answer.message.ephemeral
            assert len(answer.messages) == 1
            assert "lyrics" in json.dumps(dict(answer.message.body))
        assert dict(message.body) == before
