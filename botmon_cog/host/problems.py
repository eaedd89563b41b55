"""What is not read from the host's database, or not mirrored into it: said once, and kept for whoever asks."""

from __future__ import annotations

import logging
from pathlib import Path

from botmon_cog.domain import text

_log = logging.getLogger(__name__)


class Problems:
    """What is wrong at the moment, by what it concerns. Each sentence is logged once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sentences: dict[str, str] = {}
        self._counts: dict[str, tuple[int, str, str]] = {}
        self._said: set[str] = set()

    @property
    def sentences(self) -> tuple[str, ...]:
        counted = (self._counted(*count) for count in self._counts.values())
        return (*self._sentences.values(), *counted)

    def note(self, topic: str, what: str) -> None:
        """`what` goes on after the name of the file. It stands in place of what was wrong with the topic before."""
        sentence = f"{self._path} {what}" if what.startswith(("is ", "can't ")) else f"{self._path}: {what}"
        self._sentences[topic] = sentence
        if sentence not in self._said:
            self._said.add(sentence)
            _log.warning("%s", sentence)

    def clear(self, topic: str) -> None:
        """Nothing is wrong with it any more."""
        self._sentences.pop(topic, None)

    def count(self, topic: str, n: int, one: str, many: str) -> None:
        """So many more rows; `one` or `many` goes on after their number. Only the first ones are logged."""
        if not n:
            return
        before = self._counts.get(topic)
        if before is None:
            self._counts[topic] = (n, one, many)
            _log.warning("%s", self._counted(n, one, many))
        else:
            self._counts[topic] = (before[0] + n, *before[1:])

    def _counted(self, n: int, one: str, many: str) -> str:
        return f"{self._path}: {text.count(n)} {text.plural(n, one, many)}"
