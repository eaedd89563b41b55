"""Which times of invocations say how long the bot takes: one rule for roll-ups, for windows in memory and for SQL."""

from __future__ import annotations

import math

from botmon_cog.domain.ended import Judged
from botmon_cog.domain.models import Kind
from botmon_cog.domain.outcome import Outcome

TOKEN_LIFETIME_S = 900.0
"""Seconds: what an interaction does after that, it does for nobody. So it ended by other means, and later."""


def longest_timed_s(kind: Kind, outcome: Outcome) -> float | None:
    """The longest duration of such an invocation that counts, in seconds.

    None: none does, and neither its first response nor its gateway delay.
    """
    if not outcome.is_timed:
        return None
    return TOKEN_LIFETIME_S if kind.is_interaction else math.inf


_LONGEST_S = {(kind, outcome): longest_timed_s(kind, outcome) for kind in Kind for outcome in Outcome}


def timed_duration_s(invocation: Judged) -> float | None:
    """Its duration in seconds; None if it is unknown or does not count."""
    longest_s, duration_s = _LONGEST_S[invocation.kind, invocation.outcome], invocation.duration_s
    return None if longest_s is None or duration_s is None or duration_s > longest_s else duration_s
