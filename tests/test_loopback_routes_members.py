"""REST: members edited, timed out, moved in voice, kicked and banned; who stands too high for it."""

from __future__ import annotations

import datetime as dt

import discord
import pytest

from tests.routes_rig import moderating, refused


async def test_a_member_gets_a_nick_a_role_and_a_timeout():
    async with moderating() as rig:
        loopback, member = rig.loopback, rig.member()
        role = loopback.guild.add_role("DJ")
        await loopback.settled()
        edited = await member.edit(nick="Nick", roles=[rig.guild.get_role(role.id)])
        assert (edited.nick, [r.name for r in edited.roles]) == ("Nick", ["@everyone", "DJ"])
        until = rig.clock.now() + dt.timedelta(minutes=10)
        await member.timeout(until, reason="loud")
        await loopback.settled()
        assert (member.nick, member.roles[-1].name) == ("Nick", "DJ")
        assert rig.names().count("member_update") == 2
        with pytest.raises(PermissionError):
            await loopback.user.send(loopback.channel, "let me")
        assert (loopback.requests[-1].reason, loopback.user.permissions_in(loopback.guild).speak) == ("loud", False)
        assert member.timed_out_until == until
        await rig.clock.advance(601)
        await loopback.user.send(loopback.channel, "at last")
        await member.edit(nick=None, timed_out_until=None)
        await loopback.settled()
        assert (member.nick, member.timed_out_until) == (None, None)


async def test_roles_are_given_and_taken():
    async with moderating() as rig:
        loopback, member = rig.loopback, rig.member()
        role = loopback.guild.add_role("DJ", discord.Permissions(manage_channels=True))
        await loopback.settled()
        await member.add_roles(rig.guild.get_role(role.id))
        await loopback.settled()
        assert member.guild_permissions.manage_channels
        assert role in loopback.guild.roles_of(loopback.user)
        await member.remove_roles(rig.guild.get_role(role.id))
        await loopback.settled()
        assert not member.guild_permissions.manage_channels
        await refused(member.add_roles(discord.Object(5)), 404, 10011)
        await refused(rig.bot.http.add_role(rig.guild.id, member.id, rig.guild.id), 400, 50028)
        await refused(member.add_roles(rig.guild.self_role), 403, 50013)


async def test_who_stands_as_high_as_the_bot_is_out_of_reach():
    async with moderating() as rig:
        loopback = rig.loopback
        high = loopback.guild.add_role("High", above_bot=True)
        loopback.guild.give_role(loopback.user, high)
        await loopback.settled()
        for who in (rig.member(), rig.guild.owner):
            assert who.top_role > rig.guild.me.top_role or who == rig.guild.owner
            await refused(who.kick(), 403, 50013)
            await refused(who.ban(), 403, 50013)
            await refused(who.edit(nick="x"), 403, 50013)
            await refused(who.timeout(dt.timedelta(1)), 403, 50013)
        await refused(rig.member(loopback.admin).add_roles(rig.guild.get_role(high.id)), 403, 50013)
        await refused(rig.guild.kick(rig.guild.me), 403, 50013)
        assert loopback.user in loopback.guild.members


async def test_timeouts_are_bounded_and_not_for_administrators():
    async with moderating() as rig:
        loopback = rig.loopback
        too_long = rig.clock.now() + dt.timedelta(days=29)
        await refused(rig.member().timeout(too_long), 400, 50035)
        role = loopback.guild.add_role("Admins", discord.Permissions(administrator=True))
        loopback.guild.give_role(loopback.admin, role)
        await refused(rig.member(loopback.admin).timeout(dt.timedelta(1)), 403, 50013)


