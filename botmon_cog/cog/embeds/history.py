"""`/health` over the last days: what went wrong, for how long, and when the bot was not there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

import discord
import msgspec

from botmon_cog.cog.embeds.health import joined, period_name, square, uptime_items
from botmon_cog.cog.embeds.parts import NEUTRAL, WEEKDAYS, clamp, short_day
from botmon_cog.cog.embeds.reasons import one_line
from botmon_cog.domain import text
from botmon_cog.domain.reports import HealthMoment
from botmon_cog.domain.uptime import Gap, Uptime

_DAYS = 7
_MOST_INCIDENTS = 12
_MOST_GAPS = 5
_MOST_RUNNING = 3
_NAME_CHARS = 40
_WEEKDAY_IS_CLEAR = timedelta(days=6)
_TROUBLED = frozenset({"degraded", "unhealthy"})
_GAPS = {
    "crash": "crashed",
    "stop": "stopped",
    "gateway": "without the gateway",
    "unwatched": "not watched",
}
_NUMBERS = re.compile(r"\d[\d.,]*")
_UNSEEN = frozenset({"crash", "stop", "unwatched"})


class _Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A time of one verdict."""

    status: str
    reasons: tuple[str, ...]
    """The first one first."""
    began_at: datetime
    ended_at: datetime
    is_over: bool


def health_history(
    changes: Sequence[HealthMoment], uptimes: Sequence[Uptime], now: datetime, zone: tzinfo = UTC
) -> discord.Embed:
    """`changes`: each moment at which the verdict was another one than before, in any order.

    `uptimes`: the shortest period first. Times are those of `zone`.
    """
    longest = max(uptimes, key=lambda uptime: uptime.hours, default=None)
    gaps = () if longest is None else longest.gaps
    stretches = _stretches(changes, gaps, now)
    incidents = [each for each in reversed(stretches) if each.status in _TROUBLED]
    lines = [_summary(incidents, is_known=bool(changes))]
    if changes:
        lines += [_days(stretches, now, zone), ""]
        lines += [_incident(each, now, zone) for each in incidents[:_MOST_INCIDENTS]]
    if len(incidents) > _MOST_INCIDENTS:
        lines.append(f"and {text.count(len(incidents) - _MOST_INCIDENTS)} before")
    embed = discord.Embed(title="Health, last 7 days", description="\n".join(lines), colour=NEUTRAL)
    embed.add_field(name="Uptime", value="\n".join(_uptime(uptimes, longest, now, zone)), inline=False)
    if incidents or gaps:
        embed.set_footer(text=f"times in {text.clean(str(zone))}")
    return clamp(embed)


def _stretches(changes: Sequence[HealthMoment], gaps: Sequence[Gap], now: datetime) -> list[_Stretch]:
    """Oldest first. One ends with the next verdict, or where the bot was gone."""
    ends = sorted(gap.began_at for gap in gaps if gap.kind in _UNSEEN)
    past = sorted(changes, key=lambda moment: moment.occurred_at)
    found: list[_Stretch] = []
    for index, moment in enumerate(past):
        following = past[index + 1].occurred_at if index + 1 < len(past) else None
        gone = next((end for end in ends if moment.occurred_at <= end and (following is None or end < following)), None)
        reasons = () if moment.reason is None else (moment.reason,)
        last = found[-1] if found else None
        began_at = moment.occurred_at
        if last is not None and last.status == moment.status and last.ended_at == moment.occurred_at:
            reasons = last.reasons + reasons
            began_at = found.pop().began_at
        ended_at = gone or following
        found.append(
            _Stretch(
                status=moment.status,
                reasons=reasons,
                began_at=began_at,
                ended_at=ended_at or max(now, moment.occurred_at),
                is_over=ended_at is not None,
            )
        )
    return found


def _summary(incidents: Sequence[_Stretch], *, is_known: bool) -> str:
    if not is_known:
        return (
            "No verdict is on record yet. Each change of it will stand here, with how long it lasted: "
            "the first one comes with the first checks."
        )
    if not incidents:
        return "Nothing needed attention."
    parts: list[str] = []
    for status in ("unhealthy", "degraded"):
        of_it = [each for each in incidents if each.status == status]
        if of_it:
            total_s = sum((each.ended_at - each.began_at).total_seconds() for each in of_it)
            parts.append(f"**{text.count(len(of_it))}x** {status} ({text.duration(round(total_s))} in all)")
    return ", ".join(parts)


def _days(stretches: Sequence[_Stretch], now: datetime, zone: tzinfo) -> str:
    """A square for each of the last days, today's last."""
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    squares: list[str] = []
    for back in reversed(range(_DAYS)):
        start = midnight - timedelta(days=back)  # the clock's midnight, for both are of one zone
        end = start + timedelta(days=1)
        squares.append(square({each.status for each in stretches if each.began_at < end and each.ended_at >= start}))
    first = WEEKDAYS[(midnight - timedelta(days=_DAYS - 1)).weekday()]
    return f"{''.join(squares)} {first[:3]} to {WEEKDAYS[midnight.weekday()][:3]}"


def _incident(each: _Stretch, now: datetime, zone: tzinfo) -> str:
    lasted = text.duration(round((each.ended_at - each.began_at).total_seconds()))
    reason = f": {one_line(each.reasons[0])}" if each.reasons else ""
    kinds = {_NUMBERS.sub("", reason) for reason in each.reasons}  # 83 % of the memory or 84 % is the same trouble
    more = f", and {text.count(len(kinds) - 1)} more" if len(kinds) > 1 else ""
    how_long = lasted if each.is_over else f"{lasted} until now"
    return f"{text.status_emoji(each.status)} **{_when(each.began_at, now, zone)}**, {how_long}{reason}{more}"


def _uptime(uptimes: Sequence[Uptime], longest: Uptime | None, now: datetime, zone: tzinfo) -> list[str]:
    items = uptime_items(uptimes)
    if longest is None or not items:
        return ["Not known yet: it is counted from the first start on."]
    lines = [joined(items)]
    if not longest.gaps:
        return [*lines, f"no gap in {period_name(longest)}"]
    lines += [_gap(gap, now, zone) for gap in longest.gaps[:_MOST_GAPS]]
    if len(longest.gaps) > _MOST_GAPS:
        lines.append(f"and {text.count(len(longest.gaps) - _MOST_GAPS)} shorter ones")
    return lines


def _gap(gap: Gap, now: datetime, zone: tzinfo) -> str:
    lasted = text.duration(round((gap.ended_at - gap.began_at).total_seconds()))
    running = [text.plain(name, _NAME_CHARS) for name in gap.running]
    while_ = f", while {text.listed(running, _MOST_RUNNING)} ran" if running else ""
    return f"{_when(gap.began_at, now, zone)}, {_GAPS[gap.kind]} for {lasted}{while_}"


def _when(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """`Tue 14:03`; the date instead of a weekday that might be last week's."""
    local = moment.astimezone(zone)
    is_near = abs(now - moment) < _WEEKDAY_IS_CLEAR
    return f"{WEEKDAYS[local.weekday()][:3] if is_near else short_day(local.date())} {local:%H:%M}"
