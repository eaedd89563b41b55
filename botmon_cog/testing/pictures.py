"""Pictures of users, guilds and emojis: what the CDN holds, and under which hash."""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botmon_cog.testing.world import World

CDN_PATH = "/cdn"
_KINDS = (
    (b"\x89PNG", "image/png"),
    (b"GIF8", "image/gif"),
    (b"\xff\xd8", "image/jpeg"),
    (b"RIFF", "image/webp"),
)


def keep(world: World, folder: str, data: bytes) -> str:
    """Put a picture on the CDN, as in folder "avatars/123", and return its hash."""
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
    picture_hash = f"a_{digest}" if is_animated(data) else digest
    world.cdn[f"{folder}/{picture_hash}"] = data
    return picture_hash


def find(world: World, path: str) -> bytes | None:
    """What is at a path like "avatars/1/abc.png"; in whatever format it is asked for, it comes as it was uploaded.

    The pictures of users without one are there from the beginning. None: nothing is there.
    """
    name = path.rpartition(".")[0] or path
    if name.startswith("embed/avatars/"):
        return _single_dot(int(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[:6], 16))
    return world.cdn.get(name)


def content_type(data: bytes) -> str:
    return next((kind for start, kind in _KINDS if data.startswith(start)), "application/octet-stream")


def is_animated(data: bytes) -> bool:
    return data.startswith(b"GIF8")


def _single_dot(color: int) -> bytes:
    """A PNG of one pixel."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" + color.to_bytes(3, "big"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


DOT = _single_dot(0x5865F2)
"""A picture for where any will do."""
