"""The extension in a real Red on the loopback Discord. Runs in a virtual environment that has Red: see `.ci/hosts/run`.

Prints one line for each thing that holds, and ends with exit code 1 at the first that does not.
"""

# ruff: noqa: ARG002, ASYNC110, INP001, SLF001, T201 (a script that looks into Red and tells)

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

_FOLDER = Path(tempfile.mkdtemp(prefix="botmon-red-"))
os.environ["XDG_DATA_HOME"] = os.environ["XDG_CONFIG_HOME"] = str(_FOLDER)  # Red keeps a list of its instances there
os.chdir(_FOLDER)

import discord  # noqa: E402
from redbot import __version__ as red_version  # noqa: E402
from redbot.__main__ import run_bot  # noqa: E402
from redbot.core import app_commands, commands, data_manager  # noqa: E402
from redbot.core._cli import parse_cli_flags  # noqa: E402
from redbot.core.bot import Red  # noqa: E402

import botmon_cog  # noqa: E402
from botmon_cog.testing import LoopbackDiscord  # noqa: E402

PACKAGE = Path(botmon_cog.__file__).parent
for _name in [name for name in sys.modules if name.partition(".")[0] == "botmon_cog"]:
    del sys.modules[_name]  # Red finds it in a folder for cogs, as the first to import it
_TIMEOUT_S = 60
ROWS = [
    ("prefix", "greet", "ok"),
    ("prefix", "fail", "error"),
    ("hybrid_prefix", "both", "ok"),
    ("hybrid_slash", "both", "ok"),
    ("slash", "slashed", "ok"),
    ("slash", "broken", "error"),
]


