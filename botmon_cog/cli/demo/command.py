"""`demo`: the programme, and what stands between its scenes."""

from __future__ import annotations

import argparse
import asyncio
import logging
import shlex
import shutil
import tempfile
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

from botmon_cog.cli import interrupts
from botmon_cog.cli.console import make_console
from botmon_cog.cli.output import trouble_of
from botmon_cog.cli.program import program_name
from botmon_cog.cli.progress import bar_column
from botmon_cog.domain.outcome import Outcome
from botmon_cog.errors import BotMonError, ConfigError, MissingExtraError

if TYPE_CHECKING:
    from rich.console import Console

    from botmon_cog.cli.demo.stage import Stage

_REDRAW_S = 0.1
_OUTAGE_S = 0.5
_AT_MOST_S = 60.0
"""Beside the time that people use the bot."""
_FILE_NAME = "botmon-demo.db"


def run(arguments: argparse.Namespace) -> int:
    """Run the demo from beginning to end.

    Raises:
        BotMonError: the file is there already, or something went wrong on the way.
    """
    console = make_console(arguments.width)
    if arguments.metrics is not None and find_spec("prometheus_client") is None:
        raise MissingExtraError("demo --metrics", "prometheus")
    kept = _new_file(arguments.database)
    with tempfile.TemporaryDirectory(prefix="botmon-demo-", ignore_cleanup_errors=True) as folder, _quiet_log():
        guild_id = interrupts.run(
            _show(console, kept or Path(folder) / _FILE_NAME, arguments.seconds, arguments.metrics),
            abandon=lambda: shutil.rmtree(folder, ignore_errors=True),
        )
    _print_end(console, kept, guild_id)
    return 0


def _new_file(given: str | None) -> Path | None:
    """The file to keep the data in; None if nothing is kept."""
    if given is None:
        return None
    path = Path(given)
    if path.exists():
        raise ConfigError("--database", None, f"{path} is there already; the demo needs a new file")
    return path


@contextmanager
def _quiet_log() -> Generator[None, None, None]:
    """What fails in the demo fails on purpose, so the bot's log would only startle."""
    handler = logging.NullHandler()
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


async def _show(console: Console, database: Path, seconds: float, metrics_port: int | None) -> int:
    """Returns the ID of the demo's server."""
    from botmon_cog.cli.demo.stage import DemoFailedError, Stage  # noqa: PLC0415 (loads a Discord)
    from botmon_cog.testing import LoopbackDiscord  # noqa: PLC0415

    try:
        async with asyncio.timeout(_AT_MOST_S + seconds), LoopbackDiscord(name="Music Bot") as loopback:
            await _programme(console, Stage(loopback, database, metrics_port), seconds)
    except BotMonError:
        raise
    except TimeoutError as error:
        raise DemoFailedError("the demo did not come to its end in time") from error
    except Exception as error:  # the edge: whatever it is, the demo is what went wrong
        first = _first(error)
        if isinstance(first, OSError) and trouble_of(first):  # it was the terminal, not the demo
            raise first from None
        raise DemoFailedError(f"the demo failed: {first!r}") from error
    return loopback.guild.id


