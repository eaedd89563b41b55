"""One error group: how it stands, whom it hit, before and after the last deploy, when, and its traceback."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

import discord

from botmon_cog.cog.embeds.errors import (
    STATE_EMOJI,
    deployed,
    hit,
    kind_of_failure,
    last,
    marked_name_of,
    place_of,
    times,
    version_of,
)
from botmon_cog.discord_ui.parts import GREEN, NEUTRAL, RED, YELLOW, at, clamp, code_block, more
from botmon_cog.domain import text
from botmon_cog.domain.reports import Period
from botmon_cog.domain.reports.errors import Deploy, ErrorCounts, ErrorDetails, ErrorState

_ROOM = 4_000
"""What a description holds, with something to spare."""
_LONGEST_TRACEBACK = 2_500
"""Of what is shown: more than that nobody reads on a phone, and a copy as text has all of it."""
_LONGEST_LINE = 240
_MESSAGE_CHARS = 300
_MOST_VERSIONS = 4
_MOST_RELATIVES = 4
_FENCE, _HARMLESS = "```", "\N{MODIFIER LETTER GRAVE ACCENT}" * 3
_HOUR = timedelta(hours=1)
_HOURS = 24
_HOUR_AXIS = "0     6     12    18"
_LEAST_RATE, _ONE_DECIMAL_BELOW = 0.1, 9.95
_SHORTEST_SPAN = timedelta(minutes=30)
"""A rate of less time than that would be a guess."""
_COLOURS = {
    ErrorState.NEW: RED,
    ErrorState.RETURNED: RED,
    ErrorState.OPEN: YELLOW,
    ErrorState.MUTED: NEUTRAL,
    ErrorState.RESOLVED: GREEN,
}


def error_details(
    details: ErrorDetails, period: Period, deploy: Deploy | None, now: datetime, zone: tzinfo = UTC
) -> discord.Embed:
    """`deploy`: the current one; None if there is none on record. `zone`: whose hours of the day are shown."""
    group = details.counts
    lines = [_state(group, deploy)]
    if group.error_type is not None and group.error_message:
        lines.append(text.inline_code(group.error_message, _MESSAGE_CHARS))
    lines += ["", *_counts(group, period), *_where(group)]
    lines += _since_deploy(details, period, deploy, now)
    if details.by_hour:
        lines += [f"**By hour of the day**, {_city(zone)}", _hours(details.by_hour, zone)]
    lines += [*_versions(details.versions), *_relatives(details)]
    if details.traceback:
        lines.append("**Traceback**")
        room = min(_ROOM - _units("\n".join(lines)), _LONGEST_TRACEBACK)
        lines.append(code_block(shortened(code_lines(details.traceback), room)))
    embed = discord.Embed(title=title(group), description="\n".join(lines), colour=_COLOURS[group.state])
    embed.set_footer(text=" · ".join([f"ID {group.id}", *deployed(deploy, now)]))
    return clamp(embed)


def title(group: ErrorCounts) -> str:
    """`ValueError` in /lyrics."""
    name = marked_name_of(group.source, group.what)
    if group.error_type is None:
        return f"{name}: {kind_of_failure(group)}"
    return f"{text.inline_code(group.error_type, 60)} in {name}"


# -- tracebacks --------------------------------------------------------------------------------------------------------


def code_lines(traceback: str) -> list[str]:
    """Its lines as a code block takes them: indented as they are, without what would end it or is not printed."""
    lines = traceback.expandtabs(4).replace(_FENCE, _HARMLESS).splitlines()
    return ["".join(c if c.isprintable() else " " for c in line)[:_LONGEST_LINE].rstrip() for line in lines]


def shortened(lines: Sequence[str], room: int) -> list[str]:
    """What fits into so many UTF-16 units: the first lines, and twice as much of the last ones, which say more."""
    sizes = [_units(line) + 1 for line in lines]
    if sum(sizes) <= room:
        return [*lines]
    room -= _units(_left_out(len(lines))) + 1
    end = len(lines)
    used = 0
    while end > 0 and used + sizes[end - 1] <= room * 2 // 3:
        end -= 1
        used += sizes[end]
    start = 0
    while start < end and used + sizes[start] <= room:
        used += sizes[start]
        start += 1
    return [*lines[:start], _left_out(end - start), *lines[end:]]


def _left_out(n: int) -> str:
    return f"  … {text.count(n)} {text.plural(n, 'line', 'lines')}"


def _units(words: str) -> int:
    return len(words) + sum(character > "\uffff" for character in words)


# -- parts -------------------------------------------------------------------------------------------------------------


def _state(group: ErrorCounts, deploy: Deploy | None) -> str:
    words = "Open"
    match group.state:
        case ErrorState.NEW if _is_new_since(group, deploy) and deploy is not None:
            words = f"**New since version** {_version(deploy.version)}, deployed {at(deploy.started_at, 'R')}"
        case ErrorState.NEW:
            words = f"**New**, first seen {at(group.first_at, 'R')}"
        case ErrorState.RETURNED if group.resolved_at is not None:
            words = f"**Returned**: it was resolved {at(group.resolved_at, 'R')}, and failed again"
        case ErrorState.RETURNED:
            words = "**Returned**: it was resolved, and failed again"
        case ErrorState.MUTED if group.muted_until is not None:
            words = f"**Muted** until {at(group.muted_until, 'f')}. Failures are recorded, but raise no alert."
        case ErrorState.MUTED:
            words = "**Muted**. Failures are recorded, but raise no alert."
        case ErrorState.RESOLVED if group.resolved_at is not None:
            words = f"**Resolved** {at(group.resolved_at, 'R')}. The next failure marks it as returned."
        case ErrorState.RESOLVED:
            words = "**Resolved**. The next failure marks it as returned."
        case ErrorState.OPEN:
            words = f"**Open**, first seen {at(group.first_at, 'R')}"
    return f"{STATE_EMOJI[group.state]} {words}"


def _is_new_since(group: ErrorCounts, deploy: Deploy | None) -> bool:
    return deploy is not None and deploy.version is not None and group.first_at >= deploy.started_at


def _counts(group: ErrorCounts, period: Period) -> list[str]:
    version = version_of(group.first_version)
    first = f"first {at(group.first_at, 'f')}" + ("" if version is None else f" in version {_version(version)}")
    if group.n <= 0:
        return [f"Not in the {last(period)}", f"-# {first} · last {at(group.last_at, 'R')}"]
    hits = f", {' in '.join(hit(group))}" if hit(group) else ""
    often = text.plural(group.n, "time", "times")
    return [
        f"**{text.count(group.n)}** {often} in the {last(period)}{hits}",
        f"-# {first} · last {at(group.last_at, 'R')}",
    ]


def _where(group: ErrorCounts) -> list[str]:
    place = place_of(group)
    if place is None:
        return [""]
    function = f" in {text.inline_code(group.function, 60)}" if group.function else ""
    return [f"{text.inline_code(place)}{function}", ""]


def _since_deploy(details: ErrorDetails, period: Period, deploy: Deploy | None, now: datetime) -> list[str]:
    """How often before and since; nothing where there was no before, or no version is known."""
    group = details.counts
    if deploy is None or deploy.version is None or _is_new_since(group, deploy) or group.n <= 0:
        return []
    since, before = now - deploy.started_at, deploy.started_at - max(period.start, group.first_at)
    if before < _SHORTEST_SPAN:
        return []
    hour = deploy.started_at.replace(minute=0, second=0, microsecond=0)
    n = sum(n for start, n in details.by_hour if start >= hour)
    n = min(n, dict(details.versions).get(deploy.version, 0))  # not those before it within that hour
    earlier, later = (group.n - n) / (before / _HOUR), n / (max(since, _SHORTEST_SPAN) / _HOUR)
    unit, factor = ("an hour", 1) if max(earlier, later) >= 1 else ("a day", _HOURS)
    name = f"version {_version(deploy.version)}, deployed {at(deploy.started_at, 'R')}"
    past = f"before, {_rate(earlier * factor)} {unit}"
    if n == 0:
        return [f"Not since {name}; {past}", ""]
    if since < _SHORTEST_SPAN:
        return [f"**{times(n)}** since {name}; {past}", ""]
    arrow = "▲" if later > earlier else "▼"
    return [f"{arrow} **{_rate(later * factor)}** {unit} since {name}; {past}", ""]


def _rate(value: float) -> str:
    """Two significant digits."""
    if 0 < value < _LEAST_RATE:
        return f"<{_LEAST_RATE}"
    return f"{value:.1f}".removesuffix(".0") if value < _ONE_DECIMAL_BELOW else text.count(round(value))


def _hours(by_hour: Sequence[tuple[datetime, int]], zone: tzinfo) -> str:
    per_hour: Counter[int] = Counter()
    for start, n in by_hour:
        per_hour[start.astimezone(zone).hour] += n
    largest = max(per_hour.values())
    blocks = "".join(text.step(per_hour[h], largest) if per_hour[h] > 0 else "·" for h in range(_HOURS))
    return code_block([blocks, _HOUR_AXIS])


def _city(zone: tzinfo) -> str:
    return text.plain(str(zone).rpartition("/")[2].replace("_", " "), 60)


def _versions(versions: Sequence[tuple[str | None, int]]) -> list[str]:
    if len(versions) <= 1:
        return []  # the first time and the deploy say it
    shown = [f"{_version(version)} {times(n)}" for version, n in versions[:_MOST_VERSIONS]]
    return [f"**Versions** {' · '.join([*shown, *more(versions, _MOST_VERSIONS)])}"]


def _version(version: str | None) -> str:
    known = version_of(version)
    return "unknown" if known is None else text.inline_code(known)


def _relatives(details: ErrorDetails) -> list[str]:
    relatives = details.relatives
    shown = [
        f"{marked_name_of(relative.source, relative.what)} {times(relative.n)}"
        for relative in relatives[:_MOST_RELATIVES]
    ]
    return [f"**Also from this line** {' · '.join([*shown, *more(relatives, _MOST_RELATIVES)])}"] if shown else []
