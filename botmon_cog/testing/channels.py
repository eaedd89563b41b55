"""Channels of a guild and direct messages, with what was said in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botmon_cog.testing.errors import Payload
from botmon_cog.testing.waiting import Changes

if TYPE_CHECKING:
    from botmon_cog.testing.guilds import LoopbackGuild
    from botmon_cog.testing.messages import SeenMessage
    from botmon_cog.testing.people import LoopbackUser
    from botmon_cog.testing.world import World

DM = 1


@dataclass(slots=True, eq=False)
class LoopbackChannel:
    """A text or voice channel of a guild, or one user's direct messages with the bot."""

    world: World = field(repr=False)
    id: int
    name: str
    kind: int
    """Discord's channel type: 0 text, 1 direct messages, 2 voice."""
    guild: LoopbackGuild | None = field(default=None, repr=False)
    recipient: LoopbackUser | None = field(default=None, repr=False)
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
    def mention(self) -> str:
        return f"<#{self.id}>"

    async def next_message(self, timeout_s: float = 5.0) -> SeenMessage:
        """The bot's first message here that this method has not returned yet; answers to interactions do not count.

        Waits up to `timeout_s` seconds of real time, then AssertionError.
        """
        found: list[SeenMessage] = []

        def look() -> bool:
            while self._returned < len(self.log) and not found:
                message = self.log[self._returned]
                self._returned += 1
                if message.is_from_bot and message.interaction_id is None:
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
        body: Payload = {
            "id": str(self.id),
            "type": self.kind,
            "name": self.name,
            "guild_id": str(self.guild.id) if self.guild else None,
            "position": self.position,
            "permission_overwrites": [self._overwrite(who) for who in self.overwrites],
            "nsfw": self.is_nsfw,
            "parent_id": None,
            "topic": None,
            "flags": 0,
            "last_message_id": str(self.log[-1].id) if self.log else None,
            "rate_limit_per_user": 0,
        }
        if self.kind != 0:
            body |= {"bitrate": 64000, "user_limit": 0, "rtc_region": None}
        return body

    def _overwrite(self, target_id: int) -> Payload:
        allow, deny = self.overwrites[target_id]
        is_member = target_id in self.world.users
        return {"id": str(target_id), "type": int(is_member), "allow": str(allow), "deny": str(deny)}
