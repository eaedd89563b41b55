"""What stands under `/stats settings`. Custom ids: `settings:here` or `settings:all` (the bot), and what it does."""

from __future__ import annotations

import discord

from botmon_cog.config.tables import Weekday
from botmon_cog.discord_ui.buttons import PREFIX, row, view_of
from botmon_cog.discord_ui.channels import TEXT_CHANNELS
from botmon_cog.domain.settings import WEEKDAYS
from botmon_cog.settings.page import Page
from botmon_cog.settings.zones import COMMON, MOST, choice

MOST_ROLES = 10
_HOURS = 24

Menu = discord.ui.Item[discord.ui.View]


def main_view(page: Page) -> discord.ui.View:
    """The settings themselves, and ways to those that are set by a menu of their own."""
    if page.guild_name is None:
        settings = page.settings
        toggles = {
            _turn("Week", is_on=settings.weekly_summary): _id(page, "weekly", off=settings.weekly_summary),
            _turn("Month", is_on=settings.monthly_summary): _id(page, "monthly", off=settings.monthly_summary),
        }
        return view_of(row(_ways(page, {"Time zone": "zone", "Day and hour": "when"}) | toggles), _more(page))
    reports = _ways(page, {"Time zone": "zone", "Day and hour": "when"}) | {"Send one now": "post:preview"}
    if page.settings.report_channel_id is not None:
        reports["Turn report off"] = "settings:here:set:report:off"
    channels = _channel_menu(page, "report", page.settings.report_channel_id, "Channel for the weekly report")
    return view_of([channels], row(reports), _more(page))


def zone_view(page: Page) -> discord.ui.View:
    """The usual ones, each with what its clocks show."""
    names = COMMON if page.timezone in COMMON else (page.timezone, *COMMON[: MOST - 1])
    options = [
        discord.SelectOption(
            label=each.label, description=each.name, value=each.name, default=each.name == page.timezone
        )
        for each in (choice(name, page.now) for name in names)
    ]
    return view_of([_select(page, "zone", "Time zone", options)], _back(page))


def when_view(page: Page) -> discord.ui.View:
    """Day and hour of the report."""
    days = [
        discord.SelectOption(label=f"{day.capitalize()}s", value=day, default=day == page.weekday) for day in WEEKDAYS
    ]
    hours = [
        discord.SelectOption(label=f"{hour:02}:00", value=str(hour), default=hour == page.hour)
        for hour in range(_HOURS)
    ]
    return view_of([_select(page, "weekday", "Day", days)], [_select(page, "hour", "Hour", hours)], _back(page))


def roles_view(page: Page) -> discord.ui.View:
    """Who may ask besides those who manage the server."""
    defaults = [
        discord.SelectDefaultValue(id=role_id, type=discord.SelectDefaultValueType.role)
        for role_id in page.settings.role_ids
    ]
    menu = discord.ui.RoleSelect[discord.ui.View](
        custom_id=f"{_prefix(page)}:set:roles",
        placeholder=f"Up to {MOST_ROLES} roles",
        min_values=0,
        max_values=MOST_ROLES,
        default_values=defaults,
    )
    return view_of([menu], _back(page))


def log_view(page: Page, *, has_channels: bool) -> discord.ui.View:
    """`has_channels`: it is shown in a server, whose channels can be chosen."""
    menu = _channel_menu(page, "log", page.settings.log_channel_id, "Channel for the log of commands")
    off = {"Turn log off": f"settings:{_scope(page)}:set:log:off"} if page.settings.log_channel_id is not None else {}
    return view_of([menu] if has_channels else [], [*row(off), *_back(page)])


def _more(page: Page) -> list[discord.ui.Button[discord.ui.View]]:
    if page.guild_name is None:
        return row(_ways(page, {"Log of commands": "log"}))
    label = "Hide people" if page.shows_people else "Show people"
    people = {label: _id(page, "people", off=page.shows_people)}
    return row(_ways(page, {"Who may ask": "roles"}) | people | _ways(page, {"Log of commands": "log"}))


def _turn(what: str, *, is_on: bool) -> str:
    return f"{what}: turn {'off' if is_on else 'on'}"


def _id(page: Page, what: str, *, off: bool) -> str:
    return f"settings:{_scope(page)}:set:{what}:{'off' if off else 'on'}"


def _ways(page: Page, words: dict[str, str]) -> dict[str, str]:
    return {label: f"settings:{_scope(page)}:{word}" for label, word in words.items()}


def _back(page: Page) -> list[discord.ui.Button[discord.ui.View]]:
    return row({"Back": f"settings:{_scope(page)}"})


def _scope(page: Page) -> str:
    return "all" if page.guild_name is None else "here"


def _prefix(page: Page) -> str:
    return f"{PREFIX}settings:{_scope(page)}"


def _select(page: Page, what: str, placeholder: str, options: list[discord.SelectOption]) -> Menu:
    return discord.ui.Select(custom_id=f"{_prefix(page)}:set:{what}", placeholder=placeholder, options=options)


def _channel_menu(page: Page, what: str, channel_id: int | None, placeholder: str) -> Menu:
    kind = discord.SelectDefaultValueType.channel
    defaults = [] if channel_id is None else [discord.SelectDefaultValue(id=channel_id, type=kind)]
    return discord.ui.ChannelSelect(
        custom_id=f"{_prefix(page)}:set:{what}",
        placeholder=placeholder,
        channel_types=TEXT_CHANNELS,
        default_values=defaults,
    )


def weekday_of(value: str) -> Weekday | None:
    """What a menu says; None: no day."""
    return next((day for day in WEEKDAYS if day == value), None)


def hour_of(value: str) -> int | None:
    return int(value) if value in {str(hour) for hour in range(_HOURS)} else None
