"""`/healthz` and `/readyz`, for Docker, Kubernetes and whoever else asks whether the bot is well, and `/metrics`."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import cast

from aiohttp import http_exceptions, web

from botmon_cog.config.checking import AUTO, is_loopback, split_address
from botmon_cog.exporters.prometheus.endpoint import MetricsEndpoint
from botmon_cog.monitors.failures import Failures

_log = logging.getLogger(__name__)

_OK, _UNAVAILABLE = 200, 503
_FRESH = {"Cache-Control": "no-store"}
_SHUTDOWN_S = 1.0
"""How long a request that is being answered may hold up the end."""
_HEADERS_S = 5.0
_PORTS = ("SERVER_PORT", "PORT")
MOST_CONNECTIONS = 64
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class HttpServer:
    """Serves two addresses, or three, where `[http] listen` says so.

    Attributes:
        problem: what it does not serve although it should, in words; None while it does.
        is_stopping: from then on the bot is not ready any more, though it still answers.
    """

    def __init__(
        self,
        listen: str,
        readiness: Callable[[], Awaitable[tuple[str, ...]]],
        failures: Failures,
        headers_s: float = _HEADERS_S,
        metrics: MetricsEndpoint | None = None,
    ) -> None:
        """`headers_s`: how long a client may take to send a request's headers; then it is cut off."""
        self._listen = listen
        self._metrics = metrics
        self._is_loopback = True
        self._readiness = readiness
        self._failures = failures
        self._headers_s = headers_s
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self.problem: str | None = None
        self.is_stopping = False

    @property
    def port(self) -> int | None:
        """The port that it listens on; None while it does not."""
        return self._server.sockets[0].getsockname()[1] if self._server is not None and self._server.sockets else None

    async def start(self) -> None:
        """Begin to serve. An address that can't be had costs the feature, and nothing else."""
        address = address_of(self._listen)
        if address is None:
            self._say("/healthz and /readyz are off: listen is auto, but neither SERVER_PORT nor PORT is set")
            return
        host, port = address
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        if self._metrics is not None:
            self._is_loopback = is_loopback(host)
            app.router.add_get("/metrics", partial(self._metrics.answer, is_loopback=self._is_loopback))
        runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=_SHUTDOWN_S,
            keepalive_timeout=self._headers_s,  # aiohttp counts it from the connection, and from each answer
            lingering_time=0,  # nobody is asked for a body
            logger=_quiet_log(),
        )
        await runner.setup()
        handlers = cast("web.Server", runner.server)

        def connected() -> asyncio.Protocol:
            return handlers() if len(handlers.connections) < MOST_CONNECTIONS else _Refusal()

        try:
            self._server = await asyncio.get_running_loop().create_server(connected, host, port)
        except OSError as error:
            await runner.cleanup()
            self._say(f"/healthz and /readyz are off: can't listen on {self._listen} ({_why(error)})")
            return
        self._runner = runner
        if self._metrics is not None and self._metrics.needs_token(is_loopback=self._is_loopback):
            self._say(f"/metrics is off: other machines can reach {self._listen}, so it needs [http] token")

    def _say(self, problem: str) -> None:
        self.problem = problem
        _log.warning("[http] %s; everything else goes on", problem)

    async def stop(self) -> None:
        """Stop serving and let go of the port."""
        server, self._server = self._server, None
        runner, self._runner = self._runner, None
        if server is not None:
            server.close()
        if runner is not None:
            await runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        """Alive: the event loop has come round to answer."""
        return web.json_response({"status": "alive"}, headers=_FRESH)

    async def _readyz(self, _: web.Request) -> web.Response:
        reasons = await self._reasons()
        body = {"status": "not ready", "reasons": reasons} if reasons else {"status": "ready"}
        return web.json_response(body, status=_UNAVAILABLE if reasons else _OK, headers=_FRESH)

    async def _reasons(self) -> list[str]:
        if self.is_stopping:
            return ["the bot is shutting down"]
        try:
            return list(await self._readiness())
        except Exception as error:  # noqa: BLE001 (the edge: whoever asks gets an answer)
            self._failures.note("answering /readyz", error)
            return ["the monitor failed while it looked; see the bot's log"]


def address_of(listen: str, env: Mapping[str, str] = os.environ) -> tuple[str, int] | None:
    """(host, port) of `[http] listen`; None if that is left to the environment, and nothing stands there.

    Bot panels (Pterodactyl and its kin) tell the port in SERVER_PORT, app platforms in PORT.
    """
    if listen != AUTO:
        return split_address(listen)
    port = next((env[name] for name in _PORTS if env.get(name, "").isdecimal()), None)
    return None if port is None else split_address(f"0.0.0.0:{port}")


class _Refusal(asyncio.Protocol):
    """One connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        answering = cast("asyncio.WriteTransport", transport)
        answering.write(_BUSY)
        answering.close()


def _quiet_log() -> logging.Logger:
    """For aiohttp: what a client sends wrong is answered with 400, and needs no log entry."""
    log = logging.Logger(f"{__name__}.aiohttp")  # noqa: LOG001 (of one server: its filter ends with it)
    log.parent = _log
    log.addFilter(_is_ours)
    return log


def _is_ours(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, http_exceptions.HttpProcessingError)


def _why(error: OSError) -> str:
    """In a few words: what asyncio makes of it repeats the address."""
    if error.errno is None or isinstance(error, socket.gaierror):
        return error.strerror or str(error)
    return os.strerror(error.errno)
