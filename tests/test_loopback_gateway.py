"""The gateway: sessions, shards, intents, broken connections, voice."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


def make_bot(**options) -> commands.Bot:
    bot = commands.Bot("!", **{"intents": discord.Intents.all(), **options})

    @bot.command()
    async def ping(ctx: commands.Context):
        await ctx.send(f"pong {ctx.author.name} on {ctx.guild and ctx.guild.name}")

    return bot


async def eventually(is_true) -> None:
    async with asyncio.timeout(5):
        while not is_true():  # discord.py sets no event for most of its state
            await asyncio.sleep(0)


async def test_the_bot_sees_guild_channels_roles_and_members():
    bot = make_bot()
    async with LoopbackDiscord(name="Robot") as loopback, loopback.running(bot):
        guild = bot.get_guild(loopback.guild.id)
        assert guild is not None
        assert guild.me.id == loopback.bot_user.id == bot.application_id
        assert {m.id for m in guild.members} == {m.id for m in loopback.guild.members}
        assert [c.name for c in guild.text_channels] == ["general"]
        assert [c.name for c in guild.voice_channels] == ["Lounge"]
        assert guild.self_role is not None
        assert guild.self_role.name == "Robot"
        admin = guild.get_member(loopback.admin.id)
        assert admin is not None
        assert admin.guild_permissions == loopback.admin.permissions_in(loopback.guild)
        assert admin.guild_permissions.manage_guild
        assert not guild.get_member(loopback.user.id).guild_permissions.manage_guild
        assert abs((discord.utils.utcnow() - guild.created_at).total_seconds()) < 60


async def test_prefix_commands_in_a_guild_and_in_dms():
    async with LoopbackDiscord() as loopback, loopback.running(make_bot()):
        await loopback.user.send(loopback.channel, "!ping")
        assert (await loopback.channel.next_message()).content == "pong user on Loopback Guild"
        await loopback.user.send(loopback.user.dm_channel, "!ping")
        assert (await loopback.user.next_dm()).content == "pong user on None"
        assert [m.content for m in loopback.user.dms] == ["pong user on None"]
        with pytest.raises(AssertionError, match="sent no further message"):
            await loopback.channel.next_message(timeout_s=0.01)


async def test_without_message_content_the_text_is_empty():
    intents = discord.Intents.default()
    bot = commands.Bot("!", intents=intents)
    async with LoopbackDiscord() as loopback, loopback.running(bot):
        for text, expected in (
            ("hidden", ""),
            (f"for {loopback.bot_user.mention}", f"for {loopback.bot_user.mention}"),
        ):
            waiting = asyncio.create_task(bot.wait_for("message"))
            await asyncio.sleep(0)
            await loopback.user.send(loopback.channel, text)
            assert (await waiting).content == expected


async def test_events_need_their_intent():
    intents = discord.Intents.none()
    intents.guilds = True
    bot = commands.Bot("!", intents=intents)
    seen: list[str] = []

    @bot.event
    async def on_socket_event_type(event: str):
        seen.append(event)

    async with LoopbackDiscord() as loopback, loopback.running(bot):
        await loopback.user.send(loopback.channel, "unheard")
        await loopback.user.join_voice(loopback.voice_channel)
        loopback.add_user("New", guilds=[loopback.guild])
        loopback.guild.add_text_channel("heard")
        await eventually(lambda: "CHANNEL_CREATE" in seen)
        assert not {"MESSAGE_CREATE", "VOICE_STATE_UPDATE", "GUILD_MEMBER_ADD"} & set(seen)
        assert [m.id for m in bot.guilds[0].members] == [loopback.bot_user.id]


async def test_members_are_chunked_on_request():
    intents = discord.Intents.default()
    intents.members = True
    bot = commands.Bot("!", intents=intents)
    async with LoopbackDiscord() as loopback:
        extra = [loopback.add_user(f"User {n}", guilds=[loopback.guild]) for n in range(1100)]
        async with loopback.running(bot):
            guild = bot.guilds[0]
            assert guild.chunked
            assert guild.member_count == 1105
            assert guild.get_member(extra[-1].id) is not None
            found = await guild.query_members(user_ids=[loopback.admin.id])
            assert [member.id for member in found] == [loopback.admin.id]


async def test_guilds_members_and_channels_come_live():
    bot = make_bot()
    async with LoopbackDiscord() as loopback, loopback.running(bot):
        joined = asyncio.create_task(bot.wait_for("guild_join"))
        await asyncio.sleep(0)
        guild = loopback.add_guild("Second", members=[loopback.user])
        assert (await joined).id == guild.id
        new = asyncio.create_task(bot.wait_for("member_join"))
        await asyncio.sleep(0)
        user = loopback.add_user("Newcomer", guilds=[guild], permissions=discord.Permissions(manage_guild=True))
        assert (await new).id == user.id
        await eventually(lambda: bot.get_guild(guild.id).get_member(user.id).guild_permissions.value == 1 << 5)
        gone = asyncio.create_task(bot.wait_for("guild_remove"))
        await asyncio.sleep(0)
        guild.remove_bot()
        assert (await gone).id == guild.id
        with pytest.raises(discord.NotFound):
            await bot.fetch_guild(guild.id)


async def test_an_auto_sharded_bot_gets_each_guild_on_its_shard():
    bot = commands.AutoShardedBot("!", intents=discord.Intents.all())

    @bot.command()
    async def where(ctx: commands.Context):
        await ctx.send(str(ctx.guild.shard_id if ctx.guild else "dm"))

    async with LoopbackDiscord(shards=3) as loopback:
        guilds = [loopback.guild, loopback.add_guild("B"), loopback.add_guild("C"), loopback.add_guild("D", shard_id=1)]
        async with loopback.running(bot):
            assert bot.shard_count == 3
            assert len(bot.guilds) == 4
            assert [bot.get_guild(g.id).shard_id for g in guilds] == [0, 1, 2, 1]
            for guild, shard_id in zip(guilds[1:], (1, 2, 1), strict=True):
                channel = guild.add_text_channel("talk")
                await loopback.add_user("X", guilds=[guild]).send(channel, "!where")
                assert (await channel.next_message()).content == str(shard_id)
            await loopback.user.send(loopback.user.dm_channel, "!where")
            assert (await loopback.user.next_dm()).content == "dm"
            resumed = asyncio.create_task(bot.wait_for("shard_resumed"))
            await asyncio.sleep(0)
            await loopback.drop_gateway(shard_id=2)
            assert await resumed == 2


@pytest.mark.parametrize("way", ["abrupt", "code", "reconnect", "invalid, resumable"])
async def test_a_broken_connection_is_resumed_and_missed_events_are_replayed(way: str):
    bot = make_bot()
    async with LoopbackDiscord() as loopback, loopback.running(bot):
        resumed = asyncio.create_task(bot.wait_for("resumed"))
        await asyncio.sleep(0)
        if way == "abrupt":
            await loopback.drop_gateway()
        elif way == "code":
            await loopback.drop_gateway(code=4000)
        elif way == "reconnect":
            await loopback.reconnect_gateway()
        else:
            await loopback.invalidate_session(resumable=True)
        await loopback.user.send(loopback.channel, "!ping")  # while the bot is away
        await asyncio.wait_for(resumed, 5)
        assert (await loopback.channel.next_message()).content.startswith("pong")
        await loopback.user.send(loopback.channel, "!ping")
        assert (await loopback.channel.next_message()).content.startswith("pong")


async def test_an_invalidated_session_has_to_identify_anew():
    bot = make_bot()
    async with LoopbackDiscord() as loopback, loopback.running(bot):
        old = bot.ws.session_id
        ready = asyncio.create_task(bot.wait_for("ready"))
        await asyncio.sleep(0)
        await loopback.invalidate_session(resumable=False)
        await asyncio.wait_for(ready, 5)
        assert bot.ws.session_id != old


async def test_an_unanswered_heartbeat_makes_the_client_reconnect():
    bot = make_bot(heartbeat_timeout=0.2)
    async with LoopbackDiscord() as loopback:
        loopback.heartbeat_interval_s = 0.05
        async with loopback.running(bot):
            await eventually(lambda: loopback.heartbeats >= 3)
            assert bot.latency < 1
            resumed = asyncio.create_task(bot.wait_for("resumed"))
            await asyncio.sleep(0)
            loopback.pause_heartbeat_acks()
            await asyncio.wait_for(resumed, 5)
            loopback.resume_heartbeat_acks()


async def test_presence_is_accepted():
    bot = make_bot(activity=discord.Game("first"))
    async with LoopbackDiscord() as loopback, loopback.running(bot):
        await bot.change_presence(activity=discord.Game("chess"), status=discord.Status.idle)
        await eventually(lambda: (loopback.presences[0] or {}).get("status") == "idle")
        assert loopback.presences[0]["activities"][0]["name"] == "chess"


class Voice(discord.VoiceProtocol):
    """As the audio libraries do it: only asks for the two events."""

    async def on_voice_state_update(self, data) -> None:
        self.state = data

    async def on_voice_server_update(self, data) -> None:
        self.server = data

    async def connect(self, *, timeout, reconnect, self_deaf=False, self_mute=False) -> None:  # noqa: ASYNC109
        await self.channel.guild.change_voice_state(channel=self.channel)

    async def disconnect(self, *, force) -> None:
        await self.channel.guild.change_voice_state(channel=None)
        self.cleanup()


async def test_voice_states_of_users_and_of_the_bot():
    bot = make_bot()
    async with LoopbackDiscord() as loopback, loopback.running(bot):
        voice = bot.get_channel(loopback.voice_channel.id)
        await loopback.user.join_voice(loopback.voice_channel)
        await eventually(lambda: [m.id for m in voice.members] == [loopback.user.id])
        client = await voice.connect(cls=Voice)
        await eventually(lambda: hasattr(client, "server") and hasattr(client, "state"))
        assert client.server["guild_id"] == str(loopback.guild.id)
        assert client.state["channel_id"] == str(voice.id)
        await client.disconnect(force=True)
        await loopback.user.leave_voice(loopback.guild)
        await eventually(lambda: voice.members == [])


async def test_a_wrong_token_is_refused():
    bot = make_bot()
    async with LoopbackDiscord(), bot:
        with pytest.raises(discord.LoginFailure):
            await bot.start("wrong")


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"op": 2, "d": {"token": "wrong", "intents": 0}}, 4004),
        ({"op": 2, "d": {"token": None, "intents": 0, "shard": [2, 2]}}, 4010),
        ({"op": 2, "d": {"token": None, "intents": -1}}, 4013),
        ({"op": 3, "d": {}}, 4003),
        ({"op": 6, "d": {"token": "wrong", "session_id": "x", "seq": 1}}, 4004),
        ("no json", 4002),
    ],
)
async def test_what_is_wrong_on_the_gateway_closes_it_with_discords_code(frame, code: int):
    async with (
        LoopbackDiscord() as loopback,
        aiohttp.ClientSession() as session,
        session.ws_connect(loopback.gateway_url + "?v=10&encoding=json") as socket,
    ):
        assert (await socket.receive_json())["op"] == 10
        if isinstance(frame, dict) and frame["d"].get("token", "") is None:
            frame = {**frame, "d": {**frame["d"], "token": loopback.token}}
        await socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))
        message = await socket.receive()
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, code)


async def test_an_unknown_session_cannot_be_resumed():
    async with (
        LoopbackDiscord() as loopback,
        aiohttp.ClientSession() as session,
        session.ws_connect(loopback.gateway_url + "?v=10&encoding=json") as socket,
    ):
        await socket.receive_json()
        await socket.send_json({"op": 6, "d": {"token": loopback.token, "session_id": "x", "seq": 1}})
        assert await socket.receive_json() == {"op": 9, "t": None, "s": None, "d": False}
