"""One audit row per command."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from botmon_cog.clock import Clock
from botmon_cog.domain.models import Invocation, Kind, Outcome
from botmon_cog.domain.periods import last_days
from botmon_cog.domain.reports import CommandCounts, CommandStats, HistoryEntry
from botmon_cog.monitors.failures import Failures, absorbing
from botmon_cog.monitors.ids import Id, text_id
from botmon_cog.monitors.observed import observed_invocation
from botmon_cog.monitors.recorder import Recorder, new_event_id
from botmon_cog.storage.base import HistoryFilter, Storage


class CommandLogger:
    """Writes and reads the audit log. None of its methods raises into the caller's command."""

    def __init__(self, recorder: Recorder, storage: Storage, clock: Clock, failures: Failures) -> None:
        self._recorder = recorder
        self._storage = storage
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
        """Record a command that the host ran. False where that failed.

        Of a command that the extension observes there is a row already: while that runs `details` is added to it, and
        in a listener or an error handler for it nothing is.

        Args:
            guild_id: None in a DM.
            user_id: None where nobody asked for it.
            command: its full name.
            guild_name: for people who read the log.
            username: likewise.
            parameters: anything that JSON can hold; stored as it is, so leave out what should not be stored.
            duration: in seconds, None where nobody measured it.
            success: False counts as the bot's fault.
            error_message: what went wrong.
            details: free text.
        """
        observed = observed_invocation(command)
        if observed is not None:
            observed.details = details or observed.details
            return True
        now = self._clock.now()
        self._recorder.record(
            Invocation(
                event_id=new_event_id(),
                kind=Kind.LOGGED,
                command=command,
                outcome=Outcome.OK if success else Outcome.ERROR,
                started_at=now - timedelta(seconds=duration or 0),
                duration_s=duration,
                guild_id=text_id(guild_id),
                guild_name=guild_name,
                user_id=text_id(user_id),
                username=username,
                parameters=None if parameters is None else msgspec.json.encode(parameters, enc_hook=str).decode(),
                details=details,
                error_message=error_message,
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
        await self._recorder.settle()
        return await self._storage.history(
            HistoryFilter(
                guild_id=text_id(guild_id),
                user_id=text_id(user_id),
                command=command,
                success=success,
                since=since,
                until=until,
                limit=max(limit, 1),
                offset=max(offset, 0),
            )
        )

    @absorbing(CommandStats)
    async def get_command_stats(self, guild_id: Id | None = None, days: int = 7) -> CommandStats:
        """How often each command was invoked within the last `days` times 24 h and how that ended."""
        await self._recorder.settle()
        period = last_days(days, self._clock.now())
        commands = tuple(await self._storage.command_counts(text_id(guild_id), period))
        return command_stats(commands)


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
