"""What stands under `/botmon errors`: the menu of errors, the periods, and what can be done about one of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import discord
import msgspec

from botmon_cog.cog.embeds.errors import STATE_EMOJI, brief, name_of, short_title, times
from botmon_cog.discord_ui.buttons import PREFIX, row, view_of
from botmon_cog.domain import text
from botmon_cog.domain.reports.errors import ErrorCounts, ErrorDetails, ErrorState

PERIODS = {"24 h": 1, "7 days": 7, "30 days": 30}
"""Days by what stands on the button."""
MUTES = {"Mute 24 h": 24, "Mute 7 days": 168}
"""Hours by what stands on the button."""
_MOST_OPTIONS = 25
_LONGEST_LABEL = 80
"""Discord takes 100 UTF-16 units; text that is cut by columns may hold characters of two units."""


class _Choice(msgspec.Struct, frozen=True):
    """One error in a menu."""

    id: str
    label: str
    about: str
    emoji: str | None = None


def errors_view(groups: Sequence[ErrorCounts], days: int) -> discord.ui.View:
    """For the list of `days` days."""
    choices = [_choice(group) for group in groups]
    periods = row({label: f"errors:{of}" for label, of in PERIODS.items()})
    for button, of in zip(periods, PERIODS.values(), strict=True):
        if of == days:
            button.style = discord.ButtonStyle.primary
    return view_of(_menu("Open one: traceback, hours, versions", choices, days), periods)


def error_view(details: ErrorDetails, days: int, now: datetime) -> discord.ui.View:
    """For one of them; `days` are those of the list that it goes back to."""
    group = details.counts
    relatives = [_Choice(each.id, name_of(each.source, each.what), times(each.n)) for each in details.relatives]
    is_muted = group.muted_until is not None and group.muted_until > now
    verbs = {"Reopen": "reopen"} if group.state is ErrorState.RESOLVED else {"Resolved": "resolve"}
    verbs |= {"Unmute": "unmute"} if is_muted else {label: f"mute:{hours}" for label, hours in MUTES.items()}
    verbs |= {"Copy as text": "copy"}
    buttons = {label: f"errors:{days}:{verb}:{group.id}" for label, verb in verbs.items()}
    menu = _menu("Open what else comes from this line", relatives, days)
    return view_of(menu, row(buttons | {"Back": f"errors:{days}"}))


def _choice(group: ErrorCounts) -> _Choice:
    message = f" · {brief(group.error_message)}" if group.error_message else ""
    return _Choice(group.id, short_title(group), f"{times(group.n)}{message}", STATE_EMOJI[group.state])


def _menu(placeholder: str, choices: Sequence[_Choice], days: int) -> list[discord.ui.Select[discord.ui.View]]:
    """None where there is nothing to choose: Discord takes no empty menu."""
    if not choices:
        return []
    options = [
        discord.SelectOption(
            label=_cut(choice.label), value=choice.id, description=_cut(choice.about), emoji=choice.emoji
        )
        for choice in choices[:_MOST_OPTIONS]
    ]
    custom_id = f"{PREFIX}errors:{days}:open"
    return [discord.ui.Select(custom_id=custom_id, placeholder=placeholder, options=options)]


def _cut(words: str) -> str:
    words = text.fit(text.clean(words), _LONGEST_LABEL)
    while len(words.encode("utf-16-le")) > 200:  # noqa: PLR2004 (two bytes for each of 100 units)
        words = words[:-1]
    return words or text.NONE
