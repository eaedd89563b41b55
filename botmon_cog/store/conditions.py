"""What SQL asks of `kind` and `outcome` in the rows of `invocations`: they follow from the declarations."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from botmon_cog.domain.models import Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.timed import longest_timed_s


def _codes(members: Iterable[StrEnum], of: type[StrEnum]) -> str:
    wanted = set(members)
    return f"({', '.join(str(code) for code, member in enumerate(of) if member in wanted)})"


def ended_as(wanted: Iterable[Outcome]) -> str:
    """It ended in one of these ways."""
    return f"outcome IN {_codes(wanted, Outcome)}"


_COMPONENTS = _codes((kind for kind in Kind if kind.is_component), Kind)
IS_COMPONENT = f"kind IN {_COMPONENTS}"
IS_COMMAND = f"kind NOT IN {_COMPONENTS}"
IS_INTERACTION = f"kind IN {_codes((kind for kind in Kind if kind.is_interaction), Kind)}"
IS_EXECUTED = ended_as(outcome for outcome in Outcome if outcome.is_executed)
IS_RATED = ended_as(outcome for outcome in Outcome if outcome.is_rated)
IS_RATED_FAULT = ended_as(outcome for outcome in Outcome if outcome.is_rated and outcome.is_fault)


def _has_timed_duration() -> str:
    """By the longest duration that counts: which invocations are bound to it."""
    by_limit: dict[float, dict[Kind, list[Outcome]]] = {}
    for kind in Kind:
        for outcome in Outcome:
            longest_s = longest_timed_s(kind, outcome)
            if longest_s is not None:
                by_limit.setdefault(longest_s, {}).setdefault(kind, []).append(outcome)
    cases: list[str] = []
    for longest_s, found in by_limit.items():
        bound = "" if longest_s == float("inf") else f" AND duration_us <= {int(longest_s * 1e6)}"
        for outcomes in {tuple(each) for each in found.values()}:
            kinds = _codes((kind for kind, each in found.items() if tuple(each) == outcomes), Kind)
            cases.append(f"(kind IN {kinds} AND {ended_as(outcomes)}{bound})")
    return f"duration_us IS NOT NULL AND ({' OR '.join(sorted(cases))})"


HAS_TIMED_DURATION = _has_timed_duration()
"""Its duration counts: see `domain.timed`."""