def _first(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        error = cast("ExceptionGroup[Exception]", error).exceptions[0]
    return error


async def _programme(console: Console, stage: Stage, seconds: float) -> None:
    console.print("botmon_cog demo", style="bold")
    console.print(
        "The extension sees every command of a bot, how long it took and how it ended. Here it watches a music bot "
        "on a small Discord of its own, on 127.0.0.1. The bot tells it of songs; all else it sees by itself."
    )
    console.print()
    n = await stage.seed()
    console.print(f"✓ Before today: two weeks of invented history, {n:,} commands.")
    async with stage.bot_running():
        if stage.metrics_url is not None:
            console.print(f"✓ As long as it runs: {stage.metrics_url}", soft_wrap=True)
        await _people_use_it(console, stage, seconds)
        for command, says in _COMMANDS.items():
            await _ask(console, stage, command, says)
        await _export(console, stage)
        _print_scene(console, "/privacy", "Anybody sees what is stored about them, and can have it erased:")
        _print_embed(console, await stage.ask_as_listener("privacy"), stage)
        for command, says in _OWNERS_COMMANDS.items():
            _print_scene(console, f"/{command}", says)
            _print_embed(console, await stage.ask_as_owner(command), stage)
        await _weekly_post(console, stage)
        await _outage(console, stage)
        outcomes = await stage.rows()
    _print_count(console, stage.used, outcomes)


_COMMANDS = {
    "health": "An admin of the server asks whether the bot is well:",
    "stats weekly": "What happened this week, and how that compares:",
    "perf": "How quick the bot is, and what slows it down:",
    "stats history": "Who used what, the newest first:",
}
_OWNERS_COMMANDS = {
    "botmon overview": "The owner looks at all servers, in a DM with the bot:",
    "stats people": "Who uses the bot most. Admins see it if they choose to:",
}
_MOST_LINES = 5


async def _people_use_it(console: Console, stage: Stage, seconds: float) -> None:
    from rich.progress import Progress, TextColumn  # noqa: PLC0415 (only where it is drawn)

    loop = asyncio.get_running_loop()
    progress = Progress(
        TextColumn("{task.description}"),
        bar_column(console),
        TextColumn("{task.fields[acts]} commands"),
        console=console,
        auto_refresh=False,
    )
    people = len(stage.listeners)
    with progress:
        bar = progress.add_task(f"  Now {people} people use the bot", total=seconds, acts=0)
        start_s = loop.time()
        using = asyncio.create_task(stage.crowd.use_bot(seconds))
        try:
            while not using.done():
                await asyncio.wait([using], timeout=_REDRAW_S)
                progress.update(bar, completed=min(loop.time() - start_s, seconds), acts=stage.crowd.acts, refresh=True)
        finally:
            using.cancel()
        await using
        progress.update(bar, completed=seconds, description=f"✓ Now {people} people use the bot", refresh=True)


async def _ask(console: Console, stage: Stage, command: str, says: str) -> None:
    embed = await stage.ask(command)
    _print_scene(console, f"/{command}", says)
    _print_embed(console, embed, stage)


async def _export(console: Console, stage: Stage) -> None:
    embed, lines = await stage.export()
    _print_scene(console, "/stats export", "The same numbers as a file for a spreadsheet:")
    _print_embed(console, embed, stage)
    for line in lines[:_MOST_LINES]:
        console.print(line, style="dim", no_wrap=True, overflow="ellipsis", markup=False)


async def _weekly_post(console: Console, stage: Stage) -> None:
    settings, report = await stage.weekly_post()
    _print_scene(console, "/stats settings", "An admin has the weekly report posted:")
    _print_embed(console, settings, stage)
    _print_scene(console, "The weekly post", "is in that channel, in the server's time zone:")
    _print_embed(console, report, stage)


async def _outage(console: Console, stage: Stage) -> None:
    with stage.database_taken():
        _print_scene(console, "The database is locked", "by another program. The owner gets a DM:")
        await stage.crowd.use_bot(_OUTAGE_S)
        _print_embed(console, await stage.next_notice("database"), stage)
    _print_scene(console, "The database is free again", "and the owner gets another DM:")
    _print_embed(console, await stage.next_notice("database"), stage)


def _print_count(console: Console, used: int, outcomes: Counter[str]) -> None:
    _print_scene(console, "Exactly one row per command", "and its true outcome, outage or not:")
    told = ", ".join(f"{n:,} {Outcome(outcome).words}" for outcome, n in outcomes.most_common())
    console.print(f"{used:,} commands used, {outcomes.total():,} rows written: {told}.")


def _print_embed(console: Console, embed: dict[str, object], stage: Stage) -> None:
    from botmon_cog.cli.drawing import print_embed  # noqa: PLC0415 (only where it is drawn)

    print_embed(console, embed, stage.now())


def _print_scene(console: Console, title: str, says: str) -> None:
    console.print()
    console.rule(style="dim")
    console.print(f"{title}  ", style="bold cyan", end="")
    console.print(says)
    console.print()


def _print_end(console: Console, kept: Path | None, guild_id: int) -> None:
    console.print()
    console.rule(style="dim")
    console.print("That was all real: real sockets, real slash commands, rows in a real database.")
    if kept is None:
        console.print("Nothing of it is left on this computer. To keep the database and read it yourself:")
        console.print(f"{program_name()} demo --database demo.db", style="cyan", soft_wrap=True)
    else:
        console.print("Read it with")
        database = shlex.quote(str(kept))
        console.print(
            f"{program_name()} report weekly --guild {guild_id} --database {database}", style="cyan", soft_wrap=True
        )
    console.print("To watch a bot of your own takes one line in it:")
    console.print('await bot.load_extension("botmon_cog")', style="cyan")
