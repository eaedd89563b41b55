"""What rows of the log add to the roll-ups. Pure, and additive: the roll-up of two lots is the sum of their roll-ups.

Hours and days are whole ones since 1970-01-01 00:00 UTC. Ids are as the store has them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from botmon_cog.domain.histogram import HIGHEST, LARGEST_S, LOWEST, bucket_of, position_of_us
from botmon_cog.domain.metric_days import MetricDay, MetricKey
from botmon_cog.domain.models import Kind, MusicEventType
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.timed import longest_timed_s

DURATION, RESPONSE, GATEWAY, OPERATION, FAILED = "duration", "response", "gateway", "operation", "failed"
METRICS = (DURATION, RESPONSE, GATEWAY, OPERATION, FAILED)
"""What a histogram is of. `failed` holds those operations that failed, once more."""

COMMANDS = 0
COMPONENTS, COMPONENT_DURATIONS, COMPONENT_RESPONSES = 6, 7, 8
COMPLETIONS, COMPLETION_DURATIONS = 9, 10
"""The parts of a group besides the histograms of `METRICS`, which are 1 to 5. See `Counts`."""

WHOLE_BOT = 0
"""The scope of what all guilds did together, direct messages included; any other scope is a guild."""
NO_GUILD = 0
"""Where people used the bot in direct messages."""

HOURS_PER_DAY = 24
MS_PER_HOUR = 3_600_000
MS_PER_DAY = HOURS_PER_DAY * MS_PER_HOUR

EXECUTED = 1 << HOURS_PER_DAY
"""The bit of a person's day behind those of the hours: a command that a host counts as executed was among theirs.

That are all that ran but those that a host logged: it counts what was executed by itself.
"""

PART = 1 << 10
"""What is counted is a code: the part times this, plus the cell or the bucket. See `Counts`."""

_OPERATION, _FAILED = ((METRICS.index(metric) + 1) * PART for metric in (OPERATION, FAILED))
_MUSIC = {MusicEventType.SONG_PLAYED: 0, MusicEventType.SKIP: 2, MusicEventType.PAUSE: 3}
_PLAYTIME, _LOGGED, _COUNTED = 1, 4, 5
_NOTHING = [0] * 6
_MUSIC_POSITION = [_MUSIC.get(kind) for kind in MusicEventType]
_KIND_LOGGED = list(Kind).index(Kind.LOGGED)
_IS_COMPONENT = [kind.is_component for kind in Kind]
_SEEN = [0 if kind is Kind.LOGGED else EXECUTED for kind in Kind]
"""The bit of a person's day that a command of a kind sets, besides that of the hour."""
_IS_EXECUTED = [outcome.is_executed for outcome in Outcome]


class _CountedAs(NamedTuple):
    """What an invocation of one kind and outcome counts for.

    Attributes:
        cell: its code at midnight.
        durations: the first code of the histogram of its duration; that of its first response comes next.
        longest_us: the longest duration that counts; None where no time does.
    """

    cell: int
    durations: int
    longest_us: float | None


def _counted_as(kind: Kind, outcome: Outcome, position: int) -> _CountedAs:
    part = (COMPONENTS if kind.is_component else COMMANDS) * PART
    longest_s = longest_timed_s(kind, outcome)
    longest_us = None if longest_s is None else longest_s * 1e6
    return _CountedAs(part + position * HOURS_PER_DAY, part + PART, longest_us)


_COUNTED_AS = [[_counted_as(kind, outcome, n) for n, outcome in enumerate(Outcome)] for kind in Kind]
_LARGEST_US = int(LARGEST_S * 1e6)
_MOST_AT_ONCE = 100_000
"""Completions of a minute: more are a mistake."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_HOUR_S = 3600

Counts = Mapping[int, int]
"""How often each code came in a group.

