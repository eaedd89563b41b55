"""What goes to the terminal: characters that it lacks, and an output that is full or closed."""

# ruff: noqa: RUF001 (characters that look like others are what is replaced here)

from __future__ import annotations

import codecs
import errno
import os
import sys
from typing import TextIO

PLAIN = "botmon-plain"
"""The name under which `replace` is known to `str.encode` and to streams."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_CLOSED = frozenset({errno.EPIPE, errno.EBADF, errno.EIO, errno.ECONNRESET})

_REPLACED = {
    **dict.fromkeys("█▇▆▅🟩✓", "#"),
    **dict.fromkeys("▄▃▂▁⬛", "."),
    **dict.fromkeys("▌│", "|"),
    **dict.fromkeys("·–—─━▼", "-"),
    **dict.fromkeys("▲🟨", "+"),
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("“”", '"'),
    "🟥": "!",
    "🟢": "OK",
    "🟡": "(!)",
    "🔴": "(!!)",
    "⚪": "(?)",
    "🔔": "(on)",
    "🔕": "(muted)",
    "❌": "(x)",
    "⏳": "(wait)",
    "🔧": "(*)",
    "×": "x",
    "→": "->",
    "…": "~",
    "ˋ": "`",
    "\u00a0": " ",
}
"""One column for one, where a table would fall apart otherwise."""


def replace(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that an encoding lacks: `#` and `.` for bars, `?` for what has no likeness."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(_REPLACED.get(character, "?") for character in missing), error.end


def prepare() -> None:
    """Have stdout and stderr replace what they can't show, rather than fail."""
    codecs.register_error(PLAIN, replace)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=PLAIN)


def complain(sentence: str) -> None:
    """One line on stderr, if there is one."""
    stream: TextIO | None = sys.stderr
    if stream is None:
        return
    try:
        stream.write(f"{sentence}\n")
        stream.flush()
    except (OSError, ValueError):  # it is full or closed as well, and there is nobody left to tell
        _abandon(stream)


def trouble_of(error: OSError) -> str | None:
    """What is wrong with the output, in words; None if the error is about something else, such as a file."""
    if error.filename is not None:
        return None
    if error.errno in _FULL:
        return f"the output can't be written: {error.strerror}"
    if error.errno in _CLOSED:
        return "the output was closed before everything was written"
    return None


def abandon() -> None:
    """Send what is still buffered nowhere, so that Python does not try again when it ends."""
    _abandon(sys.stdout)


def _abandon(stream: TextIO | None) -> None:
    if stream is None:
        return
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # not a file, or closed already
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
