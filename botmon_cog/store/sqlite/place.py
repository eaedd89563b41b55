"""Where a store is: how its file is found, made, opened and taken possession of. All of it runs in a thread."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from botmon_cog.database_url import IN_MEMORY
from botmon_cog.errors import NotOursError
from botmon_cog.store.migrations import Migration, load_migrations, pending, statements
from botmon_cog.store.sqlite.connection import refuse_old_sqlite
from botmon_cog.store.sqlite.file import OWNER, Identity, Logs, expanded, identity, inspect, make

_log = logging.getLogger(__name__)

_WAL_PAGES = 4000
"""16 MB: pages that change with every commit are copied into the database a quarter as often as by default."""
_CLAIM = "INSERT INTO marks (name, value) VALUES ('application_id', ?) ON CONFLICT (name) DO NOTHING"


class OtherPlaceError(Exception):
    """The file belongs to another bot, and the place is the one beside it from now on."""


class GoneError(Exception):
    """The file that is open was deleted or replaced."""


class Place:
    """The file of one store, or the memory.

    Attributes:
        path: None for one in memory.
        open: which file was opened last.
        is_claimed: whether it is known to belong to this bot.
    """

    def __init__(
        self, path: str, application_id: Callable[[], int | None], *, may_move: bool, busy_timeout_s: float
    ) -> None:
        self.path = None if path == IN_MEMORY else _followed(expanded(path))
        self.open: Identity | None = None
        self.is_claimed = False
        self._application_id = application_id
        self._may_move = may_move
        self._busy_timeout_s = busy_timeout_s
        self._logs: Logs | None = None
        self._said_journal_mode = False

    @property
    def must_be_claimed(self) -> bool:
        """Whether it was opened before the bot had logged in, and now it is known whose it is."""
        return not self.is_claimed and self.path is not None and self._application_id() is not None

    # -- looking -------------------------------------------------------------------------------------------------------

    def inspect(self) -> bool:
        """Whether the file is there; refuses what can't be a store, without opening it.

        Raises:
            NotOursError: it is somebody else's.
            SchemaTooNewError: a newer version of this package upgraded it.
            StorageError: it can't be read.
        """
        refuse_old_sqlite()
        while self.path is not None:
            header = inspect(self.path)
            if header is None:
                return False
            if self._is_anothers(header.owner):
                self._move(str(header.owner))
            else:
                pending(load_migrations("sqlite"), header.version)
                return True
        return True

    def check(self) -> None:
        """Raise `GoneError` if the open file is not at its place any more."""
        if self.path is not None and identity(self.path) != self.open:
            raise GoneError

    def _is_anothers(self, owner: str | None) -> bool:
        own_id = self._application_id()
        return None not in {own_id, owner} and owner != str(own_id)

    def _move(self, owner: str) -> None:
        """Leave the file to the bot that it belongs to.

        Raises:
            NotOursError: the file was named in the configuration.
        """
        own_id, path = self._application_id(), self.path
        assert path is not None
        if not self._may_move or str(own_id) in path.stem:
            raise NotOursError(
                f"{path} belongs to another bot (application {owner}); give each its own file in [storage] url"
            )
        self.path = path.with_name(f"{path.stem}-{own_id}{path.suffix}")
        _log.warning("%s belongs to another bot (application %s); this one uses %s", path, owner, self.path)

    # -- opening -------------------------------------------------------------------------------------------------------

    def connect_writer(self) -> sqlite3.Connection:
        """Open the file, which is made if it is not there; its tables are up to date and it is ours."""
        while True:
            if not self.inspect() and self.path is not None:
                make(self.path, self._fill)
            self.open = None if self.path is None else identity(self.path)
            db = sqlite3.connect(self.path or IN_MEMORY, timeout=self._busy_timeout_s, isolation_level=None)
            try:
                self.claim(db)
                self._use_wal(db)
                db.execute("PRAGMA synchronous = NORMAL")
                db.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
                _migrate(db, load_migrations("sqlite"))
                self._logs = None if self.path is None else Logs(self.path)
            except OtherPlaceError:
                db.close()
            except BaseException:
                db.close()
                raise
            else:
                return db

    def connect_reader(self) -> sqlite3.Connection:
        assert self.path is not None
        db = sqlite3.connect(self.path, timeout=self._busy_timeout_s, isolation_level=None)
        try:
            db.execute("PRAGMA query_only = ON")
        except BaseException:
            db.close()
            raise
        return db

    def claim(self, db: sqlite3.Connection) -> None:
        """Take possession, if the bot's id is known.

        Raises:
            OtherPlaceError: it belongs to another bot; open what is at the new path.
            NotOursError: likewise, and it was named in the configuration.
        """
        own_id = self._application_id()
        if own_id is None or self.path is None:
            return
        row = db.execute(OWNER).fetchone()
        if row is None:
            db.execute(_CLAIM, (str(own_id),))
            row = db.execute(OWNER).fetchone()
            with suppress(sqlite3.OperationalError):  # so that another bot sees it without opening the file
                db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        if row[0] != str(own_id):
            self._move(str(row[0]))
            raise OtherPlaceError
        self.is_claimed = True

    def _fill(self, db: sqlite3.Connection) -> None:
        _migrate(db, load_migrations("sqlite"))
        self.claim(db)

    def _use_wal(self, db: sqlite3.Connection) -> None:
        """Let readers pass the writer, where the file system allows it."""
        mode = None
        with suppress(sqlite3.OperationalError):  # another connection is busy: the next start switches, all else works
            mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode not in {"wal", "memory", None} and not self._said_journal_mode:
            self._said_journal_mode = True
            _log.warning(
                "%s can't use write-ahead logging on this file system (journal mode %s): readers may have to wait",
                self.path,
                mode,
            )

    def leave(self, db: sqlite3.Connection) -> None:
        """What is to be done on the writing connection once the file is not at its place any more."""
        if self._logs is not None:
            self._logs.detach(db)


def _followed(path: Path) -> Path:
    """Where a link leads, so that what is renamed or made is the file itself."""
    return path.resolve() if path.is_symlink() and path.exists() else path


def _migrate(db: sqlite3.Connection, migrations: list[Migration]) -> None:
    """Apply what is missing, in one transaction that also raises `user_version`."""
    if not pending(migrations, _version(db)):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for migration in pending(migrations, _version(db)):  # another process may have been faster
            for statement in statements(migration.sql):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {migration.version}")
        db.execute("COMMIT")
    except BaseException:
        roll_back(db)
        raise


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def roll_back(db: sqlite3.Connection) -> None:
    if db.in_transaction:
        db.execute("ROLLBACK")
