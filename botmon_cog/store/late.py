"""Rows that come after the roll-ups have passed their numbers: they are counted as they are appended.

A run's rows are appended in the order of their numbers. But what a process leaves behind, in the spool or as open
invocations, others append, and not always in that order.
"""

from __future__ import annotations

from collections.abc import Iterable

from botmon_cog.store import rollup
from botmon_cog.store.retention import first_whole_day, raw_since
from botmon_cog.store.schema import LOG_TABLES
from botmon_cog.store.script import Query, Script

_ROLLED_UP = "SELECT rolled_up_seq FROM @runs WHERE id = :run_id"

Stretch = tuple[int, int, int, int]
"""Rows of a run, as `rollup.count` takes them."""


def passed(spans: Iterable[tuple[int, int, int]]) -> Script[list[Stretch]]:
    """Numbers that the roll-ups have passed and that no row has.

    What is older than the log reaches back may have been there, and is not counted again. The script must have excluded
    others before, so that no roll-up moves on meanwhile.

    Args:
        spans: (run, first number, last number); they may overlap.
    """
    missing: set[tuple[int, int]] = set()
    for run_id, first, last in spans:
        rolled_up = int((yield Query(_ROLLED_UP, {"run_id": run_id}))[0][0])
        if rolled_up >= first:
            missing.update((run_id, seq) for seq in (yield from _missing(run_id, first, min(last, rolled_up))))
    if not missing:
        return []
    first_day = first_whole_day((yield from raw_since()))
    found: list[Stretch] = []
    for run_id, seq in sorted(missing):
        if found and found[-1][0] == run_id and found[-1][2] == seq - 1:
            found[-1] = (run_id, found[-1][1], seq, first_day)
        else:
            found.append((run_id, seq - 1, seq, first_day))
    return found


def _missing(run_id: int, first: int, upto: int) -> Script[set[int]]:
    missing = set(range(first, upto + 1))
    for table in LOG_TABLES.values():
        if table.is_once:  # no roll-up counts it, so it may well be missing
            continue
        query = f"SELECT seq FROM @{table.name} WHERE run_id = :run_id AND seq >= :first AND seq <= :upto"  # noqa: S608 (names)
        missing.difference_update(
            [seq for (seq,) in (yield Query(query, {"run_id": run_id, "first": first, "upto": upto}))]
        )
    return missing


def count(stretches: list[Stretch]) -> Script[None]:
    """Count rows that are there by now."""
    if stretches:
        yield from rollup.add((yield from rollup.count(stretches)))
