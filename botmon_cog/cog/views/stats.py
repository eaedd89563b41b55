"""What stands under `/stats` and `/perf`: other periods, the same as a chart, back to numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import discord

from botmon_cog.discord_ui.buttons import row, view_of
from botmon_cog.export.commands import export_button

StatsView = Literal["numbers", "chart", "heat"]
PerfView = Literal["numbers", "chart"]

STATS, PERF = "stats", "perf"
"""The first words of the custom ids."""
STATS_PERIODS = {"Week": "weekly", "Month": "monthly"}
"""Reports by what stands on the button."""
PERF_PERIODS = {"7 days": 7, "30 days": 30}
"""Days by what stands on the button."""

_VIEWS: Mapping[StatsView, str] = {"numbers": "Numbers", "chart": "Chart", "heat": "Heat map"}
_LONGEST_ID = 100
"""Discord's limit."""


def scope_of(guild_id: str | None) -> str:
    """The guild is the one in which the button is pressed; None is all of them."""
    return "all" if guild_id is None else "here"


def stats_buttons(view: StatsView, period: str, guild_id: str | None, *, can_draw: bool) -> discord.ui.View:
    """For one view of the named report."""
    scope = scope_of(guild_id)
    periods = row({label: f"{STATS}:{view}:{of}:{scope}" for label, of in STATS_PERIODS.items()})
    for button, of in zip(periods, STATS_PERIODS.values(), strict=True):
        if of == period:
            button.style = discord.ButtonStyle.primary
    others = {label: of for of, label in _VIEWS.items() if of != view and (can_draw or of == "numbers")}
    views = row({label: f"{STATS}:{of}:{period}:{scope}" for label, of in others.items()})
    return view_of([*periods, *views, *export_button(period, guild_id)])


def perf_buttons(
    view: PerfView, days: int, guild_id: str | None, command: str | None, *, can_draw: bool
) -> discord.ui.View | None:
    """For the times of one command, or of all. None where there is nothing to press, or its name is too long for it."""
    tail = f"{scope_of(guild_id)}:{command or ''}"
    if view == "numbers":
        return _fitting(row({"Chart": f"{PERF}:chart:{days}:{tail}"})) if can_draw else None
    periods = row({label: f"{PERF}:chart:{of}:{tail}" for label, of in PERF_PERIODS.items()})
    for button, of in zip(periods, PERF_PERIODS.values(), strict=True):
        if of == days:
            button.style = discord.ButtonStyle.primary
    return _fitting([*periods, *row({"Numbers": f"{PERF}:numbers:{days}:{tail}"})])


def _fitting(buttons: list[discord.ui.Button[discord.ui.View]]) -> discord.ui.View | None:
    too_long = any(len(button.custom_id or "") > _LONGEST_ID for button in buttons)
    return None if too_long else view_of(buttons)
