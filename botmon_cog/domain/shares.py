"""What a few of many say of a share."""

from __future__ import annotations

import math

_Z_95 = 1.96


def certain_share(n: int, total: int, *, fewest: int = 1) -> float:
    """The least share that `n` of `total` speak for: the lower bound of Wilson's 95 % interval.

    0 if there are fewer than `fewest` of them.
    """
    if total <= 0 or n < fewest:
        return 0.0
    share, square = min(n, total) / total, _Z_95**2
    centre = share + square / (2 * total)
    spread = _Z_95 * math.sqrt(share * (1 - share) / total + square / (4 * total**2))
    return max((centre - spread) / (1 + square / total), 0.0)
