"""How alerts move with a check: pending, firing, resolved. What of it is told is not decided here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from botmon_cog.config import AlertsConfig, Severity
from botmon_cog.config.metrics import RULES
from botmon_cog.domain.alerts.values import SHARED, Alert, Value, covers
from botmon_cog.domain.reports import Problem

UNTOLD = frozenset({"monitor.failures", "monitor.spool", "monitor.unreachable"})
"""What stands in `/health`, and is no alert: nobody has to act on it, or it passes by itself."""

_MOST_DOUBLINGS = 30


class Moved(Value, frozen=True, kw_only=True):
    """All alerts after a check."""

    alerts: tuple[Alert, ...]
    gone: tuple[Alert, ...] = ()
    """Those of which nothing needs to be remembered."""


def moved(
    alerts: Iterable[Alert],
    problems: Iterable[Problem],
    now: datetime,
    *,
    instance: str,
    config: AlertsConfig,
    unknown: Collection[str] = (),
) -> Moved:
    """Move every alert by what one check found.

    `unknown` are keys whose source could not be looked at, all beneath them included: without a problem there, an alert
    stays as it is.
    """
    known = {(alert.scope, alert.key): alert for alert in alerts}
    found: dict[tuple[str, str], Problem] = {}
    for problem in problems:
        if problem.key in UNTOLD:
            continue
        name = SHARED if problem.is_shared else instance, problem.key
        if name not in found or is_graver(problem.severity, found[name].severity):
            found[name] = problem
    kept: list[Alert] = []
    gone: list[Alert] = []
    for name in known | found:
        alert, problem = known.get(name), found.get(name)
        if problem is not None:
            after = _bad(alert, problem, name[0], now, config)
        elif alert is None or any(covers(prefix, alert.key) for prefix in unknown):
            after = alert
        else:
            after = _good(alert, now, config)
        if after is not None:
            kept.append(after)
        elif alert is not None:
            gone.append(alert)
    return Moved(alerts=tuple(kept), gone=tuple(gone))


def shifted(alerts: Iterable[Alert], by: timedelta) -> tuple[Alert, ...]:
    """The alerts where the clock has jumped: what they wait for is as far off as it was, and no reminder is due.

    Not those that are shared, for clocks are not.
    """
    return tuple(alert if alert.scope == SHARED else _shifted(alert, by) for alert in alerts)


def _shifted(alert: Alert, by: timedelta) -> Alert:
    return replace(
        alert,
        since=alert.since + by if alert.state == "pending" and not is_told(alert) else alert.since,
        good_since=alert.good_since and alert.good_since + by,
        critical_since=alert.critical_since and alert.critical_since + by,
        told_at=alert.told_at and alert.told_at + by,
    )


def is_graver(severity: Severity, than: Severity) -> bool:
    return severity == "critical" and than == "warning"


def is_told(alert: Alert) -> bool:
    """Whether the owners believe that it fires."""
    return alert.told in {"warning", "critical"}


def resolved_at(alert: Alert, config: AlertsConfig) -> datetime | None:
    """When it was certain that a resolved alert is over; None for one that never was."""
    return alert.ended_at and alert.ended_at + _recovery(alert, config)


def _recovery(alert: Alert, config: AlertsConfig) -> timedelta:
    """How long it must be well until it is over."""
    doubled_s = config.recover_after_s * 2 ** min(alert.relapses, _MOST_DOUBLINGS)
    return timedelta(seconds=max(config.recover_after_s, min(doubled_s, config.flap_window_s)))


def _patience(key: str, severity: Severity, config: AlertsConfig) -> timedelta:
    """How long it must be bad until it fires."""
    if covers(RULES, key):  # it has waited for its own `for` already
        return timedelta(0)
    return timedelta(seconds=config.critical_after_s if severity == "critical" else config.warning_after_s)


def _bad(alert: Alert | None, problem: Problem, scope: str, now: datetime, config: AlertsConfig) -> Alert | None:
    if is_graver(config.level, problem.severity) and (alert is None or alert.state != "firing"):
        return _good(alert, now, config) if alert is not None else None
    if alert is not None and alert.state == "firing":
        return _still_bad(alert, problem, now, config)
    alert = _pending(alert, problem, scope)
    began = problem.since if is_told(alert) else alert.since
    if now - began < _patience(problem.key, problem.severity, config):
        return alert
    over_at = resolved_at(alert, config)
    came_back = over_at is not None and now - over_at <= timedelta(seconds=config.flap_window_s)
    return replace(alert, state="firing", fired_at=now, ended_at=None, relapses=alert.relapses + 1 if came_back else 0)


def _pending(alert: Alert | None, problem: Problem, scope: str) -> Alert:
    """`ended_at` of the time before stays until it fires: should it not, that is what it goes back to."""
    if alert is None:
        return Alert(
            scope=scope,
            key=problem.key,
            state="pending",
            severity=problem.severity,
            reason=problem.reason,
            remedy=problem.remedy,
            since=problem.since,
        )
    if is_told(alert):
        since = alert.since  # for the owners it has never been over
    else:
        since = min(alert.since, problem.since) if alert.state == "pending" else problem.since
    return replace(
        alert,
        state="pending",
        severity=problem.severity,
        reason=problem.reason,
        remedy=problem.remedy,
        since=since,
        fired_at=None,
    )


def _still_bad(alert: Alert, problem: Problem, now: datetime, config: AlertsConfig) -> Alert:
    # What is shared may look well to another process at the same time.
    is_relapse = alert.good_since is not None and alert.scope != SHARED
    severity, critical_since = problem.severity, None
    if is_graver(problem.severity, alert.severity):
        critical_since = alert.critical_since or now
        if now - critical_since < _patience(alert.key, "critical", config):
            severity = alert.severity
        else:
            critical_since = None
    return replace(
        alert,
        severity=severity,
        critical_since=critical_since,
        reason=problem.reason,
        remedy=problem.remedy,
        good_since=None,
        relapses=alert.relapses + is_relapse,
    )


def _good(alert: Alert, now: datetime, config: AlertsConfig) -> Alert | None:
    if alert.state == "firing":
        good_since = alert.good_since or now
        if now - good_since < _recovery(alert, config):
            return replace(alert, good_since=good_since, critical_since=None)
        return replace(alert, state="resolved", good_since=None, critical_since=None, ended_at=good_since)
    over_at = resolved_at(alert, config)
    if over_at is None:
        return None
    if not is_told(alert) and now - over_at > timedelta(seconds=config.flap_window_s):
        return None
    return replace(alert, state="resolved")
