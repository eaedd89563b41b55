"""What is set in Discord: for a server by its admins, for the bot by its owners.

What is None follows the configuration.
"""

from __future__ import annotations

from datetime import datetime
from typing import get_args

import msgspec

from botmon_cog.config.tables import Weekday

BOT = 0
"""The scope of the bot's own settings; every other scope is a server's id."""

WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
"""Monday first, as `datetime.weekday` counts them."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of one server, or of the bot.

    Attributes:
        timezone: the name of a time zone in which days begin and reports are written.
        weekday: on which the weekly report is posted.
        hour: 0 to 23 of that day, in that zone.
        report_channel_id: where the weekly report goes; None: it is not posted.
        report_by: who set that up, and is told if it can't be posted.
        report_since: since when day, hour, zone and channel are as they are: what was due before is not posted.
        role_ids: who else may ask, besides those who may manage the server.
        people: whether `/stats people` tells who used most, to those who may ask.
        log_channel_id: where commands are told as they come; None: nowhere.
        log_by: who set that up.
        log_problem: why they are no longer told there, in words; `log_channel_id` is None then.
        weekly_summary: the bot's only: whether its owners get a summary of the week by DM.
        monthly_summary: likewise of the month.
    """

    timezone: str | None = None
    weekday: Weekday | None = None
    hour: int | None = None
    report_channel_id: int | None = None
    report_by: int | None = None
    report_since: datetime | None = None
    role_ids: tuple[int, ...] = ()
    people: bool | None = None
    log_channel_id: int | None = None
    log_by: int | None = None
    log_problem: str | None = None
    weekly_summary: bool = False
    monthly_summary: bool = False
