"""Tells a host of every invocation that did not end well, if it asked to be told."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable
from contextvars import copy_context

from botmon_cog.domain.models import Invocation
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.observed import current

FailureCallback = Callable[[Invocation, BaseException | None], Awaitable[object] | None]
"""Called with the invocation as it is stored, and the exception it ended with. None: it ended without one, as an
unanswered or denied command does."""

_CLOSE_TIMEOUT_S = 1.0


class FailureCallbacks:
    """The callbacks of one monitoring system. One that raises is noted; the command never hears of it."""

    def __init__(self, failures: Failures) -> None:
        self._failures = failures
        self._callbacks: dict[object, FailureCallback] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, callback: FailureCallback) -> Callable[[], None]:
        """Call it from now on; returns what ends that. A callback that was added twice is called twice."""
        key = object()
        self._callbacks[key] = callback

        def remove() -> None:
            self._callbacks.pop(key, None)

        return remove

    def tell(self, invocation: Invocation, error: BaseException | None, typed: Iterable[object] = ()) -> None:
        """Call each. A coroutine runs in a task of its own. Needs a running event loop; never raises.

        `typed`: what the user wrote, which a callback may repeat where it fails itself.
        """
        typed = tuple(typed)
        for callback in [*self._callbacks.values()]:
            try:
                result = callback(invocation, error)
                if inspect.isawaitable(result):
                    self._run(result, typed)
            except (Exception, asyncio.CancelledError) as failure:  # noqa: BLE001 (the edge: a host's own code)
                self._failures.note("calling a callback of on_failure", failure, typed)

    def _run(self, awaitable: Awaitable[object], typed: tuple[object, ...]) -> None:
        context = copy_context()
        context.run(current.set, None)  # what the callback logs is no part of the command that has failed
        task = asyncio.get_running_loop().create_task(
            self._finish(awaitable, typed), name="botmon-on-failure", context=context
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish(self, awaitable: Awaitable[object], typed: tuple[object, ...]) -> None:
        try:
            await awaitable
        except Exception as error:  # noqa: BLE001 (likewise)
            self._failures.note("running a callback of on_failure", error, typed)

    async def close(self) -> None:
        """Let those that still run finish, for a second at the most, and call none any more."""
        self._callbacks.clear()
        if self._tasks:
            _, late = await asyncio.wait([*self._tasks], timeout=_CLOSE_TIMEOUT_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
