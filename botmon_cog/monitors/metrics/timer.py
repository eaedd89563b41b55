"""Timers: histograms of how long something takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from functools import wraps
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

from botmon_cog.monitors.metrics.histogram import Histogram
from botmon_cog.monitors.metrics.metric import Shape
from botmon_cog.monitors.metrics.problems import Problems

P = ParamSpec("P")
T = TypeVar("T")


class Timer(Histogram):
    """A histogram of seconds."""

    def __init__(self, shape: Shape, what: str, problems: Problems, monotonic: Callable[[], float]) -> None:
        super().__init__(shape, what, problems)
        self.monotonic = monotonic

    def time(self, *labels: str | int) -> Timing:
        """What times a block with `with` or `async with`, or as a decorator each call of a function.

        Blocks and calls that raise count as well. `labels`: their values, in the order of the names.
        """
        return Timing(self, labels)


class Timing:
    """Times one block, or the calls of what it decorates: functions and coroutine functions."""

    __slots__ = ("_labels", "_started_s", "_timer")

    def __init__(self, timer: Timer, labels: tuple[str | int, ...]) -> None:
        self._timer = timer
        self._labels = labels
        self._started_s = 0.0

    def __enter__(self) -> Self:
        self._started_s = self._timer.monotonic()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.observe(self._timer.monotonic() - self._started_s, *self._labels)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(exc_type, exc, traceback)

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        timer, labels = self._timer, self._labels
        if inspect.iscoroutinefunction(function):
            coroutine_function = cast("Callable[P, Coroutine[Any, Any, Any]]", function)

            @wraps(function)
            async def timed(*args: P.args, **kwargs: P.kwargs) -> Any:
                with timer.time(*labels):
                    return await coroutine_function(*args, **kwargs)

            return cast("Callable[P, T]", timed)

        @wraps(function)
        def timed_call(*args: P.args, **kwargs: P.kwargs) -> T:
            with timer.time(*labels):
                return function(*args, **kwargs)

        return timed_call
