"""Webhooks of channels, apart from those of interactions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botmon_cog.testing.errors import Payload

if TYPE_CHECKING:
    from botmon_cog.testing.channels import LoopbackChannel
    from botmon_cog.testing.people import LoopbackUser


@dataclass(slots=True, eq=False)
class Webhook:
    id: int
    token: str
    channel: LoopbackChannel
    name: str
    creator: LoopbackUser | None = None
    """None: somebody made it by hand, as most are."""
    avatar: str | None = None
    """Hash of a picture on the CDN."""

    def payload(self) -> Payload:
        body: Payload = {
            "id": str(self.id),
            "type": 1,
            "token": self.token,
            "channel_id": str(self.channel.id),
            "guild_id": str(self.channel.guild.id) if self.channel.guild else None,
            "name": self.name,
            "avatar": self.avatar,
            "application_id": None,
        }
        if self.creator is not None:
            body["user"] = self.creator.payload()
            body["application_id"] = str(self.creator.id) if self.creator.is_bot else None
        return body
