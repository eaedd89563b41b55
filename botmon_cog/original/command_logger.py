"""The log of commands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from botmon_cog.domain.models import HistoryEntry, Kind
from botmon_cog.original.base import Monitor, false, no_rows, nothing, safe
from botmon_cog.original.coerced import (
    command_name,
    days_back,
    decoded,
    error_or_none,
    flag,
    id_or_none,
    name_or_none,
    number,
    percent_of,
    seconds_or_none,
    text_id_or_none,
    utc_text,
)

_MOST_TOP = 10
_MOST_ROWS = 1_000_000_000
_REACH = 200
"""The store gives rows by their beginning. Of those that began a little earlier, some ended later."""


class CommandLogger(Monitor):
    """Logs commands, and reads the log."""

    @safe(false)
    async def log_command(
        self,
        guild_id: object,
        guild_name: object,
        user_id: object,
        username: object,
        command: object,
        parameters: object = None,
        duration: object = None,
        success: object = True,
        error_message: object = None,
    ) -> bool:
        """Log a command. True: it is taken and will be stored; reads in this process see it at once.

        A command that the extension observes has its row already; this adds to it that it failed, and why.

        Args:
            guild_id: an id or anything with one; None in a direct message.
            guild_name: a text or anything with a name, such as the guild.
            user_id: as `guild_id`.
            username: as `guild_name`.
            command: its name, or the command itself.
            parameters: a dict, stored as JSON.
            duration: in seconds, or a timedelta. None: that of `track_command` in this task, if there was one.
            success: False for a failure, also one that the bot has caught.
            error_message: a text or the exception.
        """
        kind_of_error, message = error_or_none(error_message, "error_message")
        values: dict[str, Any] = {
            "guild_id": id_or_none(guild_id, "guild_id"),
            "guild_name": name_or_none(guild_name, "guild_name"),
            "user_id": id_or_none(user_id, "user_id"),
            "username": name_or_none(username, "username"),
            "command": command_name(command, "command"),
            "duration": seconds_or_none(duration, "duration"),
            "success": flag(success, "success"),
        }
        return await self._recording().command_log.record(
            **values, parameters=parameters, error_type=kind_of_error, error_message=message
        )

    @safe(no_rows)
    async def get_command_history(
        self,
        guild_id: object = None,
        user_id: object = None,
        command: object = None,
        limit: object = 100,
        success_only: object = False,
    ) -> list[dict[str, Any]]:
        """Logged commands, the last ended first; [] if the store can't be read.

        Each a dict with id, guild_id, guild_name, user_id, username, command, parameters (decoded; None if unknown),
        duration (seconds, or None), success (a bool), error_message, details, and executed_at (UTC, `YYYY-MM-DD
        HH:MM:SS`).

        Args:
            guild_id: None for all.
            user_id: None for all.
            command: None for all.
            limit: how many at the most; negative for all.
            success_only: leave out those that failed.
        """
        most = number(limit, "limit")
        filters: dict[str, Any] = {
            "guild_id": text_id_or_none(guild_id, "guild_id"),
            "user_id": text_id_or_none(user_id, "user_id"),
            "command": None if command is None else command_name(command, "command"),
            "success": True if flag(success_only, "success_only") else None,
        }
        if most == 0:
            return []
        most = _MOST_ROWS if most < 0 else most
        system = await self._caught_up()
        entries = await system.command_log.history(**filters, components=False, limit=most + _REACH)
        rows = sorted(map(_row, entries), key=lambda row: (row["executed_at"], row["id"]), reverse=True)
        return rows[:most]

    @safe(nothing)
    async def get_command_stats(self, guild_id: object, days: object = 7) -> dict[str, Any]:
        """Of the last `days` days; {} if the store can't be read. A guild of None means all.

        total_commands, successful_commands, success_rate (percent), avg_duration (seconds), and top_commands: up to ten
        of {command, count}, most used first.
        """
        guild, span = text_id_or_none(guild_id, "guild_id"), days_back(days)
        system = await self._caught_up()
        since = system.clock.now() - span
        totals = await system.store.daily.totals(guild, since)
        return {
            "total_commands": totals.total,
            "successful_commands": totals.successful,
            "success_rate": percent_of(totals.successful, totals.total),
            "avg_duration": totals.mean_s or 0.0,
            "top_commands": top_commands(await system.store.daily.top(guild, since, _MOST_TOP)),
        }


def _row(entry: HistoryEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "guild_id": entry.guild_id,
        "guild_name": entry.guild_name,
        "user_id": entry.user_id,
        "username": entry.username,
        "command": entry.command,
        "parameters": _parameters(entry),
        "duration": entry.duration_s,
        "success": entry.success,
        "error_message": entry.error_message,
        "details": _details(entry) if entry.details is None else entry.details,
        "executed_at": utc_text(entry.started_at + timedelta(seconds=entry.duration_s or 0.0)),
    }


def _details(entry: HistoryEntry) -> str:
    """As the original wrote them; in the host's table they read the same."""
    return f"Command: {entry.command} | Success: {entry.success}"


def _parameters(entry: HistoryEntry) -> Any:
    """Of an observed command whose values are not stored, a dict all the same: with None for each value."""
    found: Any = decoded(entry.parameters)
    if entry.kind is Kind.LOGGED or not isinstance(found, list):
        return found
    return dict.fromkeys(cast("list[str]", found))


def top_commands(counts: list[tuple[str, int]]) -> list[dict[str, Any]]:
    return [{"command": command, "count": n} for command, n in counts]
