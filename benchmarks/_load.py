"""Offered load: a steady stream in bursts, or back to back."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator

from _answers import Session
from _bot import Callbacks
from _payloads import Payload, Stamp, interactions
from discord.ext import commands

_TICKS_S = (0.005, 0.035)
"""Uneven, so that they do not fall in step with somebody's timer."""
_BURSTS = (1, 2, 4, 5, 8)
"""Commands that arrive in one tick, each size as likely."""
RATE = sum(_BURSTS) / len(_BURSTS) / (sum(_TICKS_S) / 2)
"""Commands per second of the steady stream."""
LATENCIES_MS = (30.0, 150.0)
"""How long Discord takes to answer in the steady stream."""

_DIFFERENT = 1_000
_BACK_TO_BACK = 8
_TURNS_AFTER = 20


class Load:
    """Feeds interactions to a bot as its gateway would."""

    def __init__(self, bot: commands.Bot, callbacks: Callbacks, session: Session) -> None:
        self._parse: Callable[[Payload], None] = bot._connection.parse_interaction_create  # noqa: SLF001 (the gateway's way in)
        self._callbacks = callbacks
        self._session = session
        self._stamp = Stamp()
        self._chance = random.Random(4)
        self._payloads: Iterator[Payload] = itertools.cycle(interactions(_DIFFERENT))

    async def steady(self, n: int) -> None:
        """`n` commands at `RATE`; returns when all have ended."""
        ended = self._callbacks.after(n)
        async for burst in self._ticks():
            n -= self._feed(min(burst, n))
            if ended.is_set():
                break
        await _settled()

    async def pacing_alone(self, n: int) -> None:
        """The ticks of `n` commands, without the commands."""
        async for burst in self._ticks():
            n -= burst
            if n <= 0:
                return

    async def saturated(self, n: int) -> None:
        """`n` commands, eight at a time, as fast as they go; returns when all have ended."""
        for done in range(0, n, _BACK_TO_BACK):
            size = min(_BACK_TO_BACK, n - done)
            ended = self._callbacks.after(size)
            self._feed(size)
            await ended.wait()
        await _settled()

    async def one(self, turns_after: int) -> None:
        """One command alone, and so many turns of the loop behind its end."""
        ended = self._callbacks.after(1)
        self._feed(1)
        await ended.wait()
        await _settled(turns_after)

    async def _ticks(self) -> AsyncIterator[int]:
        """The sizes of the bursts, each when it is due."""
        next_tick = time.perf_counter()
        while True:
            next_tick += self._chance.uniform(*_TICKS_S)
            await asyncio.sleep(max(next_tick - time.perf_counter(), 0))
            self._session.deliver()
            yield self._chance.choice(_BURSTS)

    def _feed(self, n: int) -> int:
        for payload in itertools.islice(self._payloads, n):
            interaction_id = self._stamp(payload)
            self._callbacks.sent[interaction_id] = time.perf_counter()
            self._parse(payload)
        return n


async def _settled(turns: int = _TURNS_AFTER) -> None:
    """Let the last commands' listeners run."""
    for _ in range(turns):
        await asyncio.sleep(0)
