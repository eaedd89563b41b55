"""Which rows of a host's `audit_logs` are ours, for whoever erases them."""

from __future__ import annotations

from collections.abc import Collection

from botmon_cog.store.host.sources import encoded, source_of
from botmon_cog.store.script import Execute, Query, Script

_RANGES = "SELECT first_id, last_id FROM @host_rows WHERE source_id = :source_id ORDER BY first_id"
_PUT = "UPDATE @host_sources SET samples = :samples, version = version + 1 WHERE source_id = :source_id"


def ranges_of(source_id: int) -> Script[list[tuple[int, int]]]:
    """First and last ids."""
    return [(first, last) for first, last in (yield Query(_RANGES, {"source_id": source_id}))]


def forget_samples(source_id: int, row_ids: Collection[int]) -> Script[None]:
    """Do not tell the table by these rows any more: they are about to change."""
    source = yield from source_of(source_id)
    kept = [sample for sample in source.samples if sample[0] not in row_ids]
    if len(kept) < len(source.samples):
        yield Execute(_PUT, {"source_id": source_id, "samples": encoded(kept)})
