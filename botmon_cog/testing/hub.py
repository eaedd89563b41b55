"""Gateway sessions and which event goes to which of them."""

from __future__ import annotations

import json
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntFlag
from typing import TYPE_CHECKING

from botmon_cog.testing.errors import Payload
from botmon_cog.testing.waiting import Changes

if TYPE_CHECKING:
    from botmon_cog.testing.gateway import Connection

_KEPT_FOR_RESUME = 10_000


class Intent(IntFlag):
    """Discord's gateway intents, as far as an event here depends on one."""

    NONE = 0
    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_MODERATION = 1 << 2
    GUILD_EXPRESSIONS = 1 << 3
    GUILD_WEBHOOKS = 1 << 5
    GUILD_INVITES = 1 << 6
    VOICE_STATES = 1 << 7
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_REACTIONS = 1 << 10
    GUILD_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_REACTIONS = 1 << 13
    DIRECT_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15


PRIVILEGED = {
    "members": Intent.GUILD_MEMBERS,
    "presences": Intent.GUILD_PRESENCES,
    "message_content": Intent.MESSAGE_CONTENT,
}
"""The intents that a bot's owner has to switch on, by the names that discord.py gives them."""


@dataclass(slots=True, eq=False)
class Session:
    """One shard's session; outlives the connection so that it can be resumed."""

    shard_id: int
    shard_count: int
    intents: int
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    sequence: int = 0
    sent: deque[tuple[int, str]] = field(default_factory=lambda: deque[tuple[int, str]](maxlen=_KEPT_FOR_RESUME))
    """Sequence number and frame, as they went out or would have."""
    connection: Connection | None = None
    presence: Payload | None = None

    def dispatch(self, event: str, data: Payload) -> None:
        self.sequence += 1
        # Written out at once: the payload may be a live message that changes before the socket takes it.
        text = json.dumps({"op": 0, "t": event, "s": self.sequence, "d": data}, separators=(",", ":"))
        self.sent.append((self.sequence, text))
        if self.connection is not None:
            self.connection.send_text(text)

    def receives(self, guild_id: int | None) -> bool:
        wanted = 0 if guild_id is None else (guild_id >> 22) % self.shard_count
        return wanted == self.shard_id


class Hub:
    """All sessions that are connected or can still be resumed."""

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}
        self.is_acknowledging_heartbeats = True
        self.heartbeat_ack_delay_s = 0.02
        """Real seconds. discord.py notes in another thread when a heartbeat was sent, after it was sent: without the
        delay the answer can come first, and a whole interval is taken for the latency. That thread may have to wait
        for the interpreter's lock, whose switch interval is 5 ms."""
        self.heartbeats = 0
        self.sessions_left = 1000
        """How often a session may still be begun."""
        self.is_holding = False
        """Whether new connections are left without a greeting."""
        self.held: list[Connection] = []
        self.guilds_down: set[int] = set()
        """Guilds in an outage, of which no session hears anything."""
        self.connections_changed = Changes()

    def dispatch(
        self,
        event: str,
        data: Payload | Callable[[int], Payload],
        *,
        guild_id: int | None,
        needs: int = Intent.NONE,
    ) -> None:
        """To the sessions of the guild's shard (None: shard 0) that asked for it; `data` may depend on the intents."""
        if guild_id in self.guilds_down:
            return
        for session in self.sessions.values():
            if session.receives(guild_id) and session.intents & needs == needs:
                session.dispatch(event, data(session.intents) if callable(data) else data)

    def connected(self, shard_id: int | None = None, session_id: str | None = None) -> list[Session]:
        """Oldest first; of the one shard and the one session where they are given."""
        return [
            session
            for session in self.sessions.values()
            if session.connection is not None
            and shard_id in (None, session.shard_id)
            and session_id in (None, session.id)
        ]
