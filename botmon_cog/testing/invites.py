"""Invites to a guild."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botmon_cog.testing import guild_payloads
from botmon_cog.testing.errors import Payload

if TYPE_CHECKING:
    from botmon_cog.testing.channels import LoopbackChannel
    from botmon_cog.testing.guilds import LoopbackGuild
    from botmon_cog.testing.people import LoopbackUser


@dataclass(slots=True, eq=False)
class Invite:
    code: str
    guild: LoopbackGuild
    channel: LoopbackChannel
    inviter: LoopbackUser
    created_at: datetime
    max_age_s: int = 86_400
    """0: for ever."""
    max_uses: int = 0
    """0: any number."""
    temporary: bool = False
    uses: int = 0

    def has_expired(self, now: datetime) -> bool:
        is_old = self.max_age_s > 0 and now >= self.created_at + timedelta(seconds=self.max_age_s)
        return is_old or 0 < self.max_uses <= self.uses

    def payload(self) -> Payload:
        """As who holds the link sees it."""
        expires = None if self.max_age_s == 0 else self.created_at + timedelta(seconds=self.max_age_s)
        return {
            "type": 0,
            "code": self.code,
            "guild": guild_payloads.partial(self.guild),
            "guild_id": str(self.guild.id),
            "channel": {"id": str(self.channel.id), "name": self.channel.name, "type": self.channel.kind},
            "inviter": self.inviter.payload(),
            "expires_at": None if expires is None else expires.isoformat(),
        }

    def full_payload(self) -> Payload:
        """As who manages the guild sees it."""
        return self.payload() | self._use()

    def event_payload(self) -> Payload:
        """INVITE_CREATE."""
        return {
            "code": self.code,
            "channel_id": str(self.channel.id),
            "guild_id": str(self.guild.id),
            "inviter": self.inviter.payload(),
            "expires_at": self.payload()["expires_at"],
            "type": 0,
            **self._use(),
        }

    def _use(self) -> Payload:
        return {
            "uses": self.uses,
            "max_uses": self.max_uses,
            "max_age": self.max_age_s,
            "temporary": self.temporary,
            "created_at": self.created_at.isoformat(),
        }
