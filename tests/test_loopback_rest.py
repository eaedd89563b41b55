"""REST: messages, permissions, commands, faults, the record, the errors."""

from __future__ import annotations

import io
import time

import aiohttp
import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord, ManualClock

ALL_CHANNEL = dict(discord.Permissions.all_channel())


@pytest.fixture
async def clock():
    return ManualClock()


@pytest.fixture
async def discord_(clock: ManualClock):
    async with LoopbackDiscord(clock) as loopback:
        yield loopback


@pytest.fixture
async def bot(discord_: LoopbackDiscord):
    bot = commands.Bot("!", intents=discord.Intents.all())
    async with discord_.running(bot):
        yield bot
        assert discord_.check_requests() == []


@pytest.fixture
async def channel(discord_: LoopbackDiscord, bot: commands.Bot) -> discord.TextChannel:
    found = bot.get_channel(discord_.channel.id)
    assert isinstance(found, discord.TextChannel)
    return found


def refusal(caught: pytest.ExceptionInfo[discord.HTTPException]) -> tuple[int, int]:
    return caught.value.status, caught.value.code


async def test_send_edit_reply_and_delete(discord_: LoopbackDiscord, channel: discord.TextChannel):
    sent = await channel.send("one", embed=discord.Embed(title="T").add_field(name="a", value="b"))
    seen = await discord_.channel.next_message()
    assert (seen.id, seen.content, seen.embeds[0]["fields"][0]["value"]) == (sent.id, "one", "b")
    await sent.edit(content="two", embed=None)
    assert (seen.content, seen.embeds, seen.edited) == ("two", [], True)
    question = await discord_.user.send(discord_.channel, "question")
    reply = await (await channel.fetch_message(question.id)).reply("answer")
    assert reply.reference.message_id == question.id
    assert [m.content async for m in channel.history()] == ["answer", "question", "two"]
    assert [m.content async for m in channel.history(limit=1, before=reply)] == ["question"]
    await sent.delete()
    assert seen.deleted
    assert [m.content for m in discord_.channel.messages] == ["question", "answer"]
    with pytest.raises(discord.NotFound) as caught:
        await channel.fetch_message(sent.id)
    assert refusal(caught) == (404, 10008)


async def test_attachments_go_up_and_come_down(discord_: LoopbackDiscord, channel: discord.TextChannel):
    file = discord.File(io.BytesIO(b"abc"), "a.txt", description="three letters")
    sent = await channel.send("with file", files=[file, discord.File(io.BytesIO(b"{}"), "b.json")])
    seen = discord_.channel.messages[-1]
    assert [(a.filename, a.bytes, a.size) for a in seen.attachments] == [("a.txt", b"abc", 3), ("b.json", b"{}", 2)]
    assert seen.attachments[0].description == "three letters"
    assert await sent.attachments[0].read() == b"abc"
    assert discord_.requests[-1].files == ["a.txt", "b.json"]
    assert discord_.requests[-1].json["content"] == "with file"
    await sent.edit(attachments=[sent.attachments[1], discord.File(io.BytesIO(b"new"), "c.txt")])
    assert [a.filename for a in seen.attachments] == ["b.json", "c.txt"]


@pytest.mark.parametrize(
    ("missing", "send"),
    [
        ("send_messages", {"content": "x"}),
        ("embed_links", {"embed": discord.Embed(title="x")}),
        ("attach_files", {"file": "x"}),
    ],
)
async def test_a_missing_permission_is_50013(discord_, channel, missing: str, send: dict):
    discord_.guild.set_bot_permissions(discord.Permissions(**{**ALL_CHANNEL, missing: False}))
    if "file" in send:
        send = {"file": discord.File(io.BytesIO(b"x"), "x")}
    with pytest.raises(discord.Forbidden) as caught:
        await channel.send(**send)
    assert refusal(caught) == (403, 50013)
    discord_.guild.set_bot_permissions(discord.Permissions(administrator=True))
    assert await channel.send("x")


