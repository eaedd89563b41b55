"""When messages arrived, for those that turn out to be commands."""

from __future__ import annotations

from collections.abc import Callable

import discord

_REMEMBERED = 1024


class ReceivedMessages:
    """Remembers the last thousand or two."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._newer: dict[int, float] = {}
        self._older: dict[int, float] = {}

    def note(self, message: discord.Message) -> bool:
        """A check of `wait_for`, which never is true.

        A busy guild sends many messages, few of them commands: so one clock is read, and nothing is called in between.
        """
        newer = self._newer
        newer[message.id] = self._monotonic()
        if len(newer) >= _REMEMBERED:  # by halves: taking out the oldest each time would make every message pay
            self._older, self._newer = newer, {}
        return False

    def take(self, message_id: int) -> float | None:
        """Monotonic seconds at which it arrived, and forget it; None if that is not known."""
        return self._newer.pop(message_id, None) or self._older.pop(message_id, None)
