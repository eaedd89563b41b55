"""What the settings of a server, or of the bot, are: gathered, and drawn."""

from __future__ import annotations

from datetime import datetime, timedelta

import discord
import msgspec

from botmon_cog.config.tables import Weekday
from botmon_cog.discord_ui.parts import NEUTRAL, at, clamp
from botmon_cog.domain import text
from botmon_cog.domain.schedule import next_monthly, next_weekly
from botmon_cog.domain.settings import BOT, Settings
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.posts import Post

_LONGEST_NAME = 100
_INSTANT = timedelta(milliseconds=1)


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown.

    Attributes:
        guild_name: None: of the bot.
        timezone: in which everything is; `is_default`: because nothing else was set here.
        weekday, hour: when the weekly report is due.
        next_at: when it is due next; `next_month_at` likewise the monthly one.
        shows_people: whether who may ask is told who used most.
        last: the last weekly report that was due.
        stats: the name of our command.
    """

    guild_name: str | None
    settings: Settings
    timezone: str
    is_default: bool
    weekday: Weekday
    hour: int
    now: datetime
    local_time: str
    next_at: datetime
    next_month_at: datetime
    shows_people: bool
    last: Post | None = None
    stats: str = "stats"


async def read_page(system: MonitoringSystem, guild_id: str | None, guild_name: str | None, stats: str) -> Page:
    """Raises StorageError if the database can't be read."""
    book, now = system.settings, system.clock.now()
    settings = await book.of(guild_id)
    zone = await book.zone(guild_id)
    weekday, hour = book.day_and_hour(settings)
    last = await system.store.posts.last(
        "own_weekly" if guild_id is None else "weekly", BOT if guild_id is None else int(guild_id), now + _INSTANT
    )
    return Page(
        guild_name=None if guild_id is None else guild_name or "this server",
        settings=settings,
        timezone=str(zone),
        is_default=settings.timezone is None,
        weekday=weekday,
        hour=hour,
        now=now,
        local_time=f"{now.astimezone(zone):%H:%M}",
        next_at=next_weekly(weekday, hour, zone, now),
        next_month_at=next_monthly(hour, zone, now),
        shows_people=book.shows_people(settings),
        last=last,
        stats=stats,
    )


def settings_embed(page: Page, note: str | None = None) -> discord.Embed:
    """`note`: what was just done, or could not be."""
    lines = [note, ""] if note else []
    if page.guild_name is None:
        title, lines = "Settings of the bot", [*lines, *_of_bot(page)]
        footer = f"each server has its own: /{page.stats} settings there"
    else:
        title, lines = f"Settings for {text.plain(page.guild_name, _LONGEST_NAME)}", [*lines, *_of_server(page)]
        footer = "the bot's own settings are its owner's"
    embed = discord.Embed(title=title, description="\n".join(lines), colour=NEUTRAL)
    embed.set_footer(text=footer)
    return clamp(embed)


def _of_server(page: Page) -> list[str]:
    settings = page.settings
    lines = [_zone(page)]
    if settings.report_channel_id is None:
        lines.append("**Weekly report** off")
        lines.append(f"-# Choose a channel below to have it posted, on {_when(page)}.")
    else:
        lines.append(f"**Weekly report** {_when(page)} in <#{settings.report_channel_id}>")
        done, trouble = _last(page)
        lines += [trouble] if trouble else []
        lines.append(f"-# {done}The next one is due {at(page.next_at, 'R')}.")
    roles = "".join(f", <@&{role_id}>" for role_id in settings.role_ids)
    lines.append(f"**Who may ask** people who may manage this server{roles}")
    who = "everybody who may ask sees" if page.shows_people else "nobody but the bot's owner sees"
    lines.append(f"**People** {who} who uses the bot most")
    lines.append(_log(page))
    return lines


def _of_bot(page: Page) -> list[str]:
    settings = page.settings
    weekly = f"by DM, {_when(page)}" if settings.weekly_summary else "off"
    monthly = f"by DM, on the 1st at {page.hour:02}:00" if settings.monthly_summary else "off"
    lines = [_zone(page), f"**Summary of the week** {weekly}", f"**Summary of the month** {monthly}"]
    if settings.weekly_summary or settings.monthly_summary:
        due = [page.next_at] if settings.weekly_summary else []
        due += [page.next_month_at] if settings.monthly_summary else []
        lines.append(f"-# The next one is due {at(min(due), 'R')}, to every owner.")
    return [*lines, _log(page)]


def _zone(page: Page) -> str:
    default = " (the default)" if page.is_default else ""
    return f"**Time zone** {text.plain(page.timezone, 60)}{default}, now {page.local_time}"


def _when(page: Page) -> str:
    return f"{page.weekday.capitalize()}s at {page.hour:02}:00"


def _log(page: Page) -> str:
    settings = page.settings
    if settings.log_channel_id is not None:
        return f"**Log of commands** in <#{settings.log_channel_id}>"
    stopped = "" if settings.log_problem is None else f"\n⚠️ It stopped: {text.plain(settings.log_problem)}"
    return f"**Log of commands** off{stopped}"


def _last(page: Page) -> tuple[str, str]:
    """Of the last report, as far as it was due as the settings are now: what is well with it, and what is not."""
    last, since = page.last, page.settings.report_since
    if last is None or (since is not None and last.key.due_at < since):
        return "", ""
    when = at(last.tried_at or last.key.due_at, "R")
    match last.state:
        case "sent":
            return f"Posted {when}. ", ""
        case "skipped":
            return "Left out the last time: no commands. ", ""
        case "failed":
            return "", f"⚠️ Not posted {when}: {last.result}."
        case "due":
            return "", f"⚠️ Not posted yet: {last.result or 'on its way'}."
