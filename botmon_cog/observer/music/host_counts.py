"""What a host counts of its music by itself: that is not counted a second time."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from botmon_cog.domain import text
from botmon_cog.domain.models import Id, MusicEventType

_log = logging.getLogger(__name__)

_NAMES = {MusicEventType.SONG_PLAYED: "songs", MusicEventType.SKIP: "skips", MusicEventType.PAUSE: "pauses"}


class HostCounts:
    """Of one bot, since this process began.

    Attributes:
        in_table: the kinds that it writes into its own `bot_stats`, in whichever server; None: it has one, and nobody
            has looked yet, so that nothing is ours.
    """

    def __init__(self) -> None:
        self.in_table: frozenset[MusicEventType] | None = frozenset()
        self._told: dict[MusicEventType, set[Id]] = {kind: set() for kind in _NAMES}

    def are_ours(self, kind: MusicEventType, guild_id: Id) -> bool:
        """Whether we count it there."""
        return self.in_table is not None and kind not in self.in_table and guild_id not in self._told[kind]

    def note(self, kind: MusicEventType, guild_id: Id) -> None:
        """The host told of one there."""
        told = self._told[kind]
        if not told:
            _log.info("the bot counts its %s itself; they are not counted by themselves where it does", _NAMES[kind])
        told.add(guild_id)

    def note_table(self, kinds: Iterable[MusicEventType]) -> None:
        """Its `bot_stats` counts these."""
        found = frozenset(kinds)
        if new := found - (self.in_table or frozenset()):
            _log.info("the bot writes its %s into bot_stats itself; they are not counted by themselves", _names(new))
        self.in_table = found

    @property
    def hint(self) -> str | None:
        """What the owners may want to know, in words."""
        if self.in_table:
            return f"the bot writes its {_names(self.in_table)} into bot_stats itself, so they are not counted twice"
        told = [kind for kind, guilds in self._told.items() if guilds]
        if not told:
            return None
        n = len(set[Id]().union(*self._told.values()))
        where = f"{text.count(n)} {text.plural(n, 'server', 'servers')}"
        return f"the bot counts its {_names(told)} itself in {where}, so they are not counted twice"


def _names(kinds: Iterable[MusicEventType]) -> str:
    found = set(kinds)
    return " and ".join(name for kind, name in _NAMES.items() if kind in found)
