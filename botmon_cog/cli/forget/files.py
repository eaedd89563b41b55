"""Stores and spools that are files: told by their mark, never by their name alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from glob import escape
from pathlib import Path

import msgspec

from botmon_cog.cli.forget.left import Found, Left
from botmon_cog.config import Config
from botmon_cog.database_url import is_postgres, sqlite_path
from botmon_cog.domain import text
from botmon_cog.errors import NotOursError, StorageError
from botmon_cog.store.queue.left_files import is_in_use
from botmon_cog.store.queue.open_file import SUFFIX as OPEN_SUFFIX
from botmon_cog.store.queue.open_slots import MAGIC as OPEN_MARK
from botmon_cog.store.queue.spool_file import SPOOL_MARK
from botmon_cog.store.queue.spool_file import TABLES as SPOOL_TABLES
from botmon_cog.store.queue.spool_place import spool_path
from botmon_cog.store.schema import ALL_TABLES, VIEWS
from botmon_cog.store.sqlite.file import STORE_MARK, expanded, inspect

_STORE_TABLES = frozenset({table.name for table in ALL_TABLES} | set(VIEWS))
_HELPERS = ("-journal", "-wal", "-shm")
"""SQLite's own files beside a database."""
_MAGIC = b"SQLite format 3\0"
_MARK_AT = slice(68, 72)
_NAMES = "SELECT tbl_name FROM sqlite_master"
_OTHER_BOT = "belongs to another bot (application {owner})"


def find_files(url: str, config: Config, application_id: int | None) -> Found:
    """The store's file, what was set aside as damaged, and the spools. Changes nothing.

    Args:
        url: of the store.
        config: names the spool.
        application_id: whose commands are being forgotten; None if unknown. What another bot made is left to it.
    """
    found = Found()
    owner = application_id
    if not is_postgres(url):
        store = expanded(sqlite_path(url))
        owner = _look_at_store(store, application_id, found)
        for damaged in sorted(store.parent.glob(f"{escape(store.name)}.damaged-*")):
            if not damaged.name.endswith(_HELPERS) and _mark_of(damaged) == STORE_MARK:
                found.left.append(_file(damaged, "a damaged store, set aside", None))
        for other in sorted(store.parent.glob(f"{escape(store.stem)}-*{escape(store.suffix)}")):
            if other != store and ".spool" not in other.name and _mark_of(other) == STORE_MARK:
                _look_at_store(other, application_id, found, needs_owner=True)
    for spool in _spools(url, config):
        _look_at_spool(spool, owner, found)
    for path in _open_files(url, config):
        _look_at_open_file(path, owner, found)
    return found


def _look_at_store(path: Path, application_id: int | None, found: Found, *, needs_owner: bool = False) -> int | None:
    """Note a store; returns whose it is, if that is known."""
    try:
        header = inspect(path)
        if header is None:
            return application_id
        strangers = _tables_in(path) - _STORE_TABLES
    except (NotOursError, StorageError, sqlite3.Error) as error:
        found.kept.append((str(path), str(error).removeprefix(f"{path} ")))
        return application_id
    owner = int(header.owner) if header.owner and header.owner.isdecimal() else None
    is_others = owner is not None and application_id is not None and owner != application_id
    if is_others or (needs_owner and owner != application_id):
        found.kept.append((str(path), _OTHER_BOT.format(owner=owner or "unknown")))
        return application_id
    if strangers:
        found.kept.append((str(path), f"holds tables that are not botmon's: {', '.join(sorted(strangers))}"))
    else:
        found.left.append(_file(path, "the store: commands, roll-ups, health, alerts", _STORE_TABLES))
    return application_id if owner is None else owner


def _look_at_spool(path: Path, owner: int | None, found: Found) -> None:
    try:
        if inspect(path, SPOOL_MARK) is None:
            return
        strangers = _tables_in(path) - SPOOL_TABLES
    except (NotOursError, StorageError, sqlite3.Error) as error:
        found.kept.append((str(path), f"is no spool of botmon that can be read ({error})"))
        return
    other = _other_bot(path, owner)
    if other is not None:
        found.kept.append((str(path), _OTHER_BOT.format(owner=other)))
    elif strangers:
        found.kept.append((str(path), f"holds tables that are not botmon's: {', '.join(sorted(strangers))}"))
    else:
        found.left.append(_file(path, "a spool: what the store has not taken yet", SPOOL_TABLES))


