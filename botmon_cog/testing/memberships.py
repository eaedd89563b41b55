"""One user's membership of one guild."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from botmon_cog.testing.errors import Payload

if TYPE_CHECKING:
    from botmon_cog.testing.channels import LoopbackChannel
    from botmon_cog.testing.people import LoopbackUser


@dataclass(slots=True, eq=False)
class Membership:
    user: LoopbackUser
    joined_at: str
    role_ids: list[int] = field(default_factory=list[int])
    voice_channel: LoopbackChannel | None = None
    nick: str | None = None
    timed_out_until: datetime | None = None
    """Until then the member can only read; None: never timed out, or no more."""
    deaf: bool = False
    mute: bool = False

    def is_timed_out(self, now: datetime) -> bool:
        return self.timed_out_until is not None and self.timed_out_until > now

    def payload(self) -> Payload:
        """Without `user`, as in messages and interactions."""
        until = self.timed_out_until
        return {
            "nick": self.nick,
            "avatar": None,
            "banner": None,
            "roles": [str(role_id) for role_id in self.role_ids],
            "joined_at": self.joined_at,
            "premium_since": None,
            "deaf": self.deaf,
            "mute": self.mute,
            "flags": 0,
            "pending": False,
            "communication_disabled_until": None if until is None else until.isoformat(),
        }

    def voice_state(self, guild_id: int) -> Payload:
        channel = self.voice_channel
        return {
            "guild_id": str(guild_id),
            "channel_id": str(channel.id) if channel else None,
            "user_id": str(self.user.id),
            "member": {"user": self.user.payload(), **self.payload()},
            "session_id": f"voice{self.user.id:x}",
            "deaf": self.deaf,
            "mute": self.mute,
            "self_deaf": False,
            "self_mute": False,
            "self_video": False,
            "suppress": False,
            "request_to_speak_timestamp": None,
        }
