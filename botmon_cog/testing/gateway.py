"""One gateway connection: Discord's gateway v10 as a client on the other side of a WebSocket sees it."""

from __future__ import annotations

import asyncio
import importlib
import json
import secrets
import zlib
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import WSMsgType, web

from botmon_cog.testing import presences
from botmon_cog.testing.errors import Payload
from botmon_cog.testing.hub import PRIVILEGED, Intent, Session

if TYPE_CHECKING:
    from botmon_cog.testing.world import World

_HIGHEST_INTENT = 1 << 25
_MEMBERS_PER_CHUNK = 1000


class Compressor(Protocol):
    def __call__(self, data: bytes, /) -> bytes: ...


def compressor_for(name: str | None) -> Compressor | None:
    """The transport compression that a client asked for in the URL; None: plain text frames."""
    if name is None:
        return None
    if name == "zlib-stream":
        stream = zlib.compressobj()
        return lambda data: stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)
    if name == "zstd-stream":
        return _zstd_compressor()
    raise ValueError(f"a client asked for the compression {name!r}; known are zlib-stream and zstd-stream")


def _zstd_compressor() -> Compressor:
    module: Any
    try:
        module = importlib.import_module("zstandard")
        stream = module.ZstdCompressor().compressobj()
        flush = module.COMPRESSOBJ_FLUSH_BLOCK
        return lambda data: stream.compress(data) + stream.flush(flush)
    except ModuleNotFoundError:
        # discord.py looks for the same two modules in the same order.
        module = importlib.import_module("compression.zstd")
        stream = module.ZstdCompressor()
        mode = module.ZstdCompressor.FLUSH_BLOCK
        return lambda data: stream.compress(data, mode)


