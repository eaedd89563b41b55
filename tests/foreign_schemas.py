"""Databases of bots that never had the old module, each with what its bot does to it afterwards."""

from __future__ import annotations

from typing import NamedTuple


class Schema(NamedTuple):
    """One bot's database.

    Attributes:
        made: the statements that make it, rows included.
        used: what the bot goes on doing; each must do and find the same as if nobody had been there.
    """

    made: str
    used: tuple[str, ...]


_CASES = """
CREATE TABLE audit_logs (
    case_id INTEGER PRIMARY KEY, guild INTEGER NOT NULL, moderator INTEGER NOT NULL, action TEXT NOT NULL, reason TEXT,
    at INTEGER NOT NULL
);
INSERT INTO audit_logs VALUES (1, 10, 20, 'ban', 'spam', 1700000000), (2, 10, 21, 'kick', NULL, 1700000100);
"""
_LIKE_THE_ORIGINAL = """
    guild_id TEXT NOT NULL, user_id TEXT NOT NULL, command TEXT NOT NULL, details TEXT,
    executed_at DATETIME DEFAULT CURRENT_TIMESTAMP
"""
_ONE = "INSERT INTO audit_logs (guild_id, user_id, command) VALUES ('1', '2', 'play')"
_COUNT = "SELECT COUNT(*) FROM audit_logs"

