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
            if key not in self._tracks and _is_reached(finding):
                self._tracks[key] = _Track(self._config, finding)
        for key, track in list(self._tracks.items()):
            finding = found.get(key)
            if finding is not None:
                track.step(finding, now)
            elif looks.get(key.partition(".")[0]) is not None:
                track.miss(now)
            if track.is_idle(now):
                del self._tracks[key]
        return self._problems(now)

    def look(self, findings: Iterable[Finding], now: Now) -> tuple[Problem, ...]:
        """Between two checks, changing nothing: levels as the last check left them, facts as they are."""
        found = {finding.key: finding for finding in findings}
        known = {problem.key: problem for problem in self._problems(now)}
        for key, finding in found.items():
            if key in known:
                if finding.value is not None:  # else it knows no more than the last check did
                    known[key] = replace(known[key], reason=finding.reason)
            elif finding.is_certain and _is_reached(finding):
                fresh = _Track(self._config, finding)
                fresh.step(finding, now)
                if (seen := fresh.problem(now)) is not None:
                    known[key] = replace(seen, lasting=None)
        for key, problem in known.items():
            if problem.is_fact and key not in found:
                known[key] = replace(problem, good_since=problem.good_since or now.at)
        return tuple(known.values())

    def recall(self, alerts: Iterable[Alert], now: Now, looks_back_s: Mapping[str, float] | None = None) -> None:
        """Take up what an earlier process told and did not see the end of. `looks_back_s`: by how keys begin."""
        for alert in alerts:
            if alert.key not in self._tracks:
                backs = [s for begin, s in (looks_back_s or {}).items() if alert.key.startswith(begin)]
                self._tracks[alert.key] = _Track.recalled(self._config, alert, now, max(backs, default=0.0))

    def _problems(self, now: Now) -> tuple[Problem, ...]:
        return tuple(problem for track in self._tracks.values() if (problem := track.problem(now)) is not None)


def _is_reached(finding: Finding) -> bool:
    return finding.value is not None and any(limit is not None and finding.value >= limit for limit in finding.limits)


class _Limit:
    """One limit of one value."""

    def __init__(self) -> None:
        self._marks: deque[float | None] = deque(maxlen=CHECKS_WINDOW)
        self.entered_s: float | None = None
        """The first of the checks that led to it; None while it is not entered."""
        self.good_s: float | None = None
        """Since when it has been well again."""

    @property
    def is_idle(self) -> bool:
        return self.entered_s is None and not any(mark is not None for mark in self._marks)

    def step(self, finding: Finding, limit: float, now_s: float, recover_s: float) -> None:
        value = finding.value if finding.value is not None else limit * LEAVE_SHARE
        if value >= limit:
            self.good_s = None
            if self.entered_s is None:
                self._mark(finding, now_s)
        elif self.entered_s is None:
            if finding.hold_s is not None:
                self._marks.clear()
            self._marks.append(None)
        elif value >= limit * LEAVE_SHARE:
            self.good_s = None
        else:
            self.be_good(now_s, recover_s)

    def be_good(self, now_s: float, recover_s: float) -> None:
        if self.entered_s is None:
            self._marks.append(None)
            return
        self.good_s = now_s if self.good_s is None else self.good_s
        if now_s - self.good_s >= recover_s:
            self.entered_s = self.good_s = None

    def _mark(self, finding: Finding, now_s: float) -> None:
        if finding.hold_s is None or not any(mark is not None for mark in self._marks):  # else since the first of them
            self._marks.append(now_s - (finite(finding.lasted_s) or 0.0))
        reached = [mark for mark in self._marks if mark is not None]
        is_enough = finding.is_certain or len(reached) >= CHECKS_TO_ENTER
        if is_enough if finding.hold_s is None else now_s - reached[0] >= finding.hold_s:
            self.entered_s = reached[0]
            self._marks.clear()


