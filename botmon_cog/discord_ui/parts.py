"""What all embeds are made of: colours, dates, tables, and Discord's limits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import discord

from botmon_cog.domain import text
from botmon_cog.domain.reports import Period

GREEN = discord.Colour(0x57F287)
YELLOW = discord.Colour(0xF0B132)
RED = discord.Colour(0xED4245)
NEUTRAL = discord.Colour(0x5865F2)

TABLE_COLUMNS = 28
"""What a phone shows of a code block without wrapping."""
NARROW_COLUMNS = 23
"""The same in a message that is there for all to see, and in direct messages: it is indented by a picture."""
MOST_DAYS = 35

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

_TITLE, _DESCRIPTION, _FIELDS, _NAME, _VALUE, _FOOTER, _TOTAL = 256, 4096, 25, 256, 1024, 2048, 6000
_WORTH_SHOWING = 50
_LONGEST_ZONE = 60
_NOTHING = "\u200b"
_FENCE = "```"
_COLOURS = {"🟢": GREEN, "🟡": YELLOW, "🔴": RED, "⚪": NEUTRAL}


def status_colour(status: str) -> discord.Colour:
    return _COLOURS[text.status_emoji(status)]


def sentence(words: str) -> str:
    """With a capital at the beginning and a full stop at the end."""
    words = headed(words.strip())
    return words + ("" if words.endswith((".", "!", "?", "…")) else ".")


def headed(words: str) -> str:
    """With a capital at the beginning, unless that is a name such as `songs_loaded`."""
    first = words.partition(" ")[0]
    return words if "_" in first else words[:1].upper() + words[1:]


def more(items: Sequence[object], shown: int) -> list[str]:
    """`and 14 more`, where not all were shown."""
    return [f"and {text.count(len(items) - shown)} more"] if len(items) > shown else []


def code_block(lines: Sequence[str]) -> str:
    return "\n".join([_FENCE, *(line.rstrip() for line in lines), _FENCE])


def table(rows: Sequence[Sequence[str]], *, width: int = TABLE_COLUMNS) -> str:
    """A code block: the first column to the left and cut to what the others leave, those to the right."""
    others = [max(text.columns(row[i]) for row in rows) for i in range(1, len(rows[0]))]
    names = max(text.columns(row[0]) for row in rows)
    gap = 2 if names + sum(others) + 2 * len(others) <= width else 1
    names = min(names, width - sum(others) - gap * len(others))
    lines = [
        text.pad(text.block_text(row[0], names) if row[0] else "", names)
        + "".join(" " * gap + text.pad(cell, size, right=True) for cell, size in zip(row[1:], others, strict=True))
        for row in rows
    ]
    return code_block(lines)


def days_of(period: Period) -> list[date]:
    """The days that a period touches, in its zone and in order; the last ones of a very long one."""
    first, last = _first_and_last(period)
    n = min((last - first).days + 1, MOST_DAYS)
    return [last - timedelta(days=back) for back in reversed(range(n))]


def span(period: Period) -> str:
    """`17 to 23 November, UTC`: both days are within, and they are days of that zone."""
    first, last = _first_and_last(period)
    if first == last:
        days = f"{WEEKDAYS[first.weekday()]}, {day(first)}"
    elif first.year != last.year:
        days = f"{day(first)} {first.year} to {day(last)} {last.year}"
    else:
        days = f"{first.day if first.month == last.month else day(first)} to {day(last)}"
    return f"{days}, {text.plain(period.timezone, _LONGEST_ZONE)}"


def _first_and_last(period: Period) -> tuple[date, date]:
    """The first and the last day of a period in its zone."""
    last = max(period.end - timedelta(microseconds=1), period.start)
    return period.local(period.start).date(), period.local(last).date()


def zone_city(period: Period) -> str:
    """`Berlin` for Europe/Berlin: enough where `span` gives the zone in full."""
    return text.plain(period.timezone.rpartition("/")[2].replace("_", " "), _LONGEST_ZONE)


def day(when: date) -> str:
    return f"{when.day} {MONTHS[when.month - 1]}"


def short_day(when: date) -> str:
    return f"{when.day} {MONTHS[when.month - 1][:3]}"


def at(when: datetime, style: discord.utils.TimestampStyle) -> str:
    """A moment in the reader's own time."""
    return discord.utils.format_dt(when, style)


def short_embed(title: str, words: str) -> discord.Embed:
    """Something to say that is no verdict."""
    return clamp(discord.Embed(title=title, description=words, colour=NEUTRAL))


def clamp(embed: discord.Embed) -> discord.Embed:
    """Cut what Discord would refuse. Counts UTF-16 units, the strictest way to count."""
    room = _TOTAL
    embed.title = _cut(embed.title or _NOTHING, _TITLE)
    room -= _units(embed.title)
    footer = _cut(embed.footer.text, _FOOTER // 4) if embed.footer.text else None
    if footer is not None:
        embed.set_footer(text=footer)
        room -= _units(footer)
    if embed.description:
        embed.description = _cut(embed.description, min(_DESCRIPTION, room))
        room -= _units(embed.description)
    fields = embed.fields[:_FIELDS]
    embed.clear_fields()
    for field in fields:
        name = _cut(field.name or _NOTHING, _NAME)
        if room < _units(name) + _WORTH_SHOWING:
            break
        value = _cut(field.value or _NOTHING, min(_VALUE, room - _units(name)))
        room -= _units(name) + _units(value)
        embed.add_field(name=name, value=value, inline=field.inline)
    return embed


def _units(words: str) -> int:
    return len(words) + sum(character > "\uffff" for character in words)


def _cut(words: str, limit: int) -> str:
    """At most `limit` units, never blank, with a code block closed that the cut would leave open."""
    words = words.strip() or _NOTHING
    if _units(words) <= limit:
        return words
    closing = f"\n{_FENCE}"
    kept = words[: limit - len(closing) - 1]
    while _units(kept) > limit - len(closing) - 1:
        kept = kept[:-1]
    kept = kept.rstrip("`").rstrip() + "…"
    return kept + closing if kept.count(_FENCE) % 2 else kept
