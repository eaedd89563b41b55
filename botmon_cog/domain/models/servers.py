"""Servers that the bot joined and left."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from botmon_cog.domain.models.fields import GuildName, Id, Label


class MembershipChange(StrEnum):
    JOINED = "joined"
    LEFT = "left"


class GuildMembership(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The bot joined a server, or left it; an outage of Discord's is neither."""

    change: MembershipChange
    occurred_at: datetime
    guild_id: Id
    guild_name: GuildName = None
    member_count: int | None = None
    locale: Label | None = None
    """As Discord writes it: `en-US`."""
