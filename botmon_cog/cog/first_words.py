"""What is logged once after loading: what there is, and what is missing that was asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

import discord
from discord.ext import commands

from botmon_cog.clock import Clock
from botmon_cog.config import Config, HealthConfig
from botmon_cog.installed import installed_version
from botmon_cog.monitors.failures import Failures
from botmon_cog.setup_check.commands_at_discord import known_elsewhere, sync_states

_log = logging.getLogger(__name__)

_SYNCED_WITHIN_S = 60.0
"""Bots that sync by themselves do it in their first moments."""
_NO_COMMANDS = "no commands of its own"


def loaded(config: Config, store: str, names: Iterable[str]) -> str:
    """The line for the log: version, store, what is watched, which commands. `store` names the database."""
    names = [f"/{name}" for name in names if name]
    ways = ["every command", *(["the event loop"] if config.loop.watch else []), _components(config.health)]
    version = installed_version() or "(version unknown)"
    return (
        f"botmon_cog {version} is loaded; store: {store}; watched: {_listed(ways)}; "
        f"commands: {', '.join(names) or _NO_COMMANDS}"
    )


def _components(config: HealthConfig) -> str:
    n = len(config.watch)
    return f"{n} parts of the bot's health" if n > 1 else f"health ({', '.join(config.watch) or 'nothing judged'})"


def _listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]


def how_to_sync(names: Iterable[str]) -> str:
    """What to do about commands that Discord does not know."""
    shown = _listed([f"/{name}" for name in names])
    return (
        f"Discord does not know {shown} yet, so nobody can use it. Sync the commands once: `await bot.tree.sync()`, "
        "for example in a command for owners (jishaku: `jsk sync`, Red: `[p]slash sync`); it may take a reload of the "
        "Discord app until they appear"
    )


async def unknown_to_discord(bot: commands.Bot, names: Iterable[str]) -> tuple[str, ...]:
    """Those of our commands that Discord does not know. Empty also if that can't be found out."""
    try:
        states = await sync_states(bot)
    except (discord.DiscordException, OSError, TimeoutError) as error:
        _log.debug("can't find out which commands Discord knows: %s", error)
        return ()
    missing = {name for state in states for name in state.missing} - known_elsewhere(states)
    return tuple(name for name in names if f"/{name}" in missing)


class SyncCheck:
    """Looks once, a minute after the bot is ready, whether Discord knows our commands, and logs what to do if not."""

    def __init__(
        self, bot: commands.Bot, clock: Clock, failures: Failures, names: Callable[[], Mapping[str, str]]
    ) -> None:
        """`names`: those that our commands have by then, by key."""
        self._bot = bot
        self._clock = clock
        self._failures = failures
        self._names = names
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Needs a running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._look(), name="botmon-sync-check")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _look(self) -> None:
        try:
            await self._bot.wait_until_ready()
            await self._clock.sleep(_SYNCED_WITHIN_S)
            unknown = await unknown_to_discord(self._bot, self._names().values())
        except Exception as error:  # noqa: BLE001 (the edge: a task of ours)
            self._failures.note("looking whether Discord knows the commands", error)
            return
        if unknown:
            _log.warning("%s", how_to_sync(unknown))