class Connection:
    """Reads what the client sends; what is sent to the client goes through one queue and keeps its order."""

    def __init__(self, world: World, socket: web.WebSocketResponse, compress: Compressor | None) -> None:
        self._world = world
        self._socket = socket
        self._compress = compress
        self._outgoing: asyncio.Queue[str | bytes] = asyncio.Queue()
        """Frames, and as bytes the content of pings."""
        self._pings: dict[bytes, asyncio.Future[None]] = {}
        """Content of a ping -> done once its pong came."""
        self._is_over = False
        self.session: Session | None = None
        self.transport: asyncio.Transport | None = None
        self._was_closed_by_us = False

    def send(self, op: int, data: Any) -> None:
        self.send_text(json.dumps({"op": op, "t": None, "s": None, "d": data}))

    def send_text(self, frame: str) -> None:
        self._outgoing.put_nowait(frame)

    async def until_read(self) -> None:
        """Wait until the client has read and handled all that was sent so far, or is gone.

        A ping goes out behind it: a client answers it when it comes to read it.
        """
        if self._is_over:
            return
        content = secrets.token_bytes(8)
        self._pings[content] = asyncio.get_running_loop().create_future()
        self._outgoing.put_nowait(content)
        await self._pings[content]

    async def run(self) -> None:
        writer = asyncio.create_task(self._write(), name="loopback-gateway-writer")
        if self._world.hub.is_holding:
            self._world.hub.held.append(self)
        else:
            self.greet()
        try:
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    await self._receive(message.data)
                elif message.type is WSMsgType.PING:
                    await self._socket.pong(message.data)
                elif message.type is WSMsgType.PONG:
                    self._ponged(bytes(message.data))
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            self._is_over = True
            for content in list(self._pings):
                self._ponged(content)
            self._detach()

    def greet(self) -> None:
        """The client says nothing before this."""
        interval_ms = int(self._world.heartbeat_interval_s * 1000)
        self.send(10, {"heartbeat_interval": interval_ms, "_trace": []})

    async def close(self, code: int | None) -> None:
        """With a close code, or (None) as when a cable is pulled: the client sees 1006."""
        self._was_closed_by_us = True
        if code is not None:
            await self._socket.close(code=code)
        elif self.transport is not None:
            self.transport.abort()

    async def _write(self) -> None:
        while True:
            frame = await self._outgoing.get()
            try:
                if isinstance(frame, bytes):
                    await self._socket.ping(frame)
                elif self._compress is None:
                    await self._socket.send_str(frame)
                else:
                    await self._socket.send_bytes(self._compress(frame.encode()))
            except ConnectionError:
                # The client is gone; the reader notices and ends, the session keeps the frame for a resume.
                return

    def _ponged(self, content: bytes) -> None:
        answered = self._pings.pop(content, None)
        if answered is not None and not answered.done():
            answered.set_result(None)

    def _detach(self) -> None:
        session, self.session = self.session, None
        if session is None or session.connection is not self:
            return
        session.connection = None
        if self._socket.close_code in (1000, 1001) and not self._was_closed_by_us:
            # Discord ends the session of a client that says goodbye; any other end can be resumed.
            self._world.hub.sessions.pop(session.id, None)
        self._world.hub.connections_changed.notify()

    async def _receive(self, text: str) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            await self._socket.close(code=4002, message=b"Error while decoding payload.")
            return
        op, data = frame.get("op"), frame.get("d")
        if op == 1:
            self._world.hub.heartbeats += 1
            if self._world.hub.is_acknowledging_heartbeats:
                asyncio.get_running_loop().call_later(self._world.hub.heartbeat_ack_delay_s, self.send, 11, None)
        elif op == 2:  # noqa: PLR2004  # Discord's opcodes, as everyone knows them
            await self._identify(data)
        elif op == 6:  # noqa: PLR2004
            await self._resume(data)
        elif self.session is None:
            await self._socket.close(code=4003, message=b"Not authenticated.")
        elif op == 3:  # noqa: PLR2004
            self.session.presence = data
        elif op == 4:  # noqa: PLR2004
            self._world.move_bot_in_voice(int(data["guild_id"]), data["channel_id"])
        elif op == 8:  # noqa: PLR2004
            self._send_members(self.session, data)
        else:
            await self._socket.close(code=4001, message=b"Unknown opcode.")

    async def _identify(self, data: Payload) -> None:
        shard_id, shard_count = data.get("shard") or (0, 1)
        if self.session is not None:
            await self._socket.close(code=4005, message=b"Already authenticated.")
        elif data.get("token") != self._world.token:
            await self._socket.close(code=4004, message=b"Authentication failed.")
        elif not 0 <= shard_id < shard_count:
            await self._socket.close(code=4010, message=b"Invalid shard.")
        elif not 0 <= data.get("intents", -1) <= _HIGHEST_INTENT * 2 - 1:
            await self._socket.close(code=4013, message=b"Invalid intent(s).")
        elif data["intents"] & sum(PRIVILEGED.values()) & ~self._world.privileged_intents:
            await self._socket.close(code=4014, message=b"Disallowed intent(s).")
        else:
            self._start(
                Session(shard_id, shard_count, data["intents"], presence=presences.of_bot(data.get("presence")))
            )

    def _start(self, session: Session) -> None:
        world = self._world
        world.hub.sessions[session.id] = session
        world.hub.sessions_left -= 1
        self._attach(session)
        guilds = [guild for guild in world.guilds.values() if guild.has_bot and session.receives(guild.id)]
        ready: Payload = {
            "v": 10,
            "user": world.bot.own_payload(),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": world.gateway_url,
            "shard": [session.shard_id, session.shard_count],
            "application": {"id": str(world.bot.id), "flags": world.application_flags},
            "private_channels": [],
            "relationships": [],
        }
        session.dispatch("READY", ready)
        if session.intents & Intent.GUILDS:
            for guild in guilds:
                if guild.id in world.hub.guilds_down:
                    continue
                session.dispatch("GUILD_CREATE", {**guild.create_payload(session.intents), "unavailable": False})

    def _attach(self, session: Session) -> None:
        self.session, session.connection = session, self
        self._world.hub.connections_changed.notify()

    async def _resume(self, data: Payload) -> None:
        session = self._world.hub.sessions.get(data["session_id"])
        if data.get("token") != self._world.token:
            await self._socket.close(code=4004, message=b"Authentication failed.")
        elif session is None:
            self.send(9, False)
        elif (data.get("seq") or 0) > session.sequence:
            await self._socket.close(code=4007, message=b"Invalid seq.")
        else:
            self._attach(session)
            for sequence, text in session.sent:
                if sequence > (data.get("seq") or 0):
                    self.send_text(text)
            session.dispatch("RESUMED", {"_trace": []})

    def _send_members(self, session: Session, data: Payload) -> None:
        guild = self._world.guilds.get(int(data["guild_id"]))
        if guild is None:
            return
        user_ids: list[Any] = data.get("user_ids") or []
        wanted = [str(user_id) for user_id in user_ids]
        query: str = (data.get("query") or "").casefold()
        if wanted:
            members = [user for user in guild.members if str(user.id) in wanted]
        else:
            members = [user for user in guild.members if user.has_name_like(query)]
        if data.get("limit"):
            members = members[: data["limit"]]
        chunks = [members[n : n + _MEMBERS_PER_CHUNK] for n in range(0, len(members), _MEMBERS_PER_CHUNK)] or [[]]
        for index, chunk in enumerate(chunks):
            body: Payload = {
                "guild_id": str(guild.id),
                "members": [guild.member_payload(user) for user in chunk],
                "chunk_index": index,
                "chunk_count": len(chunks),
                "not_found": [user_id for user_id in wanted if int(user_id) not in guild.memberships],
            }
            if data.get("nonce"):
                body["nonce"] = data["nonce"]
            session.dispatch("GUILD_MEMBERS_CHUNK", body)
