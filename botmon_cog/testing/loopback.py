"""`LoopbackDiscord`: what a test holds in its hand."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Self, TypeVar

import discord

from botmon_cog.clock import Clock, SystemClock
from botmon_cog.testing import application, custom_emojis, openapi, pictures
from botmon_cog.testing.channels import LoopbackChannel
from botmon_cog.testing.custom_emojis import CustomEmoji
from botmon_cog.testing.errors import Payload
from botmon_cog.testing.faults import Faults
from botmon_cog.testing.guilds import LoopbackGuild, new_guild
from botmon_cog.testing.people import LoopbackUser
from botmon_cog.testing.permissions import EVERYONE
from botmon_cog.testing.recording import RecordedRequest
from botmon_cog.testing.redirect import redirect
from botmon_cog.testing.rest.table import NotImitatedError, blame
from botmon_cog.testing.running import Start, run_bot
from botmon_cog.testing.server import Server
from botmon_cog.testing.world import World

BotT = TypeVar("BotT", bound=discord.Client)


class LoopbackDiscord:
    """A Discord of your own on 127.0.0.1; while it is open, discord.py connects to it instead of to discord.com.

    `clock` rules all that depends on time: ids, the three seconds for an answer, the 15 minutes of a token.
    `shards` is what Discord recommends to a bot that shards by itself. `privileged_intents` are those switched on in
    the bot's settings: all, none, or a set of "members", "presences" and "message_content"; a bot that asks for
    another is refused (4014, `discord.PrivilegedIntentsRequired`). A request to a route that is not imitated gets 501
    and, unless `strict` is off, in the end raises NotImitatedError, or is told of with the error that the test fails
    with anyway.
    One can be open at a time in a process.
    """

    _open: LoopbackDiscord | None = None

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        team: bool = False,
        shards: int = 1,
        name: str = "Loopback",
        privileged_intents: bool | Collection[str] = True,
        strict: bool = True,
    ) -> None:
        if shards < 1:
            raise ValueError(f"shards must be 1 or more, not {shards}")
        self.clock: Clock = clock or SystemClock()
        self.world = World(self.clock, shard_count=shards, name=name)
        self.world.privileged_intents = application.privileged_intents(privileged_intents)
        self.bot_user = self.world.bot
        self.owner = self.world.add_user("Owner")
        self.user = self.world.add_user("User")
        self.admin = self.world.add_user("Admin")
        self.guild = self.add_guild("Loopback Guild", members=(self.owner, self.user))
        self.guild.add_member(self.admin, EVERYONE | discord.Permissions(manage_guild=True))
        self.channel = self.guild.channel
        self.voice_channel = self.guild.add_voice_channel("Lounge")
        self.world.application = application.new_application(self.world, self.owner)
        self.team_members = application.give_to_team(self.world, self.owner) if team else list[LoopbackUser]()
        for member in self.team_members:
            self.guild.add_member(member)  # or the bot could not write to them
        self._is_strict = strict
        self._server = Server(self.world)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        if LoopbackDiscord._open is not None:
            raise RuntimeError(
                "another LoopbackDiscord is open in this process; discord.py has one address for all bots,"
                " so leave the first `async with` before the second begins"
            )
        LoopbackDiscord._open = self
        try:
            await self._server.start()
            self._stack.push_async_callback(self._server.stop)
            self._stack.enter_context(redirect(self.world.base_url, self.world.gateway_url))
        except BaseException:
            LoopbackDiscord._open = None
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        LoopbackDiscord._open = None
        for interaction in self.world.interactions.values():
            if interaction.timer is not None:
                interaction.timer.cancel()
        await self._stack.aclose()
        if self._is_strict and self.world.not_imitated:
            blame(NotImitatedError(self.world.not_imitated), error)

    # What there is.

    @property
    def token(self) -> str:
        return self.world.token

    @property
    def base_url(self) -> str:
        """For `redirect` in another process."""
        return self.world.base_url

    @property
    def gateway_url(self) -> str:
        """For `redirect` in another process."""
        return self.world.gateway_url

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every REST request so far, oldest first."""
        return self.world.requests

    @property
    def not_imitated(self) -> list[str]:
        """Requests to routes that are not imitated, oldest first: "PUT /guilds/{id}/onboarding"."""
        return self.world.not_imitated

    @property
    def faults(self) -> Faults:
        return self.world.faults

    @property
    def guilds(self) -> list[LoopbackGuild]:
        return list(self.world.guilds.values())

    @property
    def interactions_open(self) -> int:
        """Interactions that the bot has neither acknowledged nor let expire."""
        return sum(i.callback_type is None and not i.is_expired for i in self.world.interactions.values())

    @property
    def heartbeats(self) -> int:
        """How many heartbeats arrived from all shards."""
        return self.world.hub.heartbeats

    @property
    def sessions_left(self) -> int:
        """How often the bot may still begin a session; told by `GET /gateway/bot`, and not enforced."""
        return self.world.hub.sessions_left

    @sessions_left.setter
    def sessions_left(self, n: int) -> None:
        self.world.hub.sessions_left = n

    @property
    def sessions(self) -> list[str]:
        """Ids of the gateway sessions that are connected now, oldest first; two bots with one token have one each."""
        return [session.id for session in self.world.hub.connected()]

    @property
    def presences(self) -> dict[int, Payload | None]:
        """Shard -> the presence that the bot last set."""
        return {session.shard_id: session.presence for session in self.world.hub.sessions.values()}

    @property
    def heartbeat_interval_s(self) -> float:
        """Told to a client when it connects; as long as Discord's unless set."""
        return self.world.heartbeat_interval_s

    @heartbeat_interval_s.setter
    def heartbeat_interval_s(self, seconds: float) -> None:
        self.world.heartbeat_interval_s = seconds

    @property
    def heartbeat_ack_delay_s(self) -> float:
        """Real seconds between a heartbeat and its acknowledgement; about what `bot.latency` then says."""
        return self.world.hub.heartbeat_ack_delay_s

    @heartbeat_ack_delay_s.setter
    def heartbeat_ack_delay_s(self, seconds: float) -> None:
        self.world.hub.heartbeat_ack_delay_s = seconds

    def check_requests(self) -> list[str]:
        """Faults of all successful requests against Discord's OpenAPI description; see `openapi`."""
        return openapi.faults_of_all(self.requests)

    # Adding to it.

    def add_user(
        self, name: str, *, guilds: Iterable[LoopbackGuild] = (), permissions: discord.Permissions | None = None
    ) -> LoopbackUser:
        """A new user, a member of the given guilds; with `permissions` exactly these in each of them."""
        user = self.world.add_user(name)
        for guild in guilds:
            guild.add_member(user, permissions)
        return user

    def add_guild(
        self,
        name: str,
        *,
        owner: LoopbackUser | None = None,
        members: Iterable[LoopbackUser] = (),
        shard_id: int | None = None,
    ) -> LoopbackGuild:
        """A guild that the bot is in, with the text channel `guild.channel`.

        Guilds are spread evenly over the shards unless `shard_id` says which.
        """
        if shard_id is None:
            shard_id = len(self.world.guilds) % self.world.shard_count
        guild = new_guild(self.world, name, owner or self.world.add_user(f"Owner of {name}"), shard_id=shard_id)
        for member in members:
            guild.add_member(member)
        self.world.announce_guild(guild)
        return guild

    def add_emoji(self, name: str, guild: LoopbackGuild | None = None, *, picture: bytes = pictures.DOT) -> CustomEmoji:
        """An emoji of the guild, or (None) of the application; `str()` of it is what stands in a message."""
        emoji = custom_emojis.add(self.world, name, picture, guild.owner if guild else self.owner, guild)
        if guild is not None:
            guild.tell_emojis()
        return emoji

    def add_webhook(self, channel: LoopbackChannel, name: str = "Webhook") -> str:
        """A plain webhook; its URL has the form of Discord's, so `discord.Webhook.from_url` takes it."""
        webhook = self.world.add_webhook(channel, name)
        return f"https://discord.com/api/webhooks/{webhook.id}/{webhook.token}"

    # The bot and its connection.

    def running(
        self, bot: BotT, *, start: Start | None = None, hurry: bool = True, timeout_s: float = 30.0
    ) -> AbstractAsyncContextManager[BotT]:
        """Start the bot with `bot.start(token)`, wait until it is ready; on leaving close it and await its end.

        `start` is called or awaited instead where given: for a bot whose `start()` takes no token, or that has a main
        function of its own. It returns when the bot has been closed.
        discord.py waits two seconds after the last guild and five between shards, out of regard for Discord's
        network. With `hurry` (the default) these waits are cut short; nothing else about the bot is touched.
        """
        among = self.world.settling.bots
        return run_bot(bot, self.token, hurry=hurry, timeout_s=timeout_s, start=start, among=among)

    async def settled(self, timeout_s: float = 10.0) -> None:
        """Return once the bot has dealt with everything that happened to it so far.

        Every event was read, every request answered, and no listener, command or component still runs. Of a bot in
        another process only its reading and its requests are seen; a task that a handler started by itself is not
        waited for. TimeoutError after `timeout_s` real seconds names what is still under way.
        """
        await self.world.settling.settled(timeout_s)

    async def drop_gateway(
        self, shard_id: int | None = None, code: int | None = None, *, session_id: str | None = None
    ) -> None:
        """Break connections: abruptly (1006 on the client's side), or with a close code.

        Those of one shard and of one session (see `sessions`) where given, otherwise all.
        """
        for session in self.world.hub.connected(shard_id, session_id):
            if session.connection is not None:
                await session.connection.close(code)

    async def reconnect_gateway(self, shard_id: int | None = None) -> None:
        """Tell clients to reconnect and resume (opcode 7), as Discord does before maintenance."""
        for session in self.world.hub.connected(shard_id):
            if session.connection is not None:
                session.connection.send(7, None)

    async def invalidate_session(self, *, resumable: bool, shard_id: int | None = None) -> None:
        """Tell clients that their session is invalid (opcode 9); unless resumable they have to identify anew."""
        for session in self.world.hub.connected(shard_id):
            if session.connection is not None:
                session.connection.send(9, resumable)
            if not resumable:
                self.world.hub.sessions.pop(session.id, None)

    def hold_gateway(self) -> None:
        """Take new connections, but leave their clients waiting, as an overloaded Discord does."""
        self.world.hub.is_holding = True

    def release_gateway(self) -> None:
        """Go on with those that wait, and with new ones at once."""
        hub = self.world.hub
        hub.is_holding = False
        held, hub.held = hub.held, []
        for connection in held:
            connection.greet()

    def pause_heartbeat_acks(self) -> None:
        """Leave heartbeats unanswered, as on a connection that died silently."""
        self.world.hub.is_acknowledging_heartbeats = False

    def resume_heartbeat_acks(self) -> None:
        self.world.hub.is_acknowledging_heartbeats = True
