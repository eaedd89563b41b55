"""Asks what is behind a verdict, as a message about it would tell it."""

from __future__ import annotations

from botmon_cog.domain.alerts import News, NewsItem
from botmon_cog.domain.alerts.cause import Cause
from botmon_cog.domain.reports import HealthReport
from botmon_cog.runtime import MonitoringSystem


async def root_cause(system: MonitoringSystem, report: HealthReport) -> Cause | None:
    """None: the verdict is not about commands that fail or are slow, or its cause can't be found out now."""
    if not report.problems or not report.problems[0].key.startswith(("commands.failing", "commands.slow")):
        return None
    problem = report.problems[0]
    item = NewsItem(
        scope=system.instance,
        key=problem.key,
        change="fired",
        severity=problem.severity,
        reason=problem.reason,
        since=problem.since,
    )
    news = News(kind="alert", items=(item,), instance=system.instance, made_at=system.clock.now())
    return (await system.alert_causes.added_to(news)).items[0].cause
