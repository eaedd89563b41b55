"""`doctor`: what a database is, and the proof that its roll-ups are what its raw rows say."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from botmon_cog.cli.console import make_console
from botmon_cog.cli.databases import to_read
from botmon_cog.cli.progress import progress
from botmon_cog.config import load_config
from botmon_cog.domain import text
from botmon_cog.domain.rollup import METRICS, iso_date, start_of_hour
from botmon_cog.storage import tables
from botmon_cog.storage.upkeep.examining import Examination, Examiner
from botmon_cog.storage.upkeep.rebuilding import Difference

if TYPE_CHECKING:
    from rich.console import Console

    from botmon_cog.cli.databases import AnyStorage

_FAILED = 1
_SHOWN = 10
_KEPT = 1_000
_LONGEST = 60
_COLUMNS = {table.name: tuple(table.columns) for table in tables.ALL_TABLES}


class Spool(msgspec.Struct, frozen=True, kw_only=True):
    """What waits beside a database file."""

    files: int
    size_bytes: int


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints."""

    is_clean: bool
    verdict: str
    spool: Spool | None
    examination: Examination


def run(arguments: argparse.Namespace) -> int:
    """Examine a database; 1 where anything is wrong with it.

    Raises:
        ConfigError: the configuration is wrong.
        MissingExtraError: something is to be drawn and rich is not installed, or the driver of the server is not.
        StorageError: there is no such database, or it can't be read.
    """
    console = None if arguments.json else make_console(None)
    diagnosis = asyncio.run(_examine(arguments, console))
    if console is None:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(diagnosis), indent=2).decode() + "\n")
    else:
        _print(console, diagnosis)
    return 0 if diagnosis.is_clean else _FAILED


async def _examine(arguments: argparse.Namespace, console: Console | None) -> Diagnosis:
    config = load_config()
    storage = to_read(arguments.database or config.storage.url, config, is_upgraded=False)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(storage.close)
        await storage.open()
        examiner = Examiner(storage, description=storage.description, is_thorough=arguments.thorough, most=_KEPT)
        with progress(console, "looking around", 1):
            await examiner.look_around(await storage.ping())
        await _check(examiner, console)
        found = examiner.found
    return Diagnosis(is_clean=found.is_clean, verdict=verdict(found), spool=_spool(storage), examination=found)


async def _check(examiner: Examiner, console: Console | None) -> None:
    schema = examiner.found.schema
    if schema is None or schema.trouble:
        return
    days = await examiner.days()
    with progress(console, "counting days", len(days)) as advance:
        for day in days:
            if not await examiner.check_day(day):
                return
            advance(1)
    await examiner.check_undated()


def _spool(storage: AnyStorage) -> Spool | None:
    """What the bot keeps beside the file while the database does not take it."""
    if storage.engine != "sqlite":
        return None
    folder = Path(storage.description + ".spool")
    if not folder.is_dir():
        return None
    sizes = [file.stat().st_size for file in folder.iterdir() if file.is_file()]
    return Spool(files=len(sizes), size_bytes=sum(sizes))


def verdict(found: Examination) -> str:
    """One sentence."""
    said: list[str] = []
    if found.problems:
        n = len(found.problems)
        said.append(f"Not sound: there {text.plural(n, 'is 1 problem', f'are {n} problems')}, named above.")
    if found.n_differences:
        remedy = "The remedy: python -m botmon_cog rebuild"
        said.append(f"{'' if said else 'Not sound: '}{_differences(found)}. {remedy}")
    if said:
        return " ".join(said)
    days = f"{text.count(found.days)} {text.plural(found.days, 'day', 'days')}"
    return f"Sound: the roll-ups of {days} are what the raw rows say."


def _differences(found: Examination) -> str:
    n = found.n_differences
    rows = text.plural(n, "row of the roll-ups is", "rows of the roll-ups are")
    return f"{text.count(n)} {rows} not what the raw rows say"


def in_words(difference: Difference) -> str:
    """Which row it is, what is stored and what was counted, as far as the two differ."""
    columns = _COLUMNS[difference.table]
    keys, values = columns[: len(difference.key)], columns[len(difference.key) :]
    key = ", ".join(_part(name, value) for name, value in zip(keys, difference.key, strict=True))
    row = f"{difference.table} ({key})"
    if difference.stored is None:
        return f"{row}: is missing, counted {_values(values, difference.counted)}"
    if difference.counted is None:
        return f"{row}: should not be there, stored {_values(values, difference.stored)}"
    parts = [
        f"{name} stored {_shown(name, stored)}, counted {_shown(name, counted)}"
        for name, stored, counted in zip(values, difference.stored, difference.counted, strict=True)
        if stored != counted
    ]
    return f"{row}: {'; '.join(parts)}"


def _values(names: tuple[str, ...], row: tuple[Any, ...] | None) -> str:
    return ", ".join(f"{name} {_shown(name, value)}" for name, value in zip(names, row or (), strict=True) if value)


def _part(name: str, value: Any) -> str:
    return f"{name} {_shown(name, value)}"


def _shown(name: str, value: Any) -> str:
    try:
        if name in {"hour", "first_hour", "last_hour"}:
            return f"{start_of_hour(value):%Y-%m-%d %H:%M}"
        if name == "day":
            return iso_date(value)
        if name == "metric":
            return METRICS[int(value)]
    except (OverflowError, IndexError):
        pass
    return text.fit(text.clean(str(value)), _LONGEST) if value != "" else "''"


def _print(console: Console, diagnosis: Diagnosis) -> None:
    from rich.table import Table  # noqa: PLC0415 (an extra)

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
            sizes.add_row(
                table.name, f"{table.rows:,}", "" if table.size_bytes is None else text.bytes_(table.size_bytes)
            )
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
    if found.schema is not None:
        yield "schema", f"version {found.schema.version} of {found.schema.newest}"
    if found.integrity is not None:
        yield "integrity", text.clean(found.integrity)
    if found.settings:
        yield "settings", ", ".join(f"{name} {text.clean(value)}" for name, value in found.settings.items())
    if found.oldest is not None and found.newest is not None:
        yield "raw rows", f"from {_moment(found.oldest)} to {_moment(found.newest)} UTC"
    if found.raw_since is not None:
        yield "kept since", f"{_moment(found.raw_since)} UTC; of the time before, the roll-ups alone are kept"
    if diagnosis.spool is not None:
        n = diagnosis.spool.files
        yield "spool", f"{n} {text.plural(n, 'file', 'files')}, {text.bytes_(diagnosis.spool.size_bytes)}"
    if found.foreign:
        yield "not ours", text.fit(text.clean(", ".join(found.foreign)), 4 * _LONGEST)
    for note in found.notes:
        yield "note", note


def _moment(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S}"
