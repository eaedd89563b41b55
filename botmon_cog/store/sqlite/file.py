"""The file of a store: what stands at a path, how ours is made, and how a damaged one is set aside.

Only a file with our mark is ever opened with SQLite for writing. What a file is, its header tells. That is read without
a lock, and leaves no trace in the file or beside it.
"""

from __future__ import annotations

import errno
import os
import secrets
import sqlite3
import stat
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from botmon_cog.errors import NotOursError, StorageError

try:
    import fcntl
except ImportError:  # Windows, which does not rename a file that another process has open
    fcntl = None

STORE_MARK = 0x626F746D
"""`PRAGMA application_id` of a store: the bytes of "botm"."""

_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_USER_VERSION, _APPLICATION_ID = slice(60, 64), slice(68, 72)
"""Where the header of a SQLite file holds them, as big-endian integers."""
OWNER = "SELECT value FROM marks WHERE name = 'application_id'"
_LOGS, _INDEX = ("-wal", "-journal"), "-shm"
_PRIMARY = 0xFF
"""SQLite's extended error codes have the primary one in their last byte."""
_REMEDY = "name a file that is not there yet in [storage] url, such as data/botmon.db"
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}

Identity = tuple[int, int]
"""Device and inode of a file."""


class Header(NamedTuple):
    """What a file of ours says of itself."""

    version: int
    """`PRAGMA user_version`: the newest migration that was applied."""
    owner: str | None = None
    """The application id of the bot whose store it is; None if there is none, or it takes more than a look to tell."""


def expanded(path: str) -> Path:
    """The path with `~` and variables filled in."""
    return Path(os.path.expanduser(os.path.expandvars(path)))  # noqa: PTH111 (Path's raises where there is no home)


def inspect(path: Path, mark: int = STORE_MARK) -> Header | None:
    """What the file of ours at a path says; None if there is nothing. Changes nothing.

    Raises:
        NotOursError: it is something else; the message says what, and what to do.
        StorageError: it can't be read.
    """
    size_bytes = _size_of(path)
    if size_bytes is None:
        return None
    if size_bytes < _HEADER_BYTES:
        raise NotOursError(f"{path} is no SQLite database; {_REMEDY}")
    try:
        header, found_mark = _look(path)
    except (sqlite3.Error, OSError) as error:
        if _code(error) != sqlite3.SQLITE_NOTADB:
            raise StorageError(f"can't read {path}: {error}") from error
        raise NotOursError(f"{path} is no SQLite database, or an encrypted one; {_REMEDY}") from error
    if found_mark != mark:
        raise NotOursError(f"{path} is a database of another program, which botmon leaves alone; {_REMEDY}")
    return header


def _size_of(path: Path) -> int | None:
    """The size of a file in bytes; None if there is nothing. Raises as `inspect` does if there is something else."""
    try:
        found = path.stat()
    except FileNotFoundError as error:
        if path.is_symlink():
            raise NotOursError(f"{path} is a link to a file that is not there; {_REMEDY}") from error
        return None
    except NotADirectoryError as error:
        raise NotOursError(f"{path} can't be: a part of that path is a file; {_REMEDY}") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise StorageError(f"can't read {path}: {error}") from error
    if stat.S_ISDIR(found.st_mode):
        raise NotOursError(f"{path} is a folder; name a file in it in [storage] url, such as {path / 'botmon.db'}")
    if not stat.S_ISREG(found.st_mode):
        raise NotOursError(f"{path} is no regular file; {_REMEDY}")
    if not found.st_size:
        raise NotOursError(f"{path} is an empty file that botmon did not make; delete it, or {_REMEDY}")
    return found.st_size


