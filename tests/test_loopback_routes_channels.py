"""REST: channels made, edited, moved and deleted, and what they allow to whom."""

from __future__ import annotations

import discord
import pytest

from tests.routes_rig import moderating, refused


async def test_channels_are_made_and_the_cache_follows():
    async with moderating() as rig:
        guild = rig.guild
        category = await guild.create_category("The Office")
        text = await guild.create_text_channel("Big Talk", category=category, topic="all", slowmode_delay=5, nsfw=True)
        voice = await guild.create_voice_channel("Call Me", user_limit=7, bitrate=32_000)
        await guild.create_forum("help", available_tags=[discord.ForumTag(name="solved")])
        await rig.loopback.settled()
        seen = guild.get_channel(text.id)
        assert (seen.name, seen.topic, seen.slowmode_delay, seen.nsfw) == ("big-talk", "all", 5, True)
        assert seen.category == category
        assert seen.category.channels == [seen]
        seen = guild.get_channel(voice.id)
        assert (seen.name, seen.user_limit, seen.bitrate) == ("Call Me", 7, 32_000)
        assert [tag.name for tag in guild.forums[0].available_tags] == ["solved"]
        assert rig.names().count("guild_channel_create") == 4
        assert {c.id for c in await guild.fetch_channels()} == {c.id for c in guild.channels}
        assert [c.name for c in rig.loopback.guild.channels][-4:] == ["The Office", "big-talk", "Call Me", "help"]


async def test_a_channel_is_edited_moved_and_deleted():
    async with moderating() as rig:
        guild = rig.guild
        one, two = [await guild.create_text_channel(name) for name in ("one", "two")]
        category = await guild.create_category(
            "c", overwrites={guild.default_role: discord.PermissionOverwrite(connect=False)}
        )
        await rig.loopback.settled()
        await one.edit(name="Other Name", topic="t", slowmode_delay=10)
        await two.move(before=guild.get_channel(one.id))
        await one.edit(category=category, sync_permissions=True)
        await rig.loopback.settled()
        one, two = guild.get_channel(one.id), guild.get_channel(two.id)
        assert (one.name, one.topic, one.slowmode_delay, one.category) == ("other-name", "t", 10, category)
        assert one.overwrites_for(guild.default_role).connect is False
        assert two.position < one.position
        await category.delete(reason="no longer needed")
        await rig.loopback.settled()
        assert guild.get_channel(category.id) is None
        assert guild.get_channel(one.id).category is None
        assert rig.loopback.requests[-1].reason == "no longer needed"
        await one.delete()
        await rig.loopback.settled()
        assert guild.get_channel(one.id) is None
        assert rig.names().count("guild_channel_delete") == 2
        await refused(one.send("gone"), 404, 10003)


async def test_a_deleted_channel_takes_its_messages_threads_and_callers_along():
    async with moderating() as rig:
        loopback, guild = rig.loopback, rig.guild
        message = await rig.channel.send("x")
        thread = await message.create_thread(name="t")
        await loopback.user.join_voice(loopback.voice_channel)
        await rig.channel.delete()
        await guild.get_channel(loopback.voice_channel.id).delete()
        await loopback.settled()
        assert guild.get_thread(thread.id) is None
        assert rig.member().voice is None
        await refused(message.edit(content="y"), 404, 10003)
        await refused(thread.send("y"), 404, 10003)
        assert loopback.channel.messages == []


async def test_overwrites_are_set_cleared_and_obeyed():
    async with moderating() as rig:
        loopback, channel = rig.loopback, rig.channel
        await channel.set_permissions(rig.guild.default_role, send_messages=False)
        await channel.set_permissions(rig.member(loopback.admin), send_messages=True)
        await loopback.settled()
        assert not channel.permissions_for(rig.member()).send_messages
        assert channel.permissions_for(rig.member(loopback.admin)).send_messages
        with pytest.raises(PermissionError, match="may not write"):
            await loopback.user.send(loopback.channel, "x")
        await loopback.admin.send(loopback.channel, "x")
        await channel.set_permissions(rig.guild.default_role, overwrite=None)
        await loopback.settled()
        assert rig.guild.default_role not in channel.overwrites
        await loopback.user.send(loopback.channel, "x")
        nobody = discord.Object(1, type=discord.Member)
        await refused(channel._state.http.delete_channel_permissions(channel.id, nobody.id), 404, 10009)
        await refused(channel._state.http.edit_channel_permissions(channel.id, 1, "0", "0", 0), 404, 10009)


async def test_what_needs_which_permission():
    async with moderating() as rig:
        guild, channel = rig.guild, rig.channel
        await rig.only(manage_roles=True, send_messages=True)
        await refused(guild.create_text_channel("x"), 403, 50013)
        await refused(channel.edit(topic="x"), 403, 50013)
        await refused(channel.delete(), 403, 50013)
        await refused(channel.set_permissions(guild.default_role, ban_members=True), 403, 50013)
        await channel.set_permissions(guild.default_role, send_messages=False)
        await rig.only(manage_channels=True)
        await refused(channel.set_permissions(guild.default_role, send_messages=True), 403, 50013)
        secret = rig.loopback.guild.add_text_channel("secret")
        await rig.loopback.settled()
        rig.loopback.guild.set_bot_permissions(discord.Permissions(manage_channels=True))
        await refused(guild.get_channel(secret.id).edit(topic="x"), 403, 50001)
        assert rig.loopback.channel.payload()["topic"] is None


async def test_bodies_that_discord_refuses():
    async with moderating() as rig:
        http, guild_id = rig.bot.http, rig.guild.id
        for body in (
            {"name": ""},
            {"name": "n" * 101},
            {"name": "n", "parent_id": 5},
            {"name": "n", "topic": "t" * 1025},
        ):
            await refused(http.create_channel(guild_id, 0, **body), 400, 50035)
        await refused(http.create_channel(guild_id, 99, name="n"), 400, 50035)
        await refused(http.edit_channel(rig.channel.id, rate_limit_per_user=21_601), 400, 50035)
        moves = [{"id": rig.channel.id, "position": 7}, {"id": 5, "position": 0}]
        await refused(http.bulk_channel_update(guild_id, moves), 404, 10003)
        await refused(http.edit_channel(rig.channel.id, topic="t", name="n", position=-1), 400, 50035)
        await rig.loopback.settled()
        assert (rig.channel.position, rig.channel.topic, rig.channel.name) == (0, None, "general")
        await refused(http.delete_channel(5), 404, 10003)
        forum = await rig.guild.create_forum("f")
        await refused(http.send_message(forum.id, params=discord.http.handle_message_parameters("x")), 400, 40058)
