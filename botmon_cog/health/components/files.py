"""The files, sockets and pipes that this process holds open."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from botmon_cog.config import HealthConfig
from botmon_cog.domain.samples import Sample
from botmon_cog.health.component import Component, Finding, Trouble, hidden

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


_MANY = Trouble(
    "files.many",
    "the bot has {files:count} of at most {limit:count} files open",
    "open files are back to normal",
    remedy="Look for files, sessions and connections that are opened and never closed: use `with` and one session for "
    "all. A higher limit (ulimit -n, LimitNOFILE) only buys time.",
    meanwhile="Commands run on. At the limit the bot can't connect to anything any more.",
)
_UNREAD = hidden(_OPEN, "files")


class Files(Component[FilesSample]):
    name = "files"
    title = "Open files"
    troubles = (_MANY, _UNREAD)
    vital = (("files", _UNREAD),)
    in_numbers = ("{files:count}{limit:? of at most {limit:count}}",)

    async def sample(self) -> FilesSample:
        reader = self._sources.process
        process = reader.process
        files = reader.read(_OPEN, lambda: process().num_handles() if sys.platform == "win32" else process().num_fds())
        return FilesSample(files=files, limit=reader.read("the limit of open files", _limit), cause=reader.why(_OPEN))

    def judge(self, sample: FilesSample, config: HealthConfig) -> Iterable[Finding]:
        yield _MANY.level(sample.percent, config.files_percent, "files", files=sample.files, limit=sample.limit)


def _limit() -> int | None:
    """None if there is none, as on Windows."""
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 (not on Windows)

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
