"""Tasks that raise while nobody waits for them. asyncio tells it in its log alone, once they are thrown away."""

from __future__ import annotations

import logging
import re

from botmon_cog.causes.frames import module_of
from botmon_cog.domain.models import BackgroundKind
from botmon_cog.observer import places
from botmon_cog.observer.event_errors import CountFailure, Described, is_run_event

_LOGGER = "asyncio"
_COUNTED_ELSEWHERE = ("discord.ext.tasks", "discord.app_commands.", "discord.ui.")
"""The modules of discord.py whose tasks are loops, or invocations."""
_COROUTINE = re.compile(r"\bcoro=<([\w.<>]+)\(\)")


class LostTasks(logging.Filter):
    """Of all event loops of this process. It lets every record through.

    A filter on the logger, not a handler: a host that configures its logging later takes handlers away, and where there
    is one, a host without any loses what Python prints by itself.
    """

    def __init__(self, count: CountFailure) -> None:
        super().__init__()
        self._count = count

    def attach(self) -> None:
        logging.getLogger(_LOGGER).addFilter(self)

    def detach(self) -> None:
        logging.getLogger(_LOGGER).removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, Exception):
            self._count(BackgroundKind.TASK, error, lambda: _describe(error, record))
        return True


def _describe(error: Exception, record: logging.LogRecord) -> Described | None:
    frames = places.frames_of(error)
    if frames:
        if module_of(frames[0]).startswith(_COUNTED_ELSEWHERE):
            return None
        if sum(map(is_run_event, frames)) > 1:
            return None  # `bot.on_error` raised again what it was called for
    elif error.__traceback__ is not None:
        return None  # nothing but our own code
    return Described(places.function_in(frames) or _coroutine(record))


def _coroutine(record: logging.LogRecord) -> str:
    """The coroutine that a record speaks of; `?` where it is about something else."""
    found = _COROUTINE.search(str(record.msg))
    return places.plain(found[1]) if found else places.UNKNOWN
