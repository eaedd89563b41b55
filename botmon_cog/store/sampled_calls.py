"""A bounded sample of single calls between two moments: roll-ups know only whole hours, and times only by day."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from botmon_cog.domain.outcome import Outcome
from botmon_cog.store.conditions import HAS_TIMED_DURATION, IS_COMMAND
from botmon_cog.store.counting import of_guild
from botmon_cog.store.labels import known_label_id, stored_id
from botmon_cog.store.records import milliseconds
from botmon_cog.store.script import Query, Script

_MOST = 2_000
_MOST_READ = 50_000
"""However rare the command and however small the server: an index by time is all there is."""
_US_PER_S = 1_000_000

_CALLS = f"""
SELECT outcome, CASE WHEN {HAS_TIMED_DURATION} THEN duration_us END FROM (
    SELECT kind, outcome, duration_us, command_id, guild_id, is_own FROM @invocations
    WHERE started_ms >= :since AND started_ms < :until ORDER BY started_ms DESC LIMIT {_MOST_READ}
) AS latest
WHERE is_own = 0 AND {IS_COMMAND} {{command}} {{guild}} LIMIT {_MOST}
"""  # noqa: S608 (text of ours)


class SampledCall(NamedTuple):
    """How a command ended."""

    outcome: Outcome
    duration_s: float | None
    """None where it is not known or does not count."""


def sampled_calls(
    command: str | None, guild_id: str | None, since: datetime, until: datetime
) -> Script[list[SampledCall]]:
    """The last 2,000 calls of one command, or of all, among the last 50,000 invocations of a stretch of time."""
    values = {"since": milliseconds(since), "until": milliseconds(until)}
    sql = of_guild(_CALLS, guild_id)
    if guild_id is not None:
        values["guild_id"] = yield from stored_id(guild_id)
    if command is not None:
        label_id = yield from known_label_id(command)
        if label_id is None:
            return []
        values["command_id"] = label_id
    rows = yield Query(sql.replace("{command}", "" if command is None else "AND command_id = :command_id"), values)
    outcomes = list(Outcome)
    return [
        SampledCall(outcomes[outcome], None if duration_us is None else duration_us / _US_PER_S)
        for outcome, duration_us in rows
    ]
