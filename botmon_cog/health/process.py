"""Reads what the system shows of this process and of the machine."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from botmon_cog.clock import Clock
from botmon_cog.health.component import Saying, Words
from botmon_cog.health.reader import Reader
from botmon_cog.monitors.failures import Failures


class ProcessReader(Reader):
    """What memory, processor and open files are read with.

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
        super().__init__(failures)
        self.clock = clock
        self.root = root
        self.cores = _usable_cores()
        self.processor_s = processor_s
        self._process = process
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


def unread_saying(what: str, component: str) -> Saying:
    """What to say if the system hides `what` of this process, with the error as the reason's `cause`."""

    def words(cause: str | None = None) -> Words:
        return Words(
            what=f"{what} can't be read",
            detail=cause,
            is_code=True,
            remedy="`/proc` is missing or hides it (Termux, hidepid, ProcSubset=pid, gVisor): let the bot see it, or "
            f"leave {component} out of `[health] watch`.",
        )

    return Saying(words=words, recovered=f"{what} can be read")


def machine_memory() -> int:
    """In bytes.

    Raises:
        OSError: it is hidden, or said to be 0, as some sandboxes do.
    """
    total_bytes = psutil.virtual_memory().total
    if total_bytes <= 0:
        raise OSError("the system says that there are 0 bytes")
    return total_bytes


def open_files(process: psutil.Process) -> int:
    if sys.platform == "win32":
        return process.num_handles()
    return process.num_fds()


def open_files_limit() -> int | None:
    """None if there is none, as on Windows."""
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 (not on Windows)

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def _usable_cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
