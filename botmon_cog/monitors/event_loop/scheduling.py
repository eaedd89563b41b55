"""For how long threads could not run, though they would have."""

from __future__ import annotations

import threading
from collections.abc import Callable

ReadWaited = Callable[[int], float | None]


def waited_s(thread_id: int) -> float | None:
    """Seconds that a thread of this process, by its native id, waited for a processor. None where nothing tells it."""
    try:
        with open(f"/proc/self/task/{thread_id}/schedstat", encoding="ascii") as file:  # noqa: PTH123 (a third of the time)
            return int(file.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return None


class Starvation:
    """How much of the time since this was made the watched thread, or all of the process, was kept from running.

    Used by the thread that watches. A thread that waits for a processor is known to the system (Linux); a process that
    was stopped shows in that the watching thread's own waits took too long, although it did not wait for a processor.
    Where the system tells nothing, such a wait counts whole.
    """

    def __init__(self, watched_id: int, read: ReadWaited | None = None) -> None:
        self._ids = watched_id, threading.get_native_id()
        self._read = read or waited_s
        self._before = self._look()
        self._overslept_s = 0.0

    def _look(self) -> list[float | None]:
        return [self._read(thread_id) for thread_id in self._ids]

    def overslept(self, seconds: float) -> None:
        """The watching thread woke up later than it should have, and the watched one did not compute meanwhile."""
        self._overslept_s += seconds

    def total_s(self) -> float:
        watched_s, own_s = (
            0.0 if before is None or after is None else after - before
            for before, after in zip(self._before, self._look(), strict=True)
        )
        return max(watched_s, self._overslept_s - own_s)
