"""Which library a bot runs on, and the sentence for one that can't be watched.

Imports no Discord library: it must work where discord.py is not installed, or another library took its name.
"""

from __future__ import annotations

import sys
from typing import Any

_OLDEST = (2, 4)
_OTHERS = {"nextcord": "nextcord", "disnake": "disnake", "hikari": "hikari", "interactions": "interactions.py"}
"""By the package that the bot's class comes from."""
_NAMES = {"discord": "discord.py", "pycord": "py-cord"}
"""By `discord.__title__`: several libraries are imported as `discord`."""


def refusal(bot: object) -> str | None:
    """Why this bot can't be watched, in a sentence or two; None if it can."""
    packages = packages_of(bot)
    other = next((name for package, name in _OTHERS.items() if package in packages), None)
    if other is not None:
        return _runs_on(other)
    library: Any = sys.modules.get("discord")
    if "discord" not in packages or library is None:
        return f"botmon_cog watches discord.py bots, and {type(bot).__qualname__} is none, so nothing is watched."
    title: str = getattr(library, "__title__", "")
    if title != "discord":
        return _runs_on(_NAMES.get(title, title or "another library"))
    if tuple(library.version_info[:2]) < _OLDEST:
        return (
            f"botmon_cog needs discord.py {'.'.join(map(str, _OLDEST))} or newer, and this bot runs on"
            f" {library.__version__}, so nothing is watched. pip install -U discord.py"
        )
    if not hasattr(bot, "add_cog"):
        return (
            "botmon_cog is a cog, and a discord.Client has none, so nothing is watched."
            ' Make the bot a commands.Bot, which is a discord.Client too, and await bot.load_extension("botmon_cog").'
        )
    return None


def packages_of(bot: object) -> frozenset[str]:
    """The top-level packages that the bot's class and its bases come from."""
    return frozenset(base.__module__.partition(".")[0] for base in type(bot).__mro__)


def _runs_on(library: str) -> str:
    return (
        f"botmon_cog watches discord.py bots, and this one runs on {library}, so nothing is watched."
        " botmon_cog.create_monitoring_system() works without a library, for a bot that logs its commands itself."
    )
