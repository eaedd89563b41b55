"""How old an interaction really is, although the clocks of hosts are off."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

_REMEMBERED = 256
_DISCORD_EPOCH_S = 1_420_070_400
"""When Discord's ids begin, in s since 1970."""


class LeastDelay:
    """The least delay from Discord to here among the last few hundred interactions.

    A delay is the difference of two clocks, Discord's and the host's. The least one is by how much they differ, and the
    way at its quickest; what another interaction has beyond that is how long it was really held up.
    """

    def __init__(self, open_s: Callable[[], Iterable[float]]) -> None:
        """`open_s` gives the delays of those that nobody has noted yet."""
        self._open_s = open_s
        self._recent_s: deque[float] = deque(maxlen=_REMEMBERED)
        self.note = self._recent_s.append
        """An interaction came, as `delay_of` says so long after it was made. From any thread."""

    def held_up_s(self, delay_s: float) -> float:
        """What one of this delay was held up; 0 where no other is known."""
        return max(delay_s - min([delay_s, *self._recent_s.copy(), *self._open_s()]), 0.0)


def delay_of(snowflake: int, received_at_s: float) -> float:
    """By the two clocks, how long after it was made something came here; negative where the host's is behind.

    `received_at_s`: seconds since 1970.
    """
    return received_at_s - (snowflake >> 22) / 1000 - _DISCORD_EPOCH_S
