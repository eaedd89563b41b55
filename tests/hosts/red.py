"""A stand-in for Red and what it does differently: its class of cogs, how it loads, commands that wait for a switch.

The real one is tried in `.ci/hosts`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from tests.hosts.bots import Host

PACKAGE = "botmon_cog"


class RedCog(commands.Cog):
    """`redbot.core.commands.Cog`."""

    def __init__(self) -> None:
        self.requires = "nothing"


class CogLoadError(Exception):
    """`redbot.core.errors.CogLoadError`: its text is shown in Discord."""


class RedTree(app_commands.CommandTree[Any]):
    """Keeps new commands apart until they are enabled."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._disabled_global_commands: dict[str, Any] = {}
        self.enabled: set[str] = set()

    def add_command(self, command: Any, /, *, override: bool = False, **kwargs: Any) -> None:
        if kwargs or command.extras.get("red_force_enable"):
            super().add_command(command, override=override, **kwargs)
        elif not override and {command.name} & {*self._disabled_global_commands, *self._global_commands}:
            raise app_commands.CommandAlreadyRegistered(command.name, None)
        else:
            self._disabled_global_commands[command.name] = command

    def remove_command(self, command: str, /, **kwargs: Any) -> Any:
        return self._disabled_global_commands.pop(command, None) or super().remove_command(command, **kwargs)

    def red_check_enabled(self) -> None:
        for name in self.enabled & {*self._disabled_global_commands}:
            super().add_command(self._disabled_global_commands.pop(name))

    def module_of(self) -> set[str]:
        """The modules of all that it holds."""
        held = [*self._disabled_global_commands.values(), *self._global_commands.values()]
        return {(command.module or "").partition(".")[0] for command in held}


class Red(Host):
    """Takes cogs of its own class only, and loads extensions by their spec."""

    tree: RedTree

    def __init__(self) -> None:
        super().__init__(tree_cls=RedTree)

    async def add_cog(self, cog: commands.Cog, /, **kwargs: Any) -> None:
        if not isinstance(cog, RedCog):
            raise RuntimeError(f"{type(cog).__name__} does not inherit from the commands.Cog base class")  # noqa: TRY004
        if not hasattr(cog, "requires"):
            RedCog.__init__(cog)
        await super().add_cog(cog, **kwargs)

    async def load(self) -> str:
        """`[p]load botmon_cog`: what Red says of it."""
        spec = importlib.util.find_spec(PACKAGE)
        assert spec is not None
        # Red's way to refresh modules; it has no loopback among them.
        ours = [name for name in sys.modules if name.partition(".")[0] == PACKAGE]
        for name in [name for name in ours if not name.startswith(f"{PACKAGE}.testing")]:
            importlib._bootstrap._exec(sys.modules[name].__spec__, sys.modules[name])
        lib = importlib.import_module(PACKAGE)
        try:
            await lib.setup(self)
            self.tree.red_check_enabled()
        except CogLoadError as error:
            await self._remove_module_references(PACKAGE)
            await self._call_module_finalizers(lib, PACKAGE)
            return str(error)
        self._BotBase__extensions[PACKAGE] = lib
        return "Loaded"


Red.__module__ = "redbot.core.bot"


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """What a Red that runs has imported. `folder`: where its cogs keep their data.

    Red runs the code of our modules once more in the same modules, which afterwards are as they were.
    """
    loaded = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == PACKAGE}
    ours = {name: dict(vars(module)) for name, module in loaded.items()}

    def cog_data_path(*, raw_name: str) -> Path:
        (folder / raw_name).mkdir(parents=True, exist_ok=True)
        return folder / raw_name

    made = {
        "commands": {"Cog": RedCog},
        "errors": {"CogLoadError": CogLoadError},
        "data_manager": {"cog_data_path": cog_data_path},
    }
    for name, attributes in made.items():
        module = ModuleType(f"redbot.core.{name}")
        vars(module).update(attributes)
        sys.modules[module.__name__] = module
    try:
        yield
    finally:
        for name in made:
            del sys.modules[f"redbot.core.{name}"]
        for name, module in loaded.items():
            vars(module).clear()
            vars(module).update(ours[name])


def answer(bot: commands.Bot, name: str) -> None:
    """Give it a slash command that is enabled by force."""

    @bot.tree.command(name=name, description="Enabled by force", extras={"red_force_enable": True})
    async def command(interaction: discord.Interaction) -> None:
        await interaction.response.send_message(name)
