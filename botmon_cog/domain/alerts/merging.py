"""What a process knows, held against what the database has: others write there, and it may have been away."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from botmon_cog.domain.alerts.values import Alert


def merged(stored: Iterable[Alert], own: Iterable[Alert]) -> tuple[Alert, ...]:
    """The stored alerts, and in place of those that nobody else has changed since, one's own.

    One's own are of the version that they were read at; 0 was never stored. What was forgotten since, and fires again
    here, is new.
    """
    of_others = {(alert.scope, alert.key): alert for alert in stored}
    kept: dict[tuple[str, str], Alert] = {}
    for alert in own:
        other = of_others.get((alert.scope, alert.key))
        if other is None and alert.state == "firing":
            alert = replace(alert, version=0)  # noqa: PLW2901 (the same alert)
        if alert.version == (other.version if other is not None else 0):
            kept[alert.scope, alert.key] = alert
    return tuple((of_others | kept).values())
