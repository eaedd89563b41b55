"""A bot that counts and measures five things of its own, for eight weeks: what the tests and the pictures show."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from botmon_cog.domain.histogram import bucket_of_any
from botmon_cog.domain.models import MetricKind, MetricPoint
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.testing import ManualClock
from tests.storage_helpers import point

NOW = datetime(2026, 11, 27, 18, 40, tzinfo=UTC)
HOUR = timedelta(hours=1)
SOURCES = ("youtube", "spotify", "soundcloud", "file")
_WHOLE_HOUR = (1 << 60) - 1


def points(days: int = 60) -> Iterator[MetricPoint]:
    """What was recorded, one point an hour."""
    rng = random.Random(5)
    for back in range(days * 24, 0, -1):
        at = (NOW - back * HOUR).replace(minute=30)
        busy = (1.4 + math.sin((at.hour - 12) / 24 * 2 * math.pi)) * (1.25 if at.weekday() >= 5 else 1.0)
        busy *= 1.2 if back < 7 * 24 else 1.0
        players = round(14 * busy + rng.uniform(-2, 2))
        gauge = {"kind": MetricKind.GAUGE, "n": 60, "minutes": _WHOLE_HOUR, "occurred_at": at}
        yield point(
            name="players", total=60.0 * players, last=players, lowest=players - 4, highest=players + 5, **gauge
        )
        cache = 180e6 + 2e5 * (days * 24 - back)
        yield point(name="cache_size", unit="bytes", total=60 * cache, last=cache, lowest=cache, highest=cache, **gauge)
        for n, source in enumerate(SOURCES):
            queued = round(rng.uniform(0.6, 1.4) * busy * (30, 14, 5, 1)[n])
            if queued:
                yield point(labels=f"source={source}", occurred_at=at, n=queued, total=float(queued), unit="songs")
        yield measured(rng, "search", MetricKind.TIMER, "s", at, [rng.lognormvariate(-1.2, 0.6) for _ in range(9)])
        yield measured(rng, "queue_length", MetricKind.HISTOGRAM, "", at, [float(rng.randrange(25)) for _ in range(9)])


def measured(
    _: random.Random, name: str, kind: MetricKind, unit: str, at: datetime, values: list[float]
) -> MetricPoint:
    return point(
        name=name,
        kind=kind,
        unit=unit,
        occurred_at=at,
        n=len(values),
        total=sum(values),
        last=values[-1],
        lowest=min(values),
        highest=max(values),
        buckets=tuple(sorted(Counter(map(bucket_of_any, values)).items())),
    )


async def fill(system: MonitoringSystem, clock: ManualClock) -> None:
    """Put all of it into a store; the clock is at `NOW` then."""
    clock.jump_wall((NOW - clock.now()).total_seconds())
    for each in points():
        system.recorder.record(each)
    system.metrics.gauge("players", what="Voice channels in which a song plays").set(31)
    system.metrics.gauge("cache_size", unit="bytes", what="Songs that are kept on disk").set(466.4e6)
    system.metrics.counter("songs_queued", unit="songs", what="Songs that were queued", labels=("source",))
    system.metrics.timer("search", what="From the name of a song to its stream")
    system.metrics.histogram("queue_length", what="Songs that wait when one is added")
    await system.flush()
