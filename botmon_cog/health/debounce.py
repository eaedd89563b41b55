"""When what a check finds is certain, has lasted long enough to be told, and is over. All of that is decided here.

A level is certain when 3 of the last 5 checks reached its limit; what needs no proof, at once. It is told once it has
lasted for `[alerts] after_s`, and over once it has been well for `recover_after_s`, each relapse doubling that. Times
are monotonic: nothing here moves when the wall clock is set.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from botmon_cog.config import AlertsConfig, Severity
from botmon_cog.domain.alerts import SHARED, Alert
from botmon_cog.domain.reports import Problem
from botmon_cog.domain.text import finite
from botmon_cog.health.component import Finding

CHECKS_TO_ENTER, CHECKS_WINDOW = 3, 5
LEAVE_SHARE = 0.9
"""Of a limit: below it a value is well. What wanders between the two changes nothing."""
FLAP_WINDOW_S = 3_600.0
"""What comes back within it is a relapse."""
_MOST_DOUBLINGS = 30
_WELL = float("-inf")


class Now(msgspec.Struct, frozen=True):
    """One moment by both clocks."""

    at: datetime
    at_s: float
    age_s: float
    """How long this process has been watching."""

    def ago(self, since_s: float) -> datetime:
        """The wall clock's time of a monotonic moment."""
        known_s = (self.at - datetime.min.replace(tzinfo=self.at.tzinfo)).total_seconds()
        return self.at - timedelta(seconds=min(max(self.at_s - since_s, 0.0), known_s))


class Debouncer:
    """What the checks of one process left behind. Empty while all is well."""

    def __init__(self, config: AlertsConfig) -> None:
        self._config = config
        self._tracks: dict[str, _Track] = {}

    def step(self, looks: Mapping[str, Sequence[Finding] | None], now: Now) -> tuple[Problem, ...]:
        """Move on by one check. `looks` has each component's findings by its name, None where it could not look."""
        found = {finding.key: finding for findings in looks.values() for finding in findings or ()}
        for key, finding in found.items():
            if key not in self._tracks and finding.is_reached:
                self._tracks[key] = _Track(self._config, finding)
        for key, track in list(self._tracks.items()):
            if key in found or looks.get(key.partition(".")[0]) is not None:
                track.step(found.get(key), now)
            if track.is_idle(now):
                del self._tracks[key]
        return self._problems(now)

    def look(self, findings: Iterable[Finding], now: Now) -> tuple[Problem, ...]:
        """Between two checks, changing nothing: levels as the last check left them, facts as they are."""
        found = {finding.key: finding for finding in findings}
        known = {problem.key: problem for problem in self._problems(now)}
        for key, problem in known.items():
            finding = found.pop(key, None)
            if finding is not None and finding.value is not None:  # else it knows no more than the last check did
                known[key] = replace(problem, reason=finding.reason)
            elif finding is None and problem.is_fact:
                known[key] = replace(problem, good_since=problem.good_since or now.at)
        for key, finding in found.items():
            if finding.is_certain and finding.is_reached:
                fresh = _Track(self._config, finding)
                fresh.step(finding, now)
                if (problem := fresh.problem(now)) is not None:
                    known[key] = replace(problem, lasting=None)
        return tuple(known.values())

    def recall(self, alerts: Iterable[Alert], now: Now, looks_back_s: Iterable[tuple[str, float]] = ()) -> None:
        """Take up what an earlier process told and did not see the end of. `looks_back_s`: with how keys begin."""
        for alert in alerts:
            if alert.key not in self._tracks:
                backs = [s for begin, s in looks_back_s if alert.key.startswith(begin)]
                limits = (1.0, 1.0 if alert.severity == "critical" else None)
                last = Finding(alert.key, alert.reason, 1.0, limits, looks_back_s=max(backs, default=0.0))
                last = replace(last, is_shared=alert.scope == SHARED)
                track = self._tracks[alert.key] = _Track(self._config, last)
                lasted_s = max((now.at - alert.since).total_seconds(), 0.0)
                track.step(replace(last, is_certain=True, lasted_s=lasted_s), now)
                track.last, track.is_recalled = last, True
                track.lasting, track.relapses = alert.severity, alert.relapses

    def _problems(self, now: Now) -> tuple[Problem, ...]:
        return tuple(problem for track in self._tracks.values() if (problem := track.problem(now)) is not None)


