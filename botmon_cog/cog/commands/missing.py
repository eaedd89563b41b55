"""Sentences for the owners about a command of ours that is missing: why, and what to do. Short enough for one line."""

from __future__ import annotations

MOST_COMMANDS = 100
"""Global slash commands that Discord allows a bot."""


def name_taken(key: str, name: str) -> str:
    """The bot has a command of that name. `name` is as users type it (`/stats`); `key` is the one in `[commands]`."""
    other = "botmonitor" if key == "botmon" else f"bot{key}"
    return f'This bot has its own {name}, so botmon_cog\'s is missing. To have both: [commands] {key} = "{other}"'


def no_room(key: str, name: str) -> str:
    """The bot has as many commands as Discord allows."""
    another = "stats" if key == "perf" else "perf"
    return (
        f"No room for botmon_cog's {name} (Discord allows {MOST_COMMANDS} commands). "
        f'To leave out another: [commands] {another} = ""'
    )


def removed(name: str) -> str:
    """The bot's own code took it out of the command tree."""
    return f"This bot removed botmon_cog's {name}. It comes back when botmon_cog is loaded again."
