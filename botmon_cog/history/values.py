"""What is asked of the history, and a page of it, as values."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple, Self

import msgspec

from botmon_cog.domain.models import HistoryEntry
from botmon_cog.history.outcome_choices import CHOICES
from botmon_cog.store.history import SEQ_BITS, HistoryFilter
from botmon_cog.store.records import milliseconds

PAGE_ROWS = 10
Direction = Literal["older", "newer"]


class RowKey(NamedTuple):
    """Where a row stands in the history: later rows have greater keys, and no two the same."""

    started_ms: int
    run_id: int
    seq: int

    @classmethod
    def of(cls, entry: HistoryEntry) -> Self:
        run_id, seq = divmod(entry.id, 1 << SEQ_BITS)
        return cls(milliseconds(entry.started_at), run_id, seq)


class Cursor(NamedTuple):
    """From where on, and which way."""

    direction: Direction
    key: RowKey
    """Itself is not on the page."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows; None leaves a field open.

    Attributes:
        guild_id: of one server; None: of all, and of direct messages.
        command: a command's or component's full name.
        outcome: a key of `CHOICES`.
        user_id: who used it.
        since: the earliest beginning, aware, in whole seconds.
    """

    guild_id: str | None = None
    command: str | None = None
    outcome: str | None = None
    user_id: str | None = None
    since: datetime | None = None

    @property
    def filter(self) -> HistoryFilter:
        return HistoryFilter(
            guild_id=self.guild_id,
            user_id=self.user_id,
            command=self.command,
            outcomes=None if self.outcome is None else CHOICES[self.outcome],
            since=self.since,
        )

    @property
    def is_open(self) -> bool:
        """Whether nothing but the server narrows it down."""
        return self.command is None and self.outcome is None and self.user_id is None and self.since is None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows, newest first.

    Attributes:
        cursor: how it was reached; None: the newest page.
        older: where the page after it begins; None: there is none.
        newer: where the page before it ends; None: it is the newest.
        searched_until: it has fewer rows than asked for because so much was looked through by then; None: it does not.
    """

    entries: tuple[HistoryEntry, ...]
    cursor: Cursor | None = None
    older: RowKey | None = None
    newer: RowKey | None = None
    searched_until: datetime | None = None
