"""From values to words, for whoever reads them: the only place that asks the components for them."""

from __future__ import annotations

from botmon_cog.domain.reasons import Reason
from botmon_cog.health.component import Effect, Trouble, Words
from botmon_cog.health.components import COMPONENTS
from botmon_cog.health.rules import BROKEN

_TROUBLES = {each.name: each for each in (*(each for kind in COMPONENTS for each in kind.troubles), BROKEN)}
_UNKNOWN = Trouble("", "something that this version does not know is not well")
"""A database may have been written by another version, with other reasons and other values."""
_OTHER_VALUES = (TypeError, LookupError, ValueError, AttributeError)


def words_of(reason: Reason) -> Words:
    """For owners, and for everybody where the reason is not the owners' alone."""
    try:
        return _trouble(reason).words(reason.values)
    except _OTHER_VALUES:
        return _UNKNOWN.words({})


def recovered(reason: Reason) -> str:
    """A clause for when it is over: `the database answers`."""
    try:
        return _trouble(reason).over(reason.values)
    except _OTHER_VALUES:
        return _UNKNOWN.over({})


def effect_of(reason: Reason) -> Effect:
    return _trouble(reason).effect


def meanwhile(reason: Reason) -> str:
    return _trouble(reason).meanwhile


def sentence(reason: Reason) -> str:
    """In one line, for logs, the terminal and machines: `the database does not answer (disk I/O error)`."""
    words = words_of(reason)
    return words.what if words.detail is None else f"{words.what} ({words.detail})"


def _trouble(reason: Reason) -> Trouble:
    return _TROUBLES.get(reason.what, _UNKNOWN)
