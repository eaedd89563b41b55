"""Points discord.py at another server for as long as a context is open."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from botmon_cog.testing.pictures import CDN_PATH


@contextmanager
def redirect(base_url: str, gateway_url: str) -> Generator[None, None, None]:
    """While open, discord.py's REST calls go to `base_url` and its gateway connections to `gateway_url`.

    `base_url` ends in `/api/v10`; pictures (of users, emojis) have their addresses on the same host.
    Works in any process, so that a bot can run apart from the loopback Discord.
    """
    old_base, old_gateway, old_cdn = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY, discord.Asset.BASE
    Route.BASE = base_url
    asset: Any = discord.Asset  # which has its address for a constant
    asset.BASE = str(yarl.URL(base_url).with_path(CDN_PATH))
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)
    try:
        yield
    finally:
        Route.BASE = old_base
        asset.BASE = old_cdn
        DiscordWebSocket.DEFAULT_GATEWAY = old_gateway
