"""What events add to the roll-ups. Pure, and additive: the roll-up of two lots is the sum of their roll-ups."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from botmon_cog.domain.histogram import LARGEST_S, bucket_of
from botmon_cog.domain.models import Event, Invocation, MetricSample, MusicEvent, MusicEventType, Outcome

DURATION, RESPONSE, GATEWAY, OPERATION, FAILED = "duration", "response", "gateway", "operation", "failed"
METRICS = (DURATION, RESPONSE, GATEWAY, OPERATION, FAILED)
"""What a latency is of; the database has the position. `failed` holds those operations that failed, once more."""

HOURS_PER_DAY = 24

_OUTCOMES = {outcome: position for position, outcome in enumerate(Outcome, start=1)}
_MUSIC = {MusicEventType.SONG_PLAYED: 0, MusicEventType.SKIP: 2, MusicEventType.PAUSE: 3}
_PLAYTIME = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_HOUR_S = 3600
_OPERATION, _FAILED = METRICS.index(OPERATION), METRICS.index(FAILED)


class Rollup:
    """Sums over events. Hours and days are whole ones since 1970-01-01 00:00 UTC; `guild_id` is '' in DMs.

    Attributes:
        commands: (hour, guild_id, command) -> [n, then one count per `Outcome`, in its order].
        users: (day, guild_id, user_id) -> a bit per hour of the day in which the user was seen (bit 0: 00:00 to 00:59).
        latencies: (hour, command, metric, bucket) -> n, over all guilds. The metric is a position in `METRICS`.
        guild_latencies: (day, guild_id, command, metric, bucket) -> n.
        music: (hour, guild_id) -> [songs, playtime in s, skips, pauses].
        guild_names: guild_id -> the name it was seen with last.
    """

    __slots__ = ("commands", "guild_latencies", "guild_names", "latencies", "music", "users")

    def __init__(self) -> None:
        self.commands: dict[tuple[int, str, str], list[int]] = {}
        self.users: dict[tuple[int, str, str], int] = {}
        self.latencies: dict[tuple[int, str, int, int], int] = {}
        self.guild_latencies: dict[tuple[int, str, str, int, int], int] = {}
        self.music: dict[tuple[int, str], list[int]] = {}
        self.guild_names: dict[str, str] = {}

    @classmethod
    def of(cls, events: Iterable[Event]) -> Rollup:
        rollup = cls()
        for event in events:
            rollup.add(event)
        return rollup

    def add(self, event: Event) -> None:
        """Count one event. Health checks are not rolled up."""
        if type(event) is Invocation:
            self.add_invocation(
                hour_of(event.started_at),
                event.guild_id or "",
                event.command,
                event.outcome,
                event.user_id,
                event.guild_name,
                (event.duration_s, event.response_s, event.gateway_delay_s),
            )
        elif type(event) is MusicEvent:
            self._add_music(event)
        elif type(event) is MetricSample:
            self._add_metric(event)

    def add_invocation(
        self,
        hour: int,
        guild_id: str,
        command: str,
        outcome: Outcome | None,
        user_id: str | None,
        guild_name: str | None,
        times_s: tuple[float | None, float | None, float | None],
    ) -> None:
        """Count one command.

        Args:
            hour: in which it was received.
            guild_id: '' in a DM.
            command: its full name.
            outcome: None where nobody knows it.
            user_id: None where nobody asked for it.
            guild_name: None where it is not known.
            times_s: duration, first response and gateway delay, each None where nobody measured it.
        """
        self._count_command(hour, guild_id, command, outcome)
        if guild_name is not None:
            self.guild_names[guild_id] = guild_name
        if user_id is not None:
            day, of_day = divmod(hour, HOURS_PER_DAY)
            user = (day, guild_id, user_id)
            self.users[user] = self.users.get(user, 0) | 1 << of_day
        for metric, value_s in enumerate(times_s):
            if value_s is not None and math.isfinite(value_s):
                self._add_latency(hour, guild_id, command, metric, value_s)

    def _count_command(self, hour: int, guild_id: str, command: str, outcome: Outcome | None) -> None:
        key = (hour, guild_id, command)
        counts = self.commands.get(key)
        if counts is None:
            counts = self.commands[key] = [0] * (len(_OUTCOMES) + 1)
        counts[0] += 1
        if outcome is not None:
            counts[_OUTCOMES[outcome]] += 1

    def _add_latency(self, hour: int, guild_id: str, name: str, metric: int, value_s: float) -> None:
        bucket = bucket_of(value_s)
        key = (hour, name, metric, bucket)
        self.latencies[key] = self.latencies.get(key, 0) + 1
        guild_key = (hour // HOURS_PER_DAY, guild_id, name, metric, bucket)
        self.guild_latencies[guild_key] = self.guild_latencies.get(guild_key, 0) + 1

    def _add_metric(self, event: MetricSample) -> None:
        if event.unit != "s" or not math.isfinite(event.value):
            return
        hour, guild_id = hour_of(event.occurred_at), event.guild_id or ""
        self._add_latency(hour, guild_id, event.name, _OPERATION, event.value)
        if not event.success:
            self._add_latency(hour, guild_id, event.name, _FAILED, event.value)

    def _add_music(self, event: MusicEvent) -> None:
        counts = self.music.setdefault((hour_of(event.occurred_at), event.guild_id), [0, 0, 0, 0])
        counts[_MUSIC[event.type]] += 1
        if 0 < event.duration_s < math.inf:  # each is rounded by itself, so that the sum does not depend on the lots
            counts[_PLAYTIME] += int(min(event.duration_s, LARGEST_S) + 0.5)


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
