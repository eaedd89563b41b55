-- The two tables that older bots already have. Where they exist, they are left as they are.

CREATE TABLE IF NOT EXISTS audit_logs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id TEXT,
    user_id TEXT,
    action TEXT,
    details TEXT,
    timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE IF NOT EXISTS bot_stats (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id TEXT,
    date TEXT,
    total_songs_played INTEGER DEFAULT 0,
    total_playtime INTEGER DEFAULT 0,
    total_skips INTEGER DEFAULT 0,
    UNIQUE (guild_id, date)
);
