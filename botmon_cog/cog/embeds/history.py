"""`/health` over the last days: what went wrong, for how long, and when the bot was not there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

import discord
import msgspec

from botmon_cog.cog.embeds.reasons import one_line
from botmon_cog.cog.embeds.strips import joined, mark, period_name, uptime_items
from botmon_cog.discord_ui.parts import NEUTRAL, WEEKDAYS, clamp, more, short_day
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
_UNSEEN = frozenset({"crash", "stop", "unwatched"})


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A moment at which the verdict was another one than before, in the words of whoever reads it."""

    at: datetime
    status: str
    kind: tuple[object, ...] = ()
    """What two moments of one trouble have in common."""
    words: str = ""
    """The reason in one line, in Discord's markup."""


class _Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A time of one verdict."""

    change: Change
    """At its beginning."""
    ended_at: datetime
    is_over: bool

    @property
    def lasted_s(self) -> float:
        return (self.ended_at - self.change.at).total_seconds()


def changes_for_owners(moments: Iterable[HealthMoment]) -> list[Change]:
    return [
        Change(at=moment.occurred_at, status=moment.status)
        if moment.reason is None
        else Change(
            at=moment.occurred_at,
            status=moment.status,
            kind=moment.reason.kind,
            words=one_line(moment.reason),
        )
        for moment in moments
    ]


def health_history(
    changes: Iterable[Change], uptimes: Sequence[Uptime], now: datetime, zone: tzinfo = UTC
) -> discord.Embed:
    """`changes`: in any order; `uptimes`: the shortest period first. Times are those of `zone`."""
    longest = max(uptimes, key=lambda uptime: uptime.hours, default=None)
    gaps = () if longest is None else longest.gaps
    stretches = _stretches(sorted(changes, key=lambda change: change.at), gaps, now)
    incidents = _grouped(stretches)
    lines = [_summary(stretches)]
    if stretches:
        lines += [_days(stretches, now, zone), ""]
        lines += [_incident(each, now, zone) for each in incidents[:_MOST_INCIDENTS]]
        lines += more(incidents, _MOST_INCIDENTS)
    embed = discord.Embed(title="Health, last 7 days", description="\n".join(lines), colour=NEUTRAL)
    embed.add_field(name="Uptime", value="\n".join(_uptime(uptimes, longest, now, zone)), inline=False)
    if incidents or gaps:
        embed.set_footer(text=f"times in {text.clean(str(zone))}")
    return clamp(embed)


def _stretches(past: Sequence[Change], gaps: Sequence[Gap], now: datetime) -> list[_Stretch]:
    """Oldest first. One ends with the next verdict or kind of reason, or where the bot was gone."""
    ends = sorted(gap.began_at for gap in gaps if gap.kind in _UNSEEN)
    found: list[_Stretch] = []
    for index, change in enumerate(past):
        following = past[index + 1].at if index + 1 < len(past) else None
        gone = next((end for end in ends if change.at <= end and (following is None or end < following)), None)
        ended_at = gone or following
        found.append(_Stretch(change=change, ended_at=ended_at or max(now, change.at), is_over=ended_at is not None))
    return found


def _grouped(stretches: Sequence[_Stretch]) -> list[list[_Stretch]]:
    """The times of each trouble, the newest first; of two troubles the one that was there last comes first."""
    found: dict[tuple[object, ...], list[_Stretch]] = {}
    for each in reversed(stretches):
        if each.change.status in _TROUBLED:
            found.setdefault((each.change.status, *each.change.kind), []).append(each)
    return list(found.values())


def _summary(stretches: Sequence[_Stretch]) -> str:
    if not stretches:
        return (
            "No history yet. Each change of the verdict will appear here, with how long it lasted: "
            "the first one comes with the first checks."
        )
    parts: list[str] = []
    for status in ("unhealthy", "degraded"):
        n, total_s, reached = 0, 0.0, None
        for each in stretches:
            if each.change.status == status:
                n += each.change.at != reached  # else it goes on for another reason
                total_s, reached = total_s + each.lasted_s, each.ended_at
        if n:
            parts.append(f"**{text.count(n)}x** {status} ({text.duration(round(total_s))} in all)")
    return ", ".join(parts) or "Nothing needed attention."


def _days(stretches: Sequence[_Stretch], now: datetime, zone: tzinfo) -> str:
    """A mark for each of the last days, today's last."""
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    marks: list[str] = []
    for back in reversed(range(_DAYS)):
        start = midnight - timedelta(days=back)  # the clock's midnight, for both are of one zone
        end = start + timedelta(days=1)
        marks.append(
            mark({each.change.status for each in stretches if each.change.at < end and each.ended_at >= start})
        )
    first = WEEKDAYS[(midnight - timedelta(days=_DAYS - 1)).weekday()]
    return f"{''.join(marks)} {first[:3]} to {WEEKDAYS[midnight.weekday()][:3]}"


def _incident(times: Sequence[_Stretch], now: datetime, zone: tzinfo) -> str:
    """`🔶 Mon 16:04, 3 h: …`, or `🔶 3x, 12 min in all, last Mon 16:04: …`."""
    last = times[0]
    emoji, words = mark({last.change.status}), last.change.words
    lasted = text.duration(round(sum(each.lasted_s for each in times)))
    until_now = "" if last.is_over else " until now"
    when = f"**{_when(last.change.at, now, zone)}**"
    told = (
        f"{when}, {lasted}{until_now}"
        if len(times) == 1
        else f"**{text.count(len(times))}x**, {lasted} in all, last {when}{until_now}"
    )
    return f"{emoji} {told}" + (f": {words}" if words else "")


def _uptime(uptimes: Sequence[Uptime], longest: Uptime | None, now: datetime, zone: tzinfo) -> list[str]:
    items = uptime_items(uptimes)
    if longest is None or not items:
        return ["Not known yet: it takes an hour of watching."]
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
