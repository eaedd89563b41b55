"""Who blocked the loop how often, and for how long, within the last hour."""

from __future__ import annotations

import threading
from collections import deque

from msgspec.structs import replace

from botmon_cog.clock import Clock
from botmon_cog.domain.samples import Block

_SLOT_S = 15.0
_HOUR_S = 3600.0
LATELY_S = 600.0
_PLACES = 100
_TOLD = 20

_Key = tuple[str, str]
_OTHERS: _Key = ("others", "more places than are kept")


class Blocks:
    """Counts by (who, where). One thread adds, another asks.

    At most 100 places are told apart within the hour; what blocks elsewhere counts together.

    Attributes:
        ever: (how many there were since the start, how many seconds they took in total).
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ever = 0, 0.0
        self._slots: deque[tuple[float, dict[_Key, Block]]] = deque()
        self._lock = threading.Lock()

    def add(self, who: str, where: str, inside: str | None, duration_s: float) -> None:
        now_s = self._clock.monotonic()
        block = Block(
            who=who,
            where=where,
            inside=inside,
            n=1,
            total_s=duration_s,
            longest_s=duration_s,
            last_at=self._clock.now(),
        )
        with self._lock:
            n, total_s = self.ever
            self.ever = n + 1, total_s + duration_s
            self._forget(now_s)
            if not self._slots or now_s - self._slots[-1][0] >= _SLOT_S:
                self._slots.append((now_s, {}))
            known = {key for _, blocks in self._slots for key in blocks}
            key = (who, where)
            if key not in known and len(known) >= _PLACES:
                key = _OTHERS
                block = replace(block, who=key[0], where=key[1], inside=None)
            blocks = self._slots[-1][1]
            blocks[key] = _both(blocks[key], block) if key in blocks else block

    def ranked(self, within_s: float = _HOUR_S) -> tuple[Block, ...]:
        """Those that blocked the loop longest in total within the last hour or less, the worst first."""
        now_s = self._clock.monotonic()
        found: dict[_Key, Block] = {}
        with self._lock:
            self._forget(now_s)
            for began_s, blocks in self._slots:
                for key, block in blocks.items() if now_s - began_s <= within_s else ():
                    found[key] = _both(found[key], block) if key in found else block
        return tuple(sorted(found.values(), key=lambda block: block.total_s, reverse=True)[:_TOLD])

    def blocked_s(self) -> float:
        """Seconds within the last ten minutes."""
        since_s = self._clock.monotonic() - LATELY_S
        with self._lock:
            lately = (blocks for began_s, blocks in self._slots if began_s >= since_s)
            return sum((block.total_s for blocks in lately for block in blocks.values()), 0.0)

    def _forget(self, now_s: float) -> None:
        while self._slots and now_s - self._slots[0][0] >= _HOUR_S:
            self._slots.popleft()


def _both(earlier: Block, later: Block) -> Block:
    return replace(
        later,
        n=earlier.n + later.n,
        total_s=earlier.total_s + later.total_s,
        longest_s=max(earlier.longest_s, later.longest_s),
    )
