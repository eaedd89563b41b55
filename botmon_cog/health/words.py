"""From values to words, for whoever reads them: the only place that asks the components for them."""

from __future__ import annotations

from botmon_cog.domain.reasons import Reason
from botmon_cog.health.component import Effect, Saying, Words
from botmon_cog.health.components import COMPONENTS
from botmon_cog.health.rules import RULE_SAYING, RULE_WHAT

_SAYINGS: dict[str, Saying] = {what: saying for component in COMPONENTS for what, saying in component.sayings.items()}
_SAYINGS[RULE_WHAT] = RULE_SAYING


def _unknown(**_: object) -> Words:
    return Words(what="something that this version does not know is not well")


_UNKNOWN = Saying(words=_unknown, recovered="all is well")
"""A database may have been written by another version, with other reasons and other values."""
_OTHER_VALUES = (TypeError, LookupError, ValueError, AttributeError)


def words_of(reason: Reason) -> Words:
    """For owners, and for everybody where the reason is not the owners' alone."""
    try:
        return saying_of(reason).words(**reason.values)
    except _OTHER_VALUES:
        return _unknown()


def recovered(reason: Reason) -> str:
    """A clause for when it is over: `the database answers`."""
    told = saying_of(reason).recovered
    if isinstance(told, str):
        return told
    try:
        return told(**reason.values)
    except _OTHER_VALUES:
        return "all is well"


def effect_of(reason: Reason) -> Effect:
    return saying_of(reason).effect


def meanwhile(reason: Reason) -> str:
    return saying_of(reason).meanwhile


def saying_of(reason: Reason) -> Saying:
    return _SAYINGS.get(reason.what, _UNKNOWN)


def sentence(reason: Reason) -> str:
    """In one line, for logs, the terminal and machines: `the database does not answer (disk I/O error)`."""
    words = words_of(reason)
    return words.what if words.detail is None else f"{words.what} ({words.detail})"
