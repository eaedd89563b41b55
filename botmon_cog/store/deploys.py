"""Which version of the host ran since when, told from the starts of its processes."""

from __future__ import annotations

from datetime import datetime

from botmon_cog.domain.reports.errors import Deploy
from botmon_cog.store.records import milliseconds, moment
from botmon_cog.store.script import Query, Script

_DEPLOYS = """
WITH starts AS (
    SELECT id, started_ms, version, python_version, discord_version, botmon_version,
           LAG(COALESCE(version, ''), 1, '?') OVER (ORDER BY started_ms, id) AS before
    FROM @runs WHERE seen_ms IS NOT NULL
), numbered AS (
    SELECT starts.*, SUM(CASE WHEN COALESCE(version, '') = before THEN 0 ELSE 1 END) OVER (ORDER BY started_ms, id) AS n
    FROM starts
), latest AS (
    SELECT numbered.*, ROW_NUMBER() OVER (PARTITION BY n ORDER BY started_ms DESC, id DESC) AS back,
           MIN(started_ms) OVER (PARTITION BY n) AS first_ms, COUNT(*) OVER (PARTITION BY n) AS starts
    FROM numbered
)
SELECT version, first_ms, starts, python_version, discord_version, botmon_version FROM latest
WHERE back = 1 ORDER BY n
"""


def deploys(since: datetime) -> Script[list[Deploy]]:
    """Oldest first: those that began at `since` or later, and the one before them."""
    found: list[Deploy] = []
    for version, first_ms, starts, python_version, discord_version, botmon_version in (yield Query(_DEPLOYS)):
        if first_ms < milliseconds(since):
            found.clear()
        found.append(
            Deploy(
                version=version,
                started_at=moment(first_ms),
                starts=int(starts),
                python_version=python_version,
                discord_version=discord_version,
                botmon_version=botmon_version,
            )
        )
    return found
