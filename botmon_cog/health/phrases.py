"""Sentences with values in them, as data: `{n:count} {n:row waits|rows wait} on disk`.

After the colon stands how a value is shown, or what is said for one and for many, which may hold values too. A `?` at
the end makes a zero unknown. What begins with one, as in `{who:?, most by {who}}`, is left out if a value is not known.
`any` shows nothing: what it stands in is said only where the value is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from string import Formatter
from typing import Any

from botmon_cog.config.metrics import CUSTOM, METRICS
from botmon_cog.domain.text import NONE, bytes_, count, duration, finite, inline_code, latency, name, percent, plural

Phrase = str | tuple[str, ...]
"""Of several the first one whose values are all known, or else the last."""


_LONG, _ENDLESS = 1e4, 1e15
"""From the first on a figure is written without decimals, from the second on with an exponent."""


def slash(command: str) -> str:
    return "/" + command.removeprefix("/")


_FORMS: Mapping[str, Callable[[Any], str]] = {
    "": str,
    "any": lambda _: "",
    "bold": lambda command: f"**{name(slash(command), 40)}**",
    "bytes": bytes_,
    "code": inline_code,
    "command": slash,
    "commands": lambda commands: ", ".join(map(slash, commands)),
    "cores": lambda n: f"{n:.3g} {plural(n, 'core', 'cores')}",
    "count": count,
    "duration": duration,
    "figure": lambda value: f"{value:,.0f}" if _LONG <= abs(value) < _ENDLESS else f"{value:.4g}",
    "latency": latency,
    "lines": "; ".join,
    "list": ", ".join,
    "metric": lambda metric: METRICS[metric].what if metric in METRICS else metric.removeprefix(CUSTOM),
    "n_of": lambda values: count(len(values)),
    "of_100": lambda value: percent(value / 100),
    "share": percent,
}
_parsed = Formatter().parse


def said(phrase: Phrase, values: Mapping[str, Any]) -> str:
    """What is not known is a dash.

    Raises:
        LookupError: the last one names a value that is not there.
    """
    found = known(phrase, values.get)
    last = phrase if isinstance(phrase, str) else phrase[-1]
    return found if found is not None else _filled(last, values.__getitem__, NONE) or ""


def known(phrase: Phrase, get: Callable[[str], Any]) -> str | None:
    """None if each of them has a value that is not known."""
    each = (phrase,) if isinstance(phrase, str) else phrase
    return next((text for one in each if (text := _filled(one, get)) is not None), None)


def shown(phrases: Iterable[Phrase], sample: object) -> list[str]:
    """Filled from the attributes of `sample`, without those that are not known."""
    return [text for each in phrases if (text := known(each, partial(getattr, sample))) is not None]


def some(lines: Sequence[str], most: int, rest: str = "and {n:count} more") -> list[str]:
    """The first of them, and how many there are besides."""
    left = len(lines) - most
    return [*lines[:most], *([said(rest, {"n": left})] if left > 0 else [])]


def _filled(text: str, get: Callable[[str], Any], unknown: str | None = None) -> str | None:
    """None if a value is not known, unless `unknown` is to stand in its place."""
    parts: list[str | None] = []
    for before, field, form, _ in _parsed(text):
        parts.append(before)
        if field is None:
            continue
        if form and form.startswith("?"):
            parts.append(_filled(form[1:], get) or "")
            continue
        value = get(field)
        one, is_number, many = (form or "").partition("|")
        how = one.removesuffix("?")
        if value is None or (isinstance(value, float) and finite(value) is None) or (how != one and not value):
            parts.append(unknown)
        else:
            parts.append(_filled(plural(_n(value), one, many), get, unknown) if is_number else _FORMS[how](value))
    return None if None in parts else "".join(part for part in parts if part)


def _n(value: Any) -> int:
    """How many a list has; a number itself."""
    return value if isinstance(value, int) else len(value)
