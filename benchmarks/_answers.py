"""Discord's side of a response: what stands in for `aiohttp.ClientSession`, the lowest thing that discord.py calls."""

from __future__ import annotations

import asyncio
import heapq
import json
import random
import time
from types import TracebackType

from _payloads import callback_answer


class Answer:
    """A finished response, as far as discord.py looks at it."""

    status = 200
    reason = "OK"
    headers = {"content-type": "application/json"}  # noqa: RUF012 (never changed)

    def __init__(self, body: str) -> None:
        self._body = body

    async def text(self, encoding: str | None = None) -> str:  # noqa: ARG002 (aiohttp's signature)
        return self._body


class Request:
    """What `session.request` returns: entering it waits for the answer."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def __aenter__(self) -> Answer:
        await self._session.arrival()
        return self._session.answer

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing is held."""


class Session:
    """Answers every request without a socket.

    With `latencies_ms` each answer waits for the first `deliver` after its time has come: several of them arrive
    together, and waiting costs no timers. Without, it comes in the loop's next pass.
    """

    def __init__(self, latencies_ms: tuple[float, float] | None = None, seed: int = 3) -> None:
        self.answer = Answer(json.dumps(callback_answer()))
        self._latencies_ms = latencies_ms
        self._chance = random.Random(seed)
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._n = 0

    def request(self, method: str, url: str, **options: object) -> Request:  # noqa: ARG002 (aiohttp's signature)
        return Request(self)

    async def arrival(self) -> None:
        if self._latencies_ms is None:
            await asyncio.sleep(0)
            return
        self._n += 1
        due = time.perf_counter() + self._chance.uniform(*self._latencies_ms) / 1000
        arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (due, self._n, arrived))
        await arrived

    def deliver(self) -> None:
        """Let those answers arrive whose time has come."""
        now = time.perf_counter()
        while self._waiting and self._waiting[0][0] <= now:
            arrived = heapq.heappop(self._waiting)[2]
            if not arrived.done():
                arrived.set_result(None)

    async def close(self) -> None:
        """As `Client.close` calls it."""
