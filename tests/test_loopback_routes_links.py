"""REST: invites and webhooks of channels."""

from __future__ import annotations

import datetime as dt

import discord

from botmon_cog.testing.pictures import DOT
from tests.routes_rig import moderating, refused


async def test_invites_are_made_listed_looked_at_and_revoked():
    async with moderating() as rig:
        invite = await rig.channel.create_invite(max_age=3600, max_uses=2, reason="friends")
        await rig.loopback.settled()
        assert (invite.max_age, invite.max_uses, invite.uses, invite.guild) == (3600, 2, 0, rig.guild)
        assert invite.expires_at == rig.clock.now() + dt.timedelta(hours=1)
        assert (
            [i.code for i in await rig.channel.invites()]
            == [i.code for i in await rig.guild.invites()]
            == [invite.code]
        )
        fetched = await rig.bot.fetch_invite(invite.url)
        assert (fetched.channel.id, fetched.approximate_member_count) == (rig.channel.id, len(rig.guild.members))
        await invite.delete()
        await rig.loopback.settled()
        assert [n for n in rig.names() if n.startswith("invite")] == ["invite_create", "invite_delete"]
        await refused(rig.bot.fetch_invite(invite.url), 404, 10006)
        short = await rig.channel.create_invite(max_age=60)
        await rig.clock.advance(61)
        await refused(short.delete(), 404, 10006)
        assert await rig.guild.invites() == []


async def test_invites_need_permissions():
    async with moderating() as rig:
        invite = await rig.channel.create_invite()
        await rig.only(send_messages=True)
        for request in (rig.channel.create_invite(), rig.channel.invites(), rig.guild.invites(), invite.delete()):
            await refused(request, 403, 50013)
        assert await rig.bot.fetch_invite(invite.code)


async def test_webhooks_are_made_used_edited_and_deleted():
    async with moderating() as rig:
        hook = await rig.channel.create_webhook(name="Notice", avatar=DOT)
        assert [w.id for w in await rig.channel.webhooks()] == [w.id for w in await rig.guild.webhooks()] == [hook.id]
        assert (await rig.bot.fetch_webhook(hook.id)).user.id == rig.bot.user.id
        assert await hook.avatar.read() == DOT
        sent = await hook.send("extra", wait=True)
        assert (sent.author.name, sent.webhook_id) == ("Notice", hook.id)
        other = rig.loopback.guild.add_text_channel("other")
        await rig.loopback.settled()
        edited = await hook.edit(name="Olds", channel=rig.guild.get_channel(other.id))
        assert (edited.name, edited.channel_id) == ("Olds", other.id)
        by_token = discord.Webhook.partial(hook.id, hook.token, client=rig.bot)
        await by_token.edit(name="Own", prefer_auth=False)
        assert (await by_token.fetch(prefer_auth=False)).name == "Own"
        await hook.delete()
        await rig.loopback.settled()
        assert rig.names().count("webhooks_update") == 4
        await refused(rig.bot.fetch_webhook(hook.id), 404, 10015)
        await refused(hook.send("x"), 404, 10015)


async def test_a_webhook_speaks_in_threads_of_its_channel():
    async with moderating() as rig:
        hook = await rig.channel.create_webhook(name="Notice")
        thread = await rig.channel.create_thread(name="t", type=discord.ChannelType.public_thread)
        await hook.send("inside", thread=thread)
        assert [m.content for m in rig.loopback.channel.threads[0].messages] == ["inside"]
        await refused(hook.send("x", thread=discord.Object(5)), 404, 10003)


async def test_webhooks_need_a_permission_and_a_channel_has_room_for_15():
    async with moderating() as rig:
        hooks = [await rig.channel.create_webhook(name=f"w{n}") for n in range(15)]
        await refused(rig.channel.create_webhook(name="one more"), 400, 30007)
        await rig.only(send_messages=True)
        for request in (
            rig.channel.create_webhook(name="x"),
            rig.channel.webhooks(),
            rig.guild.webhooks(),
            hooks[0].delete(),
        ):
            await refused(request, 403, 50013)
