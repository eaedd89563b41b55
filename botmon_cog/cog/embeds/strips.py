"""The past as a row of marks, each of a shape of its own, and shares of it as people write them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from botmon_cog.discord_ui.parts import at
from botmon_cog.domain import text
from botmon_cog.domain.uptime import Uptime

NO_MARK = "⬛"
_MARKS = {"healthy": "🟩", "degraded": "🔶", "unhealthy": "🔴"}
_WORST_FIRST = ("unhealthy", "degraded", "healthy")
_N = 12
_STEP = timedelta(hours=2)
_DOTS = "·" * 17
_WORTH_A_SHARE_S = 3_600.0
_HOURS_AS_DAYS = 48
_UNBROKEN = "\u00a0"

StatusAt = tuple[datetime, str]
"""A verdict's status at a moment."""


def mark(statuses: set[str]) -> str:
    """The worst of what was seen."""
    return next((_MARKS[status] for status in _WORST_FIRST if status in statuses), NO_MARK)


def day_strip(past: Iterable[StatusAt], now: datetime) -> str:
    """The last 24 hours, a mark for each two, over an axis in the reader's own time."""
    seen = list(past)
    marks: list[str] = []
    for index in range(_N):
        start = now - (_N - index) * _STEP
        end = start + _STEP
        is_last = index == _N - 1
        marks.append(mark({status for moment, status in seen if start <= moment and (is_last or moment < end)}))
    axis = f"{_UNBROKEN}{_DOTS}{_UNBROKEN}".join([at(now - _N * _STEP, "t"), at(now - _N // 2 * _STEP, "t"), "now"])
    return f"{''.join(marks)}\n-# {axis}"


def joined(items: Sequence[str]) -> str:
    """In a row that breaks only between two items."""
    return " · ".join(item.replace(" ", _UNBROKEN) for item in items).replace(" ·", f"{_UNBROKEN}·")


def uptime_items(uptimes: Sequence[Uptime]) -> list[str]:
    """`24 h 99.9 %`, `7 d 99.7 %`: of a longer period only where it has seen more than the one before.

    `uptimes`: the shortest period first. Of less than an hour there is no share.
    """
    items: list[str] = []
    watched_s = 0.0
    for uptime in uptimes:
        if text.finite(uptime.up_share) is None or not uptime.watched_s > watched_s:
            continue
        watched_s = uptime.watched_s
        if watched_s >= _WORTH_A_SHARE_S:
            items.append(f"{period_name(uptime)} {text.percent(uptime.up_share)}")
    return items


def period_name(uptime: Uptime) -> str:
    if uptime.hours < _HOURS_AS_DAYS:
        return f"{uptime.hours:.0f} h"
    return f"{uptime.hours / 24:.0f} d"
