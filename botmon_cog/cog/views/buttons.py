"""The buttons under each message. Their custom ids say all that is needed to answer them, also after a restart."""

from __future__ import annotations

from typing import Literal

import discord

from botmon_cog.discord_ui.buttons import row, view_of
from botmon_cog.domain.alerts import Notice

HealthView = Literal["glance", "details", "history"]

MUTES = {"Mute 1 h": 60, "Mute 24 h": 1440}
"""Minutes by what stands on the button."""
UPTIME = "uptime"
"""The first word of the custom ids of the calendar."""
_SHOW = {"Show health": "show"}
_DAYS = 7
"""Of the list of errors to which an opened one goes back."""


def notice_buttons(notice: Notice, *, is_muted: bool = False) -> discord.ui.View:
    """For a notice. What is over needs no mute, and what leads to an error opens it."""
    error_id = next((item.cause.error.error_id for item in notice.items if item.cause and item.cause.error), None)
    if notice.kind == "recovery":
        return view_of(row(_SHOW))
    mutes = (
        {"Unmute": f"unmute:{notice.message_id}"}
        if is_muted
        else {label: f"mute:{minutes}:{notice.message_id}" for label, minutes in MUTES.items()}
    )
    if error_id is None:
        return view_of(row(_SHOW | mutes))
    return view_of(row({"Traceback": f"errors:{_DAYS}:open:{error_id}"} | mutes | _SHOW))


def health_buttons(view: HealthView, guild_id: str | None, *, has_calendar: bool = False) -> discord.ui.View:
    """For a health report. The guild is the one in which the button is pressed; None is all of them.

    `has_calendar`: whether there is one of the uptime, for this reader.
    """
    scope = "all" if guild_id is None else "here"
    others = {"Details": "details", "History": "history"} if view == "glance" else {"Back": "glance"}
    buttons = row({label: f"health:{other}:{scope}" for label, other in (others | {"Refresh": view}).items()})
    if view == "history" and has_calendar:
        buttons[1:1] = row({"Calendar": f"{UPTIME}:{scope}"})
    return view_of(buttons)


def calendar_buttons(guild_id: str | None) -> discord.ui.View:
    """For the calendar of the uptime."""
    scope = "all" if guild_id is None else "here"
    return view_of(row({"Back": f"health:history:{scope}", "Refresh": f"{UPTIME}:{scope}"}))
