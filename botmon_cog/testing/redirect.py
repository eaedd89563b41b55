"""Points discord.py at another server for as long as a context is open."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route


@contextmanager
def redirect(base_url: str, gateway_url: str) -> Generator[None, None, None]:
    """While open, discord.py's REST calls go to `base_url` and its gateway connections to `gateway_url`.

    `base_url` ends in `/api/v10`. Works in any process, so that a bot can run apart from the loopback Discord.
    """
    old_base, old_gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE = base_url
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)
    try:
        yield
    finally:
        Route.BASE = old_base
        DiscordWebSocket.DEFAULT_GATEWAY = old_gateway
