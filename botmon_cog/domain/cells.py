"""Numbers for the cells of a table: two digits, in at most 5 characters."""
# ruff: noqa: PLR0911, PLR2004 (bounds lie where a rounded number would run into the next unit)
# ruff: noqa: RUF001, RUF002 (the typography is meant)

from __future__ import annotations

from botmon_cog.domain.text import NONE, finite

_LARGEST = 10**30
_MULTIPLE = 10


def duration(seconds: float | None) -> str:
    """`<1ms`, `42ms`, `0.42s`, `1.0s`, `12s`, `1.7m`, `40m`, `31h`, `>99h`. Negative counts as 0."""
    value = finite(seconds)
    if value is None:
        return NONE
    if value <= 0:
        return "0s"
    if value < 0.00095:
        return "<1ms"
    if value < 0.0995:
        return f"{_rounded(value * 1000)}ms"
    if value < 0.995:
        return f"{value:.2f}s"
    if value < 99.5:
        return f"{_rounded(value)}s"
    if value < 99.5 * 60:
        return f"{_rounded(value / 60)}m"
    return f"{_rounded(value / 3600)}h" if value < 99.5 * 3600 else ">99h"


def count(n: int) -> str:
    """All digits below 1000: `612`, `8.4k`, `12k`, `320k`, `1.2M`. Negative counts as 0."""
    if n < 1000:
        return str(max(n, 0))
    value = float(min(n, _LARGEST))
    for suffix in "kMGTPE":
        value /= 1000
        if value < 994.9:
            return f"{_rounded(value)}{suffix}"
    return ">999E"


def percent(share: float | None) -> str:
    """A share (0..1): `18%`, `4.1%`, `<1%`, `100%`. All but 0 and 1 themselves stay apart from them."""
    value = finite(share)
    if value is None:
        return NONE
    value = min(max(value, 0.0), 1.0) * 100
    if value == 0:
        return "0%"
    if value < 0.95:
        return "<1%"
    return ">99%" if 99.5 <= value < 100 else f"{_rounded(value)}%"


def change(now: int, before: int) -> str:
    """As `text.change`: `+21%`, `-3%`, `×24`, `=`, `new`."""
    if now == before:
        return "="
    if before <= 0:
        return "new"
    if now >= _MULTIPLE * before:
        times = now // before
        return f"×{times}" if times < 1000 else ">×999"
    by = round((now - before) / before * 100)
    return f"{by:+d}%" if by else "="


def _rounded(value: float) -> str:
    """One decimal below 10, above 100 tens: `4.2`, `42`, `420`."""
    if value < 9.95:
        return f"{value:.1f}"
    return f"{value:.0f}" if value < 99.5 else f"{round(value / 10) * 10}"
