"""Where the time of a process goes, by thread: which of our functions each is in, looked at 500 times a second."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import discord

_EVERY_S = 0.002
_SWITCH_S = 0.0001
"""How long a look may wait for the GIL: by default it would come when a thread gives it up by itself, always there."""
_BOT = (f"{Path(discord.__file__).parent}/", f"{Path(__file__).resolve().parent}/")
_OURS = f"{Path(__file__).resolve().parent.parent / 'botmon_cog'}/"
_WAITING = {"select", "wait", "_worker", "run_once", "_connection_worker_thread"}
"""Functions in which a thread waits for work; the last one is aiosqlite's."""
_ELSEWHERE = "the bot, discord.py, asyncio"


class Sampler:
    """Counts while its block runs.

    Attributes:
        found: thread -> function of ours (the innermost on the stack) -> how often it was seen.
        looks: how often all threads were looked at.
    """

    def __init__(self) -> None:
        self.found: dict[str, Counter[str]] = {}
        self.looks = 0
        self._is_over = threading.Event()
        self._switch_s = sys.getswitchinterval()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        sys.setswitchinterval(_SWITCH_S)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()
        sys.setswitchinterval(self._switch_s)

    def _run(self) -> None:
        own = threading.get_ident()
        while not self._is_over.is_set():
            names = {thread.ident: thread.name for thread in threading.enumerate()}
            for ident, frame in sys._current_frames().items():  # noqa: SLF001 (the interpreter's own way to look)
                if ident != own and frame.f_code.co_name not in _WAITING:
                    thread = names.get(ident, "?").rstrip("_0123456789")
                    self.found.setdefault(thread, Counter())[_innermost(frame)] += 1
            self.looks += 1
            time.sleep(_EVERY_S)


def _innermost(frame: FrameType | None) -> str:
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(_BOT):  # called through a function of ours that is around it
            return _ELSEWHERE
        if code.co_filename.startswith(_OURS):
            return f"{code.co_filename.removeprefix(_OURS)} {code.co_qualname}"
        frame = frame.f_back
    return _ELSEWHERE


def profile_rows(
    found: Mapping[str, Mapping[str, int]], looks: int, wall_us: float, *, most: int = 12
) -> list[list[str]]:
    """A table: thread, function, share of the time, and what that is per piece of work that takes `wall_us`."""
    rows = [["thread", "innermost function of ours", "of the time", "µs"]]
    for thread, functions in found.items():
        total = sum(functions.values())
        rows.append([thread, "(busy)", f"{total / looks:.0%}", f"{total / looks * wall_us:.0f}"])
        rows += [
            ["", name, f"{n / looks:.1%}", f"{n / looks * wall_us:.1f}"]
            for name, n in sorted(functions.items(), key=lambda item: -item[1])[:most]
        ]
    return rows