class _Limit:
    """One limit of one value.

    Attributes:
        entered_s: the first of the checks that led to it; None while it is not entered.
        good_s: since when it has been well again.
    """

    def __init__(self) -> None:
        self._marks: deque[float | None] = deque(maxlen=CHECKS_WINDOW)
        self.entered_s: float | None = None
        self.good_s: float | None = None

    @property
    def is_idle(self) -> bool:
        return self.entered_s is None and not self._marks

    def step(self, value: float, limit: float | None, by: Finding, now_s: float, recover_s: float) -> None:
        """`by` says what proves it."""
        if self.entered_s is None:
            self._mark(by, now_s, is_reached=limit is not None and value >= limit)
        elif limit is not None and value >= limit * LEAVE_SHARE:
            self.good_s = None
        else:
            self.good_s = now_s if self.good_s is None else self.good_s
            if now_s - self.good_s >= recover_s:
                self.entered_s = self.good_s = None

    def _mark(self, by: Finding, now_s: float, *, is_reached: bool) -> None:
        if by.hold_s is None or not self._marks:  # else since the first of them
            self._marks.append(now_s - (finite(by.lasted_s) or 0.0) if is_reached else None)
        reached = [mark for mark in self._marks if mark is not None]
        if not reached or (by.hold_s is not None and not is_reached):
            self._marks.clear()
        elif is_reached and (
            by.is_certain or len(reached) >= CHECKS_TO_ENTER if by.hold_s is None else now_s - reached[0] >= by.hold_s
        ):
            self.entered_s = reached[0]
            self._marks.clear()


class _Track:
    """One key: both its limits, and how it has been told."""

    def __init__(self, config: AlertsConfig, finding: Finding) -> None:
        self._config = config
        self._limits: dict[Severity, _Limit] = {"critical": _Limit(), "warning": _Limit()}
        """The gravest first."""
        self.last = finding
        self.lasting: Severity | None = None
        self.relapses = 0
        self._ended_s: float | None = None
        self.is_recalled = False

    @property
    def _entered(self) -> dict[Severity, float]:
        """The severities that are certain, the gravest first, and since when."""
        return {severity: each.entered_s for severity, each in self._limits.items() if each.entered_s is not None}

    @property
    def _good_s(self) -> float | None:
        """Since when nothing of it has been seen; None while it is bad, or not entered."""
        goods = [self._limits[severity].good_s for severity in self._entered]
        known = [good_s for good_s in goods if good_s is not None]
        return max(known) if known and len(known) == len(goods) else None

    def is_idle(self, now: Now) -> bool:
        """Whether nothing needs to be remembered."""
        is_forgotten = self._ended_s is None or now.at_s - self._ended_s > FLAP_WINDOW_S
        return is_forgotten and all(limit.is_idle for limit in self._limits.values())

    def step(self, finding: Finding | None, now: Now) -> None:
        """`finding`: None if the component found nothing of it."""
        by, value = finding or self.last, _WELL if finding is None else finding.value
        is_reached = finding is not None and finding.is_reached
        is_too_young = self.is_recalled and now.age_s < by.looks_back_s  # and looks well only because it begins anew
        if value is None or (is_too_young and not is_reached):
            return
        good_s, was_certain = self._good_s, bool(self._entered)
        if is_reached:
            self.relapses += good_s is not None and self.lasting is not None and not by.is_shared
            self.last, self.is_recalled = by, False
        warning, critical = by.limits
        for severity, limit in self._limits.items():
            at = critical if severity == "critical" or warning is None else warning
            limit.step(value, at, by, now.at_s, self._recover_s)
        if not self._entered and self.lasting is not None:
            self._ended_s = now.at_s if good_s is None else good_s
        elif self._entered and not was_certain and self._ended_s is not None:
            self.relapses = self.relapses + 1 if now.at_s - self._ended_s <= FLAP_WINDOW_S else 0
            self._ended_s = None
        self.lasting = self._told(now.at_s)

    def _told(self, now_s: float) -> Severity | None:
        """The gravest severity that has lasted long enough; what was once stays, as long as it is not over."""
        warning_s, critical_s = self._config.after_s
        for severity, entered_s in self._entered.items():
            after_s = 0.0 if self.last.hold_s is not None else critical_s if severity == "critical" else warning_s
            is_bad = self._limits[severity].good_s is None
            if self.lasting == severity or (is_bad and now_s - entered_s >= after_s):
                return severity
        return self.lasting if self._entered else None

    @property
    def _recover_s(self) -> float:
        after_s = self._config.recover_after_s
        return max(after_s, min(after_s * 2 ** min(self.relapses, _MOST_DOUBLINGS), FLAP_WINDOW_S))

    def problem(self, now: Now) -> Problem | None:
        entered, good_s = self._entered, self._good_s
        if not entered:
            return None
        return Problem(
            key=self.last.key,
            severity=next(iter(entered)),
            reason=self.last.reason,
            since=now.ago(min(entered.values())),
            is_shared=self.last.is_shared,
            lasting=self.lasting,
            good_since=None if good_s is None else now.ago(good_s),
            is_fact=self.last.is_certain,
            relapses=self.relapses,
        )
