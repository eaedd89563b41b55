"""When a value out of its limits is certain, and when it is over. What is well leaves nothing behind."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from botmon_cog.config import HealthConfig, Severity
from botmon_cog.domain.reports import Problem
from botmon_cog.domain.text import finite

Words = tuple[str, str | None]
"""A reason, one sentence without a full stop, and a remedy."""


class Levels:
    """What the checks so far left behind. Empty while all is well.

    A level is entered when `checks_to_enter` of the last `checks_window` checks reached its limit, and left when
    `checks_to_leave` in a row were below `leave_share` of it. A fact counts from the check that sees it to the first
    that does not.
    """

    def __init__(self, config: HealthConfig) -> None:
        self.config = config
        self.tracks: dict[str, _Track] = {}
        self.facts: dict[str, datetime] = {}
        """When each was first seen."""

    def shift(self, by: timedelta) -> None:
        """The clock has jumped: what was seen before is as long ago as ever."""
        self.facts = {key: since + by for key, since in self.facts.items()}
        for track in self.tracks.values():
            track.shift(by)


class Check:
    """One look at all values: a step, which moves the levels on, or one that leaves them as they are."""

    def __init__(self, levels: Levels, now: datetime, *, is_step: bool) -> None:
        self.now = now
        self.unknown: list[str] = []
        """The keys of levels whose value is no number."""
        self._levels = levels
        self._is_step = is_step
        self._facts: dict[str, datetime] = {}
        self._present: set[str] = set()

    def level(
        self,
        key: str,
        value: float | None,
        warning: float,
        critical: float | None,
        words: Callable[[], Words],
        *,
        is_shared: bool = False,
    ) -> Problem | None:
        """Hold a value, the higher the worse, against its limits. What is no number neither enters nor leaves.

        `words` is called while the value is, or nearly is, at a limit; afterwards the last words stand.
        """
        value = finite(value)
        if value is None:
            self.unknown.append(key)
        tracks = self._levels.tracks
        track = tracks.get(key)
        if track is None:
            if not self._is_step or value is None or value < warning:
                return None
            track = tracks[key] = _Track(self._levels.config, warning, critical)
        if self._is_step and value is not None:
            track.step(value, self.now)
            if track.is_idle:
                del tracks[key]
        entered = track.entered
        if entered is None:
            return None
        severity, leave = entered
        reason, remedy = track.words if value is None or value < leave else words()
        if self._is_step:
            track.words = reason, remedy
        return Problem(
            key=key, severity=severity, reason=reason, remedy=remedy, since=track.since or self.now, is_shared=is_shared
        )

    def present(self, key: str, words: Callable[[], Words]) -> Problem | None:
        """A level that is reached by being there at all."""
        self._present.add(key)
        return self.level(key, 1.0, 1.0, None, words)

    def absent(self, prefix: str) -> list[Problem]:
        """What was `present` in earlier checks, is not in this one, and has not been left yet."""
        tracks = self._levels.tracks
        gone = [key for key in tracks if key.startswith(prefix) and key not in self._present] if tracks else []
        found = [self.level(key, 0.0, 1.0, None, tracks[key].say) for key in gone]
        return [problem for problem in found if problem is not None]

    def fact(
        self,
        key: str,
        severity: Severity,
        reason: str,
        remedy: str | None = None,
        *,
        since: datetime | None = None,
        is_shared: bool = False,
    ) -> Problem:
        """What is certain as soon as it is seen. `since` None: nobody knows since when, so it began with that check."""
        since = self._facts[key] = self._levels.facts.get(key, since or self.now)
        return Problem(key=key, severity=severity, reason=reason, remedy=remedy, since=since, is_shared=is_shared)

    def end(self) -> None:
        """After all values of a step: facts that it did not see are over."""
        if self._is_step:
            self._levels.facts = self._facts


class _Limit:
    """One limit of one value."""

    def __init__(self, config: HealthConfig, limit: float) -> None:
        self._config = config
        self._limit = limit
        self._marks: deque[datetime | None] = deque(maxlen=config.checks_window)
        self._calm = 0
        self.leave = config.leave_share * limit
        self.since: datetime | None = None
        """The first of the checks that led to it; None while it is not entered."""

    @property
    def is_idle(self) -> bool:
        return self.since is None and not any(self._marks)

    def shift(self, by: timedelta) -> None:
        self.since = self.since and self.since + by
        self._marks = deque((mark and mark + by for mark in self._marks), maxlen=self._marks.maxlen)

    def step(self, value: float, now: datetime) -> None:
        if self.since is None:
            self._marks.append(now if value >= self._limit else None)
            reached = [mark for mark in self._marks if mark is not None]
            if len(reached) >= self._config.checks_to_enter:
                self.since, self._calm = reached[0], 0
                self._marks.clear()
        elif value >= self.leave:
            self._calm = 0
        else:
            self._calm += 1
            if self._calm >= self._config.checks_to_leave:
                self.since = None


class _Track:
    """Both limits of one value."""

    def __init__(self, config: HealthConfig, warning: float, critical: float | None) -> None:
        self._warning = _Limit(config, warning)
        self._critical = None if critical is None else _Limit(config, critical)
        self.words: Words = "", None

    @property
    def entered(self) -> tuple[Severity, float] | None:
        """The severity in force and the value below which it begins to end."""
        if self._critical is not None and self._critical.since is not None:
            return "critical", self._critical.leave
        return None if self._warning.since is None else ("warning", self._warning.leave)

    @property
    def since(self) -> datetime | None:
        return self._warning.since or (self._critical and self._critical.since)

    @property
    def is_idle(self) -> bool:
        return self._warning.is_idle and (self._critical is None or self._critical.is_idle)

    def shift(self, by: timedelta) -> None:
        self._warning.shift(by)
        if self._critical is not None:
            self._critical.shift(by)

    def step(self, value: float, now: datetime) -> None:
        self._warning.step(value, now)
        if self._critical is not None:
            self._critical.step(value, now)

    def say(self) -> Words:
        return self.words
