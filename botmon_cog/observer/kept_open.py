"""What is open, kept where a kill does not reach it: each invocation from its first sign until its row is stored.

It runs for every command, before its task is made. What is needed of a command beyond its name is looked up once.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any, NamedTuple, cast

from discord.ext import commands
from discord.ext.commands.hybrid import HybridAppCommand  # pyright: ignore[reportMissingTypeStubs] (it is typed)

from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.observer.ignoring import make_filter
from botmon_cog.observer.open_component import OpenComponent
from botmon_cog.observer.open_message import OpenMessage, qualified_name
from botmon_cog.observer.opened import MENUS, SUB_COMMANDS, OpenInteraction, OpenInvocation, is_own
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.queue.open_file import NOWHERE
from botmon_cog.store.queue.open_slots import IS_OWN, KIND_CODES, NAME_BYTES

_MOST_KNOWN = 2048
_IGNORED = -1


class _Known(NamedTuple):
    """Of a command, as the file has it."""

    kind: int
    flags: int
    """`_IGNORED` if it is left out."""
    name: bytes


class KeptOpen:
    """What one bot has open, in the file of its system. Nothing here raises."""

    def __init__(self, bot: commands.Bot, system: MonitoringSystem, own_names: Container[str]) -> None:
        """`own_names` are those that our commands may have."""
        self._bot = bot
        self._file = system.open_file
        self._writer = system.writer
        self._failures = system.failures
        self._own_names = own_names
        self._is_ignored = make_filter(system.config.record)
        self._known: dict[object, _Known] = {}
        self._is_retired = False
        self.note_interaction = self._make_note()

    def attach(self) -> None:
        """Make the file."""
        self._file.create()

    # -- what opens ----------------------------------------------------------------------------------------------------

    def _make_note(self) -> Callable[[OpenInteraction], None]:
        """Returns what keeps a command, or a component, when it opens, and again when its name is known better."""
        bot, add, recall, learn = self._bot, self._file.add, self._known.get, self._learn
        is_ignored = self._is_ignored

        def note(opened: OpenInteraction) -> None:
            try:
                interaction = opened.interaction
                if type(opened) is OpenInteraction:
                    data: Any = interaction.data
                    try:
                        name = data["name"]
                    except (KeyError, TypeError):  # not as Discord sends it: nothing could be named
                        return
                    options = data.get("options")
                    if options and options[0]["type"] in SUB_COMMANDS:
                        name = opened.command
                    elif "target_id" in data:
                        name = name, data["type"]
                    kind, flags, encoded = recall(name) or learn(name, opened)
                else:
                    kind, flags, encoded = _component(opened)
                user_id, guild_id = interaction.user.id, interaction.guild_id
                if flags == _IGNORED or is_ignored(user_id, guild_id, None):
                    return
                channel = interaction.channel
                opened.slot = add(
                    opened.slot,
                    opened.started_at.timestamp(),
                    interaction.id,
                    user_id,
                    guild_id or 0,
                    0 if channel is None else channel.id,
                    bot.shard_count or 0,
                    kind,
                    flags,
                    encoded,
                )
            except Exception as error:  # noqa: BLE001 (the edge: the command must run, whatever we can't read of it)
                self._failures.note("keeping what is open", error)

        return note

    def _learn(self, name: object, opened: OpenInteraction) -> _Known:
        """What is kept of a command from now on."""
        command, data = cast("Any", opened.interaction.command), cast("Any", opened.interaction.data)
        kind = opened.kind
        if isinstance(opened.interaction.command, HybridAppCommand):
            kind = Kind.HYBRID_SLASH
        elif "target_id" in data:
            kind = MENUS.get(data["type"], kind)
        found = _known(kind, opened.command, is_ours=data["name"] in self._own_names and is_own(command))
        if self._is_ignored(0, None, command):
            found = found._replace(flags=_IGNORED)
        if len(self._known) >= _MOST_KNOWN:  # of a bot whose commands come and go
            self._known.clear()
        self._known[name] = found
        return found

    def note_message(self, opened: OpenMessage) -> None:
        """Keep a prefix command when it opens."""
        try:
            context = opened.context
            command = _called(context)
            user_id, guild_id, _ = opened.subject
            if self._is_ignored(user_id, guild_id, command):
                return
            known = _known(opened.kind, qualified_name(command), is_ours=is_own(command))
            opened.slot = self._file.add(
                opened.slot,
                opened.started_at.timestamp(),
                context.message.id,
                user_id,
                guild_id or 0,
                context.channel.id,
                self._bot.shard_count or 0,
                *known,
            )
        except Exception as error:  # noqa: BLE001 (likewise)
            self._failures.note("keeping what is open", error)

    # -- what ends -----------------------------------------------------------------------------------------------------

    def retire(self) -> None:
        """From now on rows go to another writer."""
        self._is_retired = True

    def recorded(self, opened: OpenInvocation, invocation: Invocation) -> None:
        """Its row is the newest event that the writer has."""
        if self._is_retired:
            self.forget(opened)
        elif opened.slot >= 0:
            self._file.ended(opened.slot, self._writer.taken, invocation)
            opened.slot = NOWHERE

    def set_aside(self, opened: OpenInvocation, invocation: Invocation) -> None:
        """The same of an `AnsweredElsewhere`."""
        if opened.slot >= 0:
            self._file.ended(opened.slot, self._writer.taken, invocation, is_elsewhere=True)
            opened.slot = NOWHERE

    def forget(self, opened: OpenInvocation) -> None:
        """It has no row, or another writer does."""
        if opened.slot >= 0:
            self._file.remove(opened.slot)
            opened.slot = NOWHERE


def _known(kind: Kind, name: str, *, is_ours: bool) -> _Known:
    encoded = name.encode("utf-8", "replace")[:NAME_BYTES]
    return _Known(KIND_CODES[kind], IS_OWN if is_ours else 0, encoded)


def _component(opened: OpenInteraction) -> _Known:
    return _known(opened.kind, opened.command, is_ours=isinstance(opened, OpenComponent) and opened.is_own)


def _called(context: commands.Context[Any]) -> Any:
    """The command that a message calls. discord.py looks for a group's sub-command only later."""
    command: Any = context.command
    if not isinstance(context.command, commands.Group):
        return command
    for word in context.view.buffer[context.view.index :].split():
        below: dict[str, Any] = getattr(command, "all_commands", {})
        if word not in below:
            break
        command = below[word]
    return command
