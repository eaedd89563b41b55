"""`errors`: what fails and why, read from a database without a bot."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from botmon_cog.cli import interrupts
from botmon_cog.cli.console import make_console, print_json
from botmon_cog.cli.databases import to_read, to_write
from botmon_cog.cli.program import program_name
from botmon_cog.clock import SystemClock
from botmon_cog.cog.embeds.errors import cause_of, hit, name_of, place_of
from botmon_cog.config import load_config
from botmon_cog.domain import text
from botmon_cog.domain.periods import last_days
from botmon_cog.domain.report import Report
from botmon_cog.domain.reports import Period
from botmon_cog.domain.reports.errors import ErrorCounts, ErrorDetails, ErrorState, fingerprint_of
from botmon_cog.errors import BotMonError, ConfigError
from botmon_cog.store.errors import Errors
from botmon_cog.store.reports import Reports

if TYPE_CHECKING:
    from rich.console import Console

_BY = "command line"
_HOURS = 24
_STYLES = {
    ErrorState.RETURNED: "bold red",
    ErrorState.NEW: "bold red",
    ErrorState.MUTED: "dim",
    ErrorState.RESOLVED: "green",
}


class UnknownErrorError(BotMonError):
    """The database knows no such error, or no such server."""


class ErrorList(Report, frozen=True, kw_only=True):
    """What `--json` prints without an ID."""

    period: Period
    guild_id: str | None
    """None: all servers, and what runs for none."""
    errors: tuple[ErrorCounts, ...]


def run(arguments: argparse.Namespace) -> int:
    """List the errors, show one, or call one resolved; returns 0.

    Raises:
        ConfigError: the configuration is wrong, or the arguments don't go together.
        StorageError: there is no such database, or it can't be read or written.
        UnknownErrorError: the database knows nothing of what was asked for.
    """
    wanted: str | None = arguments.resolve or arguments.id
    if arguments.resolve and arguments.id:
        raise ConfigError("the command line", None, "--resolve takes the ID; leave out the other one")
    if wanted is not None and arguments.server:
        raise ConfigError("the command line", None, "--server is for the list: one error is shown for all servers")
    console = None if arguments.json else make_console(arguments.width)
    if wanted is None:
        interrupts.run(_list(arguments, console))
    else:
        interrupts.run(_one(arguments, wanted, console, is_resolving=bool(arguments.resolve)))
    return 0


async def _list(arguments: argparse.Namespace, console: Console | None) -> None:
    config = load_config()
    engine = to_read(arguments.database or config.storage.url, config)
    guild_id: str | None = arguments.server
    now = SystemClock().now()
    period = last_days(arguments.days, now)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.close)
        found = await Errors(engine).counts(period, now, guild_id)
        server = None if guild_id is None else await Reports(engine).guild_name(guild_id)
        if guild_id is not None and server is None and not found:
            raise UnknownErrorError(f"nothing is known of a server {guild_id} in {engine.description}")
    if console is None:
        print_json(ErrorList(period=period, guild_id=guild_id, errors=tuple(found)))
    else:
        _print_list(console, found, period, now, server)


async def _one(arguments: argparse.Namespace, wanted: str, console: Console | None, *, is_resolving: bool) -> None:
    fingerprint = fingerprint_of(wanted)
    if fingerprint is None:
        raise UnknownErrorError(f"{wanted!r} is not an error ID; {program_name()} errors lists them")
    config = load_config()
    url = arguments.database or config.storage.url
    engine = to_write(url, config) if is_resolving else to_read(url, config)
    now = SystemClock().now()
    period = last_days(arguments.days, now)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.close)
        errors = Errors(engine)
        found = await errors.details(fingerprint, period, now)
        if found is not None and is_resolving:
            await errors.resolve(fingerprint, now, _BY)
            found = await errors.details(fingerprint, period, now)
        if found is None:
            raise UnknownErrorError(
                f"there is no error {wanted} in {engine.description}; {program_name()} errors lists them"
            )
    if console is None:
        print_json(found)
    elif is_resolving:
        console.print(f"Resolved: {_title(found.counts)}. If it fails again, it is shown as returned.", soft_wrap=True)
    else:
        _print_details(console, found, period, now)


# -- on a terminal -----------------------------------------------------------------------------------------------------


def _print_list(
    console: Console, found: Sequence[ErrorCounts], period: Period, now: datetime, server: str | None
) -> None:
    where = "" if server is None else f" in {text.clean(server)}"
    if not found:
        console.print(f"No errors in the last {period.name}{where}.")
        return
    n, total = len(found), sum(each.n for each in found)
    console.print(
        f"Errors of the last {period.name}{where}: {n} {text.plural(n, 'kind', 'kinds')}, "
        f"{text.count(total)} {text.plural(total, 'time', 'times')}",
        style="bold",
    )
    console.print()
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    for name in ("ID", "state"):
        table.add_column(name, no_wrap=True)
    for name in ("times", "people", "last"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("what", overflow="fold")
    for each in found:
        people = text.count(each.people) if each.people else ""
        state = Text(each.state.value, _STYLES.get(each.state, ""))
        table.add_row(each.id, state, text.count(each.n), people, _ago(each.last_at, now), _what(each))
    console.print(table)
    console.print(f"\nFor the traceback of one: {program_name()} errors {found[0].id}", style="dim")


def _what(each: ErrorCounts) -> Text:
    what = Text(text.clean(name_of(each.source, each.what)), "bold")
    what.append(f"\n{text.clean(cause_of(each))}", "not bold")
    if (place := place_of(each)) is not None:
        what.append(f"\n{text.clean(place)}", "not bold dim")
    return what


def _print_details(console: Console, found: ErrorDetails, period: Period, now: datetime) -> None:
    counts = found.counts
    console.print(_title(counts), style="bold", soft_wrap=True)
    console.print()
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in _facts(found, period, now):
        facts.add_row(name, value)
    console.print(facts)
    if found.traceback:
        console.print()
        for line in found.traceback.splitlines():
            indent = len(line) - len(line.lstrip(" "))
            console.print(" " * indent + text.clean(line), soft_wrap=True)


def _title(counts: ErrorCounts) -> str:
    name = text.clean(name_of(counts.source, counts.what))
    return f"{text.clean(counts.error_type)} in {name}" if counts.error_type else f"{name}: {cause_of(counts)}"


def _facts(found: ErrorDetails, period: Period, now: datetime) -> Iterator[tuple[str, str]]:
    counts = found.counts
    yield "ID", counts.id
    yield "state", _state(counts)
    if counts.error_message:
        yield "message", text.clean(counts.error_message)
    if (place := place_of(counts)) is not None:
        yield "place", text.clean(f"{place}, in {counts.function}" if counts.function else place)
    times = f"{text.count(counts.n)} {text.plural(counts.n, 'time', 'times')}"
    yield "failed", ", ".join([f"{times} in the last {period.name}", *hit(counts)])
    version = f", version {text.clean(counts.first_version)}" if counts.first_version else ""
    yield "first", f"{_moment(counts.first_at)} ({_ago(counts.first_at, now)}){version}"
    yield "last", f"{_moment(counts.last_at)} ({_ago(counts.last_at, now)})"
    if found.by_hour:
        by_hour = [0] * _HOURS
        for hour, n in found.by_hour:
            by_hour[hour.astimezone(UTC).hour] += n
        yield "hours", f"{text.sparkline(by_hour)} from 00:00 to 24:00 UTC"
    if any(version is not None for version, _ in found.versions):
        yield "versions", ", ".join(f"{text.clean(v or 'unknown')} {text.count(n)}×" for v, n in found.versions)  # noqa: RUF001
    for relative in found.relatives:
        yield "also in", f"{text.clean(name_of(relative.source, relative.what))} ({relative.id})"


def _state(counts: ErrorCounts) -> str:
    said = counts.state.value
    if counts.state is ErrorState.MUTED and counts.muted_until is not None:
        said += f" until {_moment(counts.muted_until)}"
    if counts.resolved_at is not None:
        resolved = f"resolved {_moment(counts.resolved_at)}"
        said = resolved if counts.state is ErrorState.RESOLVED else f"{said}, {resolved}"
    return said


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _ago(moment: datetime, now: datetime) -> str:
    return f"{text.duration(max((now - moment).total_seconds(), 0.0))} ago"