async def test_members_are_moved_muted_and_thrown_out_of_voice():
    async with moderating() as rig:
        loopback, member = rig.loopback, rig.member()
        other = rig.loopback.guild.add_voice_channel("Other")
        await refused(member.move_to(discord.Object(other.id)), 400, 40032)
        await loopback.user.join_voice(loopback.voice_channel)
        await loopback.settled()
        await member.move_to(rig.guild.get_channel(other.id))
        await member.edit(mute=True, deafen=True)
        await loopback.settled()
        assert (member.voice.channel.name, member.voice.mute, member.voice.deaf) == ("Other", True, True)
        assert (await member.fetch_voice()).channel.name == "Other"
        await member.move_to(None)
        await loopback.settled()
        assert member.voice is None
        assert rig.names().count("voice_state_update") == 5
        await refused(member.fetch_voice(), 404, 10065)


async def test_the_bot_renames_itself():
    async with moderating(administrator=False) as rig:
        await rig.guild.me.edit(nick="Robbie")
        await rig.loopback.settled()
        assert rig.guild.me.nick == "Robbie"
        await rig.only(send_messages=True)
        await refused(rig.guild.me.edit(nick="x"), 403, 50013)


async def test_kicks_and_bans():
    async with moderating() as rig:
        loopback = rig.loopback
        await rig.member(loopback.admin).kick(reason="rude")
        await loopback.settled()
        assert rig.guild.get_member(loopback.admin.id) is None
        await refused(rig.guild.kick(discord.Object(loopback.admin.id)), 404, 10007)
        await loopback.user.send(loopback.channel, "spam")
        await rig.member().ban(reason="spam ÄÖ", delete_message_seconds=60)
        await loopback.settled()
        assert rig.guild.get_member(loopback.user.id) is None
        assert loopback.channel.messages == []
        names = rig.names()
        assert [n for n in names if n in ("member_ban", "member_remove")] == [
            "member_remove",
            "member_ban",
            "member_remove",
        ]
        entry = await rig.guild.fetch_ban(discord.Object(loopback.user.id))
        assert (entry.user.id, entry.reason) == (loopback.user.id, "spam ÄÖ")
        assert [e.user.id async for e in rig.guild.bans()] == [loopback.user.id]
        await rig.guild.unban(entry.user)
        await loopback.settled()
        assert names != rig.names()
        assert rig.names()[-1] != "member_ban"
        assert "member_unban" in rig.names()
        await refused(rig.guild.unban(entry.user), 404, 10026)
        await refused(rig.guild.fetch_ban(entry.user), 404, 10026)
        await refused(rig.guild.ban(discord.Object(5)), 404, 10013)


async def test_bulk_bans_ban_whom_they_can():
    async with moderating() as rig:
        loopback = rig.loopback
        outsider = loopback.add_user("Outsider")
        targets = [discord.Object(i) for i in (loopback.user.id, outsider.id, rig.guild.owner.id, 5)]
        result = await rig.guild.bulk_ban(targets)
        assert [u.id for u in result.banned] == [loopback.user.id, outsider.id]
        assert [u.id for u in result.failed] == [rig.guild.owner.id, 5]
        assert set(loopback.guild.bans) == {loopback.user.id, outsider.id}
        await refused(rig.guild.bulk_ban(targets[:2]), 400, 500000)


async def test_what_needs_which_permission():
    async with moderating() as rig:
        loopback, member = rig.loopback, rig.member()
        role = loopback.guild.add_role("DJ")
        await rig.only(change_nickname=True)
        for request in (
            member.kick(),
            member.ban(),
            member.edit(nick="x"),
            member.timeout(dt.timedelta(1)),
            member.add_roles(discord.Object(role.id)),
            rig.guild.unban(member),
            rig.guild.fetch_ban(member),
            rig.guild.bulk_ban([member]),
        ):
            await refused(request, 403, 50013)


async def test_members_are_fetched_and_searched():
    async with moderating() as rig:
        loopback = rig.loopback
        await rig.member().edit(nick="Zed")
        assert {m.id async for m in rig.guild.fetch_members()} == set(loopback.guild.memberships)
        assert (await rig.guild.fetch_member(loopback.user.id)).nick == "Zed"
        found = await rig.bot.http.request(
            discord.http.Route("GET", "/guilds/{guild_id}/members/search", guild_id=rig.guild.id),
            params={"query": "ze", "limit": 5},
        )
        assert [m["user"]["id"] for m in found] == [str(loopback.user.id)]
