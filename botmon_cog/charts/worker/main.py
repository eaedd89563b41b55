"""The worker process: reads charts from its standard input, writes pictures to its standard output.

Started as a file, with the folders in which to look for modules as its arguments. A frame is its length in four bytes
and that many bytes; an answer has a byte before, 1 for a picture and 0 for what went wrong.
"""

from __future__ import annotations

import gc
import os
import queue
import shutil
import struct
import sys
import threading
import traceback
import types
from contextlib import suppress
from pathlib import Path
from typing import IO, NoReturn

_HEAD = struct.Struct(">I")
_PACKAGE = Path(__file__).parents[2]
_LONGEST_IDLE_S = 600.0
"""The bot ends it sooner. This is for a bot that hangs, or whose end is hidden by a child that has the same pipe."""
_NICE = 5
"""Beside a bot that takes a whole core, a chart is drawn in a few seconds."""
_OOM_SCORE = "800"
"""Where memory runs out, this process goes and not the bot."""


def main() -> NoReturn:
    """Draw until nobody wants more."""
    _step_back()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library prints is no answer
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, requests), daemon=True).start()
    sys.path[:] = sys.argv[1:]
    while True:
        try:
            request = requests.get(timeout=_LONGEST_IDLE_S)
        except queue.Empty:
            _leave()
        try:
            head, answer = b"\1", _draw(request)
        except Exception:  # noqa: BLE001 (the bot tells of it)
            head, answer = b"\0", traceback.format_exc().encode()
        try:
            answers.write(head + _HEAD.pack(len(answer)) + answer)
            answers.flush()
        except OSError:
            _leave()
        gc.collect()  # a figure is a circle of references with megabytes in it


def _draw(request: bytes) -> bytes:
    if "botmon_cog" not in sys.modules:
        package = types.ModuleType("botmon_cog")  # without what the package itself imports: that is the whole monitor
        package.__path__ = [str(_PACKAGE)]
        sys.modules["botmon_cog"] = package
    from botmon_cog.charts.worker.pictures import picture  # noqa: PLC0415 (takes a second, and needs `sys.path`)

    return picture(request)


def _read(requests: IO[bytes], into: queue.SimpleQueue[bytes]) -> None:
    """The bot's end is the end of its pipe; it does not wait for a chart to be finished."""
    while head := requests.read(_HEAD.size):
        into.put(requests.read(*_HEAD.unpack(head)))
    _leave()


def _leave() -> NoReturn:
    shutil.rmtree(os.environ["MPLCONFIGDIR"], ignore_errors=True)
    os._exit(0)


def _step_back() -> None:
    """Let the bot have the processor and the memory first."""
    with suppress(OSError, AttributeError):  # Windows sets it from outside
        os.nice(_NICE)
    with suppress(OSError):  # Linux only
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")


if __name__ == "__main__":
    main()
