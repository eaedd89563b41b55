"""Requests to a loopback Discord without a library between, and what its errors say where."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from botmon_cog.testing import LoopbackDiscord


class Client:
    def __init__(self, loopback: LoopbackDiscord, session: aiohttp.ClientSession) -> None:
        self.loopback = loopback
        self.session = session

    async def call(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bot {self.loopback.token}"}
        address = self.loopback.base_url + path
        async with self.session.request(method, address, json=body, headers=headers) as response:
            return response.status, None if response.status == 204 else await response.json()

    async def send(self, body: Any) -> tuple[int, Any]:
        return await self.call("POST", f"/channels/{self.loopback.channel.id}/messages", body)

    @property
    def commands(self) -> str:
        return f"/applications/{self.loopback.bot_user.id}/commands"


@asynccontextmanager
async def connected() -> AsyncIterator[Client]:
    async with LoopbackDiscord() as loopback, aiohttp.ClientSession() as session:
        yield Client(loopback, session)


def where(errors: dict[str, Any]) -> dict[str, str]:
    """The nested tree as {dotted path: code}."""
    found: dict[str, str] = {}

    def walk(node: dict[str, Any], path: str) -> None:
        for key, below in node.items():
            if key == "_errors":
                found[path] = below[0]["code"]
            else:
                walk(below, f"{path}.{key}".lstrip("."))

    walk(errors, "")
    return found


def row(*components: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(components)}
