"""What bots play through Lavalink: wavelink, pomice and mafic by the events that they dispatch, lavalink.py by its own.

No library is imported: one that the bot has imported is found when the extension is loaded, or before the bot joins a
voice channel. Of pauses there are no events; so the method that pauses is wrapped on the player's class, once the first
player of a library has been seen.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import discord

from botmon_cog.domain.models import EndReason
from botmon_cog.monitors.failures import Failures
from botmon_cog.observer.class_sinks import Around, add_around, remove_sink
from botmon_cog.observer.event_hooks import EventHooks
from botmon_cog.observer.music.context import HookContext

_LIBRARIES = frozenset({"wavelink", "pomice", "mafic", "lavalink"})
_REASONS = {
    "finished": EndReason.FINISHED,
    "loadfailed": EndReason.FAILED,
    "stopped": EndReason.STOPPED,
    "replaced": EndReason.REPLACED,
    "cleanup": EndReason.STOPPED,  # the node took the player away
}
_PAUSING = ("pause", "set_pause", "resume")
_DISPATCH = "_dispatch_event"
"""Of lavalink.py's `Client`: hands an event to the hooks that the bot has added there, each known by its function."""


class LavalinkPlayers:
    """Those of one bot."""

    def __init__(self, context: HookContext, failures: Failures) -> None:
        self._context = context
        self._hooks = EventHooks(context.bot, failures)
        self._wrapped: list[tuple[type, str, Around]] = []
        self._found: set[str] = set()

    def look_for_libraries(self) -> None:
        """Listen to those that have been imported by now. Needs a running event loop."""
        for name in _LIBRARIES - self._found:
            module = sys.modules.get(name)
            if module is not None:
                self._found.add(name)
                if name == "lavalink":
                    self._wrap_dispatch(module)
                else:
                    self._listen(name)

    def _listen(self, library: str) -> None:
        prefix = "" if library == "mafic" else f"{library}_"
        for event, tell in (
            ("track_start", self._started),
            ("track_end", self._ended),
            ("track_exception", self._failed),
            ("track_stuck", self._failed),
        ):
            self._hooks.listen(f"{prefix}{event}", tell if library == "pomice" else self._payload(tell))

    async def detach(self) -> None:
        await self._hooks.end()
        for of, name, around in self._wrapped:
            remove_sink(of, (name,), around)
        self._wrapped.clear()

    def _wrap_dispatch(self, lavalink: ModuleType) -> None:
        """It dispatches nothing to the bot: wrap what it does in place of that."""
        client: Any = getattr(lavalink, "Client", None)
        if isinstance(client, type):
            self._wrap(client, _DISPATCH, self._dispatched)

    # -- events --------------------------------------------------------------------------------------------------------

    def _payload(self, tell: Callable[[Any, Any, Any], None]) -> Callable[..., None]:
        """What takes one payload in place of its parts. A host's own event of the same name is none."""

        def told(payload: Any = None, *_: object) -> None:
            if _library_of(payload.__class__) is not None:
                tell(*(getattr(payload, name, None) for name in ("player", "track", "reason")))

        return told

    def _dispatched(self, run: Callable[..., None], client: Any, /, *args: Any, **kwargs: Any) -> None:
        with self._context.guarded():
            event = args[0] if args else kwargs.get("event")
            user = self._context.bot.user
            if user is not None and getattr(client, "_user_id", user.id) == user.id:
                tell = {
                    "TrackStartEvent": self._started,
                    "TrackEndEvent": self._ended,
                    "TrackExceptionEvent": self._failed,
                    "TrackStuckEvent": self._failed,
                }.get(type(event).__name__)
                if tell is not None:
                    self._payload(tell)(event)
        run(*args, **kwargs)

    def _started(self, player: Any, track: Any, _reason: object = None) -> None:
        guild_id = _guild_id_of(player)
        if guild_id is not None:
            self._wrap_pausing(player.__class__)
            song = self._context.new_song(guild_id, track)
            self._context.put(partial(self._context.songs.begin, song, self._context.now()))

    def _ended(self, player: Any, _track: object, reason: Any) -> None:
        guild_id = _guild_id_of(player)
        if guild_id is not None:
            why = str(getattr(reason, "value", reason)).replace("_", "").lower()
            ended = _REASONS.get(why, EndReason.FINISHED)
            self._context.put(partial(self._context.songs.end, guild_id, ended, self._context.now()))

    def _failed(self, player: Any, _track: object, _error: object) -> None:
        guild_id = _guild_id_of(player)
        if guild_id is not None:
            self._context.put(partial(self._context.songs.fail, guild_id))

    # -- pauses --------------------------------------------------------------------------------------------------------

    def _wrap_pausing(self, kind: type) -> None:
        for of in kind.__mro__:
            if _library_of(of) is not None:
                for name in _PAUSING:
                    self._wrap(of, name, partial(self._paused, name))

    def _wrap(self, of: type, name: str, around: Around) -> None:
        if name in vars(of) and not any((of, name) == (known, other) for known, other, _ in self._wrapped):
            add_around(of, (name,), around)
            self._wrapped.append((of, name, around))

    async def _paused(self, name: str, run: Callable[..., Any], player: Any, /, *args: Any, **kwargs: Any) -> Any:
        result = await run(*args, **kwargs)
        with self._context.guarded():
            guild_id, client = _guild_id_of(player), getattr(player, "client", None)
            if guild_id is not None and (client is self._context.bot or not isinstance(client, discord.Client)):
                is_paused = name != "resume" and bool([*args, *kwargs.values(), True][0])
                turn = self._context.songs.pause if is_paused else self._context.songs.resume
                self._context.put(partial(turn, guild_id, self._context.now()))
        return result


def _library_of(kind: type) -> str | None:
    """`mafic`: the library that a class is of; None for what is of none of these."""
    name = kind.__module__.partition(".")[0]
    return name if name in _LIBRARIES else None


def _guild_id_of(player: Any) -> int | None:
    """None of a player that is gone, as some libraries tell of one."""
    guild_id = getattr(player, "guild_id", None) or getattr(getattr(player, "guild", None), "id", None)
    return guild_id if isinstance(guild_id, int) else None
