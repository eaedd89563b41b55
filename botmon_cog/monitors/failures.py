"""Our own failures: absorbed, logged with their traceback, counted, and shown in `/health`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from botmon_cog.causes.logged import logged, one_line
from botmon_cog.clock import Clock

_log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


class Failures:
    """What went wrong inside the monitor since it was started.

    Attributes:
        n: how often.
        last: the newest, as one line, None before the first.
        heard: called with each, as `note` is. It must not raise.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_at: float | None = None
        self.n = 0
        self.last: str | None = None
        self.heard: Callable[[str, BaseException, Iterable[object]], None] | None = None

    def note(self, doing: str, error: BaseException, typed: Iterable[object] = ()) -> None:
        """Log and count a failure that the host never sees. `typed`: what people wrote that its text may repeat."""
        typed = tuple(typed)
        self.n += 1
        self.last = f"{doing}: {one_line(error, typed)}"
        self._last_at = self._clock.monotonic()
        _log.error("botmon failed while %s; the bot runs on\n%s", doing, logged(error, typed))
        if self.heard is not None:
            self.heard(doing, error, typed)

    def within(self, seconds: float) -> bool:
        """Whether anything failed in the last `seconds`."""
        return self._last_at is not None and self._clock.monotonic() - self._last_at <= seconds


class _HasFailures(Protocol):
    failures: Failures


S = TypeVar("S", bound=_HasFailures)


def absorbing(
    default: Callable[[], T],
) -> Callable[
    [Callable[Concatenate[S, P], Coroutine[Any, Any, T]]], Callable[Concatenate[S, P], Coroutine[Any, Any, T]]
]:
    """Make a monitor's method safe to call from a command: its failure is noted, and `default()` comes back."""

    def decorate(
        method: Callable[Concatenate[S, P], Coroutine[Any, Any, T]],
    ) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
        @wraps(method)
        async def safe(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return await method(self, *args, **kwargs)
            except Exception as error:  # noqa: BLE001 (the edge: the caller is somebody's command)
                self.failures.note(f"running {type(self).__name__}.{method.__name__}", error)
                return default()

        return safe

    return decorate
