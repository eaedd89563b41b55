"""What players did."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from botmon_cog.domain.models.fields import Id


class MusicEventType(StrEnum):
    SONG_PLAYED = "song_played"
    SKIP = "skip"
    PAUSE = "pause"
    PLAYTIME = "playtime"
    """A song that was counted when it began went on playing, or ended."""


class EndReason(StrEnum):
    """Why a song ended."""

    FINISHED = "finished"
    SKIPPED = "skipped"
    """It was stopped, and soon the next one began."""
    STOPPED = "stopped"
    """It was stopped, and nothing followed, or the bot left the channel."""
    FAILED = "failed"
    REPLACED = "replaced"
    """Another one was put in its place; it counts as a skip."""


class MusicEvent(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Something that happened to a player."""

    type: MusicEventType
    occurred_at: datetime
    guild_id: Id
    user_id: Id | None = None
    duration_s: float = 0.0
    """How long the song played, as far as this event tells; 0 for skips and pauses."""
    shard_id: int = 0
    end_reason: EndReason | None = None
    """Of `playtime` that ended a song; None while it plays on, and where nobody saw how it ended."""
    title: str | None = None
    """Of a song that began, if `[privacy] song_titles` is on."""
