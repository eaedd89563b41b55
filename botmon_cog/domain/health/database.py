"""The database: whether it answers, takes rows, and how fast."""

from __future__ import annotations

from botmon_cog.config import HealthConfig
from botmon_cog.domain.health.levels import Check, Words
from botmon_cog.domain.health.verdict import CRITICAL, ERROR, HEALTHY, SLOW, UNKNOWN, conclude
from botmon_cog.domain.reports import DatabaseHealth, Problem
from botmon_cog.domain.samples import DatabaseSample
from botmon_cog.domain.text import finite, latency


def judge_database(sample: DatabaseSample, config: HealthConfig, check: Check) -> DatabaseHealth:
    response_s = sample.response_time_s
    verdict = conclude(
        _fault(sample, check),
        check.level(
            "database.slow", response_s, config.database_slow_ms / 1000, None, lambda: _slow(response_s), is_shared=True
        ),
        otherwise=UNKNOWN if finite(response_s) is None else HEALTHY,
    )
    if verdict["problems"]:
        verdict["status"] = ERROR if verdict["status"] == CRITICAL else SLOW
    return DatabaseHealth(**verdict, response_time_s=response_s, size_bytes=sample.size_bytes)


def _fault(sample: DatabaseSample, check: Check) -> Problem | None:
    if sample.error is not None or sample.response_time_s is None:
        said = sample.error or "no reason given"
        reason = f"the database does not answer: {said}"
    elif sample.refusal is not None:
        said = sample.refusal
        reason = f"the database takes no rows: {said}"
    else:
        return None
    return check.fact("database", "critical", reason, _remedy(said), is_shared=True)


def _slow(response_s: float | None) -> Words:
    return f"the database takes {latency(response_s)} to answer", (
        "Look for another process that uses the same file or disk."
    )


def _remedy(error: str) -> str:
    text = error.lower()
    if "locked" in text or "busy" in text:
        return "Stop the other process that holds the file: a backup or a database browser, usually."
    if "full" in text:
        return "Make room on the disk; what waits is written then."
    if "readonly" in text or "read-only" in text or "permission" in text or "open" in text:
        return "Let the bot's user write to the file and to its folder."
    if "malformed" in text or "not a database" in text or "corrupt" in text:
        return "Move the damaged file away; a new one is begun. Restore a backup if you have one."
    return "See the bot's log for what the database said."