SCHEMAS: dict[str, Schema] = {
    "moderation log": Schema(
        _CASES,
        (
            "INSERT INTO audit_logs VALUES (3, 10, 20, 'mute', 'noise', 1700000200)",
            "SELECT * FROM audit_logs ORDER BY case_id DESC",
            "DELETE FROM audit_logs WHERE case_id = 1",
        ),
    ),
    "moderation log with triggers that refuse": Schema(
        _CASES
        + """
        CREATE TRIGGER evidence_stays BEFORE DELETE ON audit_logs BEGIN SELECT RAISE(ABORT, 'evidence'); END;
        CREATE TRIGGER only_known BEFORE INSERT ON audit_logs WHEN NEW.action NOT IN ('ban', 'kick')
        BEGIN SELECT RAISE(ROLLBACK, 'unknown action'); END;
        """,
        ("INSERT INTO audit_logs VALUES (3, 10, 20, 'ban', NULL, 1)", "SELECT * FROM audit_logs"),
    ),
    "integer ids": Schema(
        """
        CREATE TABLE audit_logs (
            id INTEGER PRIMARY KEY AUTOINCREMENT, guild_id INTEGER NOT NULL, user_id INTEGER NOT NULL,
            command TEXT NOT NULL, details TEXT, executed_at DATETIME DEFAULT CURRENT_TIMESTAMP
        );
        INSERT INTO audit_logs (guild_id, user_id, command) VALUES (9007199254740993, 2, 'ban');
        """,
        (_ONE, "SELECT guild_id, typeof(guild_id) FROM audit_logs"),
    ),
    "text key": Schema(
        f"CREATE TABLE audit_logs (id TEXT PRIMARY KEY, {_LIKE_THE_ORIGINAL}); "
        "INSERT INTO audit_logs (id, guild_id, user_id, command) VALUES ('a3f', '1', '2', 'warn');",
        ("INSERT INTO audit_logs VALUES ('b4c', '1', '2', 'ban', NULL, '2026-01-01')", "SELECT * FROM audit_logs"),
    ),
    "composite key": Schema(
        "CREATE TABLE audit_logs (guild_id TEXT NOT NULL, n INTEGER NOT NULL, entry TEXT, PRIMARY KEY (guild_id, n)); "
        "INSERT INTO audit_logs VALUES ('1', 1, 'first');",
        (
            "INSERT INTO audit_logs VALUES ('1', 1, 'again') ON CONFLICT (guild_id, n) DO UPDATE SET entry = excluded.entry",
            "SELECT * FROM audit_logs",
        ),
    ),
    "no key at all": Schema(
        "CREATE TABLE audit_logs (line TEXT); INSERT INTO audit_logs VALUES ('started'), ('stopped');",
        ("INSERT INTO audit_logs VALUES ('started')", "SELECT rowid, * FROM audit_logs"),
    ),
    "without rowid": Schema(
        "CREATE TABLE audit_logs (id INTEGER PRIMARY KEY, "
        f"{_LIKE_THE_ORIGINAL}) WITHOUT ROWID; INSERT INTO audit_logs VALUES (1, '1', '2', 'play', NULL, '2026-01-01');",
        ("INSERT INTO audit_logs VALUES (2, '1', '2', 'skip', NULL, '2026-01-02')", "SELECT * FROM audit_logs"),
    ),
    "strict": Schema(
        "CREATE TABLE audit_logs (id INTEGER PRIMARY KEY, guild_id TEXT NOT NULL, user_id TEXT NOT NULL, "
        "command TEXT NOT NULL, details TEXT, executed_at TEXT DEFAULT CURRENT_TIMESTAMP) STRICT; "
        "CREATE TABLE bot_stats (guild_id INTEGER PRIMARY KEY, songs_played INTEGER NOT NULL) STRICT; "
        "INSERT INTO bot_stats VALUES (1, 5);",
        ("INSERT INTO audit_logs VALUES (7, '1', '2', 'play', NULL, 'x')", "SELECT * FROM audit_logs, bot_stats"),
    ),
    "generated column": Schema(
        f"CREATE TABLE audit_logs (id INTEGER PRIMARY KEY AUTOINCREMENT, {_LIKE_THE_ORIGINAL}, "
        "day TEXT GENERATED ALWAYS AS (substr(executed_at, 1, 10)) STORED); "
        "INSERT INTO audit_logs (guild_id, user_id, command, executed_at) VALUES ('1', '2', 'play', '2026-01-01 10:00:00');",
        (_ONE, "SELECT command, day = substr(executed_at, 1, 10) FROM audit_logs"),
    ),
    "check on the command": Schema(
        "CREATE TABLE audit_logs (id INTEGER PRIMARY KEY AUTOINCREMENT, guild_id TEXT NOT NULL, user_id TEXT NOT NULL, "
        "command TEXT NOT NULL CHECK (command IN ('ban', 'kick')), details TEXT, "
        "executed_at DATETIME DEFAULT CURRENT_TIMESTAMP); "
        "INSERT INTO audit_logs (guild_id, user_id, command) VALUES ('1', '2', 'ban');",
        ("INSERT INTO audit_logs (guild_id, user_id, command) VALUES ('1', '2', 'kick')", _COUNT),
    ),
    "details are JSON": Schema(
        "CREATE TABLE audit_logs (id INTEGER PRIMARY KEY AUTOINCREMENT, guild_id TEXT NOT NULL, user_id TEXT NOT NULL, "
        "command TEXT NOT NULL, details TEXT CHECK (json_valid(details)), executed_at DATETIME DEFAULT CURRENT_TIMESTAMP); "
        """INSERT INTO audit_logs (guild_id, user_id, command, details) VALUES ('1', '2', 'ban', '{"days": 7}');""",
        ("SELECT json_extract(details, '$.days') FROM audit_logs",),
    ),
    "one more column that must be given": Schema(
        f"CREATE TABLE audit_logs (id INTEGER PRIMARY KEY AUTOINCREMENT, {_LIKE_THE_ORIGINAL}, shard INTEGER NOT NULL); "
        "INSERT INTO audit_logs (guild_id, user_id, command, shard) VALUES ('1', '2', 'play', 0);",
        (
            "INSERT INTO audit_logs VALUES (9, '1', '2', 'play', NULL, '2026-01-01', 4)",
            "SELECT id, shard FROM audit_logs",
        ),
    ),
    "one more column with a default": Schema(
        f"CREATE TABLE audit_logs (id INTEGER PRIMARY KEY AUTOINCREMENT, {_LIKE_THE_ORIGINAL}, seen INTEGER DEFAULT 0); {_ONE};",
        (
            "INSERT INTO audit_logs VALUES (9, '1', '2', 'play', NULL, '2026-01-01', 1)",
            "SELECT id, seen FROM audit_logs",
        ),
    ),
    "everything not null": Schema(
        "CREATE TABLE audit_logs (id INTEGER PRIMARY KEY AUTOINCREMENT, guild_id TEXT NOT NULL, user_id TEXT NOT NULL, "
        "command TEXT NOT NULL, details TEXT NOT NULL, executed_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP); "
        "INSERT INTO audit_logs (guild_id, user_id, command, details) VALUES ('1', '2', 'play', '');",
        ("INSERT INTO audit_logs (guild_id, user_id, command, details) VALUES ('1', '2', 'skip', 'x')", _COUNT),
    ),
    "local time": Schema(
        "CREATE TABLE audit_logs (id INTEGER PRIMARY KEY AUTOINCREMENT, guild_id TEXT NOT NULL, user_id TEXT NOT NULL, "
        f"command TEXT NOT NULL, details TEXT, executed_at DATETIME DEFAULT (datetime('now', 'localtime'))); {_ONE};",
        (_ONE, "SELECT id, command FROM audit_logs"),
    ),
    "times are epochs": Schema(
        "CREATE TABLE audit_logs (id INTEGER PRIMARY KEY AUTOINCREMENT, guild_id TEXT NOT NULL, user_id TEXT NOT NULL, "
        "command TEXT NOT NULL, details TEXT, executed_at INTEGER DEFAULT (unixepoch())); "
        "INSERT INTO audit_logs (guild_id, user_id, command, executed_at) VALUES ('1', '2', 'play', 1700000000);",
        (
            "INSERT INTO audit_logs VALUES (5, '1', '2', 'skip', NULL, 1700000001)",
            "SELECT id, executed_at FROM audit_logs",
        ),
    ),
    "times with a zone": Schema(
        "CREATE TABLE audit_logs (id INTEGER PRIMARY KEY, guild_id TEXT, user_id TEXT, command TEXT, "
        "executed_at TEXT NOT NULL); INSERT INTO audit_logs VALUES (1, '1', '2', 'play', '2026-01-01T10:00:00+09:00');",
        ("SELECT executed_at FROM audit_logs WHERE executed_at LIKE '%+09:00'",),
    ),
    "other collation": Schema(
        "CREATE TABLE audit_logs (id INTEGER PRIMARY KEY AUTOINCREMENT, guild_id TEXT COLLATE NOCASE NOT NULL, "
        f"user_id TEXT NOT NULL, command VARCHAR(32) NOT NULL, details BLOB, executed_at TIMESTAMP); {_ONE};",
        (_ONE, "SELECT * FROM audit_logs WHERE guild_id = '1'"),
    ),
    "unique over the command": Schema(
        f"CREATE TABLE audit_logs (id INTEGER PRIMARY KEY AUTOINCREMENT, {_LIKE_THE_ORIGINAL}, UNIQUE (guild_id, command)); {_ONE};",
        (
            (
                "INSERT INTO audit_logs (guild_id, user_id, command) VALUES ('1', '3', 'play') "
                "ON CONFLICT (guild_id, command) DO UPDATE SET user_id = excluded.user_id"
            ),
            "SELECT id, user_id FROM audit_logs",
        ),
    ),
    "deferred foreign key": Schema(
        "CREATE TABLE cases (id INTEGER PRIMARY KEY); CREATE TABLE audit_logs (id INTEGER PRIMARY KEY AUTOINCREMENT, "
        f"{_LIKE_THE_ORIGINAL}, FOREIGN KEY (guild_id) REFERENCES cases (id) DEFERRABLE INITIALLY DEFERRED);",
        ("INSERT INTO cases VALUES (1)", _ONE, _COUNT),
    ),
    "view over the real table": Schema(
        "CREATE TABLE entries (id INTEGER PRIMARY KEY, guild TEXT, who TEXT, what TEXT); "
        "INSERT INTO entries VALUES (1, '1', '2', 'play'); "
        "CREATE VIEW audit_logs AS SELECT id, guild AS guild_id, who AS user_id, what AS command FROM entries;",
        ("INSERT INTO entries VALUES (2, '1', '2', 'skip')", "SELECT * FROM audit_logs"),
    ),
    "view that takes rows": Schema(
        "CREATE TABLE entries (id INTEGER PRIMARY KEY, what TEXT); "
        "CREATE VIEW audit_logs AS SELECT id, '1' AS guild_id, '2' AS user_id, what AS command FROM entries; "
        "CREATE TRIGGER taken INSTEAD OF INSERT ON audit_logs BEGIN INSERT INTO entries (what) VALUES (NEW.command); END;",
        (_ONE, "SELECT * FROM audit_logs"),
    ),
    "full text search": Schema(
        "CREATE VIRTUAL TABLE audit_logs USING fts5 (guild_id, command, details); "
        "INSERT INTO audit_logs VALUES ('1', 'ban', 'spam and eggs');",
        (
            "INSERT INTO audit_logs VALUES ('1', 'kick', 'eggs')",
            "SELECT command FROM audit_logs WHERE audit_logs MATCH 'eggs'",
        ),
    ),
    "capitals": Schema(
        'CREATE TABLE "AUDIT_LOGS" ("ID" INTEGER PRIMARY KEY, "Entry" TEXT); INSERT INTO "AUDIT_LOGS" VALUES (1, \'x\');',
        ("INSERT INTO audit_logs VALUES (2, 'y')", "SELECT * FROM audit_logs"),
    ),
    "statistics by name": Schema(
        "CREATE TABLE bot_stats (name TEXT PRIMARY KEY, value INTEGER NOT NULL); INSERT INTO bot_stats VALUES ('songs', 5);",
        (
            "INSERT INTO bot_stats VALUES ('songs', 1) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            "SELECT * FROM bot_stats",
        ),
    ),
    "statistics by guild": Schema(
        "CREATE TABLE bot_stats (guild_id TEXT PRIMARY KEY, songs_played INTEGER DEFAULT 0, total_playtime INTEGER "
        "DEFAULT 0, total_skips INTEGER DEFAULT 0, date DATE); INSERT INTO bot_stats VALUES ('1', 5, 900, 2, '2026-01-01');",
        ("UPDATE bot_stats SET songs_played = songs_played + 1 WHERE guild_id = '1'", "SELECT * FROM bot_stats"),
    ),
    "statistics in a view": Schema(
        "CREATE TABLE plays (guild_id TEXT, at TEXT); INSERT INTO plays VALUES ('1', '2026-01-01'), ('1', '2026-01-01'); "
        "CREATE VIEW bot_stats AS SELECT guild_id, COUNT(*) AS songs_played, at AS date FROM plays GROUP BY guild_id, at;",
        ("INSERT INTO plays VALUES ('2', '2026-01-02')", "SELECT * FROM bot_stats ORDER BY 1"),
    ),
    "tables that an earlier version dropped": Schema(
        "CREATE TABLE active_users (user_id TEXT PRIMARY KEY, seen TEXT); INSERT INTO active_users VALUES ('2', 'today'); "
        "CREATE TABLE latency_daily (day TEXT PRIMARY KEY, ms REAL); INSERT INTO latency_daily VALUES ('2026-01-01', 42.5); "
        "CREATE TABLE latency_hourly (hour TEXT, ms REAL); CREATE TABLE command_hourly (hour TEXT, n INTEGER); "
        "INSERT INTO command_hourly VALUES ('10', 3);",
        (
            "INSERT INTO active_users VALUES ('2', 'now') ON CONFLICT (user_id) DO UPDATE SET seen = excluded.seen",
            "SELECT * FROM active_users, latency_daily, command_hourly",
        ),
    ),
    "tables named like ours": Schema(
        "".join(
            f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO {name} VALUES (1, '{name}');"
            for name in ("alerts", "runs", "labels", "guilds", "people", "marks", "rollups", "invocations", "samples")
        ),
        ("INSERT INTO runs VALUES (2, 'second')", "SELECT * FROM runs", "SELECT * FROM alerts, labels, marks"),
    ),
    "migrations of its own": Schema(
        "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT); PRAGMA user_version = 41; "
        "PRAGMA application_id = 1196444487; INSERT INTO schema_migrations VALUES (41, 'forty-first');",
        ("INSERT INTO schema_migrations VALUES (42, 'next')", "SELECT * FROM schema_migrations", "PRAGMA user_version"),
    ),
    "write-ahead log": Schema(
        "PRAGMA journal_mode = WAL;" + _CASES,
        (
            "INSERT INTO audit_logs VALUES (3, 10, 20, 'ban', NULL, 5)",
            "SELECT * FROM audit_logs",
            "PRAGMA journal_mode",
        ),
    ),
    "UTF-16 and small pages": Schema(
        "PRAGMA encoding = 'UTF-16be'; PRAGMA page_size = 512; PRAGMA auto_vacuum = FULL; "
        "CREATE TABLE audit_logs (log TEXT); INSERT INTO audit_logs VALUES ('日本語のログ');",
        ("INSERT INTO audit_logs VALUES ('更新')", "SELECT log FROM audit_logs", "PRAGMA encoding", "PRAGMA page_size"),
    ),
    "bytes and broken text": Schema(
        "CREATE TABLE audit_logs (id INTEGER PRIMARY KEY, payload BLOB, note TEXT); "
        "INSERT INTO audit_logs VALUES (1, x'00ff80', CAST(x'c328' AS TEXT));",
        ("SELECT id, hex(payload), hex(note) FROM audit_logs",),
    ),
    "nothing of the sort": Schema(
        "CREATE TABLE tags (name TEXT PRIMARY KEY, content TEXT); INSERT INTO tags VALUES ('rules', 'be kind');",
        ("INSERT INTO tags VALUES ('faq', 'read it')", "SELECT * FROM tags"),
    ),
}