class Host(commands.Cog):
    """A cog of Red's own, with commands of every kind, one of them under a name of ours."""

    @commands.command()
    async def greet(self, ctx: commands.Context) -> None:
        await ctx.send("hello")

    @commands.command()
    async def fail(self, ctx: commands.Context) -> None:
        raise ValueError("as it should")

    @commands.hybrid_command()
    async def both(self, ctx: commands.Context) -> None:
        await ctx.send("either way")

    @app_commands.command(extras={"red_force_enable": True})
    async def slashed(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message("slashed")

    @app_commands.command(extras={"red_force_enable": True})
    async def broken(self, interaction: discord.Interaction) -> None:
        raise ValueError("as it should")


class Logged(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def of(self, logger: str, level: int = logging.INFO) -> list[str]:
        return [r.getMessage() for r in self.records if r.name.startswith(logger) and r.levelno >= level]


class Session:
    """Red, and its owner typing at it."""

    def __init__(self, red: Red, loopback: LoopbackDiscord, logged: Logged) -> None:
        self.red, self.loopback, self.logged = red, loopback, logged

    async def say(self, text: str) -> str:
        """What the bot answers when its owner types `text`."""
        await self.loopback.owner.send(self.loopback.channel, f"!{text}")
        return (await self.loopback.channel.next_message(_TIMEOUT_S)).content

    async def slash(self, name: str) -> str:
        answer = await self.loopback.admin.slash(self.loopback.channel, name)
        return answer.message.content or str(answer.message.embeds)

    async def use_all(self) -> list[str]:
        """Every command of the host's once, and what was answered."""
        typed = [await self.say(text) for text in ("greet", "fail", "both")]
        return typed + [await self.slash(name) for name in ("both", "slashed", "broken")]

    async def rows(self) -> list[tuple[str, str, str]]:
        cog = self.red.get_cog("botmon")
        async with asyncio.timeout(_TIMEOUT_S):
            while cog.observer.running:
                await asyncio.sleep(0)
        await cog.system.flush()
        await cog.system.recorder.catch_up()
        found = await cog.system.store.history.find(_module("store.history").HistoryFilter(limit=100))
        return [(row.kind, row.command, row.outcome) for row in reversed(found)]

    def in_tree(self) -> set[str]:
        """Names of the commands that the tree holds in any of its drawers, as far as they are ours."""
        tree = self.red.tree
        held = [*tree._global_commands.values(), *tree._disabled_global_commands.values()]
        held += [*tree._context_menus.values(), *tree._disabled_context_menus.values()]
        held += [c for commands_ in tree._guild_commands.values() for c in commands_.values()]
        return {c.name for c in held if (c.module or "").startswith("botmon_cog")}

    def enabled(self) -> set[str]:
        """Those of ours that Red would sync."""
        return self.in_tree() & {*self.red.tree._global_commands}


def _module(name: str) -> Any:
    """As it is now: unloading takes our modules out of `sys.modules`."""
    return importlib.import_module(f"botmon_cog.{name}")


@asynccontextmanager
async def red_running() -> AsyncIterator[Session]:
    data_manager.create_temp_config()
    data_manager.load_basic_configuration("temporary_red")
    async with LoopbackDiscord() as loopback:
        flags = parse_cli_flags(
            ["temporary_red", "--no-prompt", "--token", loopback.token, "--prefix", "!", "--no-cogs",
             "--owner", str(loopback.owner.id)]
        )  # fmt: skip
        red = Red(cli_flags=flags, description="Red", dm_help=None)
        logged = Logged()
        running = asyncio.create_task(run_bot(red, flags))
        ready = asyncio.create_task(red.wait_until_red_ready())
        await asyncio.wait({running, ready}, timeout=_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
        assert ready.done(), "Red was not ready in time"
        logging.getLogger().addHandler(logged)
        try:
            yield Session(red, loopback, logged)
        finally:
            await red.close()
            await asyncio.wait({running}, timeout=_TIMEOUT_S)


def check(what: str, *, holds: bool, instead: object = "") -> None:
    print("ok " if holds else "NOT", what, "" if holds else instead, flush=True)
    if not holds:
        sys.exit(1)


async def main() -> None:
    python = sys.version.split()[0]
    print(f"Red {red_version}, discord.py {discord.__version__}, Python {python}, optimised: {not __debug__}")
    cogs = _FOLDER / "cogs"
    cogs.mkdir()
    (cogs / "botmon_cog").symlink_to(PACKAGE, target_is_directory=True)
    async with red_running() as session:
        await session.red.add_cog(Host())
        await session.red.enable_app_command("both")  # a hybrid command's `extras` do not reach its slash half
        await session.red.tree.red_check_enabled()
        await session.red.tree.sync()
        await session.say(f"addpath {cogs}")
        alone = await session.use_all()
        errors_alone = session.logged.of("red", logging.ERROR)

        await loads_and_records(session, alone, errors_alone)
        await commands_are_enabled(session)
        await unloads(session, alone)
        await loads_after_an_import(session)
        folder = await tells_what_is_wrong(session)
    with closing(sqlite3.connect(folder / "botmon.db")) as store:
        ends = [
            end for (end,) in store.execute("SELECT ending FROM runs WHERE seen_ms IS NOT NULL ORDER BY started_ms")
        ]
    expected = [*["unloaded"] * (len(ends) - 1), "stopped"]
    check("the end of Red is the end of the run", holds=ends == expected, instead=ends)


async def loads_and_records(session: Session, alone: list[str], errors_alone: list[str]) -> None:
    red, logged = session.red, session.logged
    logged.records.clear()
    said = await session.say("load botmon_cog")
    check("[p]load takes the cog", holds="Loaded" in said and "botmon" in red.cogs, instead=said)
    folder = data_manager.cog_data_path(raw_name="BotMon")
    there = [path.name for path in folder.iterdir()]
    check("the store lies in the cog's data folder", holds="botmon.db" in there, instead=there)
    ours = session.in_tree()
    check(f"Red keeps {sorted(ours)} off until they are enabled", holds=bool(ours) and not session.enabled())
    check("answers are the same", holds=await session.use_all() == alone, instead=alone)
    check("so are Red's own errors", holds=logged.of("red", logging.ERROR) == errors_alone, instead=errors_alone)
    rows = await session.rows()
    check("each invocation is one row", holds=rows == ROWS, instead=rows)
    warnings = logged.of("botmon_cog", logging.WARNING)
    check("nothing of ours went wrong", holds=not warnings, instead=warnings)


async def commands_are_enabled(session: Session) -> None:
    ours = session.in_tree()
    said = await session.say("slash enablecog botmon_cog")
    check("[p]slash enablecog botmon_cog enables ours", holds=session.enabled() == ours, instead=said)
    await session.red.tree.sync()
    said = await session.slash("health")
    check("/health answers", holds="This server, last hour" in said, instead=said)
    for _ in range(3):
        said = await session.say("reload botmon_cog")
        check("[p]reload takes it again", holds="Reloaded" in said and "botmon" in session.red.cogs, instead=said)
    check("ours are enabled again at once", holds=session.enabled() == ours, instead=session.enabled())
    await session.say("greet")
    rows = await session.rows()
    check("and it goes on recording", holds=rows[-1] == ("prefix", "greet", "ok"), instead=rows)
    said = await session.say("slash disablecog botmon_cog")
    check("[p]slash disablecog takes ours out", holds=not session.enabled(), instead=said)


async def unloads(session: Session, alone: list[str]) -> None:
    tree = session.red.tree
    said = await session.say("unload botmon_cog")
    check("[p]unload", holds="unloaded" in said.lower() and "botmon" not in session.red.cogs, instead=said)
    check("nothing of ours is in the tree, disabled commands included", holds=not session.in_tree())
    left = {name for name in ("on_error", "add_command", "_call", "_from_interaction") if name in vars(tree)}
    check("the tree is Red's own again", holds=not left, instead=left)
    check("answers are the same as before", holds=await session.use_all() == alone)


async def loads_after_an_import(session: Session) -> None:
    importlib.import_module("botmon_cog")  # as a cog that uses us does: then Red executes every module again
    said = await session.say("load botmon_cog")
    check("it loads after another cog has imported it", holds="botmon" in session.red.cogs, instead=said)
    before = len(await session.rows())
    await session.use_all()
    rows = (await session.rows())[before:]
    check("and records", holds=rows == ROWS, instead=rows)
    await session.say("unload botmon_cog")


async def tells_what_is_wrong(session: Session) -> Path:
    """Returns the cog's data folder."""
    folder = data_manager.cog_data_path(raw_name="BotMon")
    (folder / "botmon.toml").write_text("[storage]\nlinger = 1\n")
    session.logged.records.clear()
    said = await session.say("load botmon_cog")
    check("a wrong setting is told in Discord", holds="Did you mean 'linger_ms'" in said, instead=said)
    check("without a traceback", holds=not any(r.exc_info for r in session.logged.records))
    check("nothing of it stays", holds="botmon" not in session.red.cogs and not session.in_tree())
    (folder / "botmon.toml").unlink()
    said = await session.say("load botmon_cog")
    check("it loads once that is mended", holds="botmon" in session.red.cogs, instead=said)
    return folder


if __name__ == "__main__":
    try:
        asyncio.run(main())
    finally:
        shutil.rmtree(_FOLDER)
