"""Which of the databases that the store knows a file is."""

from __future__ import annotations

import logging
import os
import socket
from functools import partial
from pathlib import Path

from botmon_cog.clock import Clock
from botmon_cog.host.file import HostFile
from botmon_cog.host.rows import last_id, read_samples
from botmon_cog.store.host.sources import Sample, Source, all_sources, find_source, make_source, move_source
from botmon_cog.store.log import RunKey
from botmon_cog.store.records import clean
from botmon_cog.store.sqlite.engine import SqliteEngine
from botmon_cog.store.store import Store

_log = logging.getLogger(__name__)


class SourceFinder:
    """Finds what the store knows of one file."""

    def __init__(self, path: Path, file: HostFile, store: Store, clock: Clock) -> None:
        self._path = path
        self._file = file
        self._store = store
        self._clock = clock

    async def find(self, *, has_logs: bool) -> Source:
        """What the store knows of the file, wherever that was before; else the store gets to know it.

        `has_logs`: whether its `audit_logs` is the original's.
        """
        engine, place = self._store.engine, self._place()
        found = await self.known()
        if found is not None:
            return found
        others = await engine.read(all_sources()) if has_logs else []
        for other in others:
            if not self._is_there(other.place) and await self._holds(other.samples):
                _log.info("%s is the file that was %s before", self._path, other.place)
                await engine.write(move_source(other, place))
                return (await engine.read(find_source(place))) or other
        # It may be the copy of one that is known.
        doubted_id = await self._file.read(partial(last_id, table="audit_logs")) if others else 0
        run = RunKey.new(clean(self._path.name), self._clock.now())
        return await engine.write(make_source(place, run, self._store.run.token, doubted_id))

    async def known(self) -> Source | None:
        """What the store knows of the file if it is where it was."""
        return await self._store.engine.read(find_source(self._place()))

    def _place(self) -> str:
        """Where the file is: seen from the store's own folder, so that both can be moved; else on this machine."""
        path, folder = self._path.resolve(), self._folder()
        if folder is None:
            return clean(f"{socket.gethostname()}:{path.as_posix()}")
        try:
            return clean(Path(os.path.relpath(path, folder)).as_posix())
        except ValueError:  # another drive
            return clean(path.as_posix())

    def _folder(self) -> Path | None:
        """The store's; None if it is no file."""
        engine = self._store.engine
        path = engine.path if isinstance(engine, SqliteEngine) else None
        return path.resolve().parent if isinstance(path, Path) else None

    def _is_there(self, place: str) -> bool:
        """Whether another file that the store knows is still at its place."""
        folder = self._folder()
        if folder is not None:
            return (folder / place).exists()
        machine, _, path = place.partition(":")
        return machine == socket.gethostname() and Path(path).exists()

    async def _holds(self, samples: tuple[Sample, ...]) -> bool:
        """Whether the file holds rows that are known of another one."""
        found = await self._file.read(partial(read_samples, ids=[row_id for row_id, _ in samples]))
        return bool(found) and set(found) <= set(samples)
