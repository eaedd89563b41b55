"""REST: roles made, edited, moved and deleted, and the order among them."""

from __future__ import annotations

import discord

from tests.routes_rig import moderating, refused


async def test_a_role_is_made_edited_and_deleted():
    async with moderating() as rig:
        made = await rig.guild.create_role(
            name="DJ", colour=0x123456, hoist=True, permissions=discord.Permissions(speak=True)
        )
        await rig.loopback.settled()
        role = rig.guild.get_role(made.id)
        assert (role.name, role.colour.value, role.hoist, role.permissions.speak) == ("DJ", 0x123456, True, True)
        await role.edit(name="VJ", mentionable=True, permissions=discord.Permissions(manage_channels=True))
        await rig.member().add_roles(role)
        await rig.loopback.settled()
        assert (role.name, role.mentionable, rig.member().guild_permissions.manage_channels) == ("VJ", True, True)
        assert rig.loopback.user.permissions_in(rig.loopback.guild).manage_channels
        await role.delete()
        await rig.loopback.settled()
        assert rig.guild.get_role(role.id) is None
        assert role not in rig.member().roles
        assert not rig.loopback.user.permissions_in(rig.loopback.guild).manage_channels
        assert [n for n in rig.names() if n.startswith("guild_role")] == [
            "guild_role_create",
            "guild_role_update",
            "guild_role_delete",
        ]
        await refused(role.delete(), 404, 10011)


async def test_new_roles_stand_at_the_bottom_and_can_be_moved_up_to_the_bots():
    async with moderating() as rig:
        bot_role = rig.guild.self_role
        low, lower = [await rig.guild.create_role(name=name) for name in ("low", "lower")]
        await rig.loopback.settled()
        low, lower = rig.guild.get_role(low.id), rig.guild.get_role(lower.id)
        assert bot_role > low > lower > rig.guild.default_role
        rig.loopback.guild.bot_role.position = 5
        rig.loopback.guild.tell_role(rig.loopback.guild.bot_role)
        await rig.loopback.settled()
        await rig.guild.edit_role_positions({low: 2, lower: 3})
        await rig.loopback.settled()
        bot_role, low, lower = (rig.guild.get_role(role.id) for role in (bot_role, low, lower))
        assert bot_role > lower > low
        assert len({role.position for role in rig.guild.roles}) == len(rig.guild.roles)
        await low.edit(position=lower.position)
        await rig.loopback.settled()
        assert bot_role > low > lower
        high = rig.loopback.guild.add_role("high", above_bot=True)
        await rig.loopback.settled()
        seen = rig.guild.get_role(high.id)
        assert seen > bot_role
        for request in (seen.edit(name="x"), seen.delete(), low.edit(position=seen.position), bot_role.edit(name="x")):
            await refused(request, 403, 50013)
        too_high = [{"id": low.id, "position": seen.position}]
        await refused(rig.bot.http.move_role_position(rig.guild.id, too_high), 403, 50013)
        assert [r.name for r in rig.guild.roles] == [
            "@everyone",
            "Permissions of admin",
            "lower",
            "low",
            "Loopback",
            "high",
        ]


async def test_what_cannot_be_done_to_roles():
    async with moderating() as rig:
        guild, http = rig.guild, rig.bot.http
        await refused(http.delete_role(guild.id, guild.id), 400, 50028)
        await refused(http.edit_role(guild.id, 5, name="x"), 404, 10011)
        await refused(http.create_role(guild.id, name="n" * 101), 400, 50035)
        await refused(http.create_role(guild.id, color=0x1000000), 400, 50035)
        await refused(http.move_role_position(guild.id, [{"id": 5, "position": 1}]), 404, 10011)
        await rig.only(manage_roles=True)
        await refused(guild.create_role(permissions=discord.Permissions(ban_members=True)), 403, 50013)
        role = await guild.create_role(permissions=discord.Permissions(manage_roles=True))
        await refused(role.edit(permissions=discord.Permissions(administrator=True)), 403, 50013)
        await rig.only(manage_channels=True)
        await refused(guild.create_role(), 403, 50013)
        await refused(role.delete(), 403, 50013)


async def test_everyone_can_be_edited_and_roles_are_listed():
    async with moderating() as rig:
        await rig.guild.default_role.edit(permissions=discord.Permissions(view_channel=True))
        await rig.loopback.settled()
        assert rig.guild.default_role.permissions == discord.Permissions(view_channel=True)
        assert not rig.loopback.user.permissions_in(rig.loopback.channel).send_messages
        assert {r.id for r in await rig.guild.fetch_roles()} == {r.id for r in rig.guild.roles}
        assert (await rig.guild.fetch_role(rig.guild.id)).is_default()
        counts = await rig.guild.role_member_counts()
        assert counts[rig.guild.self_role] == 1
