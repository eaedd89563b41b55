"""`/stats history` as it is shown: a line for each use, by day, and what it was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta, tzinfo
from itertools import groupby

import discord
import msgspec

from botmon_cog.discord_ui.parts import MONTHS, NEUTRAL, WEEKDAYS, clamp, day
from botmon_cog.domain import text
from botmon_cog.domain.models import HistoryEntry
from botmon_cog.domain.outcome import Outcome
from botmon_cog.history.outcome_choices import FAILED
from botmon_cog.history.values import Asked, Page
from botmon_cog.history.words import ENDED, for_owners, line

_NAME_CHARS = 60
_MOST_SUGGESTIONS = 3
_LONGEST_VALUE = 950
"""Of a field, which takes 1,024 UTF-16 units; some characters take two."""
_NOTHING = "\u200b"


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """Who reads it, and what is to be said besides.

    Attributes:
        zone: in which times are shown.
        is_owner: one of the bot's owners, and nobody else.
        has_alerts: whether the owners are told of what fails.
        guild_name: of the server that was asked about.
        kept_days: how long rows are kept; 0: for ever.
        suggestions: names like the command that was asked for, where that is not on record.
    """

    zone: tzinfo
    is_owner: bool
    has_alerts: bool = True
    guild_name: str | None = None
    kept_days: int = 0
    suggestions: tuple[str, ...] = ()


def history(page: Page, asked: Asked, reader: Reader, now: datetime) -> discord.Embed:
    where = "all servers" if asked.guild_id is None else text.plain(reader.guild_name or "this server", _NAME_CHARS)
    embed = discord.Embed(title=f"History · {where}", colour=NEUTRAL)
    lines = _asked(asked, reader.zone, now)
    if not page.entries and page.searched_until is None:
        lines += _nothing(page, asked, reader)
    embed.description = "\n".join(lines) or None
    for on, of_day in groupby(page.entries, key=lambda entry: entry.started_at.astimezone(reader.zone).date()):
        name = _day(on, now.astimezone(reader.zone).date())
        for value in _values(_lines(of_day, asked, reader)):
            embed.add_field(name=name, value=value, inline=False)
            name = _NOTHING
    embed.set_footer(text=" · ".join(_footer(page, reader, now)))
    return clamp(embed)


def in_words(outcome: str) -> str:
    """A key of `CHOICES`."""
    if outcome == FAILED:
        return "any failure of the bot"
    ended = Outcome(outcome)
    return "failed with an error" if ended is Outcome.ERROR else ENDED[ended]


def _asked(asked: Asked, zone: tzinfo, now: datetime) -> list[str]:
    """`-# /lyrics · failed · by @anna · since Friday, 20 November`."""
    parts: list[str] = []
    if asked.command is not None:
        parts.append(text.code_name(asked.command, _NAME_CHARS))
    if asked.outcome is not None:
        parts.append(in_words(asked.outcome))
    if asked.user_id is not None:
        parts.append(f"by <@{asked.user_id}>")
    if asked.since is not None:
        parts.append(f"since {when(asked.since, zone, now)}")
    return [f"-# only {' · '.join(parts)}"] if parts else []


def _lines(entries: Iterable[HistoryEntry], asked: Asked, reader: Reader) -> Iterator[str]:
    """One for each use, for owners with a second one where there is more to say."""
    for entry in entries:
        more = for_owners(entry, has_server=asked.guild_id is None) if reader.is_owner else ""
        yield f"{line(entry, reader.zone)}\n-# {more}" if more else line(entry, reader.zone)


def _values(lines: Iterable[str]) -> Iterator[str]:
    """As few fields' values as hold the lines."""
    value = ""
    for each in lines:
        if value and len(value) + len(each) >= _LONGEST_VALUE:
            yield value
            value = ""
        value += f"{each}\n"
    if value:
        yield value


def _nothing(page: Page, asked: Asked, reader: Reader) -> list[str]:
    if reader.suggestions:
        names = text.listed(
            [text.code_name(name) for name in reader.suggestions[:_MOST_SUGGESTIONS]], _MOST_SUGGESTIONS
        )
        return [f"No command of that name is on record here. Did you mean {names}?"]
    if not asked.is_open:
        return ["Nothing matches. Leave out one of the options to see more."]
    if page.cursor is not None:
        return ["Nothing older is on record."]
    return ["Nothing recorded yet. Each use of a command appears here as one line: when, what, who, and how it ended."]


def _footer(page: Page, reader: Reader, now: datetime) -> Iterator[str]:
    if page.searched_until is not None:
        way = "Older" if page.cursor is None or page.cursor.direction == "older" else "Newer"
        yield f"searched as far as {when(page.searched_until, reader.zone, now)}: {way} searches on"
    yield f"times in {text.clean(str(reader.zone))}"
    if reader.kept_days:
        yield f"kept {text.count(reader.kept_days)} {text.plural(reader.kept_days, 'day', 'days')}"
    if not reader.is_owner and any(entry.outcome.is_fault for entry in page.entries):
        yield "the owner is told of what fails" if reader.has_alerts else "the owner can see why it failed"


def _day(on: date, today: date) -> str:
    if on == today:
        return "Today"
    if on == today - timedelta(days=1):
        return "Yesterday"
    return f"{WEEKDAYS[on.weekday()]}, {day(on)}" + ("" if on.year == today.year else f" {on.year}")


def when(moment: datetime, zone: tzinfo, now: datetime) -> str:
    """`20 November 14:03`; the year where it is another one."""
    local = moment.astimezone(zone)
    year = "" if local.year == now.astimezone(zone).year else f" {local.year}"
    return f"{local.day} {MONTHS[local.month - 1]}{year} {local:%H:%M}"
