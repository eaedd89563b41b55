"""The buttons under each message. Their custom ids say all that is needed to answer them, also after a restart."""

from __future__ import annotations

from typing import Literal

import discord

from botmon_cog.domain.alerts import News

PREFIX = "botmon:"
"""Of every custom id; what follows is for `Presses` to read."""

HealthView = Literal["glance", "details", "history"]

MUTES = {"Mute 1 h": 60, "Mute 24 h": 1440}
"""Minutes by what stands on the button."""
_SHOW = {"Show health": "show"}
_DAYS = 7
"""Of the list of errors to which an opened one goes back."""
_GREY = discord.ButtonStyle.secondary


def news_buttons(news: News, *, is_muted: bool = False) -> discord.ui.View:
    """For news. What is over needs no mute, and what leads to an error opens it."""
    error_id = next((item.cause.error.error_id for item in news.items if item.cause and item.cause.error), None)
    if news.kind == "recovery":
        return view_of(row(_SHOW))
    mutes = (
        {"Unmute": f"unmute:{news.message_id}"}
        if is_muted
        else {label: f"mute:{minutes}:{news.message_id}" for label, minutes in MUTES.items()}
    )
    if error_id is None:
        return view_of(row(_SHOW | mutes))
    return view_of(row({"Traceback": f"errors:{_DAYS}:open:{error_id}"} | mutes | _SHOW))


def health_buttons(view: HealthView, guild_id: str | None) -> discord.ui.View:
    """For a health report. The guild is the one in which the button is pressed; None is all of them."""
    scope = "all" if guild_id is None else "here"
    others = {"Details": "details", "History": "history"} if view == "glance" else {"Back": "glance"}
    return view_of(row({label: f"health:{other}:{scope}" for label, other in (others | {"Refresh": view}).items()}))


def row(buttons: dict[str, str]) -> list[discord.ui.Button[discord.ui.View]]:
    """Grey buttons by their labels: what follows the prefix in their custom ids."""
    return [
        discord.ui.Button(label=label, style=_GREY, custom_id=PREFIX + custom_id)
        for label, custom_id in buttons.items()
    ]


def view_of(
    *items: list[discord.ui.Button[discord.ui.View]] | list[discord.ui.Select[discord.ui.View]],
) -> discord.ui.View:
    """One row for each list; an empty one takes none."""
    view = discord.ui.View(timeout=None)
    for index, items_of_row in enumerate(filter(None, items)):
        for item in items_of_row:
            item.row = index
            view.add_item(item)
    view.stop()  # so that discord.py keeps nothing of it, nor gives it a timeout: `Presses` answers for all messages
    return view
