"""The rows that wait in memory, and which of them are on their way."""

from __future__ import annotations

from collections import deque

from botmon_cog.domain.models import Event


class Batch:
    """Rows that were taken out of the queue to be stored; whoever stores one takes it off `rows`.

    Attributes:
        first: the number of the oldest of them, or less: rows are numbered from 1 as they come.
    """

    __slots__ = ("first", "rows")

    def __init__(self, first: int, rows: list[Event]) -> None:
        self.first = first
        self.rows = rows


class Backlog:
    """Oldest first.

    Attributes:
        queue: the rows that nobody has taken yet; new ones are appended to it.
    """

    def __init__(self) -> None:
        self.queue: deque[Event] = deque()
        self._first = 1
        self._gone = 0
        self._lent: list[Batch] = []

    def __len__(self) -> int:
        """All rows in memory, lent ones included."""
        return len(self.queue) + sum(len(batch.rows) for batch in self._lent)

    @property
    def taken(self) -> int:
        """How many rows ever came: the number of the newest."""
        return self._gone + len(self.queue)

    @property
    def settled(self) -> int:
        """Every row up to this number has left for good; less than could be said where rows came back out of turn."""
        firsts = [batch.first for batch in self._lent]
        if self.queue:
            firsts.append(self._first)
        return min(firsts) - 1 if firsts else self.taken

    def lend(self, n: int) -> Batch:
        """Take out the `n` oldest, or all where there are less."""
        batch = Batch(self._first, self._pop(n))
        self._lent.append(batch)
        return batch

    def give_back(self, batch: Batch) -> None:
        """End a batch; what is left in it goes to the front of the queue. Does nothing the second time."""
        if batch not in self._lent:
            return
        self._lent.remove(batch)
        if batch.rows:
            self._first = min(self._first, batch.first) if self.queue else batch.first
            self.queue.extendleft(reversed(batch.rows))
            self._gone -= len(batch.rows)

    def give_all_back(self) -> None:
        for batch in sorted(self._lent, key=lambda batch: batch.first, reverse=True):
            self.give_back(batch)

    def drop(self, n: int) -> int:
        """Forget the `n` oldest that nobody has taken; returns how many there were."""
        return len(self._pop(n))

    def refuse_newest(self) -> None:
        """Take back what was appended last."""
        self.queue.pop()
        self._gone += 1

    def _pop(self, n: int) -> list[Event]:
        rows = [self.queue.popleft() for _ in range(min(n, len(self.queue)))]
        self._gone += len(rows)
        self._first = self._first + len(rows) if self.queue else self.taken + 1
        return rows
