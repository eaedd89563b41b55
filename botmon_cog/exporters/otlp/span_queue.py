"""Invocations that wait to be sent as spans."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from botmon_cog.domain.models import Invocation

MOST_WAITING = 2_048
MOST_SENT = 512
"""In one request. Both are OpenTelemetry's own defaults."""


class Traced(NamedTuple):
    """An invocation with the ids that its span has, however often it is sent."""

    invocation: Invocation
    trace_id: int
    span_id: int


class SpanQueue:
    """In order, and bounded.

    Attributes:
        dropped: how many were not sent, because too many waited or the receiver refused them.
    """

    def __init__(self) -> None:
        self._waiting: deque[Invocation] = deque()
        self._batch: list[Traced] = []
        self.dropped = 0

    def take(self, invocation: Invocation) -> None:
        """Called while a command's answer waits: does next to nothing. This package's own commands are left out."""
        if invocation.is_own:
            return
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(invocation)
        else:
            self.dropped += 1

    def batch(self) -> Sequence[Traced]:
        """What to send next: the same until `done`. Empty if nothing waits."""
        if not self._batch:
            n = min(MOST_SENT, len(self._waiting))
            self._batch = [Traced(self._waiting.popleft(), _id(128), _id(64)) for _ in range(n)]
        return self._batch

    def done(self, *, refused: int = 0) -> None:
        """The batch needs no further attempt. `refused`: how many of it were not taken."""
        self.dropped += refused
        self._batch = []


def _id(bits: int) -> int:
    """Never 0, which stands for none."""
    return random.getrandbits(bits) or 1
