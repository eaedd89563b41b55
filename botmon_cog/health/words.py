"""From values to words, for whoever reads them: the only place that asks the components for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from botmon_cog.domain.reasons import Reason, Value
from botmon_cog.health.component import Trouble, Words
from botmon_cog.health.components import COMPONENTS
from botmon_cog.health.rules import BROKEN

T = TypeVar("T")

_TROUBLES = {each.name: each for each in (*(each for kind in COMPONENTS for each in kind.troubles), BROKEN)}
_UNKNOWN = Trouble("", "something that this version does not know is not well", "all is well")


def words_of(reason: Reason) -> Words:
    """For owners, and for everybody where the reason is not the owners' alone."""
    return _told(Trouble.words, reason)


def recovered(reason: Reason) -> str:
    """A clause for when it is over: `the database answers`."""
    return _told(Trouble.over, reason)


def trouble_of(reason: Reason) -> Trouble:
    """What else is known of its kind: its effect, and what happens meanwhile."""
    return _TROUBLES.get(reason.what, _UNKNOWN)


def sentence(reason: Reason) -> str:
    """In one line, for logs, the terminal and machines: `the database does not answer (disk I/O error)`."""
    words = words_of(reason)
    return words.what if words.detail is None else f"{words.what} ({words.detail})"


def _told(tell: Callable[[Trouble, Mapping[str, Value]], T], reason: Reason) -> T:
    """A database may have been written by another version, with other reasons and other values."""
    try:
        return tell(trouble_of(reason), reason.values)
    except (TypeError, LookupError, ValueError, AttributeError):
        return tell(_UNKNOWN, {})
