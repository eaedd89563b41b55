"""Whether an interaction has a row already, of whichever process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from botmon_cog.store.script import Query, Script

_APART_MS = 60_000
"""What two processes say of when they received the same interaction differs by less."""
_MOST_TOGETHER = 50
"""How many are looked for at once, if they came within `_APART_MS`."""

_RECORDED = """
SELECT DISTINCT discord_id FROM @invocations
WHERE started_ms >= :since AND started_ms <= :until AND discord_id IN ({ids})
"""


class Received(NamedTuple):
    """An interaction, and when it came."""

    discord_id: int
    received_ms: int


def recorded(received: Iterable[Received]) -> Script[set[int]]:
    """The ids of those that have a row."""
    found: set[int] = set()
    for together in _together(sorted(received, key=lambda one: one.received_ms)):
        values: dict[str, Any] = {f"id_{n}": one.discord_id for n, one in enumerate(together)}
        query = _RECORDED.replace("{ids}", ", ".join(f":{name}" for name in values))
        values |= {"since": together[0].received_ms - _APART_MS, "until": together[-1].received_ms + _APART_MS}
        found.update([discord_id for (discord_id,) in (yield Query(query, values))])
    return found


def _together(received: Sequence[Received]) -> Iterator[Sequence[Received]]:
    """The same, oldest first, those together that came together."""
    start = 0
    for n, one in enumerate(received):
        is_far = one.received_ms - received[start].received_ms > _APART_MS
        if n - start == _MOST_TOGETHER or is_far:
            yield received[start:n]
            start = n
    if received:
        yield received[start:]
