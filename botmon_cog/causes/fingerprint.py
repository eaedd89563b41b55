"""Which failures are the same."""

from __future__ import annotations

from hashlib import blake2b

from botmon_cog.causes.frames import Frame
from botmon_cog.domain.models import ErrorSource
from botmon_cog.domain.outcome import Outcome

_BYTES = 5
"""As many as eight characters of `error_id` say."""


def fingerprint(source: ErrorSource, what: str, outcome: Outcome, error_type: str | None, frame: Frame | None) -> int:
    """The same on every machine, in every process, and after a deploy that moved the function within its file.

    So the line counts from the function's first. Where there is no exception, the outcome stands for its type.
    """
    parts = [source.value, what, error_type or outcome.value]
    if frame is not None:
        parts += frame.place.file, frame.place.function, str(frame.line - frame.first_line)
    digest = blake2b("\0".join(parts).encode(errors="replace"), digest_size=_BYTES).digest()
    return int.from_bytes(digest) or 1
