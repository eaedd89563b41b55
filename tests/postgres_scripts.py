"""Scripts and tables for the tests of the engine for PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from botmon_cog.store.postgres import PostgresEngine
from botmon_cog.store.schema import GATEWAY_LOSSES, INVOCATIONS, LABELS, MARKS, PEOPLE, ROLLUPS
from botmon_cog.store.script import Exclude, Execute, Insert, Lookup, Pause, Query, Recall, Row, Script, Session


@asynccontextmanager
async def engine_at(url: str, **options: Any) -> AsyncIterator[PostgresEngine]:
    engine = PostgresEngine(url, **options)
    try:
        yield engine
    finally:
        await engine.close()


def put(*texts: str) -> Script[int]:
    return (yield Insert(LABELS, [(text,) for text in texts]))


def texts() -> Script[set[str]]:
    return {text for (text,) in (yield Query("SELECT text FROM @labels"))}


def ask(sql: str, **values: Any) -> Script[list[Row]]:
    return (yield Query(sql, values))


def change(sql: str, **values: Any) -> Script[int]:
    return (yield Execute(sql, values))


def insert(*inserts: Insert) -> Script[list[int]]:
    counts: list[int] = []
    for step in inserts:
        counts.append((yield step))  # noqa: PERF401 (a comprehension can't yield)
    return counts


def recall() -> Script[Session]:
    return (yield Recall())


def invocation_rows(run_id: int, seqs: Sequence[int]) -> list[Row]:
    """With every type of a column at its ends, and emoji."""
    extremes = (6, 2**62, 5, 1_700_000_000_000, None, 0, 1, 2**63 - 1, -(2**63), 7)
    words = ("Zoë 🎉", 0, None, '{"a": 1}', None, None, "it's \\ \n", 1, 2**40 - 1, None)
    return [(run_id, seq, *extremes, *words) for seq in seqs]


def every_step() -> Script[dict[str, Any]]:
    """What comes of each step."""
    rows = invocation_rows(1, range(1, 6))
    found: dict[str, Any] = {}
    yield Exclude()
    yield Pause()
    found["nothing"] = (yield Insert(LABELS, [])), (yield Lookup(LABELS, [], ["id"]))
    found["new"] = yield Insert(INVOCATIONS, rows[:3], is_new=True)
    found["ignore"] = yield Insert(INVOCATIONS, rows, "ignore")
    found["fail"] = yield Insert(MARKS, [("a", "1"), ("b", "2")])
    found["replace"] = yield Insert(MARKS, [("b", "3"), ("c", "4")], "replace")
    found["blob"] = yield Insert(ROLLUPS, [(1, 0, 9, 5, b"\0\xff")])
    found["add"] = yield Insert(PEOPLE, [(1, 0, 8, 1)], "add")
    found["unite"] = yield Insert(PEOPLE, [(1, 0, 8, 6), (1, 0, 9, 1)], "unite")
    found["united again"] = yield Insert(PEOPLE, [(1, 0, 8, 2)], "unite")
    found["real"] = yield Insert(GATEWAY_LOSSES, [("here", 0, 1, 2, 0.25)])
    found["rows"] = (yield Query("SELECT * FROM @invocations ORDER BY seq")) == rows
    found["lookup"] = sorted((yield Lookup(PEOPLE, [(1, 0, 8), (1, 0, 8), (1, 0, 9), (2, 0, 8)], ["user_id", "hours"])))
    found["marks"] = sorted((yield Lookup(MARKS, [("b",), ("c",), ("no",)], ["value"])))
    found["data"] = (yield Query("SELECT data FROM @rollups")), (yield Query("SELECT share FROM @gateway_losses"))
    found["changed"] = yield Execute("UPDATE @invocations SET details = :it WHERE seq > :a", {"it": None, "a": 3})
    values = {"ms": 1_700_000_000_000, "share": 0.5, "text": "it's :no @name", "flag": True, "small": 5, "none": None}
    sql = (
        "SELECT :ms / 1000, :ms, :share, :text, COUNT(*) FROM @invocations "
        "WHERE is_own = :flag AND outcome = :small AND error_type_id IS NOT DISTINCT FROM :none"
    )
    found["values"] = yield Query(sql, values)
    return found


WHAT_COMES_OF_EVERY_STEP = {
    "nothing": (0, []),
    "new": 3,
    "ignore": 2,
    "fail": 2,
    "replace": 2,
    "blob": 1,
    "add": 1,
    "unite": 2,
    "united again": 0,
    "real": 1,
    "rows": True,
    "lookup": [(8, 7), (9, 1)],
    "marks": [("3",), ("4",)],
    "data": ([(b"\0\xff",)], [(0.25,)]),
    "changed": 2,
    "values": [(1_700_000_000, 1_700_000_000_000, 0.5, "it's :no @name", 5)],
}
