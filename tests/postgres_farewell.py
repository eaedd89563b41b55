"""A relay in front of PostgreSQL whose farewell comes at the worst moment: just before the rows of a COPY.

A server that ends a connection says so and hangs up. The relay forges the first and delays the second, which a real
server does only by chance.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

_FAREWELL = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
_MESSAGE = b"E" + (len(_FAREWELL) + 4).to_bytes(4, "big") + _FAREWELL


@asynccontextmanager
async def farewell_before_copying(url: str, table: str) -> AsyncIterator[str]:
    """The URL of the relay: it ends each connection once the columns of `table` were asked for, as COPY does first."""
    address = urlsplit(url)
    relays: set[asyncio.Task[None]] = set()

    async def relayed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(address.hostname, address.port)
        asked = False

        async def upwards() -> None:
            nonlocal asked
            while data := await reader.read(1 << 16):
                asked = asked or (b"LIMIT 1" in data and table.encode() in data)
                server_writer.write(data)

        async def downwards() -> None:
            while data := await server_reader.read(1 << 16):
                writer.write(data + _MESSAGE if asked else data)

        try:
            async with asyncio.TaskGroup() as group:
                down = group.create_task(downwards())
                await upwards()  # until the other side has hung up
                down.cancel()
        finally:
            for each in (writer, server_writer):
                each.close()
                with suppress(ConnectionError):
                    await each.wait_closed()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relays.add(asyncio.create_task(relayed(reader, writer)))

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield url.replace(f":{address.port}/", f":{port}/")
    await asyncio.gather(*relays)