Part 0 are commands: the cell is the position of the outcome times 24, plus the hour of the day. The parts from 1 on are
the histograms of `METRICS`, in their order: the bucket less the lowest one there is. Components (buttons, select menus,
modals) are counted apart in the same way. Completions (of options, while somebody types) are counted by whether they
failed (0 or 1) times 24, plus the hour.
"""

EXECUTED_CELLS = frozenset(
    position * HOURS_PER_DAY + hour
    for position, outcome in enumerate(Outcome)
    if outcome.is_executed
    for hour in range(HOURS_PER_DAY)
)
"""The cells of part 0 whose commands ran."""

Key = tuple[int, int, int]
"""(day, scope, name): what one command or operation did on one day in one scope. The name is the id of a label."""


class Tally:
    """Sums over rows of the log.

    Attributes:
        groups: by (day, scope, name) the codes that came, in any order.
        people: (day, guild, user) -> a bit per hour of the day in which the user was seen (bit 0: 00:00 to 00:59), and
            `EXECUTED`.
        hourly: (hour, guild) -> [songs, playtime in s, skips, pauses, commands that a host logged, those that it only
            counted].
        titles: (day, guild, title) -> how often that song began.
        metrics: the host's own, see `metric_days.add_points`.
    """

    __slots__ = ("groups", "hourly", "metrics", "people", "titles")

    def __init__(self) -> None:
        self.groups: defaultdict[Key, list[int]] = defaultdict(list)
        self.people: dict[Key, int] = {}
        self.hourly: dict[tuple[int, int], list[int]] = {}
        self.titles: dict[tuple[int, int, str], int] = {}
        self.metrics: dict[MetricKey, MetricDay] = {}

    def add_invocations(
        self,
        rows: Iterable[tuple[int, int | None, int, int, int, int | None, int | None, int | None, int | None]],
        first_day: int = 0,
    ) -> None:
        """Count commands and components.

        Args:
            rows: (started_ms, guild, command, kind's code, outcome's code, user, duration_us, response_us,
                gateway_delay_us). The kinds that are components are counted as such.
            first_day: what is older is not counted.
        """
        groups, people = self.groups, self.people
        for started_ms, guild, command, kind, outcome, user, duration_us, response_us, delay_us in rows:
            day, hour = divmod(started_ms // MS_PER_HOUR, HOURS_PER_DAY)
            if day < first_day:
                continue
            codes = _codes_of(kind, outcome, hour, duration_us, response_us, delay_us)
            groups[day, WHOLE_BOT, command] += codes
            if guild is not None:
                groups[day, guild, command] += codes
            if not _IS_EXECUTED[outcome] or _IS_COMPONENT[kind]:
                continue
            if user is not None:
                who = day, guild or NO_GUILD, user
                people[who] = people.get(who, 0) | _SEEN[kind] | 1 << hour
            if kind == _KIND_LOGGED and guild is not None:
                self._of_hour(day * HOURS_PER_DAY + hour, guild)[_LOGGED] += 1

    def add_samples(self, rows: Iterable[tuple[int, int | None, int, float, int]], first_day: int = 0) -> None:
        """Count measured operations: rows of (occurred_ms, guild, name, seconds, whether it succeeded)."""
        for occurred_ms, guild, name, value_s, success in rows:
            day = occurred_ms // MS_PER_DAY
            if day < first_day or not math.isfinite(value_s):
                continue
            bucket = bucket_of(value_s) - LOWEST
            codes = [_OPERATION + bucket] if success else [_OPERATION + bucket, _FAILED + bucket]
            for scope in (WHOLE_BOT,) if guild is None else (WHOLE_BOT, guild):
                self.groups[day, scope, name] += codes

    def add_completions(
        self, rows: Iterable[tuple[int, int, int, int, Iterable[tuple[int, int]]]], first_day: int = 0
    ) -> None:
        """Count completions: rows of (started_ms, command, n, how many failed, how many took which bucket)."""
        for started_ms, command, n, failed, durations in rows:
            day, hour = divmod(started_ms // MS_PER_HOUR, HOURS_PER_DAY)
            if day < first_day:
                continue
            codes = self.groups[day, WHOLE_BOT, command]
            codes += [COMPLETIONS * PART + hour] * min(n - failed, _MOST_AT_ONCE)
            codes += [COMPLETIONS * PART + HOURS_PER_DAY + hour] * min(failed, _MOST_AT_ONCE)
            for bucket, times in durations:
                code = COMPLETION_DURATIONS * PART - LOWEST + min(max(bucket, LOWEST), HIGHEST)
                codes += [code] * min(times, _MOST_AT_ONCE)

    def add_music(self, rows: Iterable[tuple[int, int, int, int, str | None]], first_day: int = 0) -> None:
        """Count music events: rows of (occurred_ms, guild, type's code, duration_us, title)."""
        for occurred_ms, guild, kind, duration_us, title in rows:
            hour = occurred_ms // MS_PER_HOUR
            day = hour // HOURS_PER_DAY
            if day < first_day:
                continue
            counts = self._of_hour(hour, guild)
            position = _MUSIC_POSITION[kind]
            if position is not None:
                counts[position] += 1
            if title is not None:
                self.titles[day, guild, title] = self.titles.get((day, guild, title), 0) + 1
            # Each is rounded by itself, so that the sum does not depend on the lots.
            counts[_PLAYTIME] += round_seconds(duration_us)

    def add_counted(self, rows: Iterable[tuple[int, int, int | None]], first_day: int = 0) -> None:
        """Count commands that a host only counted: rows of (occurred_ms, guild, user)."""
        for occurred_ms, guild, user in rows:
            day, hour = divmod(occurred_ms // MS_PER_HOUR, HOURS_PER_DAY)
            if day < first_day:
                continue
            self._of_hour(day * HOURS_PER_DAY + hour, guild)[_COUNTED] += 1
            if user is not None:
                self.people[day, guild, user] = self.people.get((day, guild, user), 0) | 1 << hour | EXECUTED

    def _of_hour(self, hour: int, guild: int) -> list[int]:
        counts = self.hourly.get((hour, guild))
        if counts is None:
            counts = self.hourly[hour, guild] = _NOTHING.copy()
        return counts


def _codes_of(
    kind: int, outcome: int, hour: int, duration_us: int | None, response_us: int | None, delay_us: int | None
) -> list[int]:
    """What an invocation counts for."""
    cell, durations, longest_us = _COUNTED_AS[kind][outcome]
    codes = [cell + hour]
    if longest_us is None:
        return codes
    if duration_us is not None and duration_us <= longest_us:
        codes.append(durations + position_of_us(duration_us))
    if response_us is not None:
        codes.append(durations + PART + position_of_us(response_us))
    if delay_us is not None and not _IS_COMPONENT[kind]:
        codes.append(durations + 2 * PART + position_of_us(delay_us))
    return codes


def round_seconds(duration_us: int) -> int:
    """Of one song, at most a day."""
    return (min(duration_us, _LARGEST_US) + 500_000) // 1_000_000


def hour_of(moment: datetime) -> int:
    """Whole hours since 1970-01-01 00:00 UTC."""
    return math.floor(moment.timestamp()) // _HOUR_S


def start_of_hour(hour: int) -> datetime:
    return _EPOCH + hour * _HOUR


def day_of(moment: datetime) -> int:
    """Whole days since 1970-01-01 00:00 UTC."""
    return hour_of(moment) // HOURS_PER_DAY


def start_of_day(day: int) -> datetime:
    return _EPOCH + timedelta(days=day)


def iso_date(day: int) -> str:
    return start_of_day(day).date().isoformat()
