"""What holds for a server: what was set in Discord, else what the configuration says."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

import msgspec

from botmon_cog.clock import Clock
from botmon_cog.config import ReportsConfig
from botmon_cog.domain.settings import BOT, Settings, Weekday
from botmon_cog.errors import ConfigError
from botmon_cog.store.settings import SettingsStore
from botmon_cog.timezones import find_zone

_SCHEDULE = frozenset({"timezone", "weekday", "hour", "report_channel_id", "weekly_summary", "monthly_summary"})
"""What makes up when a report is due."""


class SettingsBook:
    """Of all servers, and of the bot. Other processes may change them at any time: each question is asked anew.

    Every method raises StorageError if the database is away.
    """

    def __init__(self, store: SettingsStore, clock: Clock, config: ReportsConfig) -> None:
        self._store = store
        self._clock = clock
        self._config = config

    async def of(self, guild_id: str | int | None) -> Settings:
        """As they were set; None: the bot's own."""
        return await self._store.get(BOT if guild_id is None else int(guild_id))

    async def put(self, guild_id: str | int | None, settings: Settings, by: int) -> None:
        """Set them all. `by`: the id of the user who does."""
        await self._store.put(BOT if guild_id is None else int(guild_id), settings, str(by), self._clock.now())

    async def change(self, guild_id: str | int | None, by: int, **changes: Any) -> Settings:
        """Set some of them, by their names, and return all. Nothing that was due before a new schedule is posted."""
        if changes.keys() & _SCHEDULE:
            changes["report_since"] = self._clock.now()
        settings = msgspec.structs.replace(await self.of(guild_id), **changes)
        await self.put(guild_id, settings, by)
        return settings

    async def zone(self, guild_id: str | int | None) -> tzinfo:
        """In which that server's days begin, and reports for it are written."""
        settings = await self.of(guild_id)
        own = Settings() if guild_id is None or settings.timezone is not None else await self.of(None)
        return self.zone_of(settings, own)

    def zone_of(self, settings: Settings, own: Settings) -> tzinfo:
        """Likewise, of settings that are known; `own`: the bot's."""
        for name in (settings.timezone, own.timezone):
            if name is not None:
                try:
                    return find_zone(name)
                except ConfigError:  # of a time zone database that this machine does not have
                    continue
        return find_zone(self._config.timezone)

    def day_and_hour(self, settings: Settings) -> tuple[Weekday, int]:
        """When the weekly report of a server is due."""
        weekday = self._config.weekday if settings.weekday is None else settings.weekday
        return weekday, self._config.hour if settings.hour is None else settings.hour

    def shows_people(self, settings: Settings) -> bool:
        """Whether those who may ask are told who used most."""
        return self._config.people if settings.people is None else settings.people
