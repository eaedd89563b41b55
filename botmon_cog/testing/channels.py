"""Channels of a guild, threads, and direct messages, with what was said in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botmon_cog.testing import threads
from botmon_cog.testing.errors import Payload
from botmon_cog.testing.threads import PRIVATE_THREAD, PUBLIC_THREAD, ThreadState
from botmon_cog.testing.waiting import Changes

if TYPE_CHECKING:
    from botmon_cog.testing.guilds import LoopbackGuild
    from botmon_cog.testing.messages import SeenMessage
    from botmon_cog.testing.people import LoopbackUser
    from botmon_cog.testing.world import World

TEXT, DM, VOICE, CATEGORY, ANNOUNCEMENT, STAGE, FORUM, MEDIA = 0, 1, 2, 4, 5, 13, 15, 16
_SYSTEM_MESSAGES = (*range(1, 19), 21)
"""Types of messages that Discord writes itself: "pinned a message", "started a thread"."""
_SETTINGS: dict[int, Payload] = {
    TEXT: {"topic": None, "rate_limit_per_user": 0},
    ANNOUNCEMENT: {"topic": None},
    VOICE: {"bitrate": 64000, "user_limit": 0, "rtc_region": None, "video_quality_mode": 1, "rate_limit_per_user": 0},
    STAGE: {"bitrate": 64000, "user_limit": 0, "rtc_region": None, "topic": None, "rate_limit_per_user": 0},
    FORUM: {
        "topic": None,
        "rate_limit_per_user": 0,
        "available_tags": [],
        "default_reaction_emoji": None,
        "default_sort_order": None,
        "default_forum_layout": 0,
    },
}
_SETTINGS[MEDIA] = _SETTINGS[FORUM]


@dataclass(slots=True, eq=False)
class LoopbackChannel:
    """A channel or thread of a guild, or one user's direct messages with the bot."""

    world: World = field(repr=False)
    id: int
    name: str
    kind: int
    """Discord's channel type: 0 text, 1 direct messages, 2 voice, 4 category, 11 public thread, and so on."""
    guild: LoopbackGuild | None = field(default=None, repr=False)
    recipient: LoopbackUser | None = field(default=None, repr=False)
    parent: LoopbackChannel | None = field(default=None, repr=False)
    """The category of a channel, the channel of a thread."""
    thread: ThreadState | None = field(default=None, repr=False)
    """What only threads have; None: not a thread."""
    settings: Payload = field(default_factory=dict[str, "object"], repr=False)
    """What differs from Discord's defaults for this type of channel: `topic`, `user_limit` and so on."""
    pins: dict[int, str] = field(default_factory=dict[int, str], repr=False)
    """Message id -> when it was pinned, ISO 8601; the last one last."""
    position: int = field(default=0, repr=False)
    is_nsfw: bool = False
    overwrites: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]], repr=False)
    """Role or user id -> permissions allowed, permissions denied."""
    log: list[SeenMessage] = field(default_factory=list["SeenMessage"], repr=False)
    """Every message ever, deleted ones too; ephemeral ones never."""
    typing_count: int = field(default=0, repr=False)
    """How often the bot showed that it is typing."""
    changes: Changes = field(default_factory=Changes, repr=False)
    _returned: int = field(default=0, repr=False)

    @property
    def messages(self) -> list[SeenMessage]:
        """What the channel shows now, oldest first."""
        return [message for message in self.log if not message.deleted]

    @property
    def is_voice(self) -> bool:
        """Whether people can talk here; such a channel has a text chat, too."""
        return self.kind in (VOICE, STAGE)

    @property
    def mention(self) -> str:
        return f"<#{self.id}>"

    @property
    def threads(self) -> list[LoopbackChannel]:
        """Those of this channel, archived ones too."""
        return [channel for channel in self.world.channels.values() if channel.thread and channel.parent is self]

    def add_thread(self, name: str, owner: LoopbackUser, *, private: bool = False) -> LoopbackChannel:
        """A thread that somebody begins here."""
        thread = self.new_thread(name, owner, PRIVATE_THREAD if private else PUBLIC_THREAD)
        threads.begin(self, thread)
        return thread

    def new_thread(self, name: str, owner: LoopbackUser, kind: int, *, thread_id: int | None = None) -> LoopbackChannel:
        """A thread that nobody knows of yet; one that begins from a message has the message's id."""
        now = self.world.now_iso()
        return LoopbackChannel(
            self.world,
            self.world.ids.next() if thread_id is None else thread_id,
            name,
            kind,
            guild=self.guild,
            parent=self,
            thread=ThreadState(owner, created_at=now, archived_at=now),
        )

    async def next_message(self, timeout_s: float = 5.0) -> SeenMessage:
        """The bot's first message here that this method has not returned yet; answers to interactions do not count.

        Waits up to `timeout_s` seconds of real time, then AssertionError.
        """
        found: list[SeenMessage] = []

        def look() -> bool:
            while self._returned < len(self.log) and not found:
                message = self.log[self._returned]
                self._returned += 1
                is_system = message.body["type"] in _SYSTEM_MESSAGES
                if message.is_from_bot and message.interaction_id is None and not is_system:
                    found.append(message)
            return bool(found)

        if not await self.changes.until(look, timeout_s):
            raise AssertionError(f"the bot sent no further message to {self.name} within {timeout_s} s")
        return found[0]

    def payload(self) -> Payload:
        if self.recipient is not None:
            return {
                "id": str(self.id),
                "type": DM,
                "last_message_id": str(self.log[-1].id) if self.log else None,
                "flags": 0,
                "recipients": [self.recipient.payload()],
            }
        if self.thread is not None:
            return self._thread_payload(self.thread)
        return {
            "id": str(self.id),
            "type": self.kind,
            "name": self.name,
            "guild_id": str(self.guild.id) if self.guild else None,
            "position": self.position,
            "permission_overwrites": [self.overwrite_payload(who) for who in self.overwrites],
            "nsfw": self.is_nsfw,
            "parent_id": str(self.parent.id) if self.parent else None,
            "flags": 0,
            "last_message_id": str(self.log[-1].id) if self.log else None,
            **_SETTINGS.get(self.kind, {}),
            **self.settings,
        }

    def _thread_payload(self, thread: ThreadState) -> Payload:
        body: Payload = {
            "id": str(self.id),
            "type": self.kind,
            "name": self.name,
            "guild_id": str(self.guild.id) if self.guild else None,
            "parent_id": str(self.parent.id) if self.parent else None,
            "owner_id": str(thread.owner.id),
            "last_message_id": str(self.log[-1].id) if self.log else None,
            "rate_limit_per_user": 0,
            "message_count": len(self.messages),
            "total_message_sent": len(self.log),
            "member_count": len(thread.joined),
            "flags": 0,
            "applied_tags": [str(tag) for tag in thread.applied_tags],
            "thread_metadata": thread.payload(self.kind),
            **self.settings,
        }
        if self.world.bot.id in thread.joined:
            body["member"] = threads.member_payload(self, self.world.bot.id)
        return body

    def overwrite_payload(self, target_id: int) -> Payload:
        allow, deny = self.overwrites[target_id]
        is_member = target_id in self.world.users
        return {"id": str(target_id), "type": int(is_member), "allow": str(allow), "deny": str(deny)}
