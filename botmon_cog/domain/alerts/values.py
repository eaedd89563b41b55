"""Alerts, mutes and notices, as they are kept: all times are aware UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from botmon_cog.config import Severity
from botmon_cog.domain.alerts.cause import Cause
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports import Problem

SHARED = ""
"""The scope of what every process on the same database sees; else a scope is an instance's name."""

EVERYTHING = "*"
"""The key of a mute that holds for all alerts of its scope."""


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A struct without identity."""


class Alert(Value, frozen=True, kw_only=True):
    """What is known of one key: how it is, and what of that the owners were told. Notices are the difference.

    When something is certain, lasts and is over, `health.debounce` decides; here stands what came of it, so that it
    outlives the process and is told once by however many of them.
    """

    scope: str
    key: str
    state: Literal["firing", "resolved"]
    severity: Severity
    reason: Reason
    since: datetime
    """When the trouble was first seen."""
    seen_at: datetime
    """When a process found it last. What is shared is over once none has for a while."""
    ended_at: datetime | None = None
    """The moment from which it was well, not when that was certain. None while it fires."""
    relapses: int = 0
    """How often it came back soon after it looked well."""
    told: Literal["", "warning", "critical", "resolved"] = ""
    """What the owners were told last of this trouble."""
    told_at: datetime | None = None
    held_back: Literal["", "muted", "maintenance", "crowded"] = ""
    """Why the owners have not been told how it is."""
    audience: str = ""
    """The application's id: of one bot's processes each knows what the others told. Empty: not known yet, or shared."""
    version: int = 0
    """Counts the changes of the row, so that of two processes that change it one notices. 0: not stored yet."""


class Mute(Value, frozen=True, kw_only=True):
    """No message about a key until a moment. Anything still wrong then is sent then."""

    scope: str
    key: str
    """`EVERYTHING` for all keys."""
    until: datetime
    by: str
    """The user's id."""
    made_at: datetime
    audience: str = ""
    """The application's id: a mute of one key holds for all processes of that bot. Empty: for the scope alone."""


class OtherAlert(Value, frozen=True, kw_only=True):
    """An alert of another process of the same bot."""

    alert: Alert
    alive_at: datetime
    """When that process gave its last sign of life."""


class AlertsOverview(Value, frozen=True, kw_only=True):
    """How the alerts are now, the gravest first."""

    firing: tuple[Alert, ...] = ()
    pending: tuple[Problem, ...] = ()
    """What does not last yet."""
    elsewhere: tuple[Alert, ...] = ()
    """What fires in other processes of the bot."""
    mutes: tuple[Mute, ...] = ()
    maintenance_until: datetime | None = None
    """When the maintenance window that is open now ends; None where none is."""


class AlertBook(Value, frozen=True, kw_only=True):
    """What is kept of one scope and of what is shared."""

    alerts: tuple[Alert, ...] = ()
    others: tuple[OtherAlert, ...] = ()
    """Those of the bot's other processes."""
    mutes: tuple[Mute, ...] = ()
    """Those in force, also those of single keys that were set for another process of the bot."""


class NoticeItem(Value, frozen=True, kw_only=True):
    """One alert in a message."""

    scope: str
    key: str
    change: Literal["fired", "worsened", "still", "recovered"]
    severity: Severity
    reason: Reason
    since: datetime
    ended_at: datetime | None = None
    relapses: int = 0
    cause: Cause | None = None
    """What was found out about it when the message was made; None of most alerts."""


ToldBy = Literal["", "process", "machine"]


class Notice(Value, frozen=True, kw_only=True):
    """One message to the owners: everything that came together."""

    kind: Literal["alert", "reminder", "recovery"]
    items: tuple[NoticeItem, ...]
    """At least one, the gravest first."""
    instance: str
    made_at: datetime
    next_reminder_at: datetime | None = None
    """None where none comes."""
    held_back: tuple[str, ...] = ()
    """Why it comes late: `muted`, `maintenance`, `crowded`."""
    waiting: int = 0
    """Rows that wait for the database."""
    spooled: int = 0
    """Those of them that are on disk."""
    lost: int = 0
    """Rows lost since the trouble began."""
    told_by: ToldBy = ""
    """Of each of them one message may come, because the database is away over which they would agree on one."""
    message_id: str = ""
    """That of the `AlertMessage` around it, by which the buttons under it find it again; empty: it has none."""


class AlertMessage(Value, frozen=True, kw_only=True):
    """A notice: stored before it is sent, claimed by the process that sends it, and finished with the result."""

    message_id: str
    instance: str
    """Which process's it is."""
    audience: str
    """The application's id: only a process of the same bot sends it."""
    notice: Notice
    made_at: datetime
    state: Literal["due", "sent", "failed"] = "due"
    claimed_by: str | None = None
    """A process, not an instance: two may go by the same name."""
    claimed_at: datetime | None = None
    attempts: int = 0
    """How often it was claimed."""
    is_repeat: bool = False
    """Whether a claim ended without a result: it may have been sent before."""
    finished_at: datetime | None = None
    result: str | None = None
    """What became of the last attempt, in words: `DM to 1 owner`, `channel 123`, `Discord was not reached`."""


class Sent(Value, frozen=True, kw_only=True):
    """What became of an attempt to send a notice."""

    state: Literal["told", "refused", "failed"]
    """`refused`: no owner can be reached in any way, and trying again is no use. `failed`: nobody answered."""
    words: str
    """As `AlertMessage.result` keeps it."""


def covers(prefix: str, key: str) -> bool:
    """Whether a key is that one or beneath it: `gateway` covers `gateway.shard.3`."""
    return key == prefix or key.startswith(prefix + ".")


def silences(mute: Mute, alert: Alert) -> bool:
    """Whether a mute holds for an alert: that of a key in all processes, that of everything in its scope alone."""
    if mute.key == EVERYTHING:
        return mute.scope == alert.scope
    return (mute.scope == SHARED) == (alert.scope == SHARED) and covers(mute.key, alert.key)
