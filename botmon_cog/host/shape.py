"""Whether the tables of a host's database are the original's: the only ones that are read, and written to.

A table of the original's is one that the old module, or the bot before it, made: its columns and no others, with their
types, defaults and keys, with or without the columns that the module added, its foreign key and its indexes.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Row = tuple[Any, ...]


class Column(NamedTuple):
    """A column of the original's.

    Attributes:
        default: as SQL, None if there is none.
    """

    type: str
    default: str | None = None
    not_null: bool = False


class Original(NamedTuple):
    """A table of the original's.

    Attributes:
        base: what it has in any case, in this order.
        added: what the old module added where it was missing.
        unique: the columns of its unique index; None if it has none.
    """

    name: str
    base: Mapping[str, Column]
    added: Mapping[str, Column]
    unique: frozenset[str] | None = None


class Shape(NamedTuple):
    """A table of the original's, as it is.

    Attributes:
        missing: of the columns that the old module added, those that are not there.
        has_triggers: whether more happens than what a statement says.
    """

    missing: tuple[str, ...]
    has_triggers: bool


class Other(NamedTuple):
    """A table that is not the original's.

    Attributes:
        why: in words; goes on after "audit_logs".
    """

    why: str


_ID = Column("INTEGER")
_REQUIRED = Column("TEXT", not_null=True)
_COUNT = Column("INTEGER", "0")
_TEXT = Column("TEXT")

AUDIT_LOGS = Original(
    "audit_logs",
    {
        "id": _ID,
        "guild_id": _REQUIRED,
        "user_id": _REQUIRED,
        "command": _REQUIRED,
        "details": _TEXT,
        "executed_at": Column("DATETIME", "CURRENT_TIMESTAMP"),
    },
    {
        "username": _TEXT,
        "guild_name": _TEXT,
        "parameters": _TEXT,
        "duration": Column("REAL"),
        "success": Column("INTEGER", "1"),
        "error_message": _TEXT,
    },
)
BOT_STATS = Original(
    "bot_stats",
    {
        "id": _ID,
        "guild_id": _REQUIRED,
        "songs_played": _COUNT,
        "total_playtime": _COUNT,
        "total_skips": _COUNT,
        "date": Column("DATE", "DATE('NOW')"),
    },
    {"total_pauses": _COUNT, "unique_users": _COUNT, "commands_executed": _COUNT},
    frozenset({"guild_id", "date"}),
)
ORIGINALS = (AUDIT_LOGS, BOT_STATS)

_NO_SQL_WORD = re.compile(r"""--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*"|\[[^\]]*\]|`[^`]*`""", re.DOTALL)
_WORD = re.compile(r"[A-Z_]+")
_UNEXPECTED = {
    "WITHOUT": "is a table WITHOUT ROWID",
    "STRICT": "is a STRICT table",
    "CHECK": "has a CHECK",
    "COLLATE": "has a COLLATE",
    "GENERATED": "has a generated column",
    "CONFLICT": "has an ON CONFLICT",
    "DEFERRABLE": "has a deferred foreign key",
}
_VIRTUAL = re.compile(r"\s*CREATE\s+VIRTUAL\b", re.IGNORECASE)
_OBJECT = "SELECT type, sql FROM sqlite_master WHERE name = ? COLLATE NOCASE AND type IN ('table', 'view')"
_TRIGGERS = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE"


def shape_of(db: sqlite3.Connection, original: Original) -> Shape | Other | None:
    """What there is of a table; None if there is no such table. Only reads."""
    found = db.execute(_OBJECT, (original.name,)).fetchone()
    if found is None:
        return None
    kind, sql = found
    columns = db.execute(f"PRAGMA table_xinfo({original.name})").fetchall()
    why = "is a view" if kind == "view" else next(_differences(db, original, str(sql), columns), None)
    if why is not None:
        return Other(why)
    names = {str(column[1]).lower() for column in columns}
    has_triggers = bool(db.execute(_TRIGGERS, (original.name,)).fetchone()[0])
    return Shape(tuple(name for name in original.added if name not in names), has_triggers)


def _differences(db: sqlite3.Connection, original: Original, sql: str, columns: Sequence[Row]) -> Iterator[str]:
    """In which ways a table is not the original's; each goes on after its name."""
    if _VIRTUAL.match(sql):
        yield "is a virtual table"
    words = set(_WORD.findall(_NO_SQL_WORD.sub(" ", sql).upper()))
    yield from (why for word, why in _UNEXPECTED.items() if word in words)
    if "AUTOINCREMENT" not in words:
        yield "has no id INTEGER PRIMARY KEY AUTOINCREMENT"
    names = [str(column[1]).lower() for column in columns]
    yield from (f"has a column {name}" for name in names if name not in {*original.base, *original.added})
    yield from (f"has no column {name}" for name in original.base if name not in names)
    if [name for name in names if name in original.base] != list(original.base):
        yield "has its columns in another order"
    for name, column in zip(names, columns, strict=True):
        yield from _column_differences(name, original, column)
    yield from _unique_differences(db, original)
    yield from _reference_differences(db, original)


def _column_differences(name: str, original: Original, column: Row) -> Iterator[str]:
    _, _, kind, not_null, default, key, hidden = column
    wanted = {**original.base, **original.added}[name]
    if hidden:
        yield "has a generated column"
    if bool(key) != (name == "id"):
        yield "has another primary key than id"
    if str(kind).upper() != wanted.type:
        yield f"has {name} as {kind or 'no type'} instead of {wanted.type}"
    if name != "id" and bool(not_null) != wanted.not_null:
        yield f"has {name} {'NOT NULL' if not_null else 'without NOT NULL'}"
    if _plain(default) != wanted.default:
        yield f"has {name} with DEFAULT {default} instead of {wanted.default}"


def _plain(default: object) -> str | None:
    """A default as it is compared."""
    if default is None:
        return None
    text = str(default).upper().replace('"', "'").replace(" ", "")
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    return text


def _unique_differences(db: sqlite3.Connection, original: Original) -> Iterator[str]:
    found: set[frozenset[str]] = set()
    for _, index, is_unique, _, is_partial in db.execute(f"PRAGMA index_list({original.name})").fetchall():
        if is_unique:
            rows = db.execute("SELECT name FROM pragma_index_info(?)", (index,)).fetchall()
            found.add(frozenset({"?"} if is_partial else {str(name).lower() for (name,) in rows}))
    allowed: set[frozenset[str]] = set() if original.unique is None else {original.unique}
    if found - allowed:
        yield "has another UNIQUE"
    if allowed - found:
        yield "has no UNIQUE(guild_id, date)"


def _reference_differences(db: sqlite3.Connection, original: Original) -> Iterator[str]:
    rows = db.execute(f"PRAGMA foreign_key_list({original.name})").fetchall()
    for _, _, table, column, to, on_update, on_delete, _ in rows:
        key = (str(table).lower(), str(column).lower(), str(to or "guild_id").lower(), on_update, on_delete)
        if key != ("servers", "guild_id", "guild_id", "NO ACTION", "CASCADE"):
            yield f"refers to {table}({to or column})"
