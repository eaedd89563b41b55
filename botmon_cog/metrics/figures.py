"""Values of metrics in words: in seconds, bytes, or whatever the host counts."""

from __future__ import annotations

from botmon_cog.domain import cells, text

_EXACT_BELOW = 10_000
_WHOLE = 1_000
_BYTES = frozenset({"B", "byte", "bytes"})
_SECONDS = frozenset({"s", "seconds"})


def is_bytes(unit: str) -> bool:
    return unit in _BYTES


def is_seconds(unit: str) -> bool:
    return unit in _SECONDS


def is_percent(unit: str) -> bool:
    return unit == "%"


def figure(value: float | None, unit: str) -> str:
    """`142 ms`, `1.2 GiB`, `84 %`, `1,204`, `38`, `3.8`, `-0.04`: without the host's own words for a unit."""
    known = text.finite(value)
    if known is None:
        return text.NONE
    if is_seconds(unit) and known >= 0:
        return text.latency(known)
    if is_bytes(unit) and known >= 0:
        return text.bytes_(known)
    return f"{number(known)} %" if is_percent(unit) else number(known)


def number(value: float) -> str:
    """Whole numbers below 10,000 as they are, larger ones in short, others with two digits."""
    if abs(value) >= _EXACT_BELOW:
        return text.compact(round(value))
    if value == round(value) or abs(value) >= 99.5:  # noqa: PLR2004 (two digits)
        return text.count(round(value))
    return f"{value:.2g}" if abs(value) >= 1e-4 else f"{value:.0e}"  # noqa: PLR2004 (longer than its exponent)


def words(unit: str) -> str:
    """The host's own word for what is counted, as text behind a number: ` songs`. Empty for what a number tells."""
    return "" if not unit or is_bytes(unit) or is_seconds(unit) or is_percent(unit) else f" {text.plain(unit, 20)}"


def change(now: float | None, before: float | None, *, is_cell: bool = False) -> str:
    """`▲ 13 %`, in a cell `+13%`; empty unless both are known and there is something to compare."""
    if now is None or before is None or before <= 0 or now < 0:
        return ""
    share = round(now / before * _WHOLE)  # whichever the unit, a share is told
    return cells.change(share, _WHOLE) if is_cell else text.change(share, _WHOLE)
