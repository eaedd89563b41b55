"""What never changes about an application command, looked up once: a command is invoked again and again."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from functools import lru_cache
from typing import Any
from weakref import ref

import discord
import msgspec
from discord import app_commands
from discord.ext import commands
from discord.ext.commands.hybrid import HybridAppCommand  # pyright: ignore[reportMissingTypeStubs] (it is typed)

from botmon_cog.domain.models import Kind
from botmon_cog.domain.taken import LONGEST_NAME
from botmon_cog.observer.ignoring import is_marked
from botmon_cog.store.queue import open_slots

AnyInteraction = discord.Interaction[Any]
AnyCommand = app_commands.Command[Any, ..., Any] | app_commands.ContextMenu | commands.Command[Any, ..., Any]
Options = Sequence[Mapping[str, Any]]

SUB_COMMANDS = frozenset(
    {discord.AppCommandOptionType.subcommand.value, discord.AppCommandOptionType.subcommand_group.value}
)
_PACKAGE = __name__.partition(".")[0]
_OURS, _DEMO = f"{_PACKAGE}.", f"{_PACKAGE}.cli."
"""What the modules of our commands begin with; the demo's bot is a host like any other."""
_MENUS = {2: Kind.USER_MENU, 3: Kind.MESSAGE_MENU}
_UNNAMED = "?"
_MOST_KNOWN = 2048


class KnownCommand(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """An application command or a component, as far as it is always the same.

    Attributes:
        name: the full path.
        again: finds what it is now, where that has changed; None: it does not change.
        command: gives discord.py's command, None if that is gone or was never there.
        is_own: it is one of this package's; not that of a host which has the same name.
        is_ignored: the bot marked it as not to be recorded.
        is_plain: neither of the two.
        what: as the file of open invocations has it.
    """

    kind: Kind
    name: str
    command: Callable[[], Any]
    is_own: bool
    is_ignored: bool
    is_plain: bool
    what: bytes
    again: Callable[[AnyInteraction], KnownCommand] | None


class KnownCommands:
    """Those of one bot.

    Attributes:
        find: returns what is known of an interaction's command. It runs for every command, before discord.py has looked
            at it.
    """

    def __init__(self, own_names: Container[str]) -> None:
        """`own_names` are those that our commands may have."""
        self._own_names = own_names
        self._known: dict[object, KnownCommand] = {}
        self.find = self._make_find()

    def _make_find(self) -> Callable[[AnyInteraction], KnownCommand]:
        recall, search = self._known.get, self._search

        def find(interaction: AnyInteraction) -> KnownCommand:
            data: Any = interaction.data
            try:
                known = recall((data["name"], data["type"]))
                if known is None:
                    known = recall((data["name"], data["options"][0]["name"]))
            except (KeyError, TypeError):  # it has no options, or is not as Discord sends it
                known = None
            return known or search(interaction)

        return find

    def _search(self, interaction: AnyInteraction) -> KnownCommand:
        """Of what comes for the first time, and of what is below a group of a group."""
        data: Mapping[str, Any] = interaction.data or {}
        first, options = data.get("name", _UNNAMED), data.get("options")
        name, _ = path(first, options)
        key: object = name
        if name is first:
            key = first, data.get("type")
        elif options and name == f"{first} {options[0]['name']}":
            key = first, options[0]["name"]
        return self._known.get(key) or self._learn(key, name, interaction)

    def _again(self, interaction: AnyInteraction) -> KnownCommand:
        """Of a command that the host has replaced by another one of its name."""
        self._known.clear()
        return self._search(interaction)

    def _learn(self, key: object, name: str, interaction: AnyInteraction) -> KnownCommand:
        command, data = interaction.command, interaction.data
        kind = Kind.SLASH
        if isinstance(command, HybridAppCommand):
            kind = Kind.HYBRID_SLASH
        elif "target_id" in (data or {}):
            kind = _MENUS.get((data or {}).get("type", 0), kind)
        is_ours = name.partition(" ")[0] in self._own_names and is_own(command)
        is_ignored = command is not None and is_marked(command)
        found = KnownCommand(
            kind=kind,
            name=name,
            command=_none if command is None else ref(command),
            is_own=is_ours,
            is_ignored=is_ignored,
            is_plain=not is_ours and not is_ignored,
            what=open_slots.what(kind, name, is_own=is_ours),
            again=self._again,
        )
        if len(self._known) >= _MOST_KNOWN:  # of a bot whose commands come and go
            self._known.clear()
        self._known[key] = found
        return found


def path(name: str, options: Options | None) -> tuple[str, Options]:
    """The full path of a command and its own options, of what Discord sent under its first name."""
    while options and options[0]["type"] in SUB_COMMANDS:
        name = f"{name} {options[0]['name']}"
        options = options[0].get("options")
    return name, options or ()


def is_own(command: AnyCommand | None) -> bool:
    """Whether it is one of this package's; not that of a host which has the same name."""
    if command is None or command.module is None:
        return False
    return command.module.startswith(_OURS) and not command.module.startswith(_DEMO)


@lru_cache(maxsize=2048)  # a bot has few components, and each is used again and again
def known_component(kind: Kind, name: str, *, is_own: bool) -> KnownCommand:
    """A button, a select menu or a modal, as it is recorded."""
    name = name[:LONGEST_NAME]
    return KnownCommand(
        kind=kind,
        name=name,
        command=_none,
        is_own=is_own,
        is_ignored=False,
        is_plain=False,
        what=open_slots.what(kind, name, is_own=is_own),
        again=None,
    )


def _none() -> None:
    return None
