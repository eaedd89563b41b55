"""The events in memory: taken, and neither committed nor in the spool yet."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from botmon_cog.domain.ended import Taken
from botmon_cog.store.log import Batch, RunKey


class Pending:
    """Events of one run, oldest first, numbered from 1 in the order in which they are appended to `queue`.

    Attributes:
        queue: new events go to its end.
        next_seq: the number of the first event in the queue.
        head: the batch before it, which somebody has begun to store. It stays as it is until that has succeeded.
        may_spool: False while the store refuses the events for good: no spool can help then.
        on_settled: called with `settled` when that may have grown; it must not raise.
        on_kept: called with events that were committed or spooled, in order, and the number of the last; likewise.
    """

    def __init__(self, run: RunKey) -> None:
        self.queue: deque[Taken] = deque()
        self.head: Batch | None = None
        self.may_spool = True
        self.on_settled: Callable[[int], None] | None = None
        self.on_kept: Callable[[Sequence[Taken], int], None] | None = None
        self._run = run
        self.next_seq = 1
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def __len__(self) -> int:
        return len(self.queue) + (0 if self.head is None else len(self.head.events))

    @property
    def taken(self) -> int:
        """The number of the newest event that ever came."""
        return self.next_seq + len(self.queue) - 1

    @property
    def settled(self) -> int:
        """Every event up to this number was committed, spooled or dropped."""
        return (self.next_seq if self.head is None else self.head.first_seq) - 1

    def oldest(self, max_rows: int) -> Batch | None:
        """The head, made of the first events in the queue if there is none; None if nothing is left."""
        if self.head is None and self.queue:
            events = list(islice(self.queue, max_rows))
            if len(events) == len(self.queue):  # as nearly always
                self.queue.clear()
            else:
                for _ in events:
                    self.queue.popleft()
            self.head = Batch(run=self._run, first_seq=self.next_seq, events=events)
            self.next_seq += len(events)
        return self.head

    def batches(self, max_rows: int) -> Iterator[Batch]:
        """Everything, in batches; they are still there afterwards."""
        if self.head is not None:
            yield self.head
        events = list(self.queue)
        for n in range(0, len(events), max_rows):
            yield Batch(run=self._run, first_seq=self.next_seq + n, events=events[n : n + max_rows])

    def remove(self, batch: Batch, n: int) -> None:
        """Forget the first `n` events of a batch: they are kept. Does nothing if it is not the head any more."""
        if batch is not self.head:
            return
        rest = batch.events[n:]
        if self.on_kept is not None:
            self.on_kept(batch.events[:n] if rest else batch.events, batch.first_seq + n - 1)
        # A new one: the old one may be on its way to the store at this moment.
        self.head = Batch(run=batch.run, first_seq=batch.first_seq + n, events=rest, is_repeat=True) if rest else None
        self._wake()

    def drop(self, n: int) -> None:
        """Forget the `n` oldest events of the queue."""
        for _ in range(n):
            self.queue.popleft()
        self.next_seq += n
        self._wake()

    def return_head(self) -> None:
        """Make the head the beginning of the queue again."""
        if self.head is not None:
            self.queue.extendleft(reversed(self.head.events))
            self.next_seq -= len(self.head.events)
            self.head = None

    async def flushed(self) -> None:
        """Return when every event that has come by now is settled."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((self.taken, done))
        self._wake()
        await done

    def _wake(self) -> None:
        settled = self.settled
        if self.on_settled is not None:
            self.on_settled(settled)
        waiting: list[tuple[int, asyncio.Future[None]]] = []
        for upto, done in self._waiting:
            if done.done() or done.get_loop().is_closed():
                continue
            if upto <= settled:
                done.set_result(None)
            else:
                waiting.append((upto, done))
        self._waiting = waiting
