"""Commands that a host times by itself: in memory at once, and in the log unless the host logs them too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from botmon_cog.clock import Clock
from botmon_cog.domain.models import ErrorSource, Id, Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.taken import taken_duration, taken_moment
from botmon_cog.monitors.observed import observed_invocation
from botmon_cog.monitors.recorder import Recorder
from botmon_cog.monitors.task_calls import TaskCalls
from botmon_cog.monitors.windows import MOST_NAMES, SAMPLES_PER_METRIC, Window


class InMemory(NamedTuple):
    """What is kept of tracked commands: the last 1000 of each name."""

    n: int
    names: tuple[str, ...]
    oldest_at: datetime | None
    """When the oldest of them ended; None if there is none."""


class TrackedCommands:
    """Commands that the host times, of one monitoring system.

    Of one that the extension observes there is a row already, and one that the host logs in the same task has its row
    from that. Whether it does is known only when the task ends; until then it is pending.
    """

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder = recorder
        self._clock = clock
        self._windows: dict[str, tuple[Window, Window]] = {}
        """By command: when they ended (seconds since 1970), and their durations."""
        self._pending: dict[TrackedCommand, None] = {}

    def begin(self, command: str, guild_id: Id | None, user_id: Id | None) -> TrackedCommand:
        """Time one from now on, up to its `end`."""
        return TrackedCommand(self, self._clock, command, guild_id, user_id)

    def record(self, tracked: TrackedCommand) -> None:
        """Make the row of one that has ended."""
        error, outcome = tracked.error, Outcome.OK
        if error is not None:
            outcome = Outcome.ERROR if isinstance(error, Exception) else Outcome.CANCELLED
        recorder = self._recorder
        cause = None
        if outcome is Outcome.ERROR:
            cause = recorder.causes.of(error, ErrorSource.COMMAND, tracked.command)
            if cause.group is not None:
                recorder.record(cause.group)
        recorder.record(
            Invocation(
                kind=Kind.LOGGED,
                command=tracked.command,
                outcome=outcome,
                started_at=tracked.started_at,
                duration_s=tracked.duration_s,
                guild_id=tracked.guild_id,
                user_id=tracked.user_id,
                error_type=None if cause is None else cause.error_type,
                error_message=None if cause is None else cause.message,
                fingerprint=None if cause is None else cause.fingerprint,
            )
        )

    def pending(self, guild_id: str | None) -> list[TrackedCommand]:
        """Those that have ended and are not in the log yet; `guild_id` None: of all guilds and direct messages."""
        return [each for each in self._pending if guild_id is None or str(each.guild_id) == guild_id]

    def in_memory(self) -> InMemory:
        """What is kept of those that have ended."""
        ends = [ended.newest(SAMPLES_PER_METRIC) for ended, _ in self._windows.values()]
        oldest_s = min((each[0] for each in ends), default=None)
        return InMemory(
            n=sum(map(len, ends)),
            names=tuple(sorted(self._windows)),
            oldest_at=None if oldest_s is None else datetime.fromtimestamp(oldest_s, UTC),
        )

    # -- for a tracked command -----------------------------------------------------------------------------------------

    def keep(self, command: str, duration_s: float) -> None:
        """Keep a duration in memory."""
        windows = self._windows.get(command)
        if windows is None:
            if len(self._windows) >= MOST_NAMES:
                return
            windows = self._windows[command] = (Window(), Window())
        windows[0].add(taken_moment(self._clock.now()).timestamp())
        windows[1].add(duration_s)

    def set_pending(self, tracked: TrackedCommand, *, is_pending: bool) -> None:
        if is_pending:
            self._pending[tracked] = None
        else:
            self._pending.pop(tracked, None)


class TrackedCommand:
    """One command that is timed.

    Attributes:
        started_at: aware UTC.
        started_s: monotonic.
        duration_s: None while it runs.
        error: what it raised.
    """

    def __init__(
        self, home: TrackedCommands, clock: Clock, command: str, guild_id: Id | None, user_id: Id | None
    ) -> None:
        self._home = home
        self._clock = clock
        self._record = home.record
        self._is_logged = False
        self.command = command
        self.guild_id = guild_id
        self.user_id = user_id
        self.started_at = taken_moment(clock.now())
        self.started_s = clock.monotonic()
        self.duration_s: float | None = None
        self.error: BaseException | None = None
        self._calls = TaskCalls.here()
        if self._calls is not None:
            self._calls.add(self)

    @property
    def ended_s(self) -> float | None:
        """When it ended, by the monotonic clock; None while it runs."""
        return None if self.duration_s is None else self.started_s + self.duration_s

    @property
    def elapsed_s(self) -> float:
        """Its duration; while it runs, until now."""
        if self.duration_s is not None:
            return self.duration_s
        return taken_duration(self._clock.monotonic() - self.started_s, "duration") or 0.0

    def end(self, error: BaseException | None, record: Callable[[TrackedCommand], None] | None = None) -> float:
        """It has ended. Returns its duration in seconds.

        Args:
            error: what it raised, or None.
            record: makes its row if nobody logs it; None means `TrackedCommands.record`.
        """
        self.duration_s, self.error = self.elapsed_s, error
        self._record = record or self._record
        self._home.keep(self.command, self.duration_s)
        if self._is_logged or observed_invocation(self.command) is not None:
            self.logged()
        elif self._calls is not None and self._calls.settle_later(self):
            self._home.set_pending(self, is_pending=True)
        else:
            self.settle()
        return self.duration_s

    def logged(self) -> None:
        """There is a row for it."""
        self._is_logged = True
        self._home.set_pending(self, is_pending=False)
        if self._calls is not None:
            self._calls.remove(self)

    def settle(self) -> None:
        """Make its row unless there is one."""
        if not self._is_logged:
            self.logged()
            self._record(self)
