"""How alerts follow from what the checks find. What of it is told is not decided here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from botmon_cog.config import AlertsConfig, Severity
from botmon_cog.domain.alerts.values import SHARED, Alert, Value
from botmon_cog.domain.reports import Problem

Name = tuple[str, str]
"""(scope, key)."""

UNTOLD = frozenset({"monitor.failures", "monitor.spool", "monitor.unreachable"})
"""What stands in `/health`, and is no alert: nobody has to act on it, or it passes by itself."""

ONCE = frozenset({"monitor.broken", "monitor.lost", "monitor.trouble"})
"""What stays as it is until the next start, whatever anybody does: no reminder of it comes, and no recovery."""

_CHECKS_UNSEEN = 3
"""So many checks after a process last found what is shared, none finds it any more."""


class Moved(Value, frozen=True, kw_only=True):
    """All alerts after a check."""

    alerts: tuple[Alert, ...]
    gone: tuple[Alert, ...] = ()
    """Those of which nothing needs to be remembered."""


class Look(Value, frozen=True, kw_only=True):
    """One check of one process.

    Attributes:
        seen: when this process last found what is shared, up to this check.
        is_recalled: whether its checks know by now what fired before it began. Until they do, what they don't find may
            be there all the same.
    """

    at: datetime
    instance: str
    interval_s: float
    seen: Mapping[Name, datetime] = {}
    is_recalled: bool = True

    def name(self, problem: Problem) -> Name:
        """That of the alert."""
        return SHARED if problem.is_shared else self.instance, problem.key

    def seen_at(self, problem: Problem) -> datetime:
        """Now, or when it began to look well."""
        return min(problem.good_since or self.at, self.at)


def moved(alerts: Iterable[Alert], problems: Iterable[Problem], look: Look, config: AlertsConfig) -> Moved:
    """Let fire what lasts, and end what is over."""
    known = {(alert.scope, alert.key): alert for alert in alerts}
    found = {look.name(problem): problem for problem in problems if problem.key not in UNTOLD}
    kept: list[Alert] = []
    gone: list[Alert] = []
    for name in known | found:
        alert, problem = known.get(name), found.get(name)
        after = _lasting(alert, problem, look, config) or (alert and _without(alert, problem, look, config))
        if after is not None:
            kept.append(after)
        elif alert is not None:
            gone.append(alert)
    return Moved(alerts=tuple(kept), gone=tuple(gone))


def shifted(alerts: Iterable[Alert], by: timedelta, instance: str) -> tuple[Alert, ...]:
    """One's own alerts where the wall clock has jumped: what is told of them again is as far off as it was.

    Not those that are shared: the clocks of others stand as they did.
    """
    return tuple(_shifted(alert, by) if alert.scope == instance else alert for alert in alerts)


def _shifted(alert: Alert, by: timedelta) -> Alert:
    return replace(
        alert,
        since=alert.since + by,
        seen_at=alert.seen_at + by,
        ended_at=alert.ended_at and alert.ended_at + by,
        told_at=alert.told_at and alert.told_at + by,
    )


def is_graver(severity: Severity, than: Severity) -> bool:
    return severity == "critical" and than == "warning"


def is_told(alert: Alert) -> bool:
    """Whether the owners believe that it fires."""
    return alert.told in {"warning", "critical"}


def is_just_over(alert: Alert, now: datetime, config: AlertsConfig) -> bool:
    """Whether it has ended so lately that what followed from it may not be over yet."""
    if alert.state == "firing":
        return False
    if alert.told != "resolved" or alert.told_at is None:
        return is_told(alert) and not alert.held_back  # its end is told with this check
    return abs(now - alert.told_at) < timedelta(seconds=config.recover_after_s)


def _lasting(alert: Alert | None, problem: Problem | None, look: Look, config: AlertsConfig) -> Alert | None:
    """The alert of a problem that has lasted long enough to be told; None of any other."""
    if problem is None or problem.lasting is None:
        return None
    scope, key = look.name(problem)
    seen_at, relapses, since = look.seen_at(problem), problem.relapses, problem.since
    is_firing = alert is not None and alert.state == "firing"
    if not is_firing and is_graver(config.level, problem.lasting):
        return None
    if not is_firing and scope == SHARED and problem.good_since is not None:
        return None  # another process was certain sooner that it is over
    if alert is not None and (is_firing or is_told(alert)):
        since = alert.since  # for the owners it has never been over
    if alert is not None and is_firing and scope == SHARED:
        seen_at, relapses = max(seen_at, alert.seen_at), max(relapses, alert.relapses)
    if alert is None:
        alert = Alert(
            scope=scope,
            key=key,
            state="firing",
            severity=problem.lasting,
            reason=problem.reason,
            since=since,
            seen_at=seen_at,
            relapses=relapses,
        )
    return replace(
        alert,
        state="firing",
        severity=problem.lasting,
        reason=problem.reason,
        since=since,
        seen_at=seen_at,
        ended_at=None,
        relapses=relapses,
    )


def _without(alert: Alert, problem: Problem | None, look: Look, config: AlertsConfig) -> Alert | None:
    """The alert where this check finds nothing that lasts; None if nothing of it needs to be remembered."""
    if alert.state == "resolved":
        return alert if is_told(alert) or is_just_over(alert, look.at, config) else None
    if alert.scope != SHARED:
        is_over = look.is_recalled
    elif problem is not None:
        alert = replace(alert, seen_at=max(alert.seen_at, look.seen_at(problem)))
        is_over = False
    else:
        is_over = not _others_may_see(alert, look)
    if not is_over:
        return alert
    ended_at = max(min(alert.seen_at, look.at), alert.since)
    return replace(alert, state="resolved", ended_at=ended_at) if is_told(alert) else None


def _others_may_see(alert: Alert, look: Look) -> bool:
    """Whether another process has found it since this one did, and not too long ago."""
    own = look.seen.get((alert.scope, alert.key))
    is_late = abs(look.at - alert.seen_at) >= timedelta(seconds=look.interval_s * _CHECKS_UNSEEN)
    return not is_late and (own is None or alert.seen_at > own)