class _Track:
    """One key: both its limits, and how it has been told."""

    def __init__(self, config: AlertsConfig, finding: Finding) -> None:
        self._config = config
        self._limits: dict[Severity, _Limit] = {"critical": _Limit(), "warning": _Limit()}
        self._last = finding
        self._lasting: Severity | None = None
        self._relapses = 0
        self._ended_s: float | None = None
        self._is_recalled = False

    @classmethod
    def recalled(cls, config: AlertsConfig, alert: Alert, now: Now, looks_back_s: float) -> _Track:
        limits = (1.0, 1.0 if alert.severity == "critical" else None)
        is_shared = alert.scope == SHARED
        finding = Finding(key=alert.key, reason=alert.reason, value=None, limits=limits, is_shared=is_shared)
        track = cls(config, replace(finding, looks_back_s=looks_back_s))
        since_s = now.at_s - max((now.at - alert.since).total_seconds(), 0.0)
        for severity in _SEVERITIES:
            if severity == "warning" or alert.severity == "critical":
                track._limits[severity].entered_s = since_s
        track._lasting, track._relapses, track._is_recalled = alert.severity, alert.relapses, True
        return track

    @property
    def _severity(self) -> Severity | None:
        return next((severity for severity in _SEVERITIES if self._limits[severity].entered_s is not None), None)

    def is_idle(self, now: Now) -> bool:
        """Whether nothing needs to be remembered."""
        if not all(limit.is_idle for limit in self._limits.values()):
            return False
        return self._ended_s is None or now.at_s - self._ended_s > FLAP_WINDOW_S

    def step(self, finding: Finding, now: Now) -> None:
        is_reached = _is_reached(finding)
        if finding.value is None or (not is_reached and self._is_too_young(finding, now)):
            return
        if is_reached:
            if self._good_s is not None and self._lasting is not None and not finding.is_shared:
                self._relapses += 1
            self._last, self._is_recalled = finding, False
        self._move(finding, now)

    def miss(self, now: Now) -> None:
        """The component found nothing of it."""
        if not self._is_too_young(self._last, now):
            self._move(None, now)

    def _is_too_young(self, finding: Finding, now: Now) -> bool:
        """Whether it may look well only because what it rests on begins anew."""
        return self._is_recalled and now.age_s < finding.looks_back_s

    def _move(self, finding: Finding | None, now: Now) -> None:
        before = self._severity
        good_s = self._good_s
        warning, critical = (finding or self._last).limits
        limits: dict[Severity, float | None] = {
            "critical": critical,
            "warning": critical if warning is None else warning,
        }
        for severity, limit in limits.items():
            state = self._limits[severity]
            if finding is None or limit is None:
                state.be_good(now.at_s, self._recover_s)
            else:
                state.step(finding, limit, now.at_s, self._recover_s)
        severity = self._severity
        if severity is None:
            if before is not None and self._lasting is not None:
                self._ended_s, self._lasting = good_s if good_s is not None else now.at_s, None
        elif before is None and self._ended_s is not None:
            self._relapses = self._relapses + 1 if now.at_s - self._ended_s <= FLAP_WINDOW_S else 0
            self._ended_s = None
        self._lasting = self._told(now.at_s) if severity is not None else None

    def _told(self, now_s: float) -> Severity | None:
        """The gravest severity that has lasted long enough; what was once stays, as long as it is not over."""
        after = dict(zip(("warning", "critical"), self._config.after_s, strict=True))
        for severity in _SEVERITIES:
            limit = self._limits[severity]
            if limit.entered_s is None:
                continue
            after_s = 0.0 if self._last.hold_s is not None else after[severity]
            if self._lasting == severity or (limit.good_s is None and now_s - limit.entered_s >= after_s):
                return severity
        return self._lasting if self._severity is not None else None

    @property
    def _recover_s(self) -> float:
        after_s = self._config.recover_after_s
        doubled_s = after_s * 2 ** min(self._relapses, _MOST_DOUBLINGS)
        return max(after_s, min(doubled_s, FLAP_WINDOW_S))

    @property
    def _good_s(self) -> float | None:
        """Since when nothing of it has been seen; None while it is bad, or not entered."""
        goods = [limit.good_s for limit in self._limits.values() if limit.entered_s is not None]
        known = [good_s for good_s in goods if good_s is not None]
        return max(known) if known and len(known) == len(goods) else None

    def problem(self, now: Now) -> Problem | None:
        severity = self._severity
        if severity is None:
            return None
        entered = [limit.entered_s for limit in self._limits.values() if limit.entered_s is not None]
        good_s = self._good_s
        return Problem(
            key=self._last.key,
            severity=severity,
            reason=self._last.reason,
            since=now.ago(min(entered)),
            is_shared=self._last.is_shared,
            lasting=self._lasting,
            good_since=None if good_s is None else now.ago(good_s),
            is_fact=self._last.is_certain,
            relapses=self._relapses,
        )


_SEVERITIES: tuple[Severity, ...] = ("critical", "warning")
"""The gravest first."""
