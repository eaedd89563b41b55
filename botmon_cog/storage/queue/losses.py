"""Rows that are lost for good: counted one by one, told once per spell."""

from __future__ import annotations

import logging
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Losses:
    """What the writer lost.

    Attributes:
        n: rows, since the start.
        lately: rows, in the present spell.
    """

    def __init__(self, description: Callable[[], str]) -> None:
        """`description` says where the rows should have gone; it may change once the database is open."""
        self._description = description
        self.n = 0
        self.lately = 0

    def add(self, n: int, why: str) -> None:
        """Count `n` rows; the first of a spell are logged."""
        if n and not self.lately:
            _log.error("lost a row for %s: %s", self._description(), why)
        self.n += n
        self.lately += n

    def end_spell(self) -> str:
        """Begin a new spell; returns what this one was, in words."""
        lately, self.lately = self.lately, 0
        return f"{lately} rows were lost" if lately else "none was lost"

    def tell(self) -> None:
        """End a spell with a line in the log, where the first line has not told all of it."""
        lately = self.lately
        words = self.end_spell()
        if lately > 1:
            _log.error("%s in all for %s", words, self._description())
