"""One audit row per command."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from botmon_cog.clock import Clock
from botmon_cog.domain.models import Invocation, Kind, Outcome
from botmon_cog.domain.periods import last_days
from botmon_cog.domain.reports import CommandCounts, CommandStats, HistoryEntry
from botmon_cog.domain.taken import (
    LONGEST_NAME,
    LONGEST_TEXT,
    LONGEST_USERNAME,
    taken_duration,
    taken_id,
    taken_moment,
    taken_text,
    taken_text_or_none,
)
from botmon_cog.monitors.failures import Failures, absorbing
from botmon_cog.monitors.ids import Id, text_id
from botmon_cog.monitors.observed import observed_invocation
from botmon_cog.monitors.recorder import Recorder
from botmon_cog.store.history import History, HistoryFilter
from botmon_cog.store.reports import Reports

_MOST_ROWS = 1_000_000_000


class CommandLogger:
    """Writes and reads the audit log. None of its methods raises into the caller's command."""

    def __init__(
        self, recorder: Recorder, history: History, reports: Reports, clock: Clock, failures: Failures
    ) -> None:
        self._recorder = recorder
        self._history = history
        self._reports = reports
        self._clock = clock
        self.failures = failures

    @absorbing(lambda: False)
    async def log_command(
        self,
        guild_id: Id | None,
        user_id: Id | None,
        command: str,
        *,
        guild_name: str | None = None,
        username: str | None = None,
        parameters: Any = None,
        duration: float | None = None,
        success: bool = True,
        error_message: str | None = None,
        details: str | None = None,
    ) -> bool:
        """Record a command that the host ran. False where that failed, or a value is of the wrong type.

        Of a command that the extension observes there is a row already: while that runs `details` is added to it, and
        in a listener or an error handler for it nothing is.

        Args:
            guild_id: None in a DM.
            user_id: None where nobody asked for it.
            command: its full name, cut at 200 characters.
            guild_name: for people who read the log; cut, as `username` is, at 100 characters.
            username: likewise.
            parameters: anything that JSON can hold; stored as it is, so leave out what should not be stored. This and
                the other texts are cut at 4,000 characters.
            duration: in seconds, None where nobody measured it. At most ten years; NaN and infinite count as None.
            success: False counts as the bot's fault.
            error_message: what went wrong.
            details: free text.
        """
        name, told = taken_text(command, "command", LONGEST_NAME), taken_text_or_none(details, "details")
        observed = observed_invocation(name)
        if observed is not None:
            observed.details = told or observed.details
            return True
        duration_s = taken_duration(duration, "duration")
        self._recorder.record(
            Invocation(
                kind=Kind.LOGGED,
                command=name,
                outcome=Outcome.OK if success else Outcome.ERROR,
                started_at=taken_moment(self._clock.now() - timedelta(seconds=duration_s or 0)),
                duration_s=duration_s,
                guild_id=taken_id(guild_id, "guild_id"),
                guild_name=taken_text_or_none(guild_name, "guild_name", LONGEST_USERNAME),
                user_id=taken_id(user_id, "user_id"),
                username=taken_text_or_none(username, "username", LONGEST_USERNAME),
                parameters=None if parameters is None else _json(parameters),
                details=told,
                error_message=taken_text_or_none(error_message, "error_message"),
            )
        )
        return True

    @absorbing(list[HistoryEntry])
    async def get_command_history(
        self,
        guild_id: Id | None = None,
        user_id: Id | None = None,
        command: str | None = None,
        *,
        success: bool | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[HistoryEntry]:
        """Rows of the audit log, newest first; empty where the database can't be read.

        `since` (included) and `until` (not included) are aware; None leaves a filter open. `limit` is at least 1.
        """
        await self._recorder.catch_up()
        return await self._history.find(
            HistoryFilter(
                guild_id=text_id(guild_id),
                user_id=text_id(user_id),
                command=command,
                success=success,
                since=since,
                until=until,
                limit=min(max(limit, 1), _MOST_ROWS),
                offset=min(max(offset, 0), _MOST_ROWS),
            )
        )

    @absorbing(CommandStats)
    async def get_command_stats(self, guild_id: Id | None = None, days: int = 7) -> CommandStats:
        """How often each command was invoked within the last `days` times 24 h and how that ended."""
        await self._recorder.catch_up()
        counted = await self._reports.counted(text_id(guild_id), last_days(days, self._clock.now()))
        return command_stats(tuple(counted.command_counts()))


def _json(parameters: Any) -> str:
    return msgspec.json.encode(parameters, enc_hook=str).decode()[:LONGEST_TEXT]


def command_stats(commands: tuple[CommandCounts, ...]) -> CommandStats:
    total = sum(c.n for c in commands)
    known = sum(c.known for c in commands)
    successful = sum(c.ok for c in commands)
    faults = sum(c.faults for c in commands)
    return CommandStats(
        total_commands=total,
        successful_commands=successful,
        failed_commands=known - successful,
        success_rate=successful / known if known else None,
        fault_rate=faults / known if known else None,
        commands=commands,
    )
