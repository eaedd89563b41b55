"""Invocations that are left out: of the people and servers in `[record]`, and of commands that the bot marked.

A command is marked by `@botmon_cog.ignore`, or by `extras={"botmon": False}`; so are all of a group or a cog.
"""

from __future__ import annotations

from typing import Any, TypeVar
from weakref import ref

from botmon_cog.config import RecordConfig

MARK = "__botmon_ignored__"
EXTRA = "botmon"

T = TypeVar("T")

_MOST_KNOWN = 2048


def ignore(target: T) -> T:
    """Leave a command out: it is not recorded, counted or told of. A decorator.

    It goes above or below the one that makes the command, on a group, which takes its sub-commands with it, and on a
    class of cogs or groups.
    """
    # A cog copies its commands, and the copies share their callback.
    marked: Any = target if isinstance(target, type) else getattr(target, "callback", target)
    try:
        setattr(marked, MARK, True)
    except AttributeError as error:
        raise TypeError(f"can't be ignored: {target!r} is no command, function or class") from error
    return target


class Filter:
    """Tells whether an invocation is left out. It runs for every command: so a command is looked at once.

    Attributes:
        has_people: some people or servers are left out.
    """

    def __init__(self, record: RecordConfig) -> None:
        self._users, self._guilds = frozenset(record.ignore_users), frozenset(record.ignore_guilds)
        self._known: dict[ref[Any], bool] = {}
        self.has_people = bool(self._users or self._guilds)

    def __call__(self, user_id: int, guild_id: int | None, command: Any) -> bool:
        """`command`: None: only the person and the server are looked at."""
        if user_id in self._users or guild_id in self._guilds:
            return True
        if command is None:
            return False
        found = self._known.get(ref(command))
        if found is None:
            if len(self._known) >= _MOST_KNOWN:  # of a bot that makes its commands anew again and again
                self._known.clear()
            found = self._known[ref(command)] = is_marked(command)
        return found


def is_marked(command: Any) -> bool:
    """Whether the command, one of its groups, or its cog is left out. Takes prefix, hybrid and app commands."""
    command = getattr(command, "wrapped", command)  # of a hybrid's slash half, which has not its `extras` and groups
    while command is not None:
        if (
            command.extras.get(EXTRA) is False
            or getattr(getattr(command, "callback", command), MARK, False)
            or getattr(_owner(command), MARK, False)
        ):
            return True
        command = getattr(command, "parent", None)
    return False


def _owner(command: Any) -> Any:
    """The cog, or the class of groups, that an app command (`binding`) or a prefix command (`cog`) belongs to."""
    return getattr(command, "binding", None) or getattr(command, "cog", None)
