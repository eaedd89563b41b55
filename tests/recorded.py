"""What an extension recorded, of one kind of event, besides the rows of its commands."""

from __future__ import annotations

from typing import TypeVar

import pytest

from botmon_cog.domain.models import Event
from botmon_cog.monitors.recorder import Recorder

T = TypeVar("T", bound=Event)


class Recorded:
    """Every event that went into a recorder, and went on from there to the store."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._events: list[Event] = []
        record = Recorder.record

        def noting(recorder: Recorder, event: Event) -> None:
            self._events.append(event)
            record(recorder, event)

        monkeypatch.setattr(Recorder, "record", noting)

    def all(self, kind: type[T]) -> list[T]:
        return [event for event in self._events if isinstance(event, kind)]
