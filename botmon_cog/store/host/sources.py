"""The databases of hosts, and how far each is known.

Several processes may look after one database. Whoever changes what is kept of it raises `version` in the same
transaction, and changes nothing if another process was quicker.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from botmon_cog.domain.models import Kind
from botmon_cog.store.log import RunKey
from botmon_cog.store.records import milliseconds, moment
from botmon_cog.store.schema import HOST_SOURCES
from botmon_cog.store.script import Execute, Query, Row, Script

LOGGED = list(Kind).index(Kind.LOGGED)
"""The code of what hosts tell, in `invocations.kind`."""

_COLUMNS = ", ".join(HOST_SOURCES.columns)
_BY_PLACE = f"SELECT {_COLUMNS} FROM @host_sources WHERE place = :place"  # noqa: S608 (names)
_BY_ID = f"SELECT {_COLUMNS} FROM @host_sources WHERE source_id = :source_id"  # noqa: S608 (names)
_ALL = f"SELECT {_COLUMNS} FROM @host_sources ORDER BY source_id"  # noqa: S608 (names)
_MAKE = f"""
INSERT INTO @host_sources ({_COLUMNS})
VALUES (:source_id, :place, :instance, :started_ms, 0, 0, :doubted_id, 0, '[]', 1) ON CONFLICT (place) DO NOTHING
"""  # noqa: S608 (names)
# What was recorded before the database was known is known to it, but for what this process has recorded so far.
_SKIP_OLD = """
INSERT INTO @host_mirrored (source_id, token, is_observed, upto_seq)
SELECT :source_id, token, {is_observed}, last_seq FROM @runs WHERE token <> :own_token
"""
_CHANGE = "UPDATE @host_sources SET version = version + 1{more} WHERE source_id = :source_id AND version = :version"
_MOVE = (
    "UPDATE @host_sources SET place = :place, version = version + 1 WHERE source_id = :source_id AND version = :version"
)
_FORGOTTEN = ("@host_rows", "@host_waiting", "@host_matches")
"""What is known of rows by their ids, or for their sake."""

Sample = tuple[int, int]
"""The id of a row of `audit_logs`, and a digest of what it holds."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One database of a host's."""

    source_id: int
    """The token of the run to which the rows read from it belong."""
    place: str
    instance: str
    started_at: datetime
    last_seq: int
    """The number of the last row that was read from it."""
    read_id: int
    """Rows of its `audit_logs` are known up to this id."""
    doubted_id: int
    """Up to this id, a row may be in the log already. 0: none."""
    doubted_seq: int
    """The number of the last row that was read before there was a doubt."""
    samples: tuple[Sample, ...]
    """The last rows that are known."""
    version: int

    @property
    def run(self) -> RunKey:
        return RunKey(token=self.source_id, instance=self.instance, started_at=self.started_at)


def find_source(place: str) -> Script[Source | None]:
    rows = yield Query(_BY_PLACE, {"place": place})
    return _source(rows[0]) if rows else None


def source_of(source_id: int) -> Script[Source]:
    """One that is there: no row of the table is ever removed."""
    return _source((yield Query(_BY_ID, {"source_id": source_id}))[0])


def all_sources() -> Script[list[Source]]:
    return [_source(row) for row in (yield Query(_ALL))]


def make_source(place: str, run: RunKey, own_token: int, doubted_id: int) -> Script[Source]:
    """Get to know a database, unless another process has just done so.

    Args:
        place: its file.
        run: to which the rows read from it will belong.
        own_token: of this process's run. What other runs recorded so far is not mirrored.
        doubted_id: rows up to this id may be in the log already.
    """
    values: dict[str, Any] = {
        "source_id": run.token,
        "place": place,
        "instance": run.instance,
        "started_ms": milliseconds(run.started_at),
        "doubted_id": doubted_id,
    }
    if (yield Execute(_MAKE, values)):
        for is_observed in (0, 1):
            statement = _SKIP_OLD.replace("{is_observed}", str(is_observed))
            yield Execute(statement, {"source_id": run.token, "own_token": own_token})
    found = yield from find_source(place)
    assert found is not None
    return found


def move_source(source: Source, place: str) -> Script[bool]:
    """Note that the file is elsewhere by now; False if another process was quicker."""
    values = {"source_id": source.source_id, "version": source.version, "place": place}
    return bool((yield Execute(_MOVE, values)))


def doubt_source(source: Source, last_id: int) -> Script[bool]:
    """Read the table anew, up to `last_id` in doubt: it is not the one that was read; False as `move_source`."""
    values = {
        "read_id": 0,
        "doubted_id": last_id,
        "doubted_seq": source.last_seq,
        "samples": "[]",
    }
    if not (yield from change_source(source, **values)):
        return False
    for table in _FORGOTTEN:
        yield Execute(f"DELETE FROM {table} WHERE source_id = :source_id", {"source_id": source.source_id})  # noqa: S608 (names)
    return True


def change_source(source: Source, **values: Any) -> Script[bool]:
    """Raise the version, and set columns. False: another process was quicker, and nothing is to be changed."""
    more = "".join(f", {name} = :{name}" for name in values)
    statement = _CHANGE.replace("{more}", more)
    known = {"source_id": source.source_id, "version": source.version}
    return bool((yield Execute(statement, values | known)))


def encoded(samples: Sequence[Sample]) -> str:
    return msgspec.json.encode(list(samples)).decode()


def _source(row: Row) -> Source:
    values = dict(zip(HOST_SOURCES.columns, row, strict=True))
    return Source(
        started_at=moment(values.pop("started_ms")),
        samples=msgspec.json.decode(values.pop("samples"), type=tuple[Sample, ...]),
        **values,
    )
