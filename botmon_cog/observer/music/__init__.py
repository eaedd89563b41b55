"""Songs, skips, pauses, played time and voice connects, seen without a line of the host's code."""

from botmon_cog.observer.music.music import Music

__all__ = ["Music"]
