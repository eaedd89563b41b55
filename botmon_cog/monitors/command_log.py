"""The log of commands: one row for each."""

from __future__ import annotations

from datetime import datetime, timedelta

from botmon_cog.clock import Clock
from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.periods import last_days
from botmon_cog.domain.reports import CommandCounts, CommandStats, HistoryEntry, added_up
from botmon_cog.domain.secret_patterns import hide_secrets
from botmon_cog.domain.taken import (
    LONGEST_NAME,
    LONGEST_USERNAME,
    taken_duration,
    taken_id,
    taken_json,
    taken_moment,
    taken_text,
    taken_text_or_none,
)
from botmon_cog.monitors.failures import Failures, absorbing
from botmon_cog.monitors.ids import Id, text_id
from botmon_cog.monitors.observed import observed_invocation, tell
from botmon_cog.monitors.recorder import Recorder
from botmon_cog.monitors.task_calls import call_of
from botmon_cog.store.history import History, HistoryFilter
from botmon_cog.store.reports import Reports

_MOST_ROWS = 1_000_000_000
_SUCCEEDED = frozenset({Outcome.OK})
_DID_NOT = frozenset(Outcome) - _SUCCEEDED


class CommandLog:
    """Writes and reads the log of commands. Its methods raise nothing into the caller's command."""

    def __init__(
        self, recorder: Recorder, history: History, reports: Reports, clock: Clock, failures: Failures
    ) -> None:
        self._recorder = recorder
        self._history = history
        self._reports = reports
        self._clock = clock
        self.failures = failures

    @absorbing(lambda: False)
    async def record(
        self,
        guild_id: Id | None,
        user_id: Id | None,
        command: str,
        *,
        guild_name: str | None = None,
        username: str | None = None,
        parameters: object = None,
        duration: float | None = None,
        success: bool = True,
        error_type: str | None = None,
        error_message: str | None = None,
        details: str | None = None,
    ) -> bool:
        """Record a command that the host ran. False if that failed or a value is of the wrong type.

        A command that the extension observes has its row already: what is said of it while it runs is added to that
        row, and what is said afterwards, in a listener or an error handler, is left out.

        Args:
            guild_id: None in a direct message.
            user_id: None if nobody asked for it.
            command: its full name, cut at 200 characters.
            guild_name: for people who read the log; cut, as `username` is, at 100 characters.
            username: likewise.
            parameters: anything that JSON can hold, stored as it is: leave out what nobody may read.
            duration: in seconds, ten years at the most. None: that of the block in which the host timed it, if there
                is one in this task; NaN and infinite count as None.
            success: False counts as the bot's fault.
            error_type: the class of the exception.
            error_message: what went wrong; what looks like a secret is taken out. This and the other texts are cut at
                4,000 characters.
            details: free text.
        """
        name = taken_text(command, "command", LONGEST_NAME)
        kind_of_error = taken_text_or_none(error_type, "error_type", LONGEST_NAME)
        message = taken_text_or_none(error_message, "error_message")
        message = None if message is None else hide_secrets(message)
        text = taken_text_or_none(details, "details")
        observed = observed_invocation(name)
        if observed is not None:
            tell(observed, success=success, error_type=kind_of_error, error_message=message, details=text)
            return True
        duration_s = taken_duration(duration, "duration")
        guild, user = taken_id(guild_id, "guild_id"), taken_id(user_id, "user_id")
        timed = call_of(name, guild, user)
        if timed is not None and duration_s is None:
            duration_s = timed.elapsed_s
        invocation = Invocation(
            kind=Kind.LOGGED,
            command=name,
            outcome=Outcome.OK if success else Outcome.ERROR,
            started_at=taken_moment(self._clock.now() - timedelta(seconds=duration_s or 0)),
            duration_s=duration_s,
            guild_id=guild,
            guild_name=taken_text_or_none(guild_name, "guild_name", LONGEST_USERNAME),
            user_id=user,
            username=taken_text_or_none(username, "username", LONGEST_USERNAME),
            parameters=None if parameters is None else taken_json(parameters),
            details=text,
            error_type=kind_of_error,
            error_message=message,
        )
        self._recorder.record(invocation)
        if timed is not None:
            timed.logged()
        return True

    @absorbing(list[HistoryEntry])
    async def history(
        self,
        guild_id: Id | None = None,
        user_id: Id | None = None,
        command: str | None = None,
        *,
        success: bool | None = None,
        components: bool | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[HistoryEntry]:
        """Rows of the log, the last begun first. Empty if the database can't be read.

        Args:
            guild_id: None for all guilds and direct messages; `user_id` and `command` likewise.
            user_id: who invoked it.
            command: its full name.
            success: True for those that succeeded, False for the others.
            components: True for buttons, select menus and modals alone, False for commands alone.
            since: the earliest beginning, aware.
            until: the first beginning that is too late, aware.
            limit: at least 1.
            offset: how many of the newest are left out.
        """
        await self._recorder.catch_up()
        return await self._history.find(
            HistoryFilter(
                guild_id=text_id(guild_id),
                user_id=text_id(user_id),
                command=command,
                outcomes=None if success is None else _SUCCEEDED if success else _DID_NOT,
                components=components,
                since=since,
                until=until,
                limit=min(max(limit, 1), _MOST_ROWS),
                offset=min(max(offset, 0), _MOST_ROWS),
            )
        )

    @absorbing(CommandStats)
    async def stats(self, guild_id: Id | None = None, days: int = 7) -> CommandStats:
        """How often each command was invoked within the last `days` times 24 h, and how that ended.

        All counts are 0 if the database can't be read.
        """
        await self._recorder.catch_up()
        counted = await self._reports.counted(text_id(guild_id), last_days(days, self._clock.now()))
        return command_stats(tuple(counted.command_counts()))


def command_stats(commands: tuple[CommandCounts, ...]) -> CommandStats:
    """The sums of what is counted by command."""
    sums = added_up(commands)
    return CommandStats(
        total_commands=sums.n,
        executed_commands=sums.executed,
        successful_commands=sums.ok,
        failed_commands=sums.n - sums.ok,
        success_rate=sums.ok / sums.n if sums.n else None,
        fault_rate=sums.fault_rate,
        commands=commands,
    )
