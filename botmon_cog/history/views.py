"""What stands under the history: newer and older pages, and a new look."""

from __future__ import annotations

import discord

from botmon_cog.discord_ui.buttons import row, view_of
from botmon_cog.history.state import encode_all
from botmon_cog.history.values import Asked, Cursor, Page
from botmon_cog.store.engine import Engine

FEATURE = "history"
_NOWHERE = "-"


async def history_view(engine: Engine, asked: Asked, page: Page) -> discord.ui.View:
    """Raises StorageError if the database is away."""
    newer = None if page.newer is None else Cursor("newer", page.newer)
    older = None if page.older is None else Cursor("older", page.older)
    newer_state, older_state, same_state = await encode_all(engine, asked, newer, older, page.cursor)
    ways = {
        "Newer": f"n:{_NOWHERE if newer is None else newer_state}",
        "Older": f"o:{_NOWHERE if older is None else older_state}",
        "Refresh": f"r:{same_state}",
    }
    buttons = row({label: f"{FEATURE}:{way}" for label, way in ways.items()})
    buttons[0].disabled, buttons[1].disabled = newer is None, older is None
    return view_of(buttons)
