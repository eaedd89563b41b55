"""The files, sockets and pipes that this process holds open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from botmon_cog.config import HealthConfig
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.samples import Sample
from botmon_cog.domain.text import count
from botmon_cog.health.component import Component, Finding, Saying, Words, level
from botmon_cog.health.process import ProcessReader, open_files, open_files_limit, unread_saying

_OPEN = "the open files of this process"


class FilesSample(Sample, frozen=True, kw_only=True):
    files: int | None = None
    """Open file descriptors (on Windows: handles)."""
    limit: int | None = None
    """None if there is none, as on Windows: then there is nothing to judge."""
    cause: str | None = None
    """Why `files` is None."""

    @property
    def percent(self) -> float | None:
        """Open, of the limit."""
        return None if self.files is None or not self.limit else self.files / self.limit * 100


def _many(files: int, limit: int) -> Words:
    return Words(
        what=f"the bot has {count(files)} of at most {count(limit)} files open",
        remedy="Look for files, sessions and connections that are opened and never closed: use `with` and one session "
        "for all. A higher limit (ulimit -n, LimitNOFILE) only buys time.",
    )


class Files(Component[FilesSample]):
    name = "files"
    title = "Open files"
    sayings: ClassVar[Mapping[str, Saying]] = {
        "files.many": Saying(
            words=_many,
            recovered="open files are back to normal",
            meanwhile="Commands run on. At the limit the bot can't connect to anything any more.",
        ),
        "files.unread": unread_saying(_OPEN, name),
    }
    metrics: ClassVar[Mapping[str, Callable[[Any], float | None]]] = {"files.percent": lambda sample: sample.percent}

    def __init__(self, reader: ProcessReader) -> None:
        self._reader = reader

    async def sample(self) -> FilesSample:
        files = self._reader.read(_OPEN, lambda: open_files(self._reader.process()))
        limit = self._reader.read("the limit of open files", open_files_limit)
        return FilesSample(files=files, limit=limit, cause=self._reader.why(_OPEN))

    def judge(self, sample: FilesSample, config: HealthConfig) -> Iterable[Finding]:
        reason = Reason.of("files.many", files=sample.files, limit=sample.limit)
        yield level("files", sample.percent, config.files_percent, reason)

    def unread(self, sample: FilesSample) -> Reason | None:
        return Reason.of("files.unread", cause=sample.cause) if sample.files is None else None

    def numbers(self, sample: FilesSample, now: datetime) -> Iterable[str]:  # noqa: ARG002 (nothing is as old)
        if sample.files is not None:
            yield count(sample.files) + ("" if sample.limit is None else f" of at most {count(sample.limit)}")
