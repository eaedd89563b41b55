"""Who is not to be in the log: what arrives late of them is taken up without them.

What other processes, a spool or a host's database still hold comes into the log by one of a few doors; each asks here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from botmon_cog.domain.anonymous import anonymous, without_guild
from botmon_cog.domain.models import AnsweredElsewhere, Event
from botmon_cog.store.records import milliseconds, number_of
from botmon_cog.store.script import Query, Script

_ERASED = "SELECT user_id, before_ms FROM @erasures"
_UNRECORDED = "SELECT user_id, since_ms FROM @unrecorded"
_PURGED = "SELECT guild_id, left_ms FROM @departures WHERE purged_ms IS NOT NULL"


class Forgotten(msgspec.Struct, frozen=True):
    """Of whom nothing is kept.

    Attributes:
        erased: by user, up to when (milliseconds since 1970).
        unrecorded: by user, since when.
        purged: by server, when the bot left it.
    """

    erased: Mapping[int, int]
    unrecorded: Mapping[int, int]
    purged: Mapping[int, int]

    def __bool__(self) -> bool:
        return bool(self.erased or self.unrecorded or self.purged)

    def applied(self, events: Sequence[Event]) -> Sequence[Event]:
        """The same events, as many, without those who are forgotten."""
        return [self.of(event) for event in events] if self else events

    def of(self, event: Event) -> Event:
        """One event, without those who are forgotten."""
        subject: Any = event.invocation if isinstance(event, AnsweredElsewhere) else event
        moment: datetime | None = getattr(subject, "started_at", None) or getattr(subject, "occurred_at", None)
        if moment is None:
            return event
        guild, user = _number(subject, "guild_id"), _number(subject, "user_id")
        at_ms = milliseconds(moment)
        if guild is not None and at_ms <= self.purged.get(guild, -1):
            return without_guild(event)
        if user is not None and (
            at_ms < self.erased.get(user, 0) or (user in self.unrecorded and at_ms >= self.unrecorded[user])
        ):
            return anonymous(event)
        return event


def _number(subject: object, name: str) -> int | None:
    id_ = getattr(subject, name, None)
    return None if id_ is None else number_of(id_)


def forgotten() -> Script[Forgotten]:
    return Forgotten(
        erased=dict((yield Query(_ERASED))),
        unrecorded=dict((yield Query(_UNRECORDED))),
        purged=dict((yield Query(_PURGED))),
    )
