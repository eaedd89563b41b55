"""The HTTP server on 127.0.0.1: REST, gateway and attachments on one port."""

from __future__ import annotations

from email.utils import format_datetime
from typing import TYPE_CHECKING

from aiohttp import web

from botmon_cog.testing import pictures
from botmon_cog.testing.gateway import Connection, compressor_for
from botmon_cog.testing.rest.api import PREFIX, Api

if TYPE_CHECKING:
    from botmon_cog.testing.world import World

_LARGEST_REQUEST_BYTES = 64 * 1024 * 1024


class Server:
    def __init__(self, world: World) -> None:
        self._world = world
        self._connections: set[Connection] = set()
        app = web.Application(client_max_size=_LARGEST_REQUEST_BYTES)
        app.router.add_get("/gateway/", self._gateway)
        app.router.add_get("/gateway", self._gateway)
        app.router.add_get("/attachments/{channel_id}/{file_id}/{filename}", self._attachment)
        app.router.add_get(pictures.CDN_PATH + "/{path:.*}", self._picture)
        self._api = Api(world)
        app.on_response_prepare.append(self._date)
        app.router.add_route("*", PREFIX + "/{path:.*}", self._rest)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)

    async def start(self) -> None:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port: int = self._runner.addresses[0][1]
        self._world.base_url = f"http://127.0.0.1:{port}{PREFIX}"
        self._world.gateway_url = f"ws://127.0.0.1:{port}/gateway/"

    async def stop(self) -> None:
        for connection in list(self._connections):
            await connection.close(None)
        await self._runner.cleanup()

    async def _date(self, _: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = format_datetime(self._world.clock.now() + self._world.clock_ahead, usegmt=True)

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        with self._world.settling.request(f"{request.method} {request.rel_url.raw_path.removeprefix(PREFIX)}"):
            return await self._api.handle(request)

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        try:
            compress = compressor_for(request.query.get("compress"))
        except (ValueError, ModuleNotFoundError) as error:
            raise web.HTTPBadRequest(text=f"the loopback gateway cannot serve this client: {error}") from error
        # Without autoping the connection sees the pongs, which tell it what the client has read.
        socket = web.WebSocketResponse(compress=False, max_msg_size=0, autoping=False)
        await socket.prepare(request)
        connection = Connection(self._world, socket, compress)
        connection.transport = request.transport
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)
        return socket

    async def _picture(self, request: web.Request) -> web.Response:
        data = pictures.find(self._world, request.match_info["path"])
        if data is None:
            raise web.HTTPNotFound
        return web.Response(body=data, content_type=pictures.content_type(data))

    async def _attachment(self, request: web.Request) -> web.Response:
        text = request.match_info["file_id"]
        file = self._world.files.get(int(text)) if text.isdigit() else None
        if file is None:
            raise web.HTTPNotFound(text="This content is no longer available.")
        return web.Response(body=file.bytes, content_type=file.payload()["content_type"])
