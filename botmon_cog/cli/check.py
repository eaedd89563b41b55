"""`check`: whether everything is set up as it should be, as far as that can be seen without the bot's code."""

from __future__ import annotations

import argparse
import os
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from botmon_cog.cli import interrupts
from botmon_cog.cli.console import make_console, print_json
from botmon_cog.cli.databases import to_read, waiting
from botmon_cog.cli.program import TOKEN_VARIABLE
from botmon_cog.clock import SystemClock
from botmon_cog.config import Config, load_config
from botmon_cog.config.extras import missing_extras
from botmon_cog.database_url import is_postgres, sqlite_path
from botmon_cog.domain import text
from botmon_cog.errors import BotMonError, SpoolError, StorageError
from botmon_cog.setup_check.findings import Finding, Severity, fine, of_severity, warning, wrong
from botmon_cog.setup_check.machine import (
    check_configuration,
    check_missing,
    check_processes,
    check_seen,
    check_size,
    check_versions,
)
from botmon_cog.setup_check.words import headline, said_of
from botmon_cog.store.fleet import FleetStore
from botmon_cog.store.sqlite.file import expanded

if TYPE_CHECKING:
    from rich.console import Console

_WRONG = 2
_ALIVE_CHECKS = 3
_LATELY = timedelta(days=1)
_MARKS: dict[Severity, tuple[str, str]] = {
    "wrong": ("✗", "bold red"),
    "warning": ("!", "yellow"),
    "fine": ("✓", "green"),
}


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One finding of what `--json` prints."""

    what: str
    severity: Severity
    title: str
    remedy: str


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints."""

    is_well: bool
    verdict: str
    findings: tuple[Told, ...]


def run(arguments: argparse.Namespace) -> int:
    """Check the set-up; returns 2 if something is wrong.

    Raises:
        ConfigError: the configuration is wrong.
    """
    console = None if arguments.json else make_console(None)
    findings = interrupts.run(_check(arguments))
    is_well = not of_severity(findings, "wrong")
    if console is None:
        print_json(Check(is_well=is_well, verdict=headline(findings), findings=tuple(map(_told, findings))))
    else:
        _print(console, findings)
    return 0 if is_well else _WRONG


async def _check(arguments: argparse.Namespace) -> list[Finding]:
    config = load_config()
    return [
        *check_configuration(),
        *check_versions(),
        *check_missing(missing_extras(config)),
        *await _check_store(arguments.database or config.storage.url, config),
        *await _check_discord(config),
    ]


async def _check_store(url: str, config: Config) -> list[Finding]:
    if not is_postgres(url) and not expanded(sqlite_path(url)).exists():
        return [warning("store.never_seen")]
    now = SystemClock().now()
    async with AsyncExitStack() as stack:
        try:
            engine = to_read(url, config)
            stack.push_async_callback(engine.close)
            fleet = FleetStore(engine)
            alive = await fleet.processes(now - timedelta(seconds=_ALIVE_CHECKS * config.health.interval_s))
            found = [
                check_size(await engine.ping(), config),
                *check_seen(await fleet.last_seen(), now, within=_LATELY),
                *check_processes(alive),
            ]
            spool = waiting(url, config)
        except (StorageError, SpoolError) as error:
            return [wrong("store.away", error=str(error))]
    return [*found, warning("store.waiting", rows=spool.rows)] if spool is not None and spool.rows else found


async def _check_discord(config: Config) -> list[Finding]:
    """What Discord says of the bot, where there is a token to ask it with. The bot does not go online."""
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token:
        return []
    # discord.py and what it needs take a while to import.
    from botmon_cog.cli.forget.discord_commands import logged_in  # noqa: PLC0415
    from botmon_cog.setup_check.discord_clock import check_clock  # noqa: PLC0415

    try:
        async with logged_in(token) as bot:
            application = await bot.application_info()
            known = {command.name for command in await bot.tree.fetch_commands()}
            clock = await check_clock(bot.http, SystemClock())
    except BotMonError as error:
        return [wrong("discord.refused", error=str(error))]
    flags = application.flags
    found = [fine("discord.logged_in", name=application.name), *clock]
    if flags.gateway_message_content or flags.gateway_message_content_limited:
        found.append(fine("intents.content", commands=0))
    names = [name for name in msgspec.structs.astuple(config.commands) if isinstance(name, str) and name]
    absent = [f"/{name}" for name in names if name not in known]
    return [*found, warning("commands.absent", names=absent)] if absent else found


# -- on a terminal -----------------------------------------------------------------------------------------------------


def _told(finding: Finding) -> Told:
    said = said_of(finding)
    return Told(what=finding.what, severity=finding.severity, title=_bare(said.title), remedy=_bare(said.remedy))


def _print(console: Console, findings: list[Finding]) -> None:
    severities: tuple[Severity, ...] = ("wrong", "warning", "fine")
    for finding in (each for severity in severities for each in of_severity(findings, severity)):
        mark, style = _MARKS[finding.severity]
        told = _told(finding)
        console.print(f"{mark} {told.title}", style=style, soft_wrap=True, markup=False)
        if told.remedy:
            console.print(f"  {told.remedy}", soft_wrap=True, markup=False)
    console.print()
    console.print("`/botmon check` in Discord looks at what only the bot can see.", style="dim")
    console.print(headline(findings), style="bold red" if of_severity(findings, "wrong") else "bold green")


def _bare(words: str) -> str:
    """Without Discord's markup, which a terminal does not know."""
    return text.clean(words.replace("**", "").replace("`", "").replace("\\", ""))
