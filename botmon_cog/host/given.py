"""What a host passes as its database, and where the store is then."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import suppress
from functools import cache
from pathlib import Path, PurePath
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, cast

import aiosqlite

from botmon_cog.database_url import IN_MEMORY, check_url, is_postgres, sqlite_path
from botmon_cog.errors import NotOursError, StorageError
from botmon_cog.store.sqlite.file import expanded, inspect

_log = logging.getLogger(__name__)

_ATTRIBUTES = ("db_path", "path", "database")
_TAKEN = (
    "a path, a URL, a sqlite3.Connection, an open aiosqlite.Connection, or an object with db_path, path, database or "
    "_get_connection()"
)
_ANSWER_S = 5.0


class Given(NamedTuple):
    """What was named.

    Attributes:
        database: the host's own SQLite file, which may not exist yet; None if there is none.
        store_url: where the store is unless `[storage] url` names one; None: as configured.
        is_store: whether it is a store of ours that was named; it comes before the configuration.
    """

    database: Path | None
    store_url: str | None
    is_store: bool


def given(db: object) -> Given:
    """What a host means by `db`. Nothing is changed, and nothing is made yet.

    Raises:
        TypeError: it is nothing that names a database.
        ConfigError: it is a URL that can't be used.
        NotOursError: it names something that is no file.
    """
    if db is None:
        return Given(None, None, is_store=False)
    if isinstance(db, sqlite3.Connection):
        return _of_file(_file_of(db))
    if isinstance(db, aiosqlite.Connection):
        return _of_file(_file_of_thread(db))
    named = _text(db)
    if named is None:
        named = next((text for text in (_text(_attribute(db, name)) for name in _ATTRIBUTES) if text is not None), None)
    if named is not None:
        return _of_url(named)
    return _of_file(_file_of_object(db))


def store_beside(path: Path) -> str:
    """Where the store is that belongs to a file of the host's: `bot.db` -> `bot.botmon.db`."""
    return str(path.with_name(f"{path.stem}.botmon.db"))


def _text(value: object) -> str | None:
    """A path or a URL as text; None for anything else."""
    # Not os.PathLike: a mock is that, too, and would be the path of a new file.
    return value if isinstance(value, str) else str(value) if isinstance(value, PurePath) else None


def _attribute(db: object, name: str) -> object:
    try:
        return getattr(db, name, None)
    except Exception:  # noqa: BLE001 (a property of the host's; it says nothing of a path then)
        return None


def _of_url(url: str) -> Given:
    check_url(url, "the database", None)
    if is_postgres(url):
        return Given(None, url, is_store=True)
    name = sqlite_path(url)
    return Given(None, name, is_store=True) if name == IN_MEMORY else _of_path(expanded(name))


def _of_path(path: Path) -> Given:
    try:
        header = inspect(path)
    except NotOursError:
        if not path.is_file():
            raise
        header = None
    except StorageError:  # it can't be read: whoever looks after it will say so
        header = None
    if header is not None:
        return Given(None, str(path), is_store=True)
    return Given(path, store_beside(path), is_store=False)


def _of_file(name: str) -> Given:
    """`name`: of an open database's file; empty for one in memory."""
    if not name:
        _say_in_memory()
        return Given(None, None, is_store=False)
    return _of_path(Path(name))


@cache
def _say_in_memory() -> None:
    """Once: each of the four classes is given the same database."""
    _log.info("the database that was passed is in memory: its tables are neither read nor written to")


def _file_of(db: sqlite3.Connection) -> str:
    """The file of an open database; empty if it is in memory.

    Raises:
        TypeError: it is closed, or belongs to another thread.
    """
    try:
        cursor = db.cursor()
        cursor.row_factory = None  # the host may have set one
        rows = cursor.execute("PRAGMA database_list").fetchall()
    except (sqlite3.Error, TypeError) as error:
        raise TypeError(f"the sqlite3.Connection can't be used ({error}); pass the path of its file instead") from error
    files = [file for _, name, file in rows if _decoded(name) == "main"]
    return _decoded(files[0]) if files else ""


def _decoded(value: object) -> str:
    """A text, also where the host's connection makes something else of texts."""
    return os.fsdecode(value) if isinstance(value, bytes) else str(value or "")


def _file_of_thread(db: aiosqlite.Connection) -> str:
    """As `_file_of`: an aiosqlite connection is of use only in its own thread.

    For its private names see `store.sqlite.connection`.

    Raises:
        TypeError: it is not open, or says nothing.
    """
    inner: sqlite3.Connection | None = db._connection  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    if inner is None or not db._running:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        raise TypeError("the aiosqlite.Connection is not open; await it first, or pass the path of its file")
    answers: SimpleQueue[str | TypeError] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(_file_of(inner))
        except TypeError as error:
            answers.put(error)

    jobs = cast("Any", db)._tx  # noqa: SLF001
    jobs.put_nowait((None, ask))
    try:
        answer = answers.get(timeout=_ANSWER_S)
    except Empty:
        raise TypeError(
            f"the aiosqlite.Connection has been busy for {_ANSWER_S:g} s; pass the path of its file instead"
        ) from None
    if isinstance(answer, TypeError):
        raise answer
    return answer


def _file_of_object(db: object) -> str:
    """The file of the connections that an object hands out.

    Raises:
        TypeError: it hands out none.
    """
    connect: Any = _attribute(db, "_get_connection")
    if not callable(connect):
        raise TypeError(f"an object of type {type(db).__name__} names no database; pass {_TAKEN}")
    opened: list[Any] = []
    try:
        opened.append(connect())
        opened.append(connect())
    except Exception as error:
        raise TypeError(f"{type(db).__name__}._get_connection() failed: {type(error).__name__}: {error}") from error
    first, second = opened
    try:
        if not isinstance(first, sqlite3.Connection):
            raise TypeError(
                f"{type(db).__name__}._get_connection() returns a {type(first).__name__} and no sqlite3.Connection; "
                f"pass {_TAKEN}"
            )
        return _file_of(first)
    finally:
        if first is not second:  # else it is the one that the host goes on using
            for connection in opened:
                with suppress(Exception):
                    connection.close()
