"""The REST API as one aiohttp handler: faults, token, route, record."""

from __future__ import annotations

import asyncio
import json
import re
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from aiohttp import BodyPartReader, web

from botmon_cog.testing import errors
from botmon_cog.testing.faults import PlannedFault
from botmon_cog.testing.recording import RecordedRequest
from botmon_cog.testing.rest import table
from botmon_cog.testing.rest.call import Call, Reply

if TYPE_CHECKING:
    from botmon_cog.testing.world import World

PREFIX = "/api/v10"
_FILE_FIELD = re.compile(r"files?\[(\d+)\]$")
_BUCKET_SIZE = 50


class Api:
    def __init__(self, world: World) -> None:
        self._world = world

    async def handle(self, request: web.Request) -> web.StreamResponse:
        world = self._world
        path = request.rel_url.raw_path.removeprefix(PREFIX)
        body, files = await _read(request)
        record = RecordedRequest(
            method=request.method,
            path=path,
            query=dict(request.query),
            json=body,
            files=[name for name, _ in files.values()],
            at_s=world.clock.monotonic(),
            reason=_reason(request),
        )
        world.requests.append(record)
        if world.faults.latency_s > 0:
            await asyncio.sleep(world.faults.latency_s)
        plan = world.faults.take(path)
        if plan is not None and plan.kind == "drop":
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        headers = _rate_limit_headers(request.method, path)
        if plan is not None:
            reply = _planned_reply(plan, headers)
        else:
            try:
                reply = self._answer(request, path, body, files)
            except errors.DiscordError as refused:
                reply = Reply(refused.status, refused.body())
        record.status, record.response = reply.status, reply.body
        if reply.body is None:
            return web.Response(status=reply.status, headers=headers)
        # Snapshot: messages are live objects, a record tells what was answered then.
        text = json.dumps(reply.body)
        record.response = json.loads(text)
        headers["Content-Type"] = "application/json"
        return web.Response(status=reply.status, body=text.encode(), headers=headers)

    def _answer(self, request: web.Request, path: str, body: Any, files: dict[int, tuple[str, bytes]]) -> Reply:
        try:
            route, parameters = table.find(request.method, path)
        except errors.DiscordError:
            self._world.not_imitated.append(table.name_of(request.method, path))
            raise
        if route.needs_token and request.headers.get("Authorization") != f"Bot {self._world.token}":
            raise errors.unauthorized()
        if body is _BROKEN:
            raise errors.invalid_json()
        return route.handler(Call(self._world, parameters, dict(request.query), body, files, _reason(request)))


_BROKEN = object()


def _reason(request: web.Request) -> str | None:
    """Of the guild's audit log; percent-encoded, as headers are ASCII."""
    reason = request.headers.get("X-Audit-Log-Reason")
    return None if reason is None else unquote(reason)


async def _read(request: web.Request) -> tuple[Any, dict[int, tuple[str, bytes]]]:
    files: dict[int, tuple[str, bytes]] = {}
    if request.content_type != "multipart/form-data":
        text = await request.text()
        return (_parse(text) if text else None), files
    body: Any = None
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        if part.name == "payload_json":
            body = _parse(await part.text())
        else:
            match = _FILE_FIELD.match(part.name or "")
            index = int(match[1]) if match else len(files)
            files[index] = (part.filename or f"unknown{index}", bytes(await part.read()))
    return body, files


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return _BROKEN


def _rate_limit_headers(method: str, path: str) -> dict[str, str]:
    """Those of a bucket with room: a client that watches them never has to wait."""
    template = re.sub(r"\d{15,}", "{id}", path)
    return {
        "X-RateLimit-Limit": str(_BUCKET_SIZE),
        "X-RateLimit-Remaining": str(_BUCKET_SIZE - 1),
        "X-RateLimit-Reset": "4102444800.000",
        "X-RateLimit-Reset-After": "1.000",
        "X-RateLimit-Bucket": f"{zlib.crc32(f'{method} {template}'.encode()):08x}",
        "Via": "1.1 loopback",
    }


def _planned_reply(plan: PlannedFault, headers: dict[str, str]) -> Reply:
    if plan.kind == "fail":
        return Reply(plan.status, {"message": f"{plan.status}: planned fault", "code": 0})
    headers |= {
        "Retry-After": str(max(1, round(plan.retry_after_s))),
        "X-RateLimit-Scope": "global" if plan.is_global else "user",
    }
    if plan.is_global:
        headers["X-RateLimit-Global"] = "true"
    else:
        headers |= {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": str(plan.retry_after_s)}
    body = {"message": "You are being rate limited.", "retry_after": plan.retry_after_s, "global": plan.is_global}
    return Reply(429, body)
