"""Counts what is logged, by level, without a part in how it is logged.

A handler of ours on the root logger would be seen: `logging.basicConfig` does nothing where there is one already, and
Python prints no warnings itself any more. What makes the records is asked by every logger and noticed by nobody.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

LEVELS = {
    logging.CRITICAL: "critical",
    logging.ERROR: "error",
    logging.WARNING: "warning",
    logging.INFO: "info",
    logging.DEBUG: "debug",
}
"""From the highest on; a level in between counts as the one below it."""


class LogRecords:
    """Of this process: the log is that of all bots in it. What a logger's level holds back is no record."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter(dict.fromkeys(LEVELS.values(), 0))
        self._make: Callable[..., logging.LogRecord] | None = None
        """Who made records before."""

    def attach(self) -> None:
        self._make = logging.getLogRecordFactory()
        logging.setLogRecordFactory(self._count)

    def detach(self) -> None:
        """Put back what was there. Where somebody has put theirs around ours since, ours only passes on from now on."""
        if self._make is not None and logging.getLogRecordFactory() == self._count:
            logging.setLogRecordFactory(self._make)

    @property
    def counts(self) -> Mapping[str, int]:
        with self._lock:
            return dict(self._counts)

    def _count(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        """As loggers call it: name, level, and what else a record has."""
        assert self._make is not None  # it was attached
        match args:
            case (str(), int(level), *_):  # not `logging.makeLogRecord`, which makes one anew of what was logged before
                word = next((word for least, word in LEVELS.items() if level >= least), None)
                if word is not None:
                    with self._lock:
                        self._counts[word] += 1
            case _:
                pass
        return self._make(*args, **kwargs)
