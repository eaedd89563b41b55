"""Posts OTLP, and tells what became of it."""

from __future__ import annotations

import gzip
from typing import Protocol

import aiohttp

from botmon_cog.domain import text
from botmon_cog.exporters.otlp.destination import Destination
from botmon_cog.exporters.otlp.problem import PushError

_OK = 200
_PASSING = frozenset({429, 502, 503, 504})
"""What OTLP lets a client try again."""
_LONGEST_PAUSE_S = 3_600.0
_LONGEST_ANSWER = 64 * 1024
_LONGEST_MESSAGE = 200


class Answer(Protocol):
    """How a collector's answer is read: how many it took out of what it was sent, and why."""

    def __call__(self, body: bytes, /) -> tuple[int, str]: ...


class OtlpClient:
    """Over one connection pool. It belongs to the event loop that it was made on."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession()

    async def post(self, to: Destination, body: bytes, rejected: Answer) -> None:
        """Send one request.

        Raises:
            PushError: it was not taken, or not all of it.
        """
        headers = {**to.headers, "content-type": "application/x-protobuf"}
        if to.is_gzip:
            headers["content-encoding"] = "gzip"
            body = gzip.compress(body)
        try:
            async with self._session.post(
                to.url,
                data=body,
                headers=headers,
                ssl=to.tls or True,
                timeout=aiohttp.ClientTimeout(total=to.timeout_s),
                allow_redirects=False,  # the headers are for this address alone
            ) as response:
                status, pause = response.status, response.headers.get("retry-after", "")
                answer = await response.content.read(_LONGEST_ANSWER)
        except TimeoutError:
            raise PushError(f"no answer within {to.timeout_s:g} s", may_pass=True) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:  # its text may hold the URL
            raise PushError(type(error).__name__, may_pass=True) from None
        if status != _OK:
            may_pass = status in _PASSING
            raise PushError(f"HTTP {status}", may_pass=may_pass, pause_s=_seconds(pause) if may_pass else 0.0)
        try:
            n, message = rejected(answer)
        except Exception as error:
            raise PushError("the answer is not OTLP", may_pass=False) from error
        if n:
            words = text.fit(text.clean(message), _LONGEST_MESSAGE) or "it does not say why"
            raise PushError(f"{n:,} of what was sent were rejected: {words}", may_pass=False, rejected=n)

    async def close(self) -> None:
        await self._session.close()


def _seconds(pause: str) -> float:
    """Of a `Retry-After` in seconds; 0 without one, and for a date."""
    return min(float(pause), _LONGEST_PAUSE_S) if pause.isdecimal() else 0.0
