"""What a song is called. Neither discord.py nor its audio sources have titles: bots and libraries add them."""

from __future__ import annotations

from typing import Any

from botmon_cog.domain.taken import taken_title

_MOST_WRAPPED = 4


def title_of(playable: Any) -> str | None:
    """The `title` of an audio source or a track, or of what it wraps as `original`; None if there is none."""
    try:
        for _ in range(_MOST_WRAPPED):
            title = taken_title(getattr(playable, "title", None))
            if title is not None or playable is None:
                return title
            playable = getattr(playable, "original", None)
    except Exception:  # noqa: BLE001 (somebody else's property: a title that is not to be had is none)
        return None
    return None
