"""What `/stats` says of failures beside the numbers: what owners can look up, what admins can fix."""

from __future__ import annotations

from typing import Protocol

from botmon_cog.domain.reports import FailureSummary, Period
from botmon_cog.domain.reports.errors import ErrorCounts, ErrorState, Refusal

_MOST_KINDS = 100
"""As many as `/botmon errors` counts."""


class ErrorReader(Protocol):
    """What is asked of the monitor of errors."""

    async def counts(self, period: Period, guild_id: str | None = None, *, limit: int = 100) -> list[ErrorCounts]: ...

    async def refusals(self, guild_id: str, period: Period) -> list[Refusal]: ...


async def failure_summary(
    errors: ErrorReader, guild_id: str | None, period: Period, *, is_for_owner: bool
) -> FailureSummary:
    """Of one server what it can fix, of all servers how many causes there were, for the bot's owners only.

    Raises:
        StorageError: the database can't be read.
    """
    if guild_id is not None:
        refusals = tuple(found for found in await errors.refusals(guild_id, period) if found.lacks)
        return FailureSummary(refusals=refusals, is_for_owner=is_for_owner)
    if not is_for_owner:
        return FailureSummary()
    kinds = await errors.counts(period, limit=_MOST_KINDS)
    states = [kind.state for kind in kinds]
    return FailureSummary(
        kinds=len(kinds),
        new_kinds=states.count(ErrorState.NEW),
        returned_kinds=states.count(ErrorState.RETURNED),
        is_complete=len(kinds) < _MOST_KINDS,
        is_for_owner=True,
    )
