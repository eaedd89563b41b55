"""Rows of what a dead process left: what had ended, under its own numbers, and what ran, under a run of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from botmon_cog.domain.models import Event, Invocation
from botmon_cog.store.engine import Engine
from botmon_cog.store.log import Batch, RunKey, appended
from botmon_cog.store.queue.open_slots import Left
from botmon_cog.store.recorded import Received, recorded
from botmon_cog.store.records import milliseconds
from botmon_cog.store.retention import raw_since
from botmon_cog.store.script import Exclude, Script, Session


class Crashes:
    """Appends what dead processes left."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def append(self, left: Left) -> Sequence[Invocation]:
        """Append it, in one transaction; returns what ran when the process died.

        What is stored already changes nothing, so this may be repeated. Of an interaction that another process with the
        same token has recorded by now, nothing is appended.

        Raises:
            StorageError: nothing was stored.
        """
        crashed, session, found = await self._engine.write(_append(left))
        session.note(found)
        return crashed


def crash_run(run: RunKey) -> RunKey:
    """The run of what ran when another one died. Its token tells of which it is."""
    return replace(run, token=-run.token)


def _append(left: Left) -> Script[tuple[Sequence[Invocation], Session, Session]]:
    yield Exclude()
    reaches_ms = (yield from raw_since()) or 0
    seen = [Received(i.discord_id, milliseconds(i.started_at)) for i in left.opened if i.discord_id is not None]
    known = yield from recorded(seen)
    crashed = {
        number: invocation
        for number, invocation in enumerate(left.opened, 1)
        # Of one message there may be several, and of each its own end.
        if not (invocation.kind.is_interaction and invocation.discord_id in known)
        and milliseconds(invocation.started_at) >= reaches_ms
    }
    batches = [*_batches(left.run, left.ended), *_batches(crash_run(left.run), crashed.items())]
    session, found = yield from appended(batches)
    return [*crashed.values()], session, found


def _batches(run: RunKey, numbered: Iterable[tuple[int, Event]]) -> list[Batch]:
    """The events as batches, in the order of their numbers; each may be stored already."""
    found: list[tuple[int, list[Event]]] = []
    for number, event in numbered:
        if found and found[-1][0] + len(found[-1][1]) == number:
            found[-1][1].append(event)
        else:
            found.append((number, [event]))
    return [Batch(run=run, first_seq=first, events=events, is_repeat=True) for first, events in found]
