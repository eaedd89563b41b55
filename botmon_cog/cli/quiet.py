"""Ctrl-C while there is nothing yet, or nothing any more, to clean up: the process ends without a word.

The command line loads this module first, before what takes its time. Loading it does the first step by itself: in a
process that is the command line, Ctrl-C is quiet from then on. In any other, a bot's above all, it does nothing.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import NoReturn

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""

_SCRIPTS = ("botmon", "botmon-cog")
_PACKAGE = "botmon_cog"


def leave_at_once() -> None:
    """Let Ctrl-C end this process silently. One that ignores Ctrl-C, as a shell's background job does, still does."""
    if is_settable() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, leave)


def raise_again() -> None:
    """Undo `leave_at_once`: Ctrl-C raises `KeyboardInterrupt`."""
    if is_settable() and signal.getsignal(signal.SIGINT) is leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def is_settable() -> bool:
    """Whether this is the thread that may set signal handlers."""
    return threading.current_thread() is threading.main_thread()


def leave(*_: object) -> NoReturn:
    """End the process now, with what is printed by now."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (
            OSError,
            ValueError,
            AttributeError,
            RuntimeError,
        ):  # closed, full, missing, or in the middle of a write
            continue
    os._exit(INTERRUPTED)


def _is_command_line() -> bool:
    called = sys.argv[0] if sys.argv else ""
    if called == "-m":  # Python is still looking for the module
        return _PACKAGE in sys.orig_argv
    folder, name = os.path.split(called)
    if name == "__main__.py":
        return os.path.basename(folder) == _PACKAGE  # noqa: PTH119 (pathlib takes its time to load)
    return name.removesuffix(".exe") in _SCRIPTS


if _is_command_line():
    leave_at_once()