async def test_manage_messages_and_view_channel(discord_: LoopbackDiscord, channel: discord.TextChannel):
    message = channel.get_partial_message((await discord_.user.send(discord_.channel, "x")).id)
    discord_.guild.set_bot_permissions(discord.Permissions(view_channel=True, read_message_history=True))
    with pytest.raises(discord.Forbidden) as caught:
        await message.delete()
    assert refusal(caught) == (403, 50013)
    with pytest.raises(discord.Forbidden) as caught:
        await message.edit(content="mine now")
    assert refusal(caught) == (403, 50005)
    discord_.guild.set_bot_permissions(discord.Permissions(send_messages=True))
    with pytest.raises(discord.Forbidden) as caught:
        await channel.send("x")
    assert refusal(caught) == (403, 50001)


async def test_permissions_set_for_one_channel(discord_: LoopbackDiscord, bot: commands.Bot):
    discord_.user.set_permissions(discord_.channel, discord.Permissions(view_channel=True))
    assert discord_.user.permissions_in(discord_.channel) == discord.Permissions(view_channel=True)
    with pytest.raises(PermissionError, match="may not write"):
        await discord_.user.send(discord_.channel, "x")
    discord_.user.set_permissions(discord_.guild, discord.Permissions(kick_members=True))
    assert discord_.user.permissions_in(discord_.guild) == discord.Permissions(kick_members=True)
    assert discord_.owner.permissions_in(discord_.guild).send_messages
    assert (await bot.fetch_channel(discord_.channel.id)).id == discord_.channel.id


async def test_direct_messages_and_closed_ones(discord_: LoopbackDiscord, bot: commands.Bot):
    user = await bot.fetch_user(discord_.owner.id)
    await user.send("hello")
    assert (await discord_.owner.next_dm()).content == "hello"
    discord_.faults.close_dms(discord_.owner)
    with pytest.raises(discord.Forbidden) as caught:
        await user.send("again")
    assert refusal(caught) == (403, 50007)
    discord_.faults.open_dms(discord_.owner)
    await user.send("open")
    assert [m.content for m in discord_.owner.dms] == ["hello", "open"]


async def test_reactions_and_typing(discord_: LoopbackDiscord, bot: commands.Bot, channel: discord.TextChannel):
    sent = await channel.send("x")
    await sent.add_reaction("👍")
    await discord_.user.react(discord_.channel.messages[-1], "👍")
    assert discord_.channel.messages[-1].body["reactions"][0]["count"] == 2
    await sent.remove_reaction("👍", bot.user)
    assert discord_.channel.messages[-1].body["reactions"][0]["me"] is False
    await channel.typing()
    assert discord_.channel.typing_count == 1


async def test_bulk_delete(discord_: LoopbackDiscord, channel: discord.TextChannel, clock: ManualClock):
    messages = [await channel.send(str(n)) for n in range(3)]
    await channel.delete_messages(messages[:2])
    assert [m.content for m in discord_.channel.messages] == ["2"]
    messages += [await channel.send("3")]
    await clock.advance(15 * 24 * 3600)
    with pytest.raises(discord.HTTPException) as caught:
        await channel._state.http.delete_messages(channel.id, [m.id for m in messages[2:]])
    assert refusal(caught) == (400, 50034)


async def test_plain_webhooks(discord_: LoopbackDiscord, bot: commands.Bot):
    url = discord_.add_webhook(discord_.channel, "Alerts")
    webhook = discord.Webhook.from_url(url, client=bot)
    sent = await webhook.send("down", wait=True)
    seen = await discord_.channel.next_message()
    assert (seen.content, seen.author, seen.body["author"]["username"]) == ("down", None, "Alerts")
    await webhook.edit_message(sent.id, content="up")
    assert seen.content == "up"
    await webhook.delete_message(sent.id)
    assert seen.deleted
    wrong = discord.Webhook.partial(webhook.id, "wrong", client=bot)
    with pytest.raises(discord.HTTPException) as caught:
        await wrong.send("x")
    assert refusal(caught) == (401, 50027)
    with pytest.raises(discord.NotFound) as caught:
        await discord.Webhook.partial(1, "wrong", client=bot).send("x")
    assert refusal(caught) == (404, 10015)


