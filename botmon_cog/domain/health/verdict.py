"""From problems to a component's status, and from components to the whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from botmon_cog.domain.reports import ComponentHealth, Problem

HEALTHY, DEGRADED, UNHEALTHY, UNKNOWN = "healthy", "degraded", "unhealthy", "unknown"
WARNING, CRITICAL, SLOW, ERROR = "warning", "critical", "slow", "error"

_OVERALL = {CRITICAL: UNHEALTHY, ERROR: UNHEALTHY, WARNING: DEGRADED, SLOW: DEGRADED}
_GRAVITY = {UNKNOWN: 0, HEALTHY: 1, DEGRADED: 2, UNHEALTHY: 3}


class Verdict(TypedDict):
    """What all components have in common."""

    status: str
    reason: str | None
    remedy: str | None
    problems: tuple[Problem, ...]


def conclude(*found: Problem | None, otherwise: str = HEALTHY, because: tuple[str, str] | None = None) -> Verdict:
    """The worst problem, the first of equals; without any `otherwise`, with its reason and remedy in `because`."""
    problems = [problem for problem in found if problem is not None]
    if not problems:
        reason, remedy = because or (None, None)
        return {"status": otherwise, "reason": reason, "remedy": remedy, "problems": ()}
    problems.sort(key=_is_mild)
    worst = problems[0]
    return {"status": worst.severity, "reason": worst.reason, "remedy": worst.remedy, "problems": tuple(problems)}


def overall(components: Iterable[ComponentHealth]) -> tuple[str, str | None, str | None]:
    """(status, reason, remedy) of the worst component, the first of equals.

    A source that can't be read is not healthy; one that has nothing to say yet (`unknown` without a reason) changes
    nothing. Where none has anything to say, it is `unknown`.
    """
    worst: tuple[str, str | None, str | None] = (UNKNOWN, None, None)
    for component in components:
        status = _OVERALL.get(component.status, component.status)
        if status == UNKNOWN and component.reason is not None:
            status = DEGRADED
        if _GRAVITY[status] > _GRAVITY[worst[0]]:
            worst = (status, component.reason, component.remedy)
    return worst


def _is_mild(problem: Problem) -> bool:
    return problem.severity != CRITICAL