def _look(path: Path) -> tuple[Header, int]:
    """The header and the mark of a SQLite file.

    SQLite reads it, told that the file does not change: then it locks nothing and leaves no files behind. To open a
    file without SQLite takes away the locks that this process has on it once it is closed, the host's own included.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as db:
            (version,), (mark,) = (
                db.execute("PRAGMA user_version").fetchone(),
                db.execute("PRAGMA application_id").fetchone(),
            )
            owner = None
            with suppress(sqlite3.Error):  # another program's, or one that is being written
                owner = db.execute(OWNER).fetchone()
    except sqlite3.DatabaseError as error:
        if _code(error) != sqlite3.SQLITE_CORRUPT:
            raise
        with path.open("rb") as file:  # one that nobody can use: there are no locks to lose
            header = file.read(_HEADER_BYTES)
        version, mark = (int.from_bytes(header[place], "big") for place in (_USER_VERSION, _APPLICATION_ID))
        owner = None
    return Header(version, None if owner is None else str(owner[0])), mark


def make(path: Path, fill: Callable[[sqlite3.Connection], object], mark: int = STORE_MARK) -> None:
    """Make a file of ours at a path where there is nothing: whole, or not at all. Folders and file are private.

    Another process may make it at the same time: one of the two files stays.

    Raises:
        StorageError: it can't be made.
    """
    for log in _LOGS:
        with suppress(OSError):
            if Path(f"{path}{log}").stat().st_size:
                raise StorageError(
                    f"{path}{log} is left of a database that is not there any more, and would damage a new one; "
                    "move it away"
                )
    try:
        _make_folders(path.parent)
        new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            with closing(sqlite3.connect(new, isolation_level=None)) as db:
                db.execute("PRAGMA auto_vacuum = INCREMENTAL")
                db.execute(f"PRAGMA application_id = {mark}")
                fill(db)
            _put_in_place(new, path)
        finally:
            for helper in ("", *_LOGS):
                Path(f"{new}{helper}").unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        why = getattr(error, "strerror", None) or error  # without the name that it has while it is made
        raise StorageError(f"can't open the database {path}: {why}") from error


def _make_folders(folder: Path) -> None:
    if not folder.is_dir():
        _make_folders(folder.parent)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)


def _put_in_place(new: Path, path: Path) -> None:
    """Give the file its name unless something has it by now."""
    try:
        os.link(new, path)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # holds the place
            new.replace(path)


def identity(path: Path) -> Identity | None:
    """Which file is there; None if there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def is_damage(error: BaseException | None) -> bool:
    """Whether SQLite said that the file is malformed, or no database."""
    return _code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def _code(error: BaseException | None) -> int | None:
    """SQLite's primary error code."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & _PRIMARY


def set_aside(path: Path, now: datetime, ours: frozenset[str], damaged: Identity | None = None) -> Path | None:
    """Rename a damaged file of ours and what belongs to it. No connection of ours may be open.

    Args:
        path: where it is.
        now: for its new name.
        ours: the names of our tables and views. A file that holds any other, or does not tell, stays where it is.
        damaged: which file it is, if another process may have set it aside already.

    Returns:
        Its new name; None if another process does it, or has done it.

    Raises:
        StorageError: it stays; the message says why.
    """
    try:
        with _held(path, damaged) as is_held:
            return _renamed(path, now, ours) if is_held else None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"the damaged database {path} can't be set aside: {error}") from error


@contextmanager
def _held(path: Path, damaged: Identity | None) -> Generator[bool]:
    """Whether this process is the only one that is here, and the file is still the one that it knows."""
    if fcntl is None:
        yield damaged in {None, identity(path)}
        return
    with path.open("rb") as file:
        is_held = True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            is_held = False
        except OSError:  # a file system without locks
            pass
        yield is_held and damaged in {None, identity(path)}


def _renamed(path: Path, now: datetime, ours: frozenset[str]) -> Path:
    others = _others(path, ours)
    if others is None:
        raise StorageError(f"{path} is damaged, and what is in it can't be told; move it away, and a new one is begun")
    if others:
        raise StorageError(
            f"{path} is damaged, and holds what is not botmon's ({', '.join(others)}); rescue that, then move it away"
        )
    kept = path.with_name(f"{path.name}.damaged-{now:%Y%m%dT%H%M%SZ}")
    while kept.exists():
        kept = kept.with_name(f"{kept.name}~")
    # The file itself comes last: whoever finds it gone begins a new one, whose helpers are not to be renamed.
    for helper in (*_LOGS, _INDEX, ""):
        with suppress(FileNotFoundError):
            Path(f"{path}{helper}").rename(f"{kept}{helper}")
    return kept


def _others(path: Path, ours: frozenset[str]) -> list[str] | None:
    """What a file holds that is not ours; None if that can't be read."""
    has_log = any(Path(f"{path}{log}").exists() for log in _LOGS)
    how = "mode=ro" if has_log else "immutable=1"  # which leaves no files behind
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)) as db:
            names = [str(name) for (name,) in db.execute("SELECT tbl_name FROM sqlite_master")]
    except sqlite3.Error:
        return None
    return sorted({name for name in names if name not in ours and not name.startswith("sqlite_")})


class Logs:
    """The helper files of a database in use, so that those of one that is gone are not taken for its successor's."""

    def __init__(self, path: Path) -> None:
        """Call it once the database was written to."""
        self._files = [(file, identity(file)) for file in (Path(f"{path}-wal"), Path(f"{path}{_INDEX}"))]

    def detach(self, db: sqlite3.Connection) -> None:
        """Write what the log holds into the database, wherever that is now, and take the files away from its old place.

        Other processes that still use them notice nothing.
        """
        with suppress(sqlite3.Error):
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for file, known in self._files:
            if known is not None and identity(file) == known:
                with suppress(OSError):
                    file.unlink()