async def test_the_application_and_its_team(discord_: LoopbackDiscord, bot: commands.Bot):
    info = await bot.application_info()
    assert (info.owner.id, info.team) == (discord_.owner.id, None)
    assert await bot.is_owner(bot.get_user(discord_.owner.id))
    member = await bot.guilds[0].fetch_member(discord_.user.id)
    assert member.id == discord_.user.id
    outsider = discord_.add_user("Outsider")
    with pytest.raises(discord.NotFound) as caught:
        await bot.guilds[0].fetch_member(outsider.id)
    assert refusal(caught) == (404, 10007)
    with pytest.raises(discord.NotFound) as caught:
        await bot.fetch_user(1)
    assert refusal(caught) == (404, 10013)


async def test_a_team_owns_the_application():
    bot = commands.Bot("!", intents=discord.Intents.default())
    async with LoopbackDiscord(team=True) as loopback, loopback.running(bot):
        info = await bot.application_info()
        assert info.team is not None
        assert info.team.owner_id == loopback.owner.id
        assert [m.id for m in info.team.members] == [m.id for m in loopback.team_members]
        assert [m.role.value for m in info.team.members] == ["admin", "admin", "developer", "read_only"]


async def test_wrong_tokens_unknown_ids_and_broken_bodies(discord_: LoopbackDiscord):
    authorised = {"Authorization": f"Bot {discord_.token}"}
    async with aiohttp.ClientSession() as session:
        for method, path, headers, status, body in (
            ("GET", "/users/@me", {}, 401, {"message": "401: Unauthorized", "code": 0}),
            ("GET", "/channels/1", authorised, 404, {"message": "Unknown Channel", "code": 10003}),
        ):
            async with session.request(method, discord_.base_url + path, headers=headers) as response:
                assert (response.status, await response.json()) == (status, body)
        address = f"{discord_.base_url}/channels/{discord_.channel.id}/messages"
        async with session.post(address, headers=authorised, data=b"{") as response:
            assert (response.status, (await response.json())["code"]) == (400, 50109)
    assert [r.status for r in discord_.requests] == [401, 404, 400]


async def test_a_planned_failure_is_retried_by_discord_py_and_recorded(discord_, channel, monkeypatch):
    monkeypatch.setattr(discord.http.asyncio, "sleep", _no_wait)
    discord_.faults.fail_next(2, status=502, path="/messages$")
    await channel.send("third time")
    assert [(r.method, r.status) for r in discord_.requests[-3:]] == [("POST", 502), ("POST", 502), ("POST", 200)]
    discord_.faults.fail_next(status=403, path="messages")
    with pytest.raises(discord.Forbidden):
        await channel.send("x")


async def _no_wait(_: float) -> None:
    """discord.py waits a second and more before it tries again."""


@pytest.mark.parametrize("is_global", [False, True])
async def test_rate_limits_are_obeyed_by_discord_py(discord_, channel, caplog, is_global: bool):
    discord_.faults.rate_limit_next(retry_after_s=0.02, global_=is_global)
    await channel.send("after the limit")
    limited, sent = discord_.requests[-2:]
    assert (limited.status, sent.status) == (429, 200)
    assert limited.response == {"message": "You are being rate limited.", "retry_after": 0.02, "global": is_global}
    assert "We are being rate limited" in caplog.text
    assert ("Global rate limit has been hit" in caplog.text) is is_global


async def test_dropped_connections_and_latency(discord_: LoopbackDiscord, channel: discord.TextChannel):
    discord_.faults.drop_next(path="/messages")
    with pytest.raises(aiohttp.ClientError):
        await channel.send("lost")
    assert (discord_.requests[-1].status, discord_.channel.messages) == (0, [])
    discord_.faults.latency_s = 0.05
    began = time.perf_counter()
    await channel.send("slow")
    assert time.perf_counter() - began >= 0.05
    discord_.faults.fail_next(5)
    discord_.faults.clear()
    await channel.send("fast")


async def test_ids_tell_the_time_of_the_clock(discord_: LoopbackDiscord, channel: discord.TextChannel, clock):
    await clock.advance(3600)
    first, second = await channel.send("a"), await channel.send("b")
    assert first.created_at == clock.now()
    assert second.id > first.id
    clock.jump_wall(-60)
    third = await channel.send("c")
    assert (first.created_at - third.created_at).total_seconds() == 60
    assert discord_.requests[-1].at_s == clock.monotonic()
