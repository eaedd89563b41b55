"""What a component is called: bounded, and without what varies from one message or person to the next."""

from __future__ import annotations

import re
from collections.abc import Container
from itertools import takewhile
from typing import Any

OTHER = "other"
"""What the names are together that are too many."""

_MOST_NAMES = 500
_MOST_CHARACTERS = 60
_UNNAMED = "?"
_FIRST_WORDS = re.compile(r"([^\W\d_]+(?:[_-][^\W\d_]+)*)\d*(?![^\W_])")
"""`close_ticket` of `close_ticket-98765`, `page` of `page12:next`; nothing of `V1StGXR8`."""
_RANDOM = re.compile(r"(?=.*\d)[0-9a-fA-F-]{8,}|[0-9a-fA-F]{16,}")
_WORD = re.compile(r"[^\W\d_]+")
_SEPARATED = re.compile(r"(?<=[_-])|(?=[_-])")


def name_of_item(view: object, item: Any) -> str:
    """`PlayerView.skip`: the view's class, and the callback's function or the item's class."""
    return f"{_class_of(view)}.{_callback_of(item)}"


def name_of_modal(modal: object) -> str:
    """`FeedbackModal`: its class."""
    return _class_of(modal)


def name_of_factory(factory: type) -> str:
    """`VoteButton`: the class that makes dynamic items."""
    return factory.__qualname__.rpartition(".")[2]


def name_of_custom_id(custom_id: str, people: Container[str] = ()) -> str:
    """What does not vary of it: the word that it begins with, `vote` of `vote:1234:yes`; `?` where there is none.

    `people`: the words of the names of whoever used it, case-folded. No such word is part of a name.
    """
    found = None if _RANDOM.fullmatch(custom_id) else _FIRST_WORDS.match(custom_id)
    if found is None:
        return _UNNAMED
    kept = "".join(takewhile(lambda part: part.casefold() not in people, _SEPARATED.split(found[1])))
    return kept.rstrip("_-")[:_MOST_CHARACTERS] or _UNNAMED


def words_of_names(user: Any) -> frozenset[str]:
    """The words of a user's or a member's names, for `name_of_custom_id`."""
    names = (user.name, getattr(user, "global_name", None), getattr(user, "nick", None))
    return frozenset(word.casefold() for name in names if name for word in _WORD.findall(name))


class Names:
    """Those that one process has met."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def bounded(self, name: str) -> str:
        """The name itself, or `other` where there are too many by now."""
        if name in self._known:
            return name
        if len(self._known) >= _MOST_NAMES:
            return OTHER
        self._known.add(name)
        return name


def _class_of(value: object) -> str:
    return type(value).__qualname__.rpartition(".")[2]


def _callback_of(item: Any) -> str:
    callback = getattr(item, "callback", None)
    decorated = getattr(callback, "callback", None)  # of `@discord.ui.button`
    name: str | None = getattr(decorated or callback, "__name__", None)
    return name if name is not None and name.isidentifier() and name != "callback" else _class_of(item)
