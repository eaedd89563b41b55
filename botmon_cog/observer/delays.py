"""How old an interaction really is, although the clocks of hosts are off."""

from __future__ import annotations

from collections import deque

_REMEMBERED = 256
DISCORD_EPOCH_S = 1_420_070_400
"""When Discord's ids begin, in s since 1970."""


class LeastDelay:
    """The least delay from Discord to here among the last few hundred interactions.

    A delay is the difference of two clocks, Discord's and the host's. The least one is by how much they differ, and the
    way at its quickest; what another interaction has beyond that is how long it was really held up.
    """

    def __init__(self) -> None:
        self._recent_s: deque[float] = deque(maxlen=_REMEMBERED)
        self.note = self._recent_s.append
        """An interaction came, by the two clocks so long after it was made; negative where the host's is behind."""

    def held_up_s(self, delay_s: float) -> float:
        """What one of this delay was held up; 0 where no other is known."""
        return max(delay_s - min(self._recent_s, default=delay_s), 0.0)


def delay_of(snowflake: int, received_at_s: float) -> float:
    """By the two clocks, how long after it was made something came here. `received_at_s`: seconds since 1970."""
    return received_at_s - (snowflake >> 22) / 1000 - DISCORD_EPOCH_S
