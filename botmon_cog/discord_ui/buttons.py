"""Buttons and menus under a message. Their custom ids say all that is needed to answer them, also after a restart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import discord

ComponentHandler = Callable[[discord.Interaction[Any], Sequence[str]], Awaitable[bool]]
"""Answers a press by the words of its custom id that come after the feature's own; False: it knows no such button."""

PREFIX = "botmon:"
"""Of every custom id; what follows is for `ComponentRouter` to read."""

_GREY = discord.ButtonStyle.secondary


def row(buttons: dict[str, str]) -> list[discord.ui.Button[discord.ui.View]]:
    """Grey buttons by their labels: what follows the prefix in their custom ids."""
    return [
        discord.ui.Button(label=label, style=_GREY, custom_id=PREFIX + custom_id)
        for label, custom_id in buttons.items()
    ]


def view_of(*items: Sequence[discord.ui.Item[discord.ui.View]]) -> discord.ui.View:
    """One row for each list; an empty one takes none."""
    view = discord.ui.View(timeout=None)
    for index, items_of_row in enumerate(filter(None, items)):
        for item in items_of_row:
            item.row = index
            view.add_item(item)
    view.stop()  # so that discord.py keeps nothing of it: `ComponentRouter` answers for all messages
    return view
