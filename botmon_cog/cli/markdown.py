"""Discord's markdown -> text for a terminal. Pure: a string and the time go in, `rich.text.Text` comes out."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from rich.text import Text

from botmon_cog.domain import text as words

CODE = "cyan"
SMALL = "dim"

_FENCE = re.compile(r"```(?:\w+\n)?\n?(.*?)\n?```", re.DOTALL)
_HEADING = re.compile(r"#{1,3} +(.*)")
_SMALL_TEXT = "-# "
_TOKEN = re.compile(
    r"\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|(?P<ticks>`+)(?P<code>.+?)(?P=ticks)"
    r"|<t:(?P<unix>-?\d{1,12})(?::(?P<style>[tTdDfFR]))?>"
    r"|</(?P<command>[^:>]+):\d+>"
    r"|<(?P<sigil>@!?|@&|\#)(?P<id>\d+)>"
    r"|<a?:(?P<emoji>\w+):\d+>"
    r"|\[(?P<label>[^\]]+)\]\((?P<url>[^)\s]+)\)"
    r"|(?P<mark>\*\*|__|~~|\|\|)(?P<marked>(?:\\.|[^\\])+?)(?P=mark)"
    r"|(?P<slant>[*_])(?P<slanted>(?:\\.|[^\\\s])(?:(?:\\.|[^\\])*?(?:\\.|[^\\\s]))?)(?P=slant)(?!\w)",
    re.DOTALL,
)
_MARKS = {"**": "bold", "__": "underline", "~~": "strike", "||": "dim", "*": "italic", "_": "italic"}
_FORMATS = {
    "t": "%H:%M UTC",
    "T": "%H:%M:%S UTC",
    "d": "%Y-%m-%d",
    "D": "%Y-%m-%d",
    "f": "%Y-%m-%d %H:%M UTC",
    "F": "%A, %Y-%m-%d %H:%M UTC",
}
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u2066\u2067\u2068\u2069"))
"""Put into text so that Discord does not ping, link or turn it round; a terminal does none of that."""


def render(source: str, now: datetime) -> Text:
    """Blocks of code keep their lines; all else is shown without its marks."""
    shown = Text()
    end = 0
    for fence in _FENCE.finditer(source):
        shown.append_text(_lines(source[end : fence.start()].removesuffix("\n"), now))
        _append_line(shown, Text(fence[1].translate(_INVISIBLE)))
        end = fence.end()
    rest = source[end:].removeprefix("\n") if end else source
    if rest or not end:
        _append_line(shown, _lines(rest, now))
    return shown


def relative(moment: datetime, now: datetime) -> str:
    """`3 h 20 min ago`, `in 5 min`, `just now`."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) < 1:
        return "just now"
    passed = words.duration(round(abs(seconds)))
    return f"{passed} ago" if seconds > 0 else f"in {passed}"


def _append_line(shown: Text, line: Text) -> None:
    if shown:
        shown.append("\n")
    shown.append_text(line)


def _lines(source: str, now: datetime) -> Text:
    return Text("\n").join(_line(line, now) for line in source.split("\n")) if source else Text()


def _line(line: str, now: datetime) -> Text:
    if line.startswith(_SMALL_TEXT):
        return _inline(line.removeprefix(_SMALL_TEXT), now, SMALL)
    heading = _HEADING.fullmatch(line)
    return _inline(heading[1] if heading else line, now, "bold" if heading else "")


def _inline(source: str, now: datetime, style: str = "") -> Text:
    shown = Text(style=style)
    end = 0
    for found in _TOKEN.finditer(source):
        shown.append(source[end : found.start()].translate(_INVISIBLE))
        shown.append_text(_token(found, now))
        end = found.end()
    return shown.append(source[end:].translate(_INVISIBLE))


def _token(found: re.Match[str], now: datetime) -> Text:
    parts = found.groupdict()
    if parts["mark"] or parts["slant"]:
        return _inline(parts["marked"] or parts["slanted"], now, _MARKS[parts["mark"] or parts["slant"]])
    if parts["code"] or parts["command"]:
        return Text(parts["code"].translate(_INVISIBLE) if parts["code"] else f"/{parts['command']}", CODE)
    if parts["unix"]:
        return Text(_moment(int(parts["unix"]), parts["style"] or "f", now))
    if parts["label"]:
        return _inline(parts["label"], now).append(f" ({parts['url']})")
    if parts["emoji"]:
        return Text(f":{parts['emoji']}:")
    return Text(parts["escaped"] or f"{parts['sigil'].rstrip('!&')}{parts['id']}")


def _moment(unix_s: int, style: str, now: datetime) -> str:
    try:
        moment = datetime.fromtimestamp(unix_s, UTC)
    except (ValueError, OverflowError, OSError):  # beyond what the platform's calendar holds
        return f"<t:{unix_s}>"
    return relative(moment, now) if style == "R" else moment.strftime(_FORMATS[style])
