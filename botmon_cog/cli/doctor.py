"""`doctor`: what a database is, and the proof that its roll-ups are what its log says."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from rich.table import Table

from botmon_cog.cli import interrupts
from botmon_cog.cli.console import make_console, print_json
from botmon_cog.cli.databases import to_read, waiting
from botmon_cog.cli.program import program_name
from botmon_cog.cli.progress import progress
from botmon_cog.config import load_config
from botmon_cog.domain import text
from botmon_cog.errors import SpoolError, StorageError
from botmon_cog.store.queue.spool_file import Totals
from botmon_cog.store.tools.examine import Examination, Examiner
from botmon_cog.store.tools.proof import Difference

if TYPE_CHECKING:
    from rich.console import Console

_FAILED = 1
_SHOWN = 10
_SHOWN_VALUES = 3
_KEPT = 1_000
_MOST_PROBLEMS = 20
_LONGEST = 60


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints."""

    is_clean: bool
    verdict: str
    spool: Totals | None
    """What waits on disk for the database; None if there is no spool."""
    examination: Examination


def run(arguments: argparse.Namespace) -> int:
    """Examine a database; returns 1 if anything is wrong with it.

    Raises:
        ConfigError: the configuration is wrong.
        MissingExtraError: the driver of the server is not installed.
        StorageError: there is no such database, it is not ours, or it has another schema.
    """
    console = None if arguments.json else make_console(None)
    diagnosis = interrupts.run(_examine(arguments, console))
    if console is None:
        print_json(diagnosis)
    else:
        _print(console, diagnosis)
    return 0 if diagnosis.is_clean else _FAILED


async def _examine(arguments: argparse.Namespace, console: Console | None) -> Diagnosis:
    config = load_config()
    url = arguments.database or config.storage.url
    engine = to_read(url, config)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.close)
        examiner = Examiner(engine, is_thorough=arguments.thorough, most=_KEPT)
        found = examiner.found
        with progress(console, "looking around", None):
            await examiner.look_around()
            days = await examiner.days()
        with progress(console, "counting days", len(days)) as advance:
            for day in days:
                await examiner.prove(day)
                advance(1)
                if len(found.problems) >= _MOST_PROBLEMS:
                    break
    spool = None
    try:
        spool = waiting(url, config)
    except (SpoolError, StorageError) as error:
        found.problems.append(f"the spool can't be read: {error}")
    return Diagnosis(is_clean=found.is_clean, verdict=verdict(found), spool=spool, examination=found)


# -- in words ----------------------------------------------------------------------------------------------------------


def verdict(found: Examination) -> str:
    """One sentence."""
    said: list[str] = []
    if found.problems:
        n = len(found.problems)
        said.append(f"Not sound: {text.plural(n, '1 problem', f'{n} problems')}, listed above.")
    if n := found.n_differences:
        rows = text.plural(n, "row of the roll-ups differs", "rows of the roll-ups differ")
        said.append(
            f"{'' if said else 'Not sound: '}{text.count(n)} {rows} from the log. "
            f"To fix that, run: {program_name()} rebuild"
        )
    return " ".join(said) or f"Sound: the roll-ups of {_days(found.days)} match the log."


def _days(n: int) -> str:
    return f"{text.count(n)} {text.plural(n, 'day', 'days')}"


def in_words(difference: Difference) -> str:
    """Which row it is, what is stored and what was counted."""
    where = _where(difference)
    stored, counted = difference.stored, difference.counted
    if stored is None:
        return f"{where}: missing, counted {_few([f'{name} {n}' for name, n in (counted or {}).items()])}"
    if counted is None:
        return f"{where}: should not be there, stored {_few([f'{name} {n}' for name, n in stored.items()])}"
    return f"{where}: {_few([f'{name} stored {n}, counted {counted[name]}' for name, n in stored.items()], '; ')}"


def _where(difference: Difference) -> str:
    parts = [difference.table, difference.when]
    if difference.name is not None:
        parts.append(text.fit(text.clean(difference.name), _LONGEST))
    if difference.user_id is not None:
        parts.append(f"user {difference.user_id}")
    if difference.guild_id is None:
        parts.append("whole bot" if difference.name is not None else "direct messages")
    else:
        name = f" ({text.fit(text.clean(difference.guild_name), _LONGEST)})" if difference.guild_name else ""
        parts.append(f"server {text.clean(difference.guild_id)}{name}")
    return ", ".join(parts)


def _few(values: list[str], separator: str = ", ") -> str:
    more = len(values) - _SHOWN_VALUES
    return separator.join(values[:_SHOWN_VALUES]) + (f", and {more} more" if more > 0 else "")


# -- on a terminal -----------------------------------------------------------------------------------------------------


def _print(console: Console, diagnosis: Diagnosis) -> None:
    found = diagnosis.examination
    facts = Table.grid(padding=(0, 2, 0, 0))
    for name, value in _facts(diagnosis):
        facts.add_row(name, value)
    console.print(facts)
    if found.tables:
        sizes = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
        sizes.add_column("table")
        sizes.add_column("rows", justify="right")
        sizes.add_column("size", justify="right")
        for table in found.tables:
            size = "" if table.size_bytes is None else text.bytes_(table.size_bytes)
            sizes.add_row(table.name, f"{table.rows:,}", size)
        console.print()
        console.print(sizes)
    for title, lines in (("Problems", found.problems), ("Differences", _first(found))):
        if lines:
            console.print()
            console.print(f"{title}:", style="bold")
            for line in lines:
                console.print(f"  {text.clean(line)}", soft_wrap=True)
    console.print()
    console.print(diagnosis.verdict, style="bold green" if diagnosis.is_clean else "bold red", soft_wrap=True)


def _first(found: Examination) -> list[str]:
    lines = [in_words(difference) for difference in found.differences[:_SHOWN]]
    more = found.n_differences - len(lines)
    return [*lines, f"and {text.count(more)} more"] if more > 0 else lines


def _facts(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    found = diagnosis.examination
    yield "database", text.clean(found.database)
    yield "size", text.bytes_(found.size_bytes)
    yield "schema", f"version {found.version}"
    if found.integrity is not None:
        yield "integrity", text.clean(found.integrity)
    if found.settings:
        yield "settings", ", ".join(f"{name} {text.clean(value)}" for name, value in found.settings.items())
    yield "runs", f"{text.count(found.runs)} of {found.instances} {text.plural(found.instances, 'bot', 'bots')}"
    if found.oldest is not None and found.newest is not None:
        yield "log", f"from {_moment(found.oldest)} to {_moment(found.newest)} UTC"
    if found.raw_since is not None:
        yield "complete", f"since {_moment(found.raw_since)} UTC; earlier days are in the roll-ups only"
    if found.rows_behind:
        n = found.rows_behind
        yield "to count", f"{text.count(n)} new {text.plural(n, 'row', 'rows')}, with the next report"
    if diagnosis.spool is not None:
        rows, size_bytes = diagnosis.spool
        yield "spool", f"{text.count(rows)} {text.plural(rows, 'row', 'rows')}, {text.bytes_(size_bytes)}"
    if found.foreign:
        yield "not ours", text.fit(text.clean(", ".join(found.foreign)), 4 * _LONGEST)
    for note in found.notes:
        yield "note", note


def _moment(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S}"
