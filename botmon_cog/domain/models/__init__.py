"""What happened, as values. Times are aware UTC, durations are seconds.

The fields of an event are the columns of its log table, in their order: `store.schema` derives table, row and reader
from the annotations here.
"""

from __future__ import annotations

from botmon_cog.domain.models.failures import BackgroundFailures, ErrorGroup, ErrorMark
from botmon_cog.domain.models.fields import Durations, GuildName, Id, Label
from botmon_cog.domain.models.health import HealthRecord
from botmon_cog.domain.models.invocations import (
    AnsweredElsewhere,
    AutocompleteCalls,
    CountedCommand,
    HistoryEntry,
    Invocation,
)
from botmon_cog.domain.models.kinds import BackgroundKind, ErrorSource, Kind
from botmon_cog.domain.models.metrics import MetricKind, MetricPoint, MetricSample
from botmon_cog.domain.models.music import EndReason, MusicEvent, MusicEventType
from botmon_cog.domain.models.servers import GuildMembership, MembershipChange

__all__ = [
    "AnsweredElsewhere",
    "AutocompleteCalls",
    "BackgroundFailures",
    "BackgroundKind",
    "CountedCommand",
    "Durations",
    "EndReason",
    "ErrorGroup",
    "ErrorMark",
    "ErrorSource",
    "Event",
    "GuildMembership",
    "GuildName",
    "HealthRecord",
    "HistoryEntry",
    "Id",
    "Invocation",
    "Kind",
    "Label",
    "MembershipChange",
    "MetricKind",
    "MetricPoint",
    "MetricSample",
    "MusicEvent",
    "MusicEventType",
]

Event = (
    Invocation
    | MusicEvent
    | CountedCommand
    | MetricSample
    | MetricPoint
    | HealthRecord
    | AutocompleteCalls
    | BackgroundFailures
    | ErrorGroup
    | GuildMembership
    | AnsweredElsewhere
)
"""Everything that can be recorded."""