def _look_at_open_file(path: Path, owner: int | None, found: Found) -> None:
    other = _other_bot(path, owner)
    if _beginning(path, len(OPEN_MARK)) != OPEN_MARK:
        found.kept.append((str(path), "is no file of botmon's"))
    elif other is not None:
        found.kept.append((str(path), _OTHER_BOT.format(owner=other)))
    else:
        found.left.append(_open_file(path))


def _open_file(path: Path) -> Left:
    """What a bot has open, or had when it was killed."""

    async def remove() -> None:
        try:
            path.unlink(missing_ok=True)  # noqa: ASYNC240 (a command of its own, in which nothing else runs)
        except OSError as error:
            raise StorageError(f"{path} can't be removed: {error.strerror or error}") from error

    async def is_used() -> bool:
        return is_in_use(path)

    return Left(name=str(path), what="commands that ran when a bot was killed", remove=remove, is_used=is_used)


def _open_files(url: str, config: Config) -> Iterator[Path]:
    """Beside the spools of a store, of whichever bot; also where there is no spool."""
    spool = next(_spools(url, config))
    stems = [escape(spool.stem)]
    if not config.storage.spool or url != config.storage.url:
        stems.append(f"{escape(spool.stem.removesuffix('.spool'))}-*.spool")
    for stem in stems:
        yield from sorted(spool.parent.glob(f"{stem}.*{OPEN_SUFFIX}"))


def _other_bot(path: Path, owner: int | None) -> str | None:
    """The application id of another bot whose spool it is, or whose open file is beside that; by its name."""
    whose = path.name.rpartition(".spool")[0].rpartition("-")[2]
    is_others = whose.isdecimal() and len(whose) > 15 and owner is not None and int(whose) != owner  # noqa: PLR2004 (a Discord ID)
    return whose if is_others else None


def _spools(url: str, config: Config) -> Iterator[Path]:
    """Where spools of a store may be, of whichever bot."""
    settings = config.storage
    if url != settings.url:  # a configured spool is that of the configured store
        settings = msgspec.structs.replace(settings, url=url, spool="")
    path = spool_path(settings, None)
    yield path
    if not settings.spool:
        stem = path.name.removesuffix(f".spool{path.suffix}")
        yield from sorted(path.parent.glob(f"{escape(stem)}-*.spool{escape(path.suffix)}"))


def _file(path: Path, what: str, tables: frozenset[str] | None) -> Left:
    """A file of ours, which may hold `tables` and nothing else; None if it is damaged, and nobody can tell."""
    sizes = [file.stat().st_size for file in _with_helpers(path) if file.exists()]

    async def remove() -> None:
        if tables is not None and (strangers := _tables_in(path) - tables):  # they were still in its log before
            raise StorageError(f"{path} holds tables that are not botmon's: {', '.join(sorted(strangers))}")
        try:
            for file in _with_helpers(path):
                file.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"{path} can't be removed: {error.strerror or error}") from error

    async def is_used() -> bool:
        return _is_open(path)

    return Left(name=str(path), what=f"{what} ({text.bytes_(sum(sizes))})", remove=remove, is_used=is_used)


def _with_helpers(path: Path) -> list[Path]:
    """The file last: as long as it is there, what is left of it can be found again."""
    return [*(path.with_name(f"{path.name}{helper}") for helper in _HELPERS), path]


def _mark_of(path: Path) -> int | None:
    """The mark in the header of a SQLite file that may be damaged; None if it is no such file."""
    header = _beginning(path, 100)
    return int.from_bytes(header[_MARK_AT], "big") if header.startswith(_MAGIC) else None


def _beginning(path: Path, n: int) -> bytes:
    """Of a file that may be damaged; empty if it can't be read."""
    try:
        with path.open("rb") as file:
            return file.read(n)
    except OSError:
        return b""


def _tables_in(path: Path) -> set[str]:
    """What a database holds, read without a lock and without a trace; what is in its log comes with the next look."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as db:
        names = {str(name) for (name,) in db.execute(_NAMES)}
    return {name for name in names if not name.startswith("sqlite_")}


def _is_open(path: Path) -> bool:
    """Whether another process has the database open, or is just writing to it."""
    try:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as db:
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        return error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    except sqlite3.DatabaseError:  # damaged: nobody can have it open
        return False
    return False
