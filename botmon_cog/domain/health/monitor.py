"""The monitor itself. It never makes more than a warning, for the bot runs on without it."""

from __future__ import annotations

from botmon_cog.config import HealthConfig
from botmon_cog.domain.health.levels import Check
from botmon_cog.domain.health.verdict import conclude
from botmon_cog.domain.reports import MonitorHealth, Problem
from botmon_cog.domain.samples import MonitorSample
from botmon_cog.domain.text import count, plural

_SEE_THE_LOG = "See the log lines of botmon_cog; please report them if they are our fault."


def judge_monitor(sample: MonitorSample, _config: HealthConfig, check: Check) -> MonitorHealth:
    """What is lost weighs more than what went wrong, and that more than what waits."""
    return MonitorHealth(
        **conclude(*_found(sample, check)),
        queued=sample.queued,
        spooled=sample.spooled,
        spool_bytes=sample.spool_bytes,
        dropped=sample.dropped,
        failures=sample.failures,
        last_error=sample.last_error,
        loops=sample.loops,
        unreachable=sample.unreachable,
        broken=sample.broken,
        hints=sample.hints,
        cpu_percent=sample.cpu_percent,
    )


def _found(sample: MonitorSample, check: Check) -> list[Problem]:
    found: list[tuple[str, str, str]] = []
    if sample.dropped > 0:
        lost = plural(sample.dropped, "row was", "rows were")
        found.append(("monitor.lost", f"{count(sample.dropped)} {lost} lost since the start", _SEE_THE_LOG))
    if sample.trouble is not None:
        remedy = "The bot goes on with the new file; its next start takes this note away."
        found.append(("monitor.trouble", sample.trouble, remedy))
    if sample.failed_lately:
        found.append(("monitor.failures", "the monitor itself failed within the last hour", _SEE_THE_LOG))
    late = [loop.name for loop in sample.loops if loop.is_late] if sample.loops else None
    if late:
        names = ", ".join(late)
        reason = f"{plural(len(late), 'a loop', 'loops')} of the monitor should have run long since: {names}"
        found.append(("monitor.loops", reason, f"{_SEE_THE_LOG} Reloading the extension begins them anew."))
    if sample.unreachable:
        n = len(sample.unreachable)
        what = plural(n, "a way to the owners is closed", f"{count(n)} ways to the owners are closed")
        reason = f"{what}: {'; '.join(sample.unreachable)}"
        them = plural(n, "it", "them")
        remedy = (
            f"Open {them} again and reload the extension, which else tries {them} once a day; or set another way in "
            "[alerts]: channel_id, webhook, notify."
        )
        found.append(("monitor.unreachable", reason, remedy))
    if sample.broken:
        remedy = "Free what it needs, or set it otherwise in the configuration; then reload the extension."
        found.append(("monitor.broken", "; ".join(sample.broken), remedy))
    if sample.spooled > 0:
        reason = f"{count(sample.spooled)} {plural(sample.spooled, 'row waits', 'rows wait')} on disk for the database"
        remedy = "Nothing is lost: they are written as soon as the database takes them. See what keeps it."
        found.append(("monitor.spool", reason, remedy))
    return [check.fact(key, "warning", reason, remedy) for key, reason, remedy in found]
