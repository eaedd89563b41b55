"""Numbers and names as people read them: durations, bytes, rates, changes, bars; and the text of others, harmless."""
# ruff: noqa: PLR2004 (bounds lie where a rounded number would run into the next unit)
# ruff: noqa: RUF001, RUF002 (the typography is meant)

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence

NONE = "–"
"""Stands where a number is not known."""

_STEPS = "▁▂▃▄▅▆▇█"
_EMOJI = {
    "healthy": "🟢",
    "degraded": "🟡",
    "warning": "🟡",
    "slow": "🟡",
    "unhealthy": "🔴",
    "critical": "🔴",
    "error": "🔴",
}
_LARGEST = 10**30
_GROUPED_BELOW = 10**12
_FEW = 20
"""Below this a difference is told as it is: per cent of so little say nothing."""
_MULTIPLE = 10
_MARKS_PER_COLUMN = 8
_SHORTEST_WITH_END = 8
"""Columns: in fewer, both halves of a name would say nothing."""


def status_emoji(status: str) -> str:
    """The verdict for those who do not see colours; white for `unknown`."""
    return _EMOJI.get(status, "⚪")


# -- numbers -----------------------------------------------------------------------------------------------------------


def finite(value: float | None) -> float | None:
    """The value, or None where it is missing, NaN or infinite."""
    return value if value is not None and math.isfinite(value) else None


def duration(seconds: float | None) -> str:
    """`0.9 ms`, `42 ms`, `0.9 s`, `9 min 40 s`, `31 h 20 min`, `3 d 4 h`. Negative counts as 0."""
    value = finite(seconds)
    if value is None:
        return NONE
    value = min(max(value, 0.0), 1e15)
    if value < 59.5:
        return f"{_digits(value)} s" if value >= 0.0995 else _milliseconds(value)
    if value < 3599.5:
        return _two(*divmod(round(value), 60), "min", "s")
    minutes = round(value / 60)
    if minutes < 48 * 60:
        return _two(*divmod(minutes, 60), "h", "min")
    return _two(*divmod(round(value / 3600), 24), "d", "h")


def latency(seconds: float | None) -> str:
    """As `duration`, but in milliseconds up to a second: `142 ms`."""
    value = finite(seconds)
    return _milliseconds(value) if value is not None and value < 0.9995 else duration(value)


def bytes_(n: float | None) -> str:
    """`812 B`, `1.2 GiB`, `164 MiB`."""
    value = finite(n)
    if value is None:
        return NONE
    value = max(value, 0.0)
    units = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
    unit = 0
    while value >= 1023.5 and unit < len(units) - 1:
        value /= 1024
        unit += 1
    return f"{_digits(value) if unit else round(value)} {units[unit]}"


def percent(share: float | None) -> str:
    """A share (0..1): `4.1 %`, `18 %`, `0 %`, `<0.1 %`. All but 0 and 1 themselves stay apart from them."""
    value = finite(share)
    if value is None:
        return NONE
    value = min(max(value, 0.0), 1e7) * 100
    if 0 < value < 0.05:
        return "<0.1 %"
    if 99.5 <= value < 100:
        return f"{value:.1f} %" if value < 99.95 else ">99.9 %"
    return f"{_digits(value)} %"


def count(n: int) -> str:
    """`1,204`; from a million million on `1.2T`."""
    return f"{n:,}" if abs(n) < _GROUPED_BELOW else compact(n)


def compact(n: int) -> str:
    """At most 5 characters: `1,204`, `12.4k`, `318k`, `1.2M`."""
    if abs(n) < 10_000:
        return f"{n:,}"
    value = float(max(-_LARGEST, min(n, _LARGEST)))
    for suffix in "kMGTPE":
        value /= 1000
        if abs(value) < 99.95:
            return f"{value:.1f}".removesuffix(".0") + suffix
        if abs(value) < 999.5:
            return f"{value:.0f}{suffix}"
    return ">999E"


def plural(n: int, one: str, many: str) -> str:
    return one if n == 1 else many


def listed(words: Sequence[str], most: int) -> str:
    """`a, b and c`; beyond `most` only how many: `a, b and 3 more`."""
    if len(words) > most:
        return f"{', '.join(words[:most])} and {count(len(words) - most)} more"
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def change(now: float, before: float, *, absolute: bool = False) -> str:
    """`▲ 13 %`, `▼ 3 %`, `▲ ×24`, `=`, `new`; a plain difference (`▲ 4`) where asked for or where `before` is small."""
    if finite(now) is None or finite(before) is None:
        return ""
    if now == before:
        return "="
    if before <= 0:
        return "new"
    arrow = "▲" if now > before else "▼"
    if absolute or max(now, before) < _FEW:
        return f"{arrow} {count(round(abs(now - before)))}"
    if now >= _MULTIPLE * before:
        return f"{arrow} ×{compact(round(now / before))}"
    by = round(abs(now - before) / before * 100)
    return f"{arrow} {by} %" if by else "="


def share_change(now: float | None, before: float | None) -> str:
    """The difference of two shares (0..1) in percentage points: `▲ 0.4`, `▼ 12`, `=`; empty where one is not known."""
    now, before = finite(now), finite(before)
    if now is None or before is None:
        return ""
    points = (now - before) * 100
    if abs(points) < 0.05:
        return "="
    return f"{'▲' if points > 0 else '▼'} {_digits(min(abs(points), 1e9))}"


