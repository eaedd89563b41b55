"""`/metrics`: what is exported, to whoever has the token."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import hdrs, web

from botmon_cog.domain.exposed import Family
from botmon_cog.monitors.failures import Failures
from botmon_cog.threads import in_thread

_UNAUTHORIZED, _FORBIDDEN, _UNAVAILABLE, _FAILED = 401, 403, 503, 500
_LONGEST_S = 10.0
_MOST_WAITING = 4
"""Scrapes at a time: one is answered, the others wait for it."""

Gather = Callable[[], Awaitable[Sequence[Family]]]


class MetricsEndpoint:
    """Answers one scrape after the other."""

    def __init__(self, gather: Gather, token: str, failures: Failures) -> None:
        """`token`: what whoever asks must have; empty: nobody is asked for one, and nobody is answered from afar."""
        self._gather = gather
        self._token = token.encode()
        self._failures = failures
        self._one = asyncio.Lock()
        self._asking = 0

    def needs_token(self, *, is_loopback: bool) -> bool:
        """Whether there should be a token, and is none: what can be reached from afar is not open to everybody."""
        return not (is_loopback or self._token)

    async def answer(self, request: web.Request, *, is_loopback: bool) -> web.Response:
        if self.needs_token(is_loopback=is_loopback):
            return web.Response(status=_FORBIDDEN, text="set [http] token, or listen on 127.0.0.1\n")
        if self._token and not _has(request, self._token):
            return web.Response(status=_UNAUTHORIZED, headers={hdrs.WWW_AUTHENTICATE: "Bearer"})
        if self._asking >= _MOST_WAITING:
            return web.Response(status=_UNAVAILABLE, text="too many scrapes at once\n")
        self._asking += 1
        try:
            async with asyncio.timeout(_LONGEST_S), self._one:
                return await self._scrape(request.headers.get(hdrs.ACCEPT, ""))
        except TimeoutError:
            return web.Response(status=_UNAVAILABLE, text="too slow\n")
        except Exception as error:  # noqa: BLE001 (the edge: whoever asks gets an answer)
            self._failures.note("answering /metrics", error)
            return web.Response(status=_FAILED, text="the monitor failed while it looked; see the bot's log\n")
        finally:
            self._asking -= 1

    async def _scrape(self, accept: str) -> web.Response:
        from botmon_cog.exporters.prometheus.exposition import render  # noqa: PLC0415 (an extra)

        families = await self._gather()
        body, content_type = await in_thread(lambda: render(families, accept))
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type, hdrs.CACHE_CONTROL: "no-store"})


def _has(request: web.Request, token: bytes) -> bool:
    scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token)
