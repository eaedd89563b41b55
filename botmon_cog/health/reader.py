"""Reading what the system may refuse to show."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import psutil

from botmon_cog.monitors.failures import Failures

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Reader:
    """What can't be read is None; why is logged once for each thing and each kind of error, not at each look."""

    def __init__(self, failures: Failures) -> None:
        self._failures = failures
        self._told: set[tuple[str, type[Exception]]] = set()
        self._causes: dict[str, str] = {}

    def read(self, what: str, get: Callable[[], T]) -> T | None:
        try:
            value = get()
        except (psutil.Error, OSError) as error:
            if self._is_news(what, error):
                _log.warning("can't read %s: %s", what, error)
        except Exception as error:  # noqa: BLE001 (whatever a reader raises costs its own line only)
            if self._is_news(what, error):
                self._failures.note(f"reading {what}", error)
        else:
            self._causes.pop(what, None)
            return value
        return None

    def why(self, what: str) -> str | None:
        """The error of the last attempt to read it; None if that succeeded, and before the first."""
        return self._causes.get(what)

    def _is_news(self, what: str, error: Exception) -> bool:
        self._causes[what] = f"{type(error).__name__}: {error}"
        kind = what, type(error)
        is_news = kind not in self._told
        self._told.add(kind)
        return is_news
