"""Of whom is erased, and what of a row that is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from botmon_cog.domain.rollup import NO_GUILD
from botmon_cog.store.columns import LogTable
from botmon_cog.store.conditions import IS_INTERACTION
from botmon_cog.store.schema import COUNTED_COMMANDS, INVOCATIONS, MUSIC_EVENTS, SAMPLES

_NOBODY = f"""
user_id = NULL, username = NULL, channel_id = NULL, parameters = NULL, details = NULL, error_message = NULL,
discord_id = CASE WHEN {IS_INTERACTION} AND started_ms >= :young_ms THEN discord_id END
"""
_CHANGES_OF_USER = {
    INVOCATIONS: _NOBODY,
    MUSIC_EVENTS: "user_id = NULL",
    COUNTED_COMMANDS: "user_id = NULL",
    SAMPLES: "user_id = NULL",
}
_CHANGES_OF_GUILD = {
    INVOCATIONS: f"{_NOBODY}, guild_id = NULL, shard_id = 0",
    MUSIC_EVENTS: f"user_id = NULL, guild_id = {NO_GUILD}, shard_id = 0, title = NULL",
    COUNTED_COMMANDS: f"user_id = NULL, guild_id = {NO_GUILD}, shard_id = 0",
    SAMPLES: "user_id = NULL, guild_id = NULL, shard_id = 0",
}


class Subject(NamedTuple):
    """People, or servers, as the tables have them.

    Attributes:
        column: `user_id` or `guild_id`.
        ids: theirs.
    """

    column: str
    ids: Collection[int]

    @property
    def is_guilds(self) -> bool:
        return self.column == "guild_id"

    @property
    def changes(self) -> Mapping[LogTable, str]:
        """By table of the log, what becomes of a row: what follows `SET`."""
        return _CHANGES_OF_GUILD if self.is_guilds else _CHANGES_OF_USER

    @property
    def condition(self) -> str:
        """As SQL, with `values`: whether a row is of them."""
        return self.condition_on(self.column)

    def condition_on(self, column: str) -> str:
        """The same of another column that holds such an id."""
        return f"{column} IN ({', '.join(f':{name}' for name in self.values)})"

    @property
    def values(self) -> Mapping[str, int]:
        """What the conditions are bound to."""
        return {f"subject_{n}": id_ for n, id_ in enumerate(sorted(self.ids))}


def user(user_id: int) -> Subject:
    return Subject("user_id", (user_id,))


def guilds(guild_ids: Collection[int]) -> Subject:
    return Subject("guild_id", guild_ids)
