"""Invocations that another process with the same token answered: kept aside until it is known who records them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from botmon_cog.domain.models import AnsweredElsewhere, Invocation
from botmon_cog.store.engine import Engine
from botmon_cog.store.log import Batch, RunKey, appended
from botmon_cog.store.recorded import Received, recorded
from botmon_cog.store.records import fields, milliseconds, moment
from botmon_cog.store.retention import raw_since
from botmon_cog.store.schema import ANSWERED_ELSEWHERE
from botmon_cog.store.script import Exclude, Execute, Query, Row, Script, Session

_MOST = 200
"""Entries that are decided in one transaction."""

_ENTRIES = f"""
SELECT e.run_id, e.seq, r.instance, r.started_ms, {", ".join(f"e.{column.name}" for column in ANSWERED_ELSEWHERE.of)}
FROM @answered_elsewhere AS e JOIN @runs AS r ON r.id = e.run_id
WHERE e.received_ms < :before ORDER BY e.received_ms, e.run_id, e.seq LIMIT {_MOST}
"""  # noqa: S608 (names)
_DROP = "DELETE FROM @answered_elsewhere WHERE run_id = :run_id AND seq = :seq"


class _Entry(NamedTuple):
    run_id: int
    seq: int
    instance: str
    started_ms: int
    """Of the run."""
    event: AnsweredElsewhere

    @property
    def received_ms(self) -> int:
        return milliseconds(self.event.received_at)


class Elsewhere:
    """Decides what was answered elsewhere."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def settle(self, before: datetime) -> int:
        """Decide on everything that was received before that; returns how much it was.

        Where somebody's row is in the log, there is nothing more to do. Where none has come, the invocation becomes a
        row, of a run of its own: so no row that was counted changes. Of several processes that settle at once, one
        decides. What is older than the log reaches back is let go.

        Raises:
            StorageError: the rest is still to be decided.
        """
        settled = 0
        while True:
            n, session, found = await self._engine.write(_settle(milliseconds(before)))
            session.note(found)
            settled += n
            if n < _MOST:
                return settled


def _settle(before_ms: int) -> Script[tuple[int, Session, Session]]:
    yield Exclude()
    entries = [_entry(row) for row in (yield Query(_ENTRIES, {"before": before_ms}))]
    reaches_ms = (yield from raw_since()) or 0
    left = {entry.event.discord_id: entry for entry in reversed(entries) if entry.received_ms >= reaches_ms}
    for discord_id in (yield from recorded(Received(id_, entry.received_ms) for id_, entry in left.items())):
        del left[discord_id]
    events: dict[tuple[int, str, int], list[Invocation]] = {}
    for entry in sorted(left.values(), key=lambda entry: (entry.received_ms, entry.run_id, entry.seq)):
        events.setdefault((entry.run_id, entry.instance, entry.started_ms), []).append(entry.event.invocation)
    # No younger than the run that told of it, or that would no longer be the newest of its instance.
    batches = [
        Batch(run=RunKey.new(instance, moment(started_ms)), first_seq=1, events=of_run)
        for (_, instance, started_ms), of_run in events.items()
    ]
    session, found = yield from appended(batches)
    for entry in entries:
        yield Execute(_DROP, {"run_id": entry.run_id, "seq": entry.seq})
    return len(entries), session, found


def _entry(row: Row) -> _Entry:
    run_id, seq, instance, started_ms, *values = row
    return _Entry(run_id, seq, instance, started_ms, AnsweredElsewhere(**fields(ANSWERED_ELSEWHERE.of, tuple(values))))
