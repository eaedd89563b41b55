"""The checks of the health: looks at everything that is watched, judges it, and keeps the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from botmon_cog.config import Config
from botmon_cog.config.metrics import RULES
from botmon_cog.domain.alerts import Alert
from botmon_cog.domain.models import HealthRecord
from botmon_cog.domain.reports.health import (
    DEGRADED,
    HEALTHY,
    UNHEALTHY,
    UNKNOWN,
    ComponentHealth,
    HealthReport,
    Problem,
)
from botmon_cog.domain.samples import Sample
from botmon_cog.domain.taken import taken_duration, taken_moment, taken_size
from botmon_cog.health.component import Component, Finding
from botmon_cog.health.debounce import Debouncer, Now
from botmon_cog.health.one_cause import Looks, OneCause
from botmon_cog.health.rules import Rules, Seen, metric
from botmon_cog.health.sources import Sources

HEALTH_CHECKS = "health checks"
"""The name of the loop that runs them."""


class Health:
    """Gathers samples and judges them. A component that fails costs its line, never the report.

    Attributes:
        components: what is watched, by name, the gravest first.
        latest: what the last check found; None before the first.
    """

    def __init__(self, components: Iterable[Component[Any]], sources: Sources, config: Config) -> None:
        """Of the components only those that `[health] watch` names are watched."""
        self.components = {each.name: each for each in components if each.name in config.health.watch}
        self._sources = sources
        self._config = config.health
        self._debouncer = Debouncer(config.alerts)
        self._one_cause = OneCause()
        self._rules = Rules(config.alerts.rule)
        self._watching_since_s = sources.clock.monotonic()
        self._began_s = self._watching_since_s - sources.process.uptime_s
        self.latest: HealthReport | None = None

    @property
    def uptime_s(self) -> float:
        """Seconds since this process began; a reload of the extension does not set it back."""
        return self._sources.clock.monotonic() - self._began_s

    async def check(self) -> HealthReport:
        """Look at everything, move what is certain and what is over on by one check, and keep the verdict."""
        seen, looks = await self._gather(self.components.values())
        looks = self._one_cause.joined(looks, is_check=True)
        custom = self._sources.recorder.operations.recent() | self._sources.metrics.recent()
        rules = self._rules.judge(seen, custom, self.uptime_s)
        now = self._now()
        troubles = self._debouncer.step({**looks, RULES: rules}, now)
        self.latest = self._report(seen, looks, troubles, now)
        self._sources.recorder.record(_row(self.latest, seen))
        self._sources.loops.note(HEALTH_CHECKS)
        return self.latest

    async def report(self) -> HealthReport:
        """The verdict and every component as they are now. Changes nothing."""
        seen, looks = await self._gather(self.components.values())
        looks = self._one_cause.joined(looks, is_check=False)
        now = self._now()
        found = [finding for findings in looks.values() for finding in findings or ()]
        return self._report(seen, looks, self._debouncer.look(found, now), now)

    async def sample(self, name: str) -> Sample | None:
        """What one component sees now; None where it sees nothing."""
        seen, _ = await self._gather([each for each in self.components.values() if each.name == name])
        return seen.get(name)

    def recall(self, alerts: Iterable[Alert]) -> None:
        """Take up what an earlier process told and did not see the end of."""
        looks_back_s = [back for each in self.components.values() for back in each.looks_back_s]
        watched = {*self.components, RULES}
        known = [alert for alert in alerts if alert.key.partition(".")[0] in watched]
        self._debouncer.recall(known, self._now(), looks_back_s)

    def is_well(self) -> bool:
        """Whether the last check found the bot not unhealthy, and was not long since. True before the first is due."""
        is_late = any(run.is_late for run in self._sources.loops.runs() if run.name == HEALTH_CHECKS)
        is_unhealthy = self.latest is not None and self.latest.overall_status == UNHEALTHY
        return not (is_unhealthy or is_late)

    async def _gather(self, components: Iterable[Component[Any]]) -> tuple[Seen, Looks]:
        """What each of them sees, and what it finds in that."""
        seen: dict[str, Sample | None] = {}
        looks: dict[str, Sequence[Finding] | None] = {}
        for each in components:
            looks[each.name], doing = None, "looking at"
            try:
                seen[each.name] = sample = await each.sample()
                if sample is not None:
                    doing = "judging"
                    looks[each.name] = tuple(each.judge(sample, self._config))
            except Exception as error:  # noqa: BLE001 (costs its line)
                self._sources.failures.note(f"{doing} {each.title.lower()}", error)
        return seen, looks

    def _report(self, seen: Seen, looks: Looks, troubles: tuple[Problem, ...], now: Now) -> HealthReport:
        components = {
            name: _health_of(each, seen.get(name), looks[name], troubles)
            for name, each in self.components.items()
            if name not in seen or seen[name] is not None
        }
        return HealthReport(
            overall_status=_overall(components.values()),
            components=components,
            rules=tuple(each for each in troubles if each.key.startswith(f"{RULES}.") and each.is_seen),
            troubles=troubles,
            uptime_s=self.uptime_s,
            watched_s=now.age_s,
            checked_at=now.at,
        )

    def _now(self) -> Now:
        at_s = self._sources.clock.monotonic()
        return Now(at=self._sources.clock.now(), at_s=at_s, age_s=at_s - self._watching_since_s)


def _health_of(
    component: Component[Any], sample: Sample | None, findings: Sequence[Finding] | None, troubles: Iterable[Problem]
) -> ComponentHealth:
    own = [each for each in troubles if each.is_seen and each.key.partition(".")[0] == component.name]
    own.sort(key=lambda each: each.severity != "critical")
    found = {each.key for each in own}
    is_known = sample is not None and findings is not None and component.is_known(sample)
    return ComponentHealth(
        status=own[0].severity if own else HEALTHY if is_known else UNKNOWN,
        problems=tuple(own),
        unread=None if sample is None else component.unread(sample),
        watched=tuple(each.reason for each in findings or () if each.is_watched and each.key not in found),
        sample=sample,
    )


def _overall(components: Iterable[ComponentHealth]) -> str:
    """The worst. What can't be read is not healthy; what has nothing to say yet changes nothing."""
    found = {component.status for component in components}
    if "critical" in found:
        return UNHEALTHY
    if "warning" in found or any(component.unread is not None for component in components):
        return DEGRADED
    return HEALTHY if HEALTHY in found else UNKNOWN


def _row(report: HealthReport, seen: Seen) -> HealthRecord:
    """A verdict for the history."""
    rss_mb, response_ms = metric("memory.rss_mb", seen), metric("database.response_ms", seen)
    return HealthRecord(
        occurred_at=taken_moment(report.checked_at),
        status=report.overall_status,
        reason=report.reason,
        rss_bytes=None if rss_mb is None else taken_size(round(rss_mb * 1e6)),
        cpu_percent=metric("cpu.percent", seen),
        database_s=taken_duration(None if response_ms is None else response_ms / 1e3, "database_s"),
        error_rate=metric("commands.error_rate", seen),
    )
