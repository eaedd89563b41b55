"""How the bot is."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from botmon_cog.config import Severity
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.report import Report
from botmon_cog.domain.samples import Sample

S = TypeVar("S", bound=Sample)

HEALTHY, DEGRADED, UNHEALTHY, UNKNOWN = "healthy", "degraded", "unhealthy", "unknown"
"""Statuses of the whole; of a component `warning` and `critical` take the place of the two in the middle."""


class Problem(Report, frozen=True, kw_only=True):
    """One thing that is not well, once that is certain, until it is certain that it is over."""

    key: str
    """What an alert goes by: `memory`, `gateway.shard.3`, `commands.slow.play`, `rule.players`."""
    severity: Severity
    reason: Reason
    since: datetime
    """When it was first seen."""
    is_shared: bool = False
    """Whether every process on the same database sees the same (the database itself)."""
    lasting: Severity | None = None
    """As what it has lasted long enough to be told; None as long as it has not."""
    good_since: datetime | None = None
    """Since when it has looked well again, which is not certain yet."""
    is_fact: bool = False
    """Whether a single look is enough to see it, and to see that it is over."""
    relapses: int = 0
    """How often it came back soon after it looked well."""

    @property
    def is_seen(self) -> bool:
        """Whether a verdict rests on it now."""
        return not (self.is_fact and self.good_since is not None)


class ComponentHealth(Report, frozen=True, kw_only=True):
    """One component's verdict and what it rests on."""

    status: str
    """`healthy`, `warning`, `critical` or `unknown`."""
    problems: tuple[Problem, ...] = ()
    """The worst first."""
    unread: Reason | None = None
    """Why it is unknown, where somebody looked."""
    watched: tuple[Reason, ...] = ()
    """What is below its limits and worth the owners' eye."""
    sample: Sample | None = None


class HealthReport(Report, frozen=True, kw_only=True):
    """The verdict and what it rests on."""

    overall_status: str
    """`healthy`, `degraded`, `unhealthy` or, before anything is known, `unknown`."""
    components: dict[str, ComponentHealth]
    """By name, the gravest first; without those that nobody watches."""
    rules: tuple[Problem, ...] = ()
    """What `[[alerts.rule]]` found. It makes alerts, and no verdict."""
    troubles: tuple[Problem, ...] = ()
    """Everything that is not known to be over, what looks well again and rules included: for alerts."""
    uptime_s: float
    """Since the process began."""
    watched_s: float
    """Since the extension began to watch."""
    checked_at: datetime

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that the verdict rests on, the gravest first."""
        found = [problem for component in self.components.values() for problem in component.problems]
        return tuple(sorted(found, key=lambda problem: problem.severity != "critical"))

    @property
    def reason(self) -> Reason | None:
        """Of the gravest problem, or else of what can't be read; None while all is well."""
        problems = self.problems
        if problems:
            return problems[0].reason
        return next((component.unread for component in self.components.values() if component.unread is not None), None)

    def sample(self, name: str, of: type[S]) -> S | None:
        """What a component saw; None where it saw nothing."""
        component = self.components.get(name)
        return component.sample if component is not None and isinstance(component.sample, of) else None


class HealthMoment(Report, frozen=True, kw_only=True):
    """A verdict as it was at a moment of the past."""

    occurred_at: datetime
    status: str
    reason: Reason | None
