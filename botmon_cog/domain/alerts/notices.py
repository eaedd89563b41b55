"""What is to be told: how alerts are, less what the owners were told of them, less what is held back for now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

from msgspec.structs import replace

from botmon_cog.config import AlertsConfig, Severity
from botmon_cog.domain.alerts.machine import ONCE, Name, is_graver, is_just_over, is_told
from botmon_cog.domain.alerts.values import SHARED, Alert, Mute, Notice, NoticeItem, Value, silences
from botmon_cog.domain.reports import Problem

NOTHING: Mapping[str, Sequence[str]] = MappingProxyType({})
_HOUR = timedelta(hours=1)

Change = Literal["fired", "worsened", "still", "recovered"]
_Kind = Literal["alert", "recovery", "reminder"]
_Message = tuple[_Kind, list[tuple[int, Change]]]


class Telling(Value, frozen=True, kw_only=True):
    """The notices, and the alerts with what is told of them once these are on their way."""

    alerts: tuple[Alert, ...]
    notices: tuple[Notice, ...] = ()


def tell(
    alerts: Sequence[Alert],
    now: datetime,
    *,
    instance: str,
    config: AlertsConfig,
    troubles: Iterable[Problem] = (),
    inhibits: Mapping[str, Sequence[str]] = NOTHING,
    mutes: Sequence[Mute] = (),
    is_maintained: bool = False,
    made_at: Iterable[datetime] = (),
    waiting: Collection[Name] = (),
) -> Telling:
    """What to tell now, in as few messages as can be.

    `troubles` is all that is seen, also what does not last yet; `inhibits` says what follows from what: patterns by
    pattern. While the first is not well, and until it has been for a while, the others are not told unless they are
    graver. `mutes` are those in force; `is_maintained` says that a maintenance window is open; `made_at` is when
    notices were made before, for the limit per hour: older and later times do not count. No reminder and no end is
    told of `waiting`.
    """
    after: list[Alert] = []
    changes: list[tuple[int, Change]] = []
    seen_here = [alert for alert in alerts if alert.scope in {instance, SHARED}]
    inhibited = _inhibited(seen_here, troubles, inhibits, now, config)
    for position, known in enumerate(alerts):
        is_quietly_over = known.key in ONCE and known.state == "resolved" and is_told(known)
        alert = _as_told(known, now) if is_quietly_over else known
        change = _change(alert, now, config)
        if change in {"recovered", "still"} and (alert.scope, alert.key) in waiting:
            change = None
        held = "muted" if _is_muted(alert, mutes) else "maintenance" if is_maintained else None
        if held is not None:
            after.append(replace(alert, held_back=held if change else ""))
            continue
        after.append(alert if change else replace(alert, held_back=""))
        if change is not None and not any(
            _matches(pattern, alert.key) and not is_graver(alert.severity, severity) for pattern, severity in inhibited
        ):
            changes.append((position, change))
    room = config.messages_per_h - sum(now - _HOUR < at <= now for at in made_at)
    notices: list[Notice] = []
    for kind, group in _messages(changes):
        if room < 1:
            for position, change in group:
                if change != "still":
                    after[position] = replace(after[position], held_back=after[position].held_back or "crowded")
            continue
        room -= 1
        notices.append(_notice(kind, [(alerts[position], change) for position, change in group], now, instance, config))
        for position, _ in group:
            after[position] = _as_told(alerts[position], now)
    return Telling(alerts=tuple(after), notices=tuple(notices))


def _change(alert: Alert, now: datetime, config: AlertsConfig) -> Change | None:
    """How it differs from what was told; `still` where it does not, but is to be told again."""
    if alert.state == "resolved":
        return "recovered" if is_told(alert) else None
    if not is_told(alert):
        return None if is_graver(config.level, alert.severity) else "fired"
    if alert.severity == "critical" and alert.told == "warning":
        return "worsened"
    due_at = _reminder_at(alert, alert.told_at or now, config)
    return "still" if due_at is not None and due_at <= now else None


def _reminder_at(alert: Alert, told_at: datetime, config: AlertsConfig) -> datetime | None:
    """When it is told again, should it last; None for never."""
    after_s = config.repeat_after_s[alert.severity == "critical"]
    return told_at + timedelta(seconds=after_s) if after_s and alert.key not in ONCE else None


def _is_muted(alert: Alert, mutes: Sequence[Mute]) -> bool:
    return any(silences(mute, alert) for mute in mutes)


def _inhibited(
    alerts: Sequence[Alert],
    troubles: Iterable[Problem],
    inhibits: Mapping[str, Sequence[str]],
    now: datetime,
    config: AlertsConfig,
) -> set[tuple[str, Severity]]:
    """The patterns of keys that something else explains, and how grave that is."""
    found = [alert for alert in alerts if alert.state == "firing" or is_just_over(alert, now, config)]
    unwell: set[tuple[str, Severity]] = {(each.key, each.severity) for each in (*found, *troubles)}
    return {
        (pattern, severity)
        for source, patterns in inhibits.items()
        for key, severity in unwell
        if _matches(source, key)
        for pattern in patterns
    }


def _matches(pattern: str, key: str) -> bool:
    return key.startswith(pattern[:-1]) if pattern.endswith(".*") else key == pattern


def _messages(changes: Sequence[tuple[int, Change]]) -> list[_Message]:
    """By message, the weightiest first. What is told again goes with what is new, where something is."""
    new = [one for one in changes if one[1] in {"fired", "worsened"}]
    still = [one for one in changes if one[1] == "still"]
    over = [one for one in changes if one[1] == "recovered"]
    alert, reminder = (new + still, []) if new else ([], still)
    groups: tuple[_Message, ...] = (("alert", alert), ("recovery", over), ("reminder", reminder))
    return [one for one in groups if one[1]]


def _notice(
    kind: _Kind,
    group: Sequence[tuple[Alert, Change]],
    now: datetime,
    instance: str,
    config: AlertsConfig,
) -> Notice:
    items = [_item(alert, change) for alert, change in group]
    order: list[Change] = ["fired", "worsened", "still", "recovered"]
    items.sort(key=lambda item: (item.severity != "critical", order.index(item.change), item.since, item.key))
    reminders = [at for alert, _ in group if (at := _reminder_at(alert, now, config)) is not None]
    held_back = dict.fromkeys(alert.held_back for alert, _ in group if alert.held_back)
    return Notice(
        kind=kind,
        items=tuple(items),
        instance=instance,
        made_at=now,
        next_reminder_at=min(reminders, default=None) if kind != "recovery" else None,
        held_back=tuple(held_back),
    )


def _item(alert: Alert, change: Change) -> NoticeItem:
    is_over = change == "recovered"
    return NoticeItem(
        scope=alert.scope,
        key=alert.key,
        change=change,
        severity="critical" if is_over and alert.told == "critical" else "warning" if is_over else alert.severity,
        reason=alert.reason,
        since=alert.since,
        ended_at=alert.ended_at,
        relapses=alert.relapses,
    )


def _as_told(alert: Alert, now: datetime) -> Alert:
    told = "resolved" if alert.state == "resolved" else "critical" if alert.told == "critical" else alert.severity
    return replace(alert, told=told, told_at=now, held_back="")
