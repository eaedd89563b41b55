"""What is about to be mirrored: noted before, so that it can be told after a crash whether it was done."""

from __future__ import annotations

from typing import Any

import msgspec

from botmon_cog.store.host.sources import Source, change_source
from botmon_cog.store.schema import HOST_INTENTS
from botmon_cog.store.script import Execute, Insert, Query, Row, Script

_FIND = f"SELECT {', '.join(HOST_INTENTS.columns)} FROM @host_intents WHERE source_id = :source_id"  # noqa: S608 (names)
_DROP = "DELETE FROM @host_intents WHERE source_id = :source_id AND owner = :owner AND made_ms = :made_ms"


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one run that are being mirrored. There is one at a time for each database."""

    source_id: int
    owner: str
    """Which process does it."""
    made_ms: int
    token: int
    """The run's."""
    is_observed: bool
    """Whether it is what was observed, or all else."""
    after_seq: int
    upto_seq: int
    seqs: tuple[int, ...]
    """The invocations among them that go to `audit_logs`."""
    last_id: int
    """The last id that `audit_logs` gave before."""
    stats_id: int
    """Likewise of `bot_stats`."""


def find_intent(source_id: int) -> Script[Intent | None]:
    rows = yield Query(_FIND, {"source_id": source_id})
    return _intent(rows[0]) if rows else None


def note_intent(source: Source, intent: Intent) -> Script[bool]:
    """False: another process was quicker, or has one under way; nothing was noted."""
    if (yield from find_intent(source.source_id)) is not None or not (yield from change_source(source)):
        return False
    values: dict[str, Any] = msgspec.structs.asdict(intent)
    values |= {"is_observed": int(intent.is_observed), "seqs": msgspec.json.encode(intent.seqs).decode()}
    yield Insert(HOST_INTENTS, [tuple(values[name] for name in HOST_INTENTS.columns)])
    return True


def drop_intent(intent: Intent) -> Script[bool]:
    """Forget it; False if another process settled it meanwhile."""
    values = {"source_id": intent.source_id, "owner": intent.owner, "made_ms": intent.made_ms}
    return bool((yield Execute(_DROP, values)))


def _intent(row: Row) -> Intent:
    values = dict(zip(HOST_INTENTS.columns, row, strict=True))
    values["is_observed"] = bool(values["is_observed"])
    values["seqs"] = msgspec.json.decode(values["seqs"], type=tuple[int, ...])
    return Intent(**values)
