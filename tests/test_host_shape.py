"""Which tables of a host's database are read and mirrored: the original's, and no others."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import permutations

import pytest

from botmon_cog.host.file import look_at
from botmon_cog.host.shape import AUDIT_LOGS as LOGS
from botmon_cog.host.shape import BOT_STATS as STATS
from botmon_cog.host.shape import Other, Shape, shape_of
from tests.host_helpers import (
    ADDED_TO_LOGS,
    ADDED_TO_STATS,
    AFTER,
    ALTERED,
    AUDIT_LOGS,
    BEFORE,
    BOT_STATS,
    FOREIGN_KEY,
    INDEXES,
    PLAIN,
    SERVERS,
)


def shapes(*statements: str) -> tuple[Shape | Other | None, Shape | Other | None]:
    with closing(sqlite3.connect(":memory:")) as db:
        for statement in statements:
            db.execute(statement)
        return look_at(db)


def changed(old: str, new: str, table: str = AUDIT_LOGS) -> str:
    assert old in table
    return table.replace(FOREIGN_KEY, "").replace(old, new)


COMPLETE = Shape((), has_triggers=False)
ORIGINAL = {
    "after the old module": (AFTER, COMPLETE, COMPLETE),
    "before it": (
        BEFORE,
        Shape(tuple(LOGS.added), has_triggers=False),
        Shape(tuple(STATS.added), has_triggers=False),
    ),
    "without foreign keys": (PLAIN, COMPLETE, COMPLETE),
    "without indexes": ([s for s in AFTER if s not in INDEXES], COMPLETE, COMPLETE),
    "with other indexes": ([*AFTER, "CREATE INDEX i ON audit_logs (command, executed_at)"], COMPLETE, COMPLETE),
    "in one statement": (
        [
            AUDIT_LOGS.replace(FOREIGN_KEY, ", " + ", ".join(ADDED_TO_LOGS)),
            BOT_STATS.replace(FOREIGN_KEY, ", " + ", ".join(ADDED_TO_STATS)),
        ],
        COMPLETE,
        COMPLETE,
    ),
    "in small letters": ([statement.lower() for statement in PLAIN], COMPLETE, COMPLETE),
    "with quoted names, and comments": (
        [
            AUDIT_LOGS.replace("details TEXT", '"details" TEXT /* CHECK (1) */ -- WITHOUT ROWID\n').replace(
                FOREIGN_KEY, ""
            ),
            changed("date DATE", "[date] DATE", BOT_STATS),
            *ALTERED,
        ],
        COMPLETE,
        COMPLETE,
    ),
    "with a unique index": (
        [
            *[s for s in PLAIN if "bot_stats" not in s],
            BOT_STATS.replace(FOREIGN_KEY, "").replace("UNIQUE(guild_id, date)", ", ".join(ADDED_TO_STATS)),
            "CREATE UNIQUE INDEX u ON bot_stats (guild_id, date)",
        ],
        COMPLETE,
        COMPLETE,
    ),
    "with a reference in the column": (
        [
            SERVERS,
            AUDIT_LOGS.replace(FOREIGN_KEY, "").replace(
                "guild_id TEXT NOT NULL", "guild_id TEXT NOT NULL REFERENCES servers ON DELETE CASCADE"
            ),
            BOT_STATS,
            *ALTERED,
        ],
        COMPLETE,
        COMPLETE,
    ),
    "with a trigger": (
        [*AFTER, "CREATE TRIGGER t AFTER INSERT ON audit_logs BEGIN SELECT 1; END"],
        Shape((), has_triggers=True),
        COMPLETE,
    ),
}


@pytest.mark.parametrize("name", ORIGINAL)
def test_tables_of_the_original_are_known_however_they_were_made(name):
    statements, logs, stats = ORIGINAL[name]
    assert shapes(*statements) == (logs, stats)


def test_any_of_the_added_columns_may_be_missing_in_any_order():
    for order in [*permutations(ADDED_TO_LOGS, 2), *permutations(ADDED_TO_LOGS, 5)]:
        added = [f"ALTER TABLE audit_logs ADD COLUMN {column}" for column in order]
        logs, _ = shapes(AUDIT_LOGS, *added)
        there = {column.split()[0] for column in order}
        assert logs == Shape(tuple(name for name in LOGS.added if name not in there), has_triggers=False)


WITHOUT_KEY = AUDIT_LOGS.replace(FOREIGN_KEY, "")
OTHER_LOGS = {
    "is a view": ["CREATE TABLE t (id INTEGER)", "CREATE VIEW audit_logs AS SELECT * FROM t"],
    "is a virtual table": [
        "CREATE VIRTUAL TABLE audit_logs USING fts5(guild_id, user_id, command, details, executed_at)"
    ],
    "is a table WITHOUT ROWID": [WITHOUT_KEY.replace("AUTOINCREMENT", "").rstrip() + " WITHOUT ROWID"],
    "is a STRICT table": [WITHOUT_KEY.replace("DATETIME", "TEXT").rstrip() + " STRICT"],
    "has a CHECK": [changed("command TEXT NOT NULL", "command TEXT NOT NULL CHECK (command <> '')")],
    "has a COLLATE": [changed("command TEXT NOT NULL", "command TEXT NOT NULL COLLATE NOCASE")],
    "has a generated column": [
        changed("details TEXT", "details TEXT, username TEXT GENERATED ALWAYS AS (user_id || '!') VIRTUAL")
    ],
    "has a generated column ": [changed("details TEXT", "details TEXT, username TEXT AS (user_id || '!')")],
    "has an ON CONFLICT": [changed("command TEXT NOT NULL", "command TEXT NOT NULL ON CONFLICT IGNORE")],
    "has no id INTEGER PRIMARY KEY AUTOINCREMENT": [changed(" AUTOINCREMENT", "")],
    "has a column moderator_id": [changed("details TEXT", "details TEXT, moderator_id TEXT NOT NULL")],
    "has a column reason": [WITHOUT_KEY, "ALTER TABLE audit_logs ADD COLUMN reason TEXT"],
    "has no column command": [changed("command TEXT NOT NULL,", "")],
    "has no column executed_at": [changed("executed_at DATETIME DEFAULT CURRENT_TIMESTAMP", "username TEXT")],
    "has its columns in another order": [
        changed("guild_id TEXT NOT NULL, user_id TEXT NOT NULL", "user_id TEXT NOT NULL, guild_id TEXT NOT NULL")
    ],
    "has user_id as INTEGER instead of TEXT": [changed("user_id TEXT", "user_id INTEGER")],
    "has executed_at as TIMESTAMP instead of DATETIME": [changed("DATETIME", "TIMESTAMP")],
    "has details NOT NULL": [changed("details TEXT", "details TEXT NOT NULL")],
    "has user_id without NOT NULL": [changed("user_id TEXT NOT NULL", "user_id TEXT")],
    "has details with DEFAULT '-' instead of None": [changed("details TEXT", "details TEXT DEFAULT '-'")],
    "has executed_at with DEFAULT None instead of CURRENT_TIMESTAMP": [changed(" DEFAULT CURRENT_TIMESTAMP", "")],
    "has another UNIQUE": [WITHOUT_KEY, "CREATE UNIQUE INDEX u ON audit_logs (guild_id, user_id)"],
    "refers to guilds(id)": [AUDIT_LOGS.replace("servers(guild_id)", "guilds(id)")],
    "refers to users(id)": [AUDIT_LOGS.replace(FOREIGN_KEY, ", FOREIGN KEY (user_id) REFERENCES users(id)")],
    "has a deferred foreign key": [AUDIT_LOGS.replace("CASCADE", "CASCADE DEFERRABLE INITIALLY DEFERRED")],
}
OTHER_STATS = {
    "has no UNIQUE(guild_id, date)": [changed("UNIQUE(guild_id, date)", ADDED_TO_STATS[0], BOT_STATS)],
    "has another UNIQUE": [changed("UNIQUE(guild_id, date)", "UNIQUE(guild_id, date), UNIQUE(date)", BOT_STATS)],
    "has date as TEXT instead of DATE": [changed("date DATE", "date TEXT", BOT_STATS)],
    "has date with DEFAULT CURRENT_DATE instead of DATE('NOW')": [changed("(DATE('now'))", "CURRENT_DATE", BOT_STATS)],
    "has total_skips with DEFAULT 1 instead of 0": [
        changed("total_skips INTEGER DEFAULT 0", "total_skips INTEGER DEFAULT 1", BOT_STATS)
    ],
    "has songs_played NOT NULL": [
        changed("songs_played INTEGER DEFAULT 0", "songs_played INTEGER NOT NULL DEFAULT 0", BOT_STATS)
    ],
    "has a column wins": [BOT_STATS, "ALTER TABLE bot_stats ADD COLUMN wins INTEGER DEFAULT 0"],
}


@pytest.mark.parametrize("why", OTHER_LOGS)
def test_any_other_shape_of_audit_logs_is_told_by_what_differs(why):
    logs, _ = shapes(*OTHER_LOGS[why])
    assert logs == Other(why.strip())


@pytest.mark.parametrize("why", OTHER_STATS)
def test_any_other_shape_of_bot_stats_is_told_by_what_differs(why):
    _, stats = shapes(*OTHER_STATS[why])
    assert stats == Other(why)


def test_a_partial_unique_index_is_no_unique_key_of_the_days():
    table = BOT_STATS.replace(FOREIGN_KEY, "").replace("UNIQUE(guild_id, date)", ADDED_TO_STATS[0])
    _, stats = shapes(table, "CREATE UNIQUE INDEX u ON bot_stats (guild_id, date) WHERE date > '2020'")
    assert stats == Other("has another UNIQUE")


def test_tables_that_are_not_there_are_no_shape():
    assert shapes(SERVERS) == (None, None)
    with closing(sqlite3.connect(":memory:")) as db:
        assert shape_of(db, LOGS) is None
