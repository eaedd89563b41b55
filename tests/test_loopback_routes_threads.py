"""REST: threads begun, joined, left, archived, listed, deleted, and posts of forums."""

from __future__ import annotations

import discord
import pytest

from tests.routes_rig import moderating, refused


async def test_a_thread_from_a_message():
    async with moderating() as rig:
        message = await rig.channel.send("topic")
        thread = await message.create_thread(name="About it", auto_archive_duration=60)
        await rig.loopback.settled()
        assert thread.id == message.id
        assert rig.guild.get_thread(thread.id).parent == rig.channel
        assert "thread_create" in rig.names()
        await thread.send("inside")
        assert [m.content async for m in thread.history(limit=1)] == ["inside"]
        seen = await rig.channel.fetch_message(message.id)
        assert seen.flags.has_thread
        assert seen.thread.name == "About it"
        assert seen.thread.auto_archive_duration == 60
        await refused(message.create_thread(name="again"), 400, 160004)


async def test_threads_without_a_message_public_and_private():
    async with moderating() as rig:
        loopback = rig.loopback
        public = await rig.channel.create_thread(name="open", type=discord.ChannelType.public_thread)
        private = await rig.channel.create_thread(name="closed", invitable=False)
        await loopback.settled()
        assert {t.name for t in rig.guild.threads} == {"open", "closed"}
        assert private.is_private()
        assert not public.is_private()
        seen = next(t for t in loopback.channel.threads if t.id == private.id)
        with pytest.raises(PermissionError):
            await loopback.user.send(seen, "may I?")
        await private.add_user(rig.member())
        await loopback.user.send(seen, "I may")
        await loopback.settled()
        joined = rig.guild.get_thread(private.id)
        assert {m.id for m in joined.members} == {loopback.user.id}
        assert {m.id for m in await private.fetch_members()} == {loopback.user.id, rig.bot.user.id}
        assert (await private.fetch_member(loopback.user.id)).thread == private
        await private.remove_user(rig.member())
        await loopback.settled()
        assert joined.members == []
        assert rig.names().count("thread_member_join") == 1
        assert rig.names().count("thread_member_remove") == 1
        await refused(private.fetch_member(loopback.user.id), 404, 10007)


async def test_archived_threads_leave_the_cache_and_are_listed():
    async with moderating() as rig:
        loopback = rig.loopback
        thread = await rig.channel.create_thread(name="done", type=discord.ChannelType.public_thread)
        private = await rig.channel.create_thread(name="secret")
        message = await thread.send("x")
        await loopback.settled()
        assert {t.id for t in await rig.guild.active_threads()} == {thread.id, private.id}
        for each in (thread, private):
            await each.edit(archived=True)
        await loopback.settled()
        assert rig.guild.get_thread(thread.id) is None
        assert [t.id async for t in rig.channel.archived_threads()] == [thread.id]
        assert [t.id async for t in rig.channel.archived_threads(private=True)] == [private.id]
        assert [t.id async for t in rig.channel.archived_threads(private=True, joined=True)] == [private.id]
        assert await rig.guild.active_threads() == []
        await refused(message.edit(content="y"), 400, 50083)
        await refused(thread.edit(name="renamed"), 400, 50083)
        await loopback.user.send(loopback.channel.threads[0], "back again")
        await loopback.settled()
        assert not rig.guild.get_thread(thread.id).archived


async def test_commands_are_used_in_threads():
    async with moderating() as rig:
        loopback = rig.loopback

        @rig.bot.tree.command(description="Says where it is")
        async def where(interaction: discord.Interaction) -> None:
            assert isinstance(interaction.channel, discord.Thread)
            await interaction.response.send_message(f"{interaction.channel.parent.name}/{interaction.channel.name}")

        await rig.bot.tree.sync()
        thread = loopback.channel.add_thread("inner", loopback.user)
        answer = await loopback.user.slash(thread, "where")
        assert answer.message.content == "general/inner"
        assert thread.messages[-1].content == "general/inner"


async def test_a_locked_thread_takes_no_more_messages():
    async with moderating() as rig:
        thread = rig.loopback.channel.add_thread("locked", rig.loopback.user)
        await rig.loopback.settled()
        seen = rig.guild.get_thread(thread.id)
        assert seen.owner_id == rig.loopback.user.id
        await seen.edit(locked=True)
        await rig.only(send_messages=True, send_messages_in_threads=True, read_message_history=True)
        await refused(seen.send("x"), 403, 160005)
        await refused(seen.edit(locked=False), 403, 50013)


async def test_the_bot_joins_leaves_and_deletes_a_thread_of_others():
    async with moderating() as rig:
        loopback = rig.loopback
        thread = loopback.channel.add_thread("theirs", loopback.user)
        await loopback.settled()
        seen = rig.guild.get_thread(thread.id)
        assert seen.me is None
        await seen.join()
        await loopback.settled()
        assert seen.me is not None
        await seen.leave()
        await loopback.settled()
        assert "thread_remove" in rig.names()
        assert rig.bot.user.id not in thread.thread.joined
        await seen.delete()
        await loopback.settled()
        assert rig.guild.get_thread(thread.id) is None
        assert "thread_delete" in rig.names()
        await refused(seen.send("x"), 404, 10003)


async def test_threads_have_permissions_of_their_own():
    async with moderating() as rig:
        message = await rig.channel.send("x")
        thread = await rig.channel.create_thread(name="t", type=discord.ChannelType.public_thread)
        await rig.only(send_messages=True)
        await refused(message.create_thread(name="t"), 403, 50013)
        await refused(rig.channel.create_thread(name="t"), 403, 50013)
        await refused(thread.send("x"), 403, 50013)
        await refused(thread.delete(), 403, 50013)
        await rig.only(send_messages_in_threads=True)
        assert await thread.send("x")
        await refused(rig.channel.send("x"), 403, 50013)
        theirs = rig.loopback.channel.add_thread("private", rig.loopback.user, private=True)
        await refused(rig.bot.http.join_thread(theirs.id), 403, 50001)
        await rig.loopback.settled()
        assert rig.guild.get_thread(theirs.id) is None


async def test_a_post_in_a_forum():
    async with moderating() as rig:
        forum = await rig.guild.create_forum("help", available_tags=[discord.ForumTag(name="new")])
        await rig.loopback.settled()
        forum = rig.guild.get_channel(forum.id)
        made = await forum.create_thread(name="How?", content="Like this?", applied_tags=[forum.available_tags[0]])
        await rig.loopback.settled()
        assert made.message.id == made.thread.id
        assert made.message.content == "Like this?"
        thread = rig.guild.get_thread(made.thread.id)
        assert [tag.name for tag in thread.applied_tags] == ["new"]
        await refused(
            rig.bot.http.start_thread_without_message(forum.id, name="x", auto_archive_duration=60, type=11), 400, 50035
        )
