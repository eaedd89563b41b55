"""Rows on disk that the database does not take: a folder of JSON Lines files, replayed oldest first.

Several processes may share a folder; each one sees the files of its own instance only.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from botmon_cog.clock import Clock
from botmon_cog.domain.models import Event
from botmon_cog.storage.queue.disk import DiskThreads
from botmon_cog.storage.queue.event_lines import decode_line, encode_line
from botmon_cog.storage.queue.segments import Names, Segment, find_segments, read_lines, remove_segment, write_segment

_log = logging.getLogger(__name__)


class Spool:
    """A queue on disk. It touches the disk in threads only, and makes no folder before there is something to keep.

    Attributes:
        rows: how many wait on disk; known once `read` or `add` has looked.
        size_bytes: what the files take, lines that could not be read and were set aside included.
        is_full: whether the last `add` found no room; until something was replayed.
        lost: rows that could not be written as a line, and lines that could not be read.
    """

    def __init__(self, folder: Path, *, instance: str, max_bytes: int, clock: Clock) -> None:
        self.folder = folder
        self._names = Names(instance)
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        """Held by whichever thread works on the files and on what is known of them."""
        self._disk = DiskThreads("botmon-spool")
        self._segments: list[Segment] = []
        self._read: tuple[Segment, int, int] | None = None
        self._is_known = False
        self.rows = 0
        self.size_bytes = 0
        self.is_full = False
        self.lost = 0

    @property
    def has_more(self) -> bool:
        """Whether there is something to replay, or may be, because nobody has looked yet."""
        return not self._is_known or bool(self._segments)

    async def add(self, events: Sequence[Event]) -> int:
        """Keep events in one new file; returns how many of them, from the first on, are settled.

        Less than all means that the rest does not fit (`is_full`). An event that no line can hold is settled, and lost.

        Raises:
            OSError: the disk failed; none was kept.
        """
        return await self._disk.run(lambda: self._add(events))

    async def read(self, max_rows: int) -> list[Event]:
        """The oldest rows, `max_rows` at the most, and the same ones again until `commit`. Empty: nothing is left.

        Raises:
            OSError: the disk failed.
        """
        return await self._disk.run(lambda: self._read_batch(max_rows))

    async def commit(self) -> None:
        """Forget what was read last; a file of which nothing is left is removed.

        Raises:
            OSError: it can't be removed. It is forgotten all the same, and not replayed before the next start.
        """
        await self._disk.run(self._commit)

    async def settle(self) -> None:
        """Return when nothing works on the files any more, not even for somebody who was cancelled meanwhile."""
        await self._disk.settle()

    def _add(self, events: Sequence[Event]) -> int:
        with self._lock:
            self._look()
            room = self._max_bytes - self.size_bytes
            lines: list[bytes] = []
            settled = lost = 0
            for event in events:
                try:
                    line = encode_line(event)
                except Exception:  # noqa: BLE001 (whatever it holds that JSON can't, the others are kept)
                    lost += 1
                else:
                    room -= len(line)
                    if room < 0:
                        break
                    lines.append(line)
                settled += 1
            if lines:
                segment = write_segment(self.folder, self._names.make(len(lines), self._clock.now()), lines)
                self._segments.append(segment)
                self.rows += segment.rows
                self.size_bytes += segment.size_bytes
            self.is_full = settled < len(events)
            self.lost += lost
            return settled

    def _look(self) -> None:
        """Find what earlier processes left, the first time."""
        if self._is_known:
            return
        self._segments, self.size_bytes = find_segments(self.folder, self._names.prefix)
        self.size_bytes += sum(segment.size_bytes for segment in self._segments)
        self.rows = sum(segment.rows for segment in self._segments)
        self._is_known = True

    def _read_batch(self, max_rows: int) -> list[Event]:
        with self._lock:
            self._look()
            while self._segments:
                segment = self._segments[0]
                try:
                    events = self._decode(segment, max_rows)
                except FileNotFoundError:  # a process of the same instance has replayed it
                    self._forget(segment)
                    continue
                if events:
                    return events
                self._advance()
            return []

    def _decode(self, segment: Segment, max_rows: int) -> list[Event]:
        events: list[Event] = []
        lines = read_lines(segment, max_rows)
        end, n = segment.offset, 0
        for offset, line in lines:
            end = offset + len(line)
            try:
                events.append(decode_line(line))
            except (ValueError, RecursionError):
                if segment.is_partial and not line.endswith(b"\n"):
                    segment.is_torn = True
                    continue
                if (offset, len(line)) not in segment.bad:
                    segment.bad.append((offset, len(line)))
                    self.lost += 1
            n += 1
        self._read = segment, end if lines else segment.size_bytes, n
        return events

    def _commit(self) -> None:
        with self._lock:
            self._advance()

    def _advance(self) -> None:
        read, self._read = self._read, None
        if read is None or read[0] not in self._segments:
            return
        segment, offset, n = read
        if offset >= segment.size_bytes:
            try:
                self.size_bytes += remove_segment(segment)
            finally:
                self._forget(segment)
        else:
            segment.offset = offset
            segment.rows -= n
            self.rows -= n

    def _forget(self, segment: Segment) -> None:
        if segment.is_torn:
            _log.warning("1 line of %s can't be read: a crash cut it short", segment.path)
        if segment.bad:
            _log.error(
                "%d lines of %s can't be read and are kept in a file ending in .bad", len(segment.bad), segment.path
            )
        self._segments.remove(segment)
        self.rows -= segment.rows
        self.size_bytes -= segment.size_bytes
        self.is_full = False
