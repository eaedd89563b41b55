"""All metrics of one monitoring system: made by name, recorded once a minute."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Literal, TypeVar, cast

import msgspec

from botmon_cog.clock import Clock
from botmon_cog.clock import Timer as ClockTimer
from botmon_cog.domain.exposed import Family
from botmon_cog.domain.models import Event, MetricKind, MetricPoint
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.metrics.counter import Counter
from botmon_cog.monitors.metrics.exposing import family_of
from botmon_cog.monitors.metrics.gauge import Gauge
from botmon_cog.monitors.metrics.histogram import Histogram
from botmon_cog.monitors.metrics.metric import Metric, Shape
from botmon_cog.monitors.metrics.names import LONGEST_UNIT, LONGEST_WHAT, MetricError, check_labels, check_name
from botmon_cog.monitors.metrics.problems import Problems
from botmon_cog.monitors.metrics.timer import Timer

MOST_METRICS = 100
INTERVAL_S = 60.0

Combine = Literal["sum", "max", "mean"]
"""What becomes of a gauge that several processes have."""

_GAUGES = {"sum": MetricKind.GAUGE, "max": MetricKind.GAUGE_MAX, "mean": MetricKind.GAUGE_MEAN}

M = TypeVar("M", bound=Metric[Any])


class Metrics:
    """The host's own metrics.

    Each method returns the metric of that name, which is made if there is none: so a cog that is reloaded goes on with
    what it had. A name that can't be, or that is another metric's already, is said once; what comes back then counts
    nowhere. Nothing here raises into the host.

    Names, units and labels are for few values that are known beforehand: never servers, people, or texts that somebody
    typed.
    """

    def __init__(self, record: Callable[[Event], object], clock: Clock, failures: Failures) -> None:
        self._record = record
        self._clock = clock
        self._failures = failures
        self._problems = Problems(failures)
        self._metrics: dict[str, Metric[Any]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: ClockTimer | None = None
        self._is_closed = False

    # -- for hosts -----------------------------------------------------------------------------------------------------

    def counter(self, name: str, *, unit: str = "", what: str = "", labels: Sequence[str] = ()) -> Counter:
        """What only grows: `songs_queued`.

        Args:
            name: small letters, digits and underscores, beginning with a letter.
            unit: `s`, `bytes`, or a word for what is counted.
            what: for people, in one sentence.
            labels: up to three names. Each combination of their values is a series of its own, 50 at the most.
        """
        return self._made(Counter, MetricKind.COUNTER, name, unit, what, labels)

    def gauge(
        self,
        name: str,
        *,
        unit: str = "",
        what: str = "",
        labels: Sequence[str] = (),
        callback: Callable[[], float | None] | None = None,
        combine: Combine = "sum",
    ) -> Gauge:
        """What goes up and down: `players`.

        Args:
            name: see `counter`.
            unit: see `counter`.
            what: see `counter`.
            labels: see `counter`.
            callback: is asked for the value once a minute, and whenever somebody looks. It must be quick and no
                coroutine function; None as its answer means that it is not known. Only without labels.
            combine: what several processes have of it adds up, or the largest counts, or the mean.
        """
        kind = _GAUGES.get(combine, MetricKind.GAUGE)
        gauge = self._made(Gauge, kind, name, unit, what, labels)
        if callback is not None:
            try:
                _check_callback(callback, gauge)
            except MetricError as error:
                self._problems.not_made(gauge.name, error)
            else:
                gauge.callback = callback
        return gauge

    def histogram(self, name: str, *, unit: str = "", what: str = "", labels: Sequence[str] = ()) -> Histogram:
        """Values whose distribution counts: `queue_length`. The arguments are those of `counter`."""
        return self._made(Histogram, MetricKind.HISTOGRAM, name, unit, what, labels)

    def timer(self, name: str, *, what: str = "", labels: Sequence[str] = ()) -> Timer:
        """A histogram of seconds: `search`. The arguments are those of `counter`."""
        return self._made(partial(Timer, monotonic=self._clock.monotonic), MetricKind.TIMER, name, "s", what, labels)

    # -- for exporters, alerts and commands ----------------------------------------------------------------------------

    def collect(self) -> list[Family]:
        """All metrics as they are now. Counts are those since the start of the process."""
        self._look()
        return [family_of(metric) for metric in self._metrics.values()]

    def recent(self) -> dict[str, float]:
        """By name, what alert rules look at, as it was since this was last asked.

        A gauge's value; a counter's count of the last hour; a histogram's and a timer's mean, and as `name.p95` the
        percentile if there were enough values.
        """
        self._look()
        return {
            f"{metric.name}{of}": value for metric in self._metrics.values() for of, value in metric.recent().items()
        }

    def registered(self) -> list[Metric[Any]]:
        """In the order in which they were made, and asked just now."""
        self._look()
        return list(self._metrics.values())

    def hints(self) -> tuple[str, ...]:
        """What the bot's owners should change in their metrics, in words."""
        return self._problems.hints()

    # -- recording -----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Record once a minute from now on. Needs a running event loop; may be called again and again."""
        loop = asyncio.get_running_loop()
        if self._metrics and loop is not self._loop and not self._is_closed:
            self._disarm()
            self._loop = loop
            self._timer = self._clock.call_later(INTERVAL_S, self._ring)

    def flush(self, *, is_last: bool = False) -> None:
        """Record what happened up to now. `is_last`: what would wait for more, too."""
        self._look()
        now = self._clock.now()
        for metric in list(self._metrics.values()):
            for point in metric.points(now, is_last=is_last):
                self._record(point if type(point) is MetricPoint else _of_this_copy(point))

    def close(self) -> None:
        """Record what is left, and nothing more. Needs a running event loop."""
        if not self._is_closed:
            self._is_closed = True
            self._disarm()
            self._safely_flush(is_last=True)

    def adopt(self, other: Metrics) -> None:
        """Go on with the metrics of a system that was closed, so that what hosts hold counts on.

        They may be of another copy of this package: Python makes all its classes anew when the extension is reloaded.
        """
        for name, metric in other._metrics.items():
            if name not in self._metrics:
                metric.problems = self._problems
                self._metrics[name] = metric
        with suppress(RuntimeError):
            self.begin()

    def _ring(self) -> None:
        self._loop = self._timer = None
        self._safely_flush()
        for metric in self._metrics.values():
            metric.minute_passed()
        self.begin()

    def _safely_flush(self, *, is_last: bool = False) -> None:
        try:
            self.flush(is_last=is_last)
        except Exception as error:  # noqa: BLE001 (a timer of the host's event loop)
            self._failures.note("recording the metrics of the bot", error)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._loop = self._timer = None

    def _look(self) -> None:
        self._problems.say()
        for metric in list(self._metrics.values()):
            metric.look()

    # -- making --------------------------------------------------------------------------------------------------------

    def _made(
        self,
        make: Callable[[Shape, str, Problems], M],
        kind: MetricKind,
        name: str,
        unit: str,
        what: str,
        labels: Sequence[str],
    ) -> M:
        try:
            check_name(name)
            check_labels(labels)
            shape = Shape(name, kind, str(unit)[:LONGEST_UNIT], tuple(labels))
            known = self._known(shape)
        except Exception as error:  # noqa: BLE001 (the edge: the caller is somebody's bot)
            self._problems.not_made(str(name), error)
            return make(Shape("", kind, "", ()), "", Problems(None))
        if known is None:
            known = self._metrics[name] = make(shape, str(what)[:LONGEST_WHAT], self._problems)
            with suppress(RuntimeError):  # as a bot is put together, no event loop may run yet
                self.begin()
        return cast("M", known)

    def _known(self, shape: Shape) -> Metric[Any] | None:
        """The metric of that name, if there is one.

        Raises:
            MetricError: it is another one, or there is no room.
        """
        known = self._metrics.get(shape.name)
        if known is None and len(self._metrics) >= MOST_METRICS:
            raise MetricError(f"there are {MOST_METRICS} metrics already, which is all that are kept")
        if known is not None and known.shape != shape:
            raise MetricError(f"it is {_in_words(known.shape)} already, and can't be {_in_words(shape)} as well")
        return known


def _of_this_copy(point: msgspec.Struct) -> MetricPoint:
    return msgspec.convert([*msgspec.structs.astuple(point)], MetricPoint, strict=False)


def _in_words(shape: Shape) -> str:
    unit = f" in {shape.unit}" if shape.unit else ""
    labels = f" with the labels {', '.join(shape.labels)}" if shape.labels else ""
    return f"a {shape.kind}{unit}{labels}"


def _check_callback(callback: Callable[[], float | None], gauge: Gauge) -> None:
    if gauge.shape.labels:
        raise MetricError("a callback tells one value: it is for gauges without labels")
    if inspect.iscoroutinefunction(callback) or not callable(callback):
        raise MetricError("the callback must be a function that is no coroutine function")
