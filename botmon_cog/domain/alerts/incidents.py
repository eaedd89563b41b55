"""One trouble in several processes of a bot: what the owners were told of it by one, all of them have told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from botmon_cog.config import Severity
from botmon_cog.domain.alerts.machine import ONCE, Name, is_told
from botmon_cog.domain.alerts.values import SHARED, Alert, OtherAlert, Value

_GONE_AFTER = timedelta(minutes=15)
"""So long after its last sign of life a process is gone for good, and what it told is for others to end."""
_CHECKS_MISSED = 5
"""As many it must have missed, too, where checks are rare."""
_AT_ONCE = timedelta(hours=1)
"""What is told once and never again (`ONCE`) is the same in two processes if they find it within that time."""


class Told(Value, frozen=True, kw_only=True):
    """What the owners believe of a key.

    Attributes:
        severity: the gravest of what they were told.
        since: when the first of the processes found it.
        told_at: when they were told of it last.
    """

    severity: Severity
    since: datetime
    told_at: datetime


class Basis(Value, frozen=True, kw_only=True):
    """What other processes had told when it was decided what to tell. Where that has changed, it is decided anew.

    Attributes:
        audience: whose processes.
        told: by key; None of what they had not told.
    """

    audience: str
    told: Mapping[str, Told | None]

    def holds(self, others: Iterable[Alert]) -> bool:
        """Whether others, as they are now, have told the same, and last at the same time."""
        now = told_by(others)
        return all(_essence(now.get(key)) == _essence(told) for key, told in self.told.items())


def told_by(alerts: Iterable[Alert]) -> dict[str, Told]:
    """By key, what the owners were told through these alerts, and were not told the end of."""
    found: dict[str, Told] = {}
    for alert in alerts:
        if not is_told(alert) or alert.scope == SHARED:
            continue
        own = Told(
            severity="critical" if alert.told == "critical" else "warning",
            since=alert.since,
            told_at=alert.told_at or alert.since,
        )
        known = found.get(alert.key, own)
        found[alert.key] = Told(
            severity="critical" if "critical" in {known.severity, own.severity} else "warning",
            since=min(known.since, own.since),
            told_at=max(known.told_at, own.told_at),
        )
    return found


def united(alerts: Sequence[Alert], others: Sequence[Alert], now: datetime) -> tuple[Alert, ...]:
    """The alerts, with what was told through others as if told through these.

    What fires elsewhere and is known to the owners joins that quietly here; what is over here, and is not elsewhere,
    ends quietly. Only the last one's end is left to be told.
    """
    after = list(alerts)
    for place, alert in enumerate(after):
        told = _told_besides(place, after, others)
        if told is not None:
            after[place] = _joined(alert, told, now)
    return tuple(after)


def waiting(alerts: Sequence[Alert], others: Sequence[Alert], *, can_agree: bool) -> frozenset[Name]:
    """What is not told again, nor its end, for others have told it too: they have yet to take up how grave it was.

    `can_agree`: else nobody can say how the others are now, and whatever they told waits until somebody can.
    """
    return frozenset(
        (alert.scope, alert.key)
        for place, alert in enumerate(alerts)
        if (alert.state == "resolved" or not can_agree) and _told_besides(place, alerts, others) is not None
    )


def _told_besides(place: int, alerts: Sequence[Alert], others: Sequence[Alert]) -> Told | None:
    """What was told of the same through all but this one."""
    alert = alerts[place]
    if alert.scope == SHARED:
        return None
    same = (each for each in (*others, *alerts[:place], *alerts[place + 1 :]) if each.key == alert.key)
    return told_by(same).get(alert.key)


def _joined(alert: Alert, told: Told, now: datetime) -> Alert:
    if alert.key in ONCE and (alert.state == "resolved" or is_told(alert) or now - told.told_at >= _AT_ONCE):
        return alert
    if alert.state == "resolved":
        is_known = is_told(alert) and (alert.told, told.severity) != ("critical", "warning")
        return replace(alert, told="resolved", told_at=now, held_back="") if is_known else alert
    return replace(
        alert,
        told="critical" if "critical" in {alert.told, told.severity} else "warning",
        told_at=max(alert.told_at or told.told_at, told.told_at),
        since=min(alert.since, told.since),
    )


def parted(
    others: Iterable[OtherAlert], now: datetime, interval_s: float
) -> tuple[tuple[Alert, ...], tuple[Alert, ...]]:
    """The alerts of processes that live, and those that were left behind by such as are gone for good."""
    patience = max(_GONE_AFTER, timedelta(seconds=_CHECKS_MISSED * interval_s))
    alive: list[Alert] = []
    left: list[Alert] = []
    for other in others:
        (left if now - other.alive_at >= patience else alive).append(other.alert)
    return tuple(alive), tuple(left)


def ended(alert: Alert, now: datetime) -> Alert:
    """An alert that was left behind: it was over when its process saw it last."""
    ended_at = alert.ended_at or max(min(alert.seen_at, now), alert.since)
    return replace(alert, state="resolved", ended_at=ended_at)


def undecided(before: Iterable[Alert], after: Iterable[Alert], told: Iterable[Name]) -> tuple[Alert, ...]:
    """The alerts after a telling, less what was decided quietly: others could not be asked whether that still holds.

    `told`: scope and key of all that is in a message.
    """
    known = {(alert.scope, alert.key): alert for alert in before}
    in_message = set(told)
    return tuple(
        replace(alert, told=was.told, told_at=was.told_at)
        if (name := (alert.scope, alert.key)) not in in_message and (was := known.get(name)) is not None
        else alert
        for alert in after
    )


def decided(before: Iterable[Alert], after: Iterable[Alert]) -> frozenset[str]:
    """The keys, of what is not shared, of which something was told or joined or ended."""
    was = {(alert.scope, alert.key): (alert.told, alert.told_at) for alert in before}
    return frozenset(
        alert.key
        for alert in after
        if alert.scope != SHARED and was.get((alert.scope, alert.key)) != (alert.told, alert.told_at)
    )


def _essence(told: Told | None) -> tuple[Severity, datetime] | None:
    return None if told is None else (told.severity, told.told_at)
