"""REST: pins, reactions, many messages deleted at once, typing."""

from __future__ import annotations

import pytest
from discord.http import Route

from tests.routes_rig import moderating, refused


async def test_pins_come_and_go_by_the_new_and_the_old_routes():
    async with moderating() as rig:
        first, second = [await rig.channel.send(text) for text in ("first", "second")]
        await first.pin(reason="rules")
        await rig.clock.advance(60)
        await second.pin()
        await rig.loopback.settled()
        assert [m.content async for m in rig.channel.pins()] == ["second", "first"]
        assert first.pinned
        assert rig.names().count("guild_channel_pins_update") == 2
        assert [m.type.name async for m in rig.channel.history(limit=2)] == ["pins_add", "pins_add"]
        assert (await rig.loopback.channel.next_message()).content == "first"
        await first.unpin()
        await rig.loopback.settled()
        assert [m.content async for m in rig.channel.pins()] == ["second"]
        assert not first.pinned
        old = _route(rig, "GET", "/channels/{channel_id}/pins")
        assert [m["content"] for m in await rig.bot.http.request(old)] == ["second"]
        await rig.bot.http.request(_route(rig, "DELETE", f"/channels/{{channel_id}}/pins/{second.id}"))
        await second.delete()
        assert [m async for m in rig.channel.pins()] == []
        await refused(second.pin(), 404, 10008)


async def test_pins_need_a_permission_and_a_channel_has_room_for_250():
    async with moderating() as rig:
        message = await rig.channel.send("x")
        rig.loopback.channel.pins |= dict.fromkeys(range(250), "2026-01-01T00:00:00+00:00")
        await refused(message.pin(), 400, 30003)
        await rig.only(send_messages=True, manage_messages=True)
        await refused(message.pin(), 403, 50013)
        await refused(message.unpin(), 403, 50013)
        await rig.only(send_messages=True, pin_messages=True)
        rig.loopback.channel.pins.clear()
        await message.pin()


async def test_who_reacted_and_reactions_taken_away():
    async with moderating() as rig:
        loopback, custom = rig.loopback, rig.loopback.add_emoji("blob", rig.loopback.guild)
        message = await rig.channel.send("vote")
        seen = loopback.channel.messages[0]
        await message.add_reaction("👍")
        for user in (loopback.user, loopback.admin):
            await user.react(seen, "👍")
            await user.react(seen, str(custom))
        await loopback.settled()
        message = rig.bot._connection._get_message(message.id)
        thumb, blob = message.reactions
        assert (thumb.count, thumb.me, blob.count, blob.me) == (3, True, 2, False)
        assert {u.id async for u in thumb.users()} == {rig.bot.user.id, loopback.user.id, loopback.admin.id}
        assert [u.id async for u in blob.users(limit=1)] == [min(loopback.user.id, loopback.admin.id)]
        await thumb.remove(rig.member())
        await message.remove_reaction("👍", rig.bot.user)
        await loopback.settled()
        assert [(r.emoji, r.count, r.me) for r in message.reactions if r.emoji == "👍"] == [("👍", 1, False)]
        await blob.clear()
        await loopback.settled()
        assert [str(r.emoji) for r in message.reactions] == ["👍"]
        await message.clear_reactions()
        await loopback.settled()
        assert (message.reactions, seen.body["reactions"], seen.reactors) == ([], [], {})
        for name in ("reaction_remove", "reaction_clear", "reaction_clear_emoji"):
            assert name in rig.names()


async def test_reactions_of_others_need_manage_messages():
    async with moderating() as rig:
        message = await rig.channel.send("vote")
        await rig.loopback.user.react(rig.loopback.channel.messages[0], "👍")
        await rig.only(send_messages=True, read_message_history=True)
        for request in (
            message.clear_reactions(),
            message.clear_reaction("👍"),
            message.remove_reaction("👍", rig.member()),
        ):
            await refused(request, 403, 50013)
        await rig.only(manage_messages=True, read_message_history=True)
        await message.clear_reaction("👍")
        assert rig.loopback.channel.messages[0].body["reactions"] == []


async def test_many_messages_go_at_once_in_one_event():
    async with moderating() as rig:
        for text in "abc":
            await rig.loopback.user.send(rig.loopback.channel, text)
        deleted = await rig.channel.purge(limit=10, check=lambda m: m.content != "b")
        await rig.loopback.settled()
        assert len(deleted) == 2
        assert [m.content for m in rig.loopback.channel.messages] == ["b"]
        assert rig.names().count("bulk_message_delete") == 1
        assert rig.names().count("message_delete") == 0
        await rig.only(send_messages=True)
        await refused(rig.channel.delete_messages(deleted), 403, 50013)


@pytest.mark.parametrize("is_dm", [False, True])
async def test_typing_is_heard(is_dm: bool):
    async with moderating() as rig:
        place = await rig.member().create_dm() if is_dm else rig.channel
        await place.typing()
        await rig.loopback.settled()
        ((where, who, _),) = [args for name, args in rig.events if name == "typing"]
        assert (where.id, who.id) == (place.id, rig.bot.user.id)


def _route(rig, method: str, path: str):
    return Route(method, path, channel_id=rig.channel.id)
