"""Where in the log that may be which a host's row tells of."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from botmon_cog.host.matching import AFTER_MS, BEFORE_MS

_LONGEST_MS = 15 * 60_000
"""A command observed by an earlier process took so long at the most, as far as is looked: as long as an interaction."""
_LINGER_MS = 7_000
"""What ended at a moment is recorded by then."""
_SNAPSHOTS = 30
_SNAPSHOT_S = 5.0


class RunProgress:
    """How far the runs had come in the last minutes.

    A run numbers what ends in the order in which it ends. So what ended after a moment has higher numbers than what was
    stored by then, however long it took.
    """

    def __init__(self) -> None:
        self._snapshots: deque[tuple[float, Mapping[int, int]]] = deque(maxlen=_SNAPSHOTS)

    def note(self, now_s: float, last_seqs: Mapping[int, int]) -> None:
        """`last_seqs`: the last number of each run, as it is in the store at that moment (seconds since 1970)."""
        if not self._snapshots or abs(now_s - self._snapshots[-1][0]) >= _SNAPSHOT_S:
            self._snapshots.append((now_s, last_seqs))

    def before(self, executed_ms: int, last_seqs: Mapping[int, int]) -> Mapping[int, int] | None:
        """After which numbers the runs recorded what a row of that moment, or of a later one, may tell of.

        None: that is not known. Runs that have recorded nothing since are left out.
        """
        for taken_s, seqs in reversed(self._snapshots):
            if taken_s * 1000 <= executed_ms - AFTER_MS - _LINGER_MS:
                return {run_id: seqs.get(run_id, 0) for run_id, last in last_seqs.items() if last > seqs.get(run_id, 0)}
        return None


def spans_of(executed_ms: Iterable[int]) -> list[tuple[int, int]]:
    """When what rows of these moments tell of may have begun; the spans don't overlap."""
    found: list[list[int]] = []
    for moment_ms in sorted(executed_ms):
        since, until = moment_ms - AFTER_MS - _LONGEST_MS, moment_ms + BEFORE_MS
        if found and since <= found[-1][1]:
            found[-1][1] = max(found[-1][1], until)
        else:
            found.append([since, until])
    return [(since, until) for since, until in found]
