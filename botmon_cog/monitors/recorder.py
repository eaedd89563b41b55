"""Where everything that happened enters: one synchronous call that does no I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from contextlib import suppress

from msgspec.structs import replace

from botmon_cog.causes.causes import Causes
from botmon_cog.clock import Clock
from botmon_cog.domain.anonymous import anonymous
from botmon_cog.domain.models import AnsweredElsewhere, Event, Id, Invocation, Kind, MetricSample
from botmon_cog.monitors.metrics.operations import Operations
from botmon_cog.monitors.recent_outcomes import RecentOutcomes
from botmon_cog.monitors.windows import LiveWindows
from botmon_cog.store.queue.writer import Writer
from botmon_cog.store.rollup import RollUps

_SETTLE_TIMEOUT_S = 1.0
_CATCH_UP_TIMEOUT_S = 5.0
"""A store that takes rows may still have to be opened, on a busy machine."""
_MOST_HELD_BACK = 250
Listener = Callable[[Invocation], object]
_COMPONENTS = frozenset(kind for kind in Kind if kind.is_component)


class Recorder:
    """Hands an event to the writer's queue, and to the windows in memory.

    Invocations reach the windows when somebody looks at them, when the minute is over, or when many have come together:
    one by one, each would be sorted in while the host's commands wait. Those of our own commands never do: how they
    fare says nothing about the bot. Neither do buttons, select menus and modals, which are no commands.

    Attributes:
        causes: tells which error group a failure belongs to.
        operations: what the host times besides commands, for whoever checks the health.
        tap: what is called with each invocation that is recorded. None: nobody listens. `listen` sets it.
        look_beside: awaited before anything is read; lets what the host wrote be read.
    """

    def __init__(
        self,
        writer: Writer,
        rollups: RollUps,
        live: LiveWindows,
        recent: RecentOutcomes,
        clock: Clock,
        causes: Causes,
        unrecorded: AbstractSet[int | str] = frozenset(),
    ) -> None:
        """`unrecorded`: ids of people who are left out of what is recorded. May change at any time."""
        self._writer = writer
        self._rollups = rollups
        self._put = writer.put
        self._live = live
        self._recent = recent
        self.causes = causes
        self._unrecorded = unrecorded
        self.operations = Operations()
        self._listeners: list[Listener] = []
        self.tap: Listener | None = None
        self.look_beside: Callable[[], Awaitable[None]] | None = None
        self._monotonic = clock.monotonic
        self._held_back: list[Invocation] = []
        self._hold_back = self._held_back.append
        self._too_many_seq = _MOST_HELD_BACK
        """With the event of this number, what is held back is sorted in."""
        self._minute = 0
        self._minute_ends_s = 0.0
        live.refresh = recent.refresh = self._sort_in

    def record(self, event: Event) -> int:
        """Returns the number that it has in its run."""
        if type(event) is Invocation:
            return self.record_invocation(self._with_group(event), self._monotonic())
        if self._unrecorded and _person(event) in self._unrecorded:
            event = anonymous(event)
        seq = self._put(event)
        if type(event) is MetricSample:
            self.operations.add(event.name, event.value)
            if event.unit == "s":
                self._live.add_operation(event.name, event.value)
        return seq

    def _with_group(self, invocation: Invocation) -> Invocation:
        """One that nobody has found the cause of: what is told of it must do."""
        if invocation.fingerprint is not None or not invocation.outcome.is_grouped:
            return invocation
        source, what = invocation.source, invocation.command
        cause = self.causes.told(source, what, invocation.error_type, invocation.error_message)
        if cause.group is not None:
            self._put(cause.group)
        return replace(invocation, fingerprint=cause.fingerprint)

    def record_invocation(self, invocation: Invocation, ended_s: float) -> int:
        """As `record`. `ended_s`: when it ended, by the monotonic clock."""
        is_judged = not (invocation.is_own or invocation.kind in _COMPONENTS)
        return self.record_command(invocation, ended_s, is_judged)

    def record_command(self, invocation: Invocation, ended_s: float, is_judged: bool = True) -> int:
        """The same of what is known to be a command. `is_judged`: whether the windows hear of it."""
        if self._unrecorded and invocation.user_id in self._unrecorded:
            invocation = anonymous(invocation)
        seq = self._put(invocation)
        if self.tap is not None:
            self.tap(invocation)
        if is_judged:
            if ended_s >= self._minute_ends_s or seq >= self._too_many_seq:
                self._sort_in()
                self._too_many_seq = seq + _MOST_HELD_BACK
            self._hold_back(invocation)
        return seq

    def _sort_in(self) -> None:
        """Hand over what was held back, as of the minute in which it ended."""
        held_back, self._held_back = self._held_back, []
        self._hold_back = self._held_back.append
        if held_back:
            self._recent.add(held_back, self._minute)
            self._live.add_invocations(held_back)
        self._minute = int(self._monotonic() // 60)
        self._minute_ends_s = (self._minute + 1) * 60.0

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each invocation from now on; it must return at once and never raise.

        Returns what takes it away, which may be called twice.
        """
        self._listeners.append(listener)
        self._connect()

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)
                self._connect()

        return stop

    def _connect(self) -> None:
        """Let the way of an invocation know as little as it must."""
        listeners = tuple(self._listeners)
        self.tap = _all_of(listeners) if len(listeners) > 1 else listeners[0] if listeners else None

    async def settle(self, timeout_s: float = _SETTLE_TIMEOUT_S) -> bool:
        """Let what was recorded reach the database, but don't wait long for one that is away.

        Returns whether all that was recorded by now is in it.
        """
        try:
            async with asyncio.timeout(timeout_s):
                await self._writer.flush()
        except TimeoutError:
            return False
        return not self._writer.spooled

    async def catch_up(self) -> None:
        """Let everything recorded by now, here and by other processes, be counted: what each report does first.

        Raises:
            StorageError: the database is away.
        """
        await self.settle(_CATCH_UP_TIMEOUT_S if self._writer.away_since is None else _SETTLE_TIMEOUT_S)
        if self.look_beside is not None:
            await self.look_beside()
        await self._rollups.catch_up()

    async def retry(self) -> None:
        """Let what the database did not take be tried again, but don't wait long for one that is away."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_TIMEOUT_S):
                await self._writer.retry()


def _person(event: Event) -> Id | None:
    """Whoever did it; None where nobody did, or nobody knows."""
    return getattr(event.invocation if isinstance(event, AnsweredElsewhere) else event, "user_id", None)


def _all_of(listeners: tuple[Listener, ...]) -> Listener:
    def tell(invocation: Invocation) -> None:
        for listener in listeners:
            listener(invocation)

    return tell
