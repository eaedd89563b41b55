"""Erases somebody from everything that a running bot has: its store, its disk, and what it mirrored for its host."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from botmon_cog.errors import SpoolError
from botmon_cog.privacy.eraser import Eraser
from botmon_cog.privacy.requests import Requests
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.forgotten import forgotten

_DOING = "erasing what waits on disk"


class Forgetting:
    """Of one running system."""

    def __init__(self, system: MonitoringSystem) -> None:
        self._system = system
        self.requests = Requests(system.store.engine)
        self._eraser = Eraser(system.store.engine, system.clock)

    async def user(self, user_id: int) -> Mapping[str, int]:
        """Erase a person who asks for it now. Returns by table, how many rows were changed or removed.

        Raises:
            StorageError: the database is away. What was asked for while it was there is done once it is back.
        """
        system = self._system
        system.unrecorded.spare(user_id)
        await system.recorder.catch_up()  # what was not written yet, and what the host wrote, is erased like all else
        if system.host is not None:
            await system.host.sync()
        await self.requests.note_erasure(user_id, system.clock.now())
        return await self.make_pass(user_id)

    async def make_pass(self, user_id: int) -> Mapping[str, int]:
        """Erase what there is by now of what was asked for before. Raises StorageError."""
        changed = dict(await self._eraser.erase_user(user_id))
        if self._system.host is not None and (n := await self._system.host.erase("user_id", [str(user_id)])):
            changed["host_rows"] = n
        await self.clear_disk()
        await self.requests.pass_done(user_id, self._system.clock.now())
        return changed

    async def guilds(self, guild_ids: Collection[int]) -> Mapping[str, int]:
        """Erase servers. Raises StorageError."""
        system = self._system
        await system.recorder.catch_up()
        if system.host is not None:
            await system.host.sync()
        changed = dict(await self._eraser.erase_guilds(guild_ids))
        if system.host is not None and (n := await system.host.erase("guild_id", [*map(str, guild_ids)])):
            changed["host_rows"] = n
        await self.requests.note_purged(guild_ids, system.clock.now())
        await self.clear_disk()
        return changed

    async def clear_disk(self) -> None:
        """Take out of this machine's spool, and of its file of open commands, who was erased anywhere."""
        try:
            gone = await self._system.store.engine.read(forgotten())
            await self._system.forget_on_disk(gone.applied)
        except SpoolError as error:
            self._system.failures.note(_DOING, error)
