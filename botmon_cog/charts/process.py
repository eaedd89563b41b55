"""The worker process as the bot's process sees it. Everything here blocks: it is called in threads of its own.

It is a plain `subprocess`, and not one of asyncio or multiprocessing. asyncio's needs what not every event loop has
(Windows' selector loop, loops outside the main thread), and multiprocessing would run the host's own script again.
It gets no socket, no file and no variable of the bot's environment, where tokens are. When the bot's process
dies, however it does, the pipe to it breaks, and that ends it.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from botmon_cog.errors import BotMonError, MissingExtraError

SCRIPT = Path(__file__).parent / "worker" / "main.py"

_HEAD = struct.Struct(">I")
_MOST_BYTES = 8_000_000
"""A picture has about 50,000."""
_END_TIMEOUT_S = 2.0
_KEPT = ("SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LD_LIBRARY_PATH")
"""Variables without which Python may not start."""
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""numpy would start one for each core, with memory for each."""


class DrawingError(BotMonError):
    """A chart could not be drawn."""


def why_missing() -> str | None:
    """Why there can't be charts here, with what to do about it; None if there can."""
    if getattr(sys, "frozen", False) or not sys.executable:
        return "charts need an ordinary Python: this program was packed into one file"
    if find_spec("matplotlib") is None:
        return str(MissingExtraError("drawing charts", "charts"))
    return None


class DrawingProcess:
    """One process that draws one chart after the other. One thread at a time may use it; `kill` may come from any."""

    def __init__(self) -> None:
        """Start it.

        Raises:
            OSError: the machine refuses.
        """
        self._folder = tempfile.mkdtemp(prefix="botmon-charts-")
        try:
            self._process = _start(self._folder)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, request: bytes) -> bytes:
        """The picture.

        Raises:
            DrawingError: the process refused, or is gone.
        """
        try:
            _pipe(self._process.stdin).write(_HEAD.pack(len(request)) + request)
            _pipe(self._process.stdin).flush()
            is_drawn, answer = self._read(1), self._read(*_HEAD.unpack(self._read(_HEAD.size)))
        except (OSError, EOFError, ValueError) as error:
            self.kill()
            code = self._process.wait()
            raise DrawingError(f"the process that draws charts ended (exit code {code})") from error
        if is_drawn == b"\0":
            raise DrawingError(answer.decode(errors="replace"))
        return answer

    def _read(self, n: int) -> bytes:
        if n > _MOST_BYTES:
            raise ValueError(f"an answer of {n} bytes is no picture")
        found = _pipe(self._process.stdout).read(n)
        if len(found) < n:
            raise EOFError
        return found

    def kill(self) -> None:
        """End what it does. Whoever waits in `ask` gets a DrawingError."""
        with suppress(OSError):
            self._process.kill()

    def end(self) -> None:
        """Return when it is gone, with all that it had."""
        process = self._process
        with suppress(OSError):
            _pipe(process.stdin).close()  # which it takes for the end
        try:
            process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            process.wait()
        _pipe(process.stdout).close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _start(folder: str) -> subprocess.Popen[bytes]:
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= _ONE_THREAD | {"HOME": folder, "MPLCONFIGDIR": folder}
    flags = ["-I", *(["-B"] if sys.dont_write_bytecode else [])]
    if sys.pycache_prefix is not None:
        flags += ["-X", f"pycache_prefix={sys.pycache_prefix}"]
    paths = [
        str(Path(path).absolute()) for path in sys.path if path
    ]  # a host may have added its own, and ours be found there
    quiet = 0
    if sys.platform == "win32":
        quiet = subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
    return subprocess.Popen(  # noqa: S603 (Python itself, and a file of ours)
        [sys.executable, *flags, str(SCRIPT), *paths],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=folder,
        start_new_session=True,  # Ctrl-C in the bot's terminal is not for it
        creationflags=quiet,
    )


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None, "it was started with pipes"
    return pipe
