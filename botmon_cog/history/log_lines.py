"""What a log channel is told at once: a line for each use of a command, and a count of what there is no room for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from operator import attrgetter

from botmon_cog.domain import text
from botmon_cog.domain.models import Invocation
from botmon_cog.history.words import for_owners, line

MOST_LINES = 20
LONGEST_UNITS = 1_900
"""UTF-16 units, the strictest way to count; Discord takes 2,000 characters."""
_BY_TIME = attrgetter("started_at")


class Waiting:
    """What is still to be told in one channel. Of more than fits into one message, only how many is kept."""

    def __init__(self) -> None:
        self._failed: list[Invocation] = []
        self._others: list[Invocation] = []
        self._more = self._more_failed = 0

    def __len__(self) -> int:
        """How many uses are told of, one by one or counted."""
        return len(self._failed) + len(self._others) + self._more

    def add(self, row: Invocation) -> None:
        rows = self._failed if row.outcome.is_fault else self._others
        if len(rows) < MOST_LINES:
            rows.append(row)
        else:
            self._count([row])

    def add_counts(self, other: Waiting) -> None:
        """What could not be told, as counts."""
        self._count([*other._failed, *other._others])
        self._more += other._more
        self._more_failed += other._more_failed

    def content(self, zone: tzinfo, *, is_for_owners: bool) -> str:
        """At most 20 lines, those of what failed before others, in the order in which it began."""
        chosen = [*self._failed, *self._others][:MOST_LINES]
        lines: list[str] = []
        shown: list[Invocation] = []
        room = LONGEST_UNITS - _units(_more(10**9, 10**9))
        for row in sorted(chosen, key=_BY_TIME):
            told = _told(row, zone, is_for_owners=is_for_owners)
            room -= _units(told) + 1
            if room < 0:
                break
            lines.append(told)
            shown.append(row)
        n = len(self) - len(shown)
        failed = len(self._failed) + self._more_failed - sum(row.outcome.is_fault for row in shown)
        return "\n".join([*lines, *([_more(n, failed)] if n else [])])

    def _count(self, rows: Iterable[Invocation]) -> None:
        for row in rows:
            self._more += 1
            self._more_failed += row.outcome.is_fault


def _told(row: Invocation, zone: tzinfo, *, is_for_owners: bool) -> str:
    more = for_owners(row, has_server=True) if is_for_owners else ""
    return " · ".join(filter(None, (line(row, zone), more)))


def _more(n: int, failed: int) -> str:
    """`and 312 more, 4 of them failed`."""
    told = f"-# and {text.count(n)} more"
    return f"{told}, {text.count(failed)} of them failed" if failed else told


def _units(words: str) -> int:
    return len(words.encode("utf-16-le", "replace")) // 2
