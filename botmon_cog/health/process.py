"""Reads what the system shows of this process and of the machine, and may refuse to show."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

from botmon_cog.clock import Clock
from botmon_cog.monitors.failures import Failures

_log = logging.getLogger(__name__)

_SHORTEST_WINDOW_S = 5.0

T = TypeVar("T")


class ProcessReader:
    """What can't be read is None; why is logged once for each thing and each kind of error, not at each look.

    Attributes:
        root: where `/proc` and `/sys` are.
        cores: how many cores this process may run on.
        processor_s: the seconds of processor time that this process has used; needs no `/proc`.
        uptime_s: how old the process was when this was made; 0 if unknown.
    """

    def __init__(
        self,
        clock: Clock,
        failures: Failures,
        root: Path = Path("/"),
        *,
        process: psutil.Process | None = None,
        processor_s: Callable[[], float] = time.process_time,
    ) -> None:
        self.clock = clock
        self.root = root
        self.cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
        self.processor_s = processor_s
        self._failures = failures
        self._process = process
        self._told: set[tuple[str, type[Exception]]] = set()
        self._causes: dict[str, str] = {}
        began_at_s = self.read("when this process began", lambda: self.process().create_time())
        self.uptime_s = 0.0 if began_at_s is None else max(clock.now().timestamp() - began_at_s, 0.0)

    def process(self) -> psutil.Process:
        """Its handle, which is made once `/proc` allows it.

        Raises:
            psutil.Error, OSError: `/proc` is missing, or hides it.
        """
        if self._process is None:
            self._process = psutil.Process()
        return self._process

    def read(self, what: str, get: Callable[[], T]) -> T | None:
        try:
            value = get()
        except Exception as error:  # noqa: BLE001 (whatever a reader raises costs its own line only)
            self._causes[what] = f"{type(error).__name__}: {error}"
            if isinstance(error, psutil.Error | OSError) and (what, type(error)) not in self._told:
                _log.warning("can't read %s: %s", what, error)
            elif (what, type(error)) not in self._told:
                self._failures.note(f"reading {what}", error)
            self._told.add((what, type(error)))
            return None
        self._causes.pop(what, None)
        return value

    def why(self, what: str) -> str | None:
        """The error of the last attempt to read it; None if that succeeded, and before the first."""
        return self._causes.get(what)


class CpuMeter:
    """The share that was used since the look before. Over less than 5 s the number means nothing, and is not measured.

    Attributes:
        percent: of one core; None if it could not be read, and before the first measurement.
        window_s: how long the last measurement took.
    """

    def __init__(self, clock: Clock, used_s: Callable[[], float | None]) -> None:
        """`used_s`: the seconds of processor time used until now, None if they can't be read."""
        self.percent: float | None = None
        self.window_s = 0.0
        self._clock = clock
        self._used_s = used_s
        self._mark = clock.monotonic(), used_s()

    def look(self) -> bool:
        """Whether it measured; if not, the numbers are those of the look before."""
        marked_s, before_s = self._mark
        now_s = self._clock.monotonic()
        if now_s - marked_s < _SHORTEST_WINDOW_S:
            return False
        used_s = self._used_s()
        self._mark = now_s, used_s
        self.window_s = now_s - marked_s
        self.percent = None if used_s is None or before_s is None else max(used_s - before_s, 0.0) / self.window_s * 100
        return True


def machine_memory() -> int:
    """In bytes.

    Raises:
        OSError: it is hidden, or said to be 0, as some sandboxes do.
    """
    total_bytes = psutil.virtual_memory().total
    if total_bytes <= 0:
        raise OSError("the system says that there are 0 bytes")
    return total_bytes