# -- bars --------------------------------------------------------------------------------------------------------------


def sparkline(values: Sequence[float | None]) -> str:
    """One block per value, the largest filling its line: `▁▂▆█`. A dot where the value is not known."""
    known = [value for value in map(finite, values) if value is not None and value > 0]
    top = max(known, default=0.0)
    return "".join("·" if finite(value) is None else step(value or 0.0, top) for value in values)


def step(value: float, largest: float) -> str:
    """One block as high as the value is beside the largest; the lowest one for 0."""
    if not (value > 0 and largest > 0):
        return _STEPS[0]
    return _STEPS[min(math.ceil(min(value / largest, 1.0) * len(_STEPS)), len(_STEPS)) - 1]


def bar(value: float, largest: float, width: int) -> str:
    """Up to `width` full blocks, at least one for anything above 0."""
    if not (value > 0 and largest > 0) or width < 1:
        return ""
    return "█" * max(1, round(min(value / largest, 1.0) * width))


# -- names and messages of others --------------------------------------------------------------------------------------


def columns(text: str) -> int:
    """How many columns a text takes in a monospaced font."""
    return sum(map(_columns_of, text))


def fit(text: str, max_chars: int) -> str:
    """Cut to so many columns, with `…` in the last one. Marks that take no column are bounded as well."""
    if columns(text) <= max_chars and len(text) <= max_chars * _MARKS_PER_COLUMN:
        return text
    kept: list[str] = []
    used = 0
    for character in text[: max(max_chars, 0) * _MARKS_PER_COLUMN]:
        used += _columns_of(character)
        if used >= max_chars:
            break
        kept.append(character)
    return "".join(kept).rstrip(" \u200d") + "…" if max_chars > 0 else ""


def fit_middle(text: str, max_chars: int) -> str:
    """As `fit`, with the `…` where a third is still to come: names that begin alike often differ at their ends."""
    if columns(text) <= max_chars and len(text) <= max_chars * _MARKS_PER_COLUMN:
        return text
    if max_chars < _SHORTEST_WITH_END:
        return fit(text, max_chars)
    behind = max_chars // 3
    end = fit(text[::-1], behind + 1)[:-1][::-1]
    while end and (_columns_of(end[0]) == 0 or end[0] == " "):  # marks of a character that is cut off
        end = end[1:]
    return fit(text[: max_chars * _MARKS_PER_COLUMN], max_chars - columns(end)).removesuffix("…") + "…" + end


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Fill with spaces to so many columns, on the left if `right`."""
    space = " " * max(width - columns(text), 0)
    return space + text if right else text + space


def clean(text: str) -> str:
    """One line without control characters, direction overrides and broken code units."""
    kept = "".join(c if unicodedata.category(c) not in _UNPRINTED or c in "\u200c\u200d" else " " for c in text)
    return " ".join(kept.split())


def isolate(text: str) -> str:
    """Keep right-to-left text from turning round what stands beside it."""
    if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text):
        return f"\u2068{text}\u2069"
    return text


def plain(text: str, max_chars: int = 200) -> str:
    """Somebody's text as text: it can't ping, link, format, or span lines."""
    text = fit(clean(text), max_chars).replace("`", "ˋ").replace("\\", "\\\\")
    text = re.sub(r"\*|~(?=~)|(?<=~)~|\|(?=\|)|(?<=\|)\||(?<![^\W_])_|_(?![^\W_])|^[#>+-]", r"\\\g<0>", text)
    text = re.sub(r"^(\d+)\.(?=\s)", r"\1\\.", text)  # the beginning of a list
    text = re.sub(r"[@<]|\](?=\()|:(?=//)", "\\g<0>\u200b", text)
    return isolate(text) if text else NONE


def inline_code(text: str, max_chars: int = 200) -> str:
    """Somebody's text in a monospaced font, which it can't leave."""
    return f"`{isolate(fit(clean(text).replace('`', 'ˋ'), max_chars)) or NONE}`"


def name(text: str, max_chars: int = 60) -> str:
    """A command's or component's name as `plain` text; its end stays where it is too long."""
    return plain(fit_middle(clean(text), max_chars), max_chars)


def code_name(text: str, max_chars: int = 32) -> str:
    """The same as `inline_code`."""
    return inline_code(fit_middle(clean(text), max_chars), max_chars)


def block_text(text: str, max_chars: int) -> str:
    """A name for a cell of a code block, which it can't leave; at most so many columns, the end stays."""
    return isolate(fit_middle(clean(text).replace("`", "ˋ"), max_chars)) or NONE


_UNPRINTED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_NO_COLUMN = frozenset({"Mn", "Me", "Cf"})


def _columns_of(character: str) -> int:
    if unicodedata.category(character) in _NO_COLUMN:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _digits(value: float) -> str:
    """One decimal below 10, none above, and none that is 0."""
    return f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{value:,.0f}"


def _milliseconds(seconds: float) -> str:
    ms = _digits(max(seconds, 0.0) * 1000)
    return "0 s" if ms == "0" else f"{ms} ms"


def _two(large: int, small: int, large_unit: str, small_unit: str) -> str:
    return f"{large:,} {large_unit}" + (f" {small} {small_unit}" if small else "")
