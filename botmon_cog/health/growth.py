"""How fast something grows, told from what merely jumps and wanders.

The slope is that of Theil and Sen: the median of the slopes between all pairs of points, which few outliers do not move
(Sen: "Estimates of the Regression Coefficient Based on Kendall's Tau", Journal of the American Statistical Association
63 (324), 1968). One jump in the middle of the time moves it all the same, for half of all pairs span it; so each third
of the time has to show the growth for itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import combinations
from statistics import median

_HOUR_S = 3600.0
_LONGEST_S, _SHORTEST_S = 6 * _HOUR_S, 3 * _HOUR_S
_SLOT_S = 300.0
_PARTS = 3
_FEWEST_PER_PART = 4

Point = tuple[float, float]
"""Seconds, and the value then."""


class Growth:
    """Of a value over the last six hours. Of every five minutes it keeps the least value: what is not garbage.

    Attributes:
        per_h: the least growth per hour that the whole time and each third of it show; about 0 or below where it comes
            from a jump. None until three hours are known.
    """

    def __init__(self) -> None:
        self.per_h: float | None = None
        self._points: deque[Point] = deque(maxlen=int(_LONGEST_S / _SLOT_S) + 1)

    def add(self, at_s: float, value: float) -> None:
        """`at_s` is monotonic."""
        points = self._points
        if points and points[-1][0] // _SLOT_S == at_s // _SLOT_S:
            points[-1] = points[-1][0], min(points[-1][1], value)
            return
        while points and points[0][0] < at_s - _LONGEST_S:
            points.popleft()
        self.per_h = _least_per_h(points)
        points.append((at_s, value))


def _least_per_h(points: Sequence[Point]) -> float | None:
    if not points or (took_s := points[-1][0] - points[0][0]) < _SHORTEST_S:
        return None
    parts: list[list[Point]] = [[] for _ in range(_PARTS)]
    for point in points:
        parts[min(int((point[0] - points[0][0]) / took_s * _PARTS), _PARTS - 1)].append(point)
    is_enough = min(map(len, parts)) >= _FEWEST_PER_PART
    return min(map(slope, (points, *parts))) * _HOUR_S if is_enough else None


def slope(points: Sequence[Point]) -> float:
    """Theil and Sen's, per second, of points whose times all differ."""
    return median((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2))
