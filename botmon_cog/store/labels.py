"""Texts that are stored once, and ids in place of them."""

from __future__ import annotations

from collections.abc import Iterable

from botmon_cog.store.records import clean, number_of
from botmon_cog.store.schema import LABEL_TEXTS, LABELS
from botmon_cog.store.script import Insert, Lookup, Recall, Script, Session

NOBODY = -(1 << 62)
"""An id that no row has: for a text that was never stored."""


def label_ids_of(texts: Iterable[str]) -> Script[dict[str, int]]:
    """The ids of texts; what is not there yet is stored."""
    session: Session = yield Recall()
    wanted = set(texts)
    found = {text: session.labels[text] for text in wanted if text in session.labels}
    # In one order, so that two processes that store the same texts wait for each other in that order.
    missing = sorted(wanted - found.keys())
    if missing:
        keys = [(text,) for text in missing]
        yield Insert(LABELS, keys, "ignore")
        found |= dict((yield Lookup(LABELS, keys, ("text", "id"))))
    return found


def known_label_id(text: str) -> Script[int | None]:
    """The id of a text; None if it is not stored."""
    found = yield Lookup(LABELS, [(clean(text),)], ("id",))
    return found[0][0] if found else None


def texts_of(label_ids: Iterable[int]) -> Script[dict[int, str]]:
    """The texts of labels by their ids."""
    return dict((yield Lookup(LABEL_TEXTS, [(id_,) for id_ in sorted(set(label_ids))], ("id", "text"))))


def stored_id(id_: str) -> Script[int]:
    """An id as the tables have it."""
    number = number_of(id_)
    if number is not None:
        return number
    label_id = yield from known_label_id(id_)
    return NOBODY if label_id is None else -label_id


def id_texts(ids: Iterable[int]) -> Script[dict[int, str]]:
    """Ids as people know them, by what the tables have."""
    found = set(ids)
    texts = yield from texts_of(-id_ for id_ in found if id_ < 0)
    return {id_: str(id_) if id_ >= 0 else texts[-id_] for id_ in found}
