"""Roles of a guild."""

from __future__ import annotations

from dataclasses import dataclass, field

import discord

from botmon_cog.testing.errors import Payload


@dataclass(slots=True, eq=False)
class LoopbackRole:
    id: int
    name: str
    permissions: discord.Permissions
    position: int
    bot_id: int | None = None
    """Set where the role came with the bot and cannot be given to others."""
    color: int = field(default=0, repr=False)
    hoist: bool = field(default=False, repr=False)
    mentionable: bool = field(default=False, repr=False)
    unicode_emoji: str | None = field(default=None, repr=False)

    @property
    def mention(self) -> str:
        return f"<@&{self.id}>"

    @property
    def rank(self) -> tuple[int, int]:
        """Higher for a role that stands above; of two at one position the older is above."""
        return self.position, -self.id

    def payload(self) -> Payload:
        body: Payload = {
            "id": str(self.id),
            "name": self.name,
            "color": self.color,
            "colors": {"primary_color": self.color, "secondary_color": None, "tertiary_color": None},
            "hoist": self.hoist,
            "icon": None,
            "unicode_emoji": self.unicode_emoji,
            "position": self.position,
            "permissions": str(self.permissions.value),
            "managed": self.bot_id is not None,
            "mentionable": self.mentionable,
            "flags": 0,
        }
        if self.bot_id is not None:
            body["tags"] = {"bot_id": str(self.bot_id)}
        return body
