"""From an exception to the error group that it belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from botmon_cog.causes.fingerprint import fingerprint
from botmon_cog.causes.frames import Frame, Frames
from botmon_cog.causes.redaction import message_of
from botmon_cog.causes.tracebacks import traceback_text
from botmon_cog.clock import Clock
from botmon_cog.domain.models import ErrorGroup, ErrorSource
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.taken import LONGEST_NAME

MOST_GROUPS = 500
"""So many one process tells of within a day. What fails in yet another way belongs to the group `OTHERS`."""
OTHERS = "(others)"
_TOLD_FOR_S = 86_400.0
"""Then a group is told again: it may have been removed for its age."""


class Cause(NamedTuple):
    """Why something failed.

    Attributes:
        error_type: the exception's class name; None where there was none.
        message: its text, as it may be kept.
        group: to be recorded as well; None where this process has told of it.
    """

    error_type: str | None
    message: str | None
    fingerprint: int
    group: ErrorGroup | None = None


class Causes:
    """Finds them, and remembers which groups were told. It keeps no exception, and may be called from any thread.

    Attributes:
        frames: tells whose code an exception comes from.
        version: the host's; None where it is not known.
    """

    def __init__(self, clock: Clock, version: str | None = None) -> None:
        self._clock = clock
        self._told: dict[int, float] = {}
        self.frames = Frames()
        self.version = version

    def of(
        self,
        error: BaseException | None,
        source: ErrorSource,
        what: str,
        outcome: Outcome = Outcome.ERROR,
        typed: Iterable[object] = (),
    ) -> Cause:
        """Why `what` failed. `error` is the root cause, None where there is none; `typed`: what its user wrote."""
        if error is None:
            return self._found(source, what, outcome)
        typed = tuple(typed)
        name, message = type(error).__name__[:LONGEST_NAME], message_of(error, typed)
        return self._found(source, what, outcome, name, message, self.frames.cause(error), error, typed)

    def told(self, source: ErrorSource, what: str, error_type: str | None, message: str | None) -> Cause:
        """Why `what` failed, where the host only says so; as it may be kept."""
        return self._found(source, what, Outcome.ERROR, error_type, message)

    def _found(
        self,
        source: ErrorSource,
        what: str,
        outcome: Outcome,
        error_type: str | None = None,
        message: str | None = None,
        frame: Frame | None = None,
        error: BaseException | None = None,
        typed: tuple[object, ...] = (),
    ) -> Cause:
        found = fingerprint(source, what, outcome, error_type, frame)
        now_s = self._clock.monotonic()
        if self._is_told(found, now_s):
            return Cause(error_type, message, found)
        if self._is_full(now_s):
            found = fingerprint(source, OTHERS, Outcome.ERROR, None, None)
            if self._is_told(found, now_s):
                return Cause(error_type, message, found)
            group = self._group(found, source, OTHERS, Outcome.ERROR)
        else:
            text = None if error is None else traceback_text(error, self.frames, typed)
            group = self._group(found, source, what, outcome, error_type, message, frame, text)
        self._told[found] = now_s
        return Cause(error_type, message, found, group)

    def _is_told(self, found: int, now_s: float) -> bool:
        told_s = self._told.get(found)
        return told_s is not None and now_s - told_s < _TOLD_FOR_S

    def _is_full(self, now_s: float) -> bool:
        if len(self._told) >= MOST_GROUPS:
            for found, told_s in [*self._told.items()]:
                if now_s - told_s >= _TOLD_FOR_S:
                    self._told.pop(found, None)
        return len(self._told) >= MOST_GROUPS

    def _group(
        self,
        found: int,
        source: ErrorSource,
        what: str,
        outcome: Outcome,
        error_type: str | None = None,
        message: str | None = None,
        frame: Frame | None = None,
        text: str | None = None,
    ) -> ErrorGroup:
        return ErrorGroup(
            fingerprint=found,
            first_at=self._clock.now(),
            source=source,
            what=what[:LONGEST_NAME],
            outcome=outcome,
            error_type=error_type,
            error_message=message,
            file=None if frame is None else frame.place.file,
            line=None if frame is None else frame.line,
            function=None if frame is None else frame.place.function[:LONGEST_NAME],
            traceback=text,
            version=self.version,
        )
