"""Names and ids within texts: of errors, alerts, and what a host wrote beside a command."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

ERASED = "[erased]"
_SHORTEST_NAME = 3
"""Characters. A shorter name is part of too many words."""
_ESCAPE = "|"


class Mentions(NamedTuple):
    """What is looked for.

    Attributes:
        ids: long numbers, which mean nobody else wherever they stand.
        names: they are looked for as whole words, and only in texts about errors.
    """

    ids: Sequence[str]
    names: Sequence[str]

    @classmethod
    def of(cls, ids: Iterable[int], names: Iterable[str | None]) -> Mentions:
        found = {name.strip() for name in names if name}
        return cls(
            [str(id_) for id_ in sorted(ids) if id_ >= 10**9],
            sorted(name for name in found if len(name) >= _SHORTEST_NAME),
        )

    @property
    def patterns(self) -> Sequence[str]:
        """For `LIKE … ESCAPE '|'`: a text that has none of these mentions nobody."""
        return [_like(word) for word in (*self.ids, *_spellings(self.names))]

    @property
    def id_patterns(self) -> Sequence[str]:
        """Likewise of ids alone."""
        return [_like(word) for word in self.ids]

    def without(self, text: str) -> str:
        """The text without all of them. JSON stays JSON."""
        text = self.without_ids(text)
        for name in _spellings(self.names):
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", ERASED, text)
        return text

    def without_ids(self, text: str) -> str:
        """The text without ids. In JSON, what was a number is a text then."""
        for id_ in self.ids:
            if text.startswith(("{", "[")):
                text = re.sub(rf"(?<=[\[:,\s]){id_}(?=[,\]}}\s])", f'"{ERASED}"', text)
            text = re.sub(rf"(?<!\d){id_}(?!\d)", ERASED, text)
        return text


def _spellings(names: Iterable[str]) -> Sequence[str]:
    """Each as it is, and as JSON has it if that differs."""
    found: dict[str, None] = {}
    for name in names:
        found[name] = found[json.dumps(name, ensure_ascii=False)[1:-1]] = None
    return sorted(found, key=len, reverse=True)


def _like(word: str) -> str:
    for character in (_ESCAPE, "%", "_"):
        word = word.replace(character, _ESCAPE + character)
    return f"%{word}%"
