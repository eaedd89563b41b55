"""`erase`: a person or a server taken out of everything that is stored."""

from __future__ import annotations

import argparse
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from botmon_cog.cli import interrupts
from botmon_cog.cli.console import make_console
from botmon_cog.cli.databases import spools, to_read, to_write
from botmon_cog.cli.program import program_name
from botmon_cog.cli.progress import progress
from botmon_cog.clock import SystemClock
from botmon_cog.config import Config, load_config
from botmon_cog.domain import text
from botmon_cog.errors import StorageError
from botmon_cog.host.database import HostDatabase
from botmon_cog.host.erasing import Column
from botmon_cog.host.file import BusyError
from botmon_cog.privacy.eraser import Eraser
from botmon_cog.privacy.requests import Requests
from botmon_cog.store.engine import Engine
from botmon_cog.store.forgotten import Forgotten, forgotten
from botmon_cog.store.log import RunKey
from botmon_cog.store.queue import spool_file
from botmon_cog.store.records import milliseconds
from botmon_cog.store.rollup import RollUps
from botmon_cog.store.sqlite.place import GoneError
from botmon_cog.store.store import Store

if TYPE_CHECKING:
    from rich.console import Console

_WORDS: Mapping[str, tuple[str, str]] = {
    "invocations": ("command or button", "commands and buttons"),
    "music_events": ("music event", "music events"),
    "counted_commands": ("counted command", "counted commands"),
    "samples": ("measured operation", "measured operations"),
    "days": ("daily count", "daily counts"),
    "guild_hourly": ("hour of music", "hours of music"),
    "kept_aside": ("entry kept aside", "entries kept aside"),
    "texts": ("mention in a text", "mentions in texts"),
    "signatures": ("setting or mute", "settings and mutes"),
    "guilds": ("name, setting or membership", "names, settings and memberships"),
    "host_rows": ("row mirrored into your bot's database", "rows mirrored into your bot's database"),
    "spool": ("row that waits on disk", "rows that wait on disk"),
}


def run(arguments: argparse.Namespace) -> int:
    """Erase, or say what would be; returns 0.

    Raises:
        ConfigError: the configuration is wrong.
        MissingExtraError: the driver of the server is not installed.
        StorageError: there is no such database, or it can't be read or written; the same command goes on from there.
    """
    interrupts.run(_run(arguments, make_console(None)))
    return 0


async def _run(arguments: argparse.Namespace, console: Console) -> None:
    config = load_config()
    url: str = arguments.database or config.storage.url
    who = f"user {arguments.user}" if arguments.user else f"server {arguments.guild}"
    engine = to_write(url, config) if arguments.yes else to_read(url, config)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.close)
        await engine.open()
        if not arguments.yes:
            found = await _count(engine, arguments, config, url)
            _print(console, found)
            if not found:
                console.print(f"Nothing is stored of {who}.")
                return
            whom = f"--user {arguments.user}" if arguments.user else f"--guild {arguments.guild}"
            database = " --database …" if arguments.database else ""
            again = f"{program_name()} erase {whom}{database} --yes"
            console.print(f"Nothing was erased. To erase it: {again}", soft_wrap=True)
            return
        _print(console, changed := await _erase(engine, arguments, config, url, console))
        if not changed:
            console.print(f"Nothing was stored of {who}.")
            return
        console.print(f"Nothing names {who} any more. All counts stay.", style="bold green", soft_wrap=True)


async def _count(engine: Engine, arguments: argparse.Namespace, config: Config, url: str) -> Mapping[str, int]:
    """What erasing would change, where it looks; changes nothing."""
    eraser, now_ms = Eraser(engine, SystemClock()), milliseconds(SystemClock().now())
    if arguments.user:
        found = dict(await eraser.count_user(arguments.user))
        gone = Forgotten({arguments.user: now_ms}, {}, {})
    else:
        found = dict(await eraser.count_guild(arguments.guild))
        gone = Forgotten({}, {}, {arguments.guild: now_ms})
    host = _host(engine, config)
    if host is not None:
        try:
            found["host_rows"] = await host.count_of(*_of_host(arguments))
        except (sqlite3.Error, OSError, BusyError, GoneError) as error:
            raise StorageError(f"{config.host.database} can't be read: {error}") from error
        finally:
            await host.close()
    found["spool"] = sum(_in_spools(spools(url, config), lambda db: spool_file.count_changes(db, gone.applied)))
    return {name: n for name, n in found.items() if n}


def _of_host(arguments: argparse.Namespace) -> tuple[Column, list[str]]:
    return ("user_id", [str(arguments.user)]) if arguments.user else ("guild_id", [str(arguments.guild)])


async def _erase(
    engine: Engine, arguments: argparse.Namespace, config: Config, url: str, console: Console
) -> Mapping[str, int]:
    clock = SystemClock()
    eraser, requests = Eraser(engine, clock), Requests(engine)
    await RollUps(engine).catch_up()
    if arguments.user:
        await requests.note_erasure(arguments.user, clock.now())
    else:
        await requests.note_departure(arguments.guild, clock.now())
    with progress(console, "erasing", await eraser.rows()) as advance:
        if arguments.user:
            changed = dict(await eraser.erase_user(arguments.user, advance))
        else:
            changed = dict(await eraser.erase_guilds([arguments.guild], advance))
    host = _host(engine, config)
    if host is not None:
        try:
            if n := await host.erase(*_of_host(arguments)):
                changed["host_rows"] = n
        finally:
            await host.close()
    if arguments.user:
        await requests.pass_done(arguments.user, clock.now())
    else:
        await requests.note_purged([arguments.guild], clock.now())
    if n := await _clear_spools(engine, spools(url, config)):
        changed["spool"] = n
    return changed


def _host(engine: Engine, config: Config) -> HostDatabase | None:
    """The host's database, if there is one that rows were mirrored into."""
    if not config.host.database or not config.host.mirror or not Path(config.host.database).exists():
        return None
    clock = SystemClock()
    store = Store(engine, RunKey.new(config.instance, clock.now()))

    async def flush() -> bool:
        return True

    def is_running(*_: str | None) -> bool:
        return False

    return HostDatabase(
        Path(config.host.database).absolute(),
        store,
        clock,
        mirrors=True,
        flush=flush,
        is_running=is_running,
    )


async def _clear_spools(engine: Engine, paths: Sequence[Path]) -> int:
    """Take whoever is erased out of what waits on disk; returns how many rows that were."""
    gone = await engine.read(forgotten())
    return sum(_in_spools(paths, lambda db: spool_file.rewrite(db, gone.applied)))


def _in_spools(paths: Sequence[Path], work: Callable[[sqlite3.Connection], int]) -> Iterator[int]:
    """What `work` says of each that is there."""
    for path in paths:
        db = spool_file.connect(path, makes_file=False)
        if db is not None:
            with closing(db):
                yield work(db)


def _print(console: Console, found: Mapping[str, int]) -> None:
    for name, n in found.items():
        console.print(f"  {text.count(n)} {text.plural(n, *_WORDS[name])}", style="dim")
