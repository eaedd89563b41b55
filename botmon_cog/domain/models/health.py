"""What the health checker found."""

from __future__ import annotations

from datetime import datetime

import msgspec

from botmon_cog.domain.models.fields import Label
from botmon_cog.domain.reasons import Reason


class HealthRecord(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One run of the health checker, as it is kept."""

    occurred_at: datetime
    status: Label
    """`healthy`, `degraded`, `unhealthy` or `unknown`."""
    reason: Reason | None = None
    rss_bytes: int | None = None
    cpu_percent: float | None = None
    database_s: float | None = None
    error_rate: float | None = None
    """0..1 over the last hour; None below the minimum sample."""
