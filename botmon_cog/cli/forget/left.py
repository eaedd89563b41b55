"""What may be left behind, and what is said of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Something that the extension has made, and that is removed as one."""

    name: str
    """A file's path, a schema, a command."""
    what: str
    remove: Callable[[], Awaitable[None]]
    """Raises `StorageError`, or what discord.py raises, if it can't be removed."""
    is_used: Callable[[], Awaitable[bool]]
    """Whether a running bot uses it, so that it can't be removed now."""


@dataclass(slots=True)
class Found:
    """All that was found in one place."""

    left: list[Left] = field(default_factory=list[Left])
    kept: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """(name, why) of what is not removed: it is not the extension's, or not its alone."""
    notes: list[str] = field(default_factory=list[str])
    """What could not be looked at, and what to do about that."""

    def add(self, other: Found) -> None:
        self.left += other.left
        self.kept += other.kept
        self.notes += other.notes


async def never() -> bool:
    """For what no bot can be using."""
    return False
