-- What one observed invocation knows beyond the old columns, and the roll-ups over it.
-- ADD COLUMN IF NOT EXISTS is the migrator's: SQLite itself has no such form.

ALTER TABLE audit_logs ADD COLUMN IF NOT EXISTS username TEXT;
ALTER TABLE audit_logs ADD COLUMN IF NOT EXISTS guild_name TEXT;
ALTER TABLE audit_logs ADD COLUMN IF NOT EXISTS parameters TEXT;
ALTER TABLE audit_logs ADD COLUMN IF NOT EXISTS duration REAL;
ALTER TABLE audit_logs ADD COLUMN IF NOT EXISTS success INTEGER;
ALTER TABLE audit_logs ADD COLUMN IF NOT EXISTS error_message TEXT;
ALTER TABLE audit_logs ADD COLUMN IF NOT EXISTS event_id TEXT;
ALTER TABLE audit_logs ADD COLUMN IF NOT EXISTS kind TEXT;
ALTER TABLE audit_logs ADD COLUMN IF NOT EXISTS outcome TEXT;
ALTER TABLE audit_logs ADD COLUMN IF NOT EXISTS response_s REAL;
ALTER TABLE audit_logs ADD COLUMN IF NOT EXISTS gateway_delay_s REAL;
ALTER TABLE audit_logs ADD COLUMN IF NOT EXISTS channel_id TEXT;
ALTER TABLE audit_logs ADD COLUMN IF NOT EXISTS error_type TEXT;
ALTER TABLE audit_logs ADD COLUMN IF NOT EXISTS shard_id INTEGER;
ALTER TABLE audit_logs ADD COLUMN IF NOT EXISTS instance TEXT;

-- Rows of an intermediate schema know success but not the outcome; rows of the oldest know neither.
UPDATE audit_logs SET outcome = CASE WHEN success THEN 'ok' ELSE 'error' END
WHERE outcome IS NULL AND success IS NOT NULL;

CREATE UNIQUE INDEX IF NOT EXISTS audit_logs_event_id ON audit_logs (event_id);
CREATE INDEX IF NOT EXISTS audit_logs_guild_time ON audit_logs (guild_id, timestamp);
CREATE INDEX IF NOT EXISTS audit_logs_time ON audit_logs (timestamp);

ALTER TABLE bot_stats ADD COLUMN IF NOT EXISTS total_pauses INTEGER DEFAULT 0;
ALTER TABLE bot_stats ADD COLUMN IF NOT EXISTS unique_users INTEGER DEFAULT 0;
ALTER TABLE bot_stats ADD COLUMN IF NOT EXISTS commands_executed INTEGER DEFAULT 0;

-- Where these columns were there, their counts include the audit rows that the roll-up is about to add: keep only what
-- is beyond those, so that the sum is the larger of the two.
UPDATE bot_stats SET
    commands_executed = max(COALESCE(bot_stats.commands_executed, 0) - logged.commands, 0),
    unique_users = max(COALESCE(bot_stats.unique_users, 0) - logged.users, 0)
FROM (
    SELECT guild_id, date(timestamp) AS date, COUNT(*) AS commands, COUNT(DISTINCT user_id) AS users
    FROM audit_logs WHERE action IS NOT NULL GROUP BY guild_id, date(timestamp)
) AS logged
WHERE bot_stats.guild_id = logged.guild_id AND bot_stats.date = logged.date;

CREATE TABLE IF NOT EXISTS music_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    timestamp TIMESTAMP NOT NULL,
    guild_id TEXT NOT NULL,
    user_id TEXT,
    duration_s REAL NOT NULL,
    shard_id INTEGER NOT NULL,
    instance TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS custom_metrics (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    timestamp TIMESTAMP NOT NULL,
    value REAL NOT NULL,
    unit TEXT NOT NULL,
    success INTEGER NOT NULL,
    guild_id TEXT,
    user_id TEXT,
    shard_id INTEGER NOT NULL,
    instance TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS custom_metrics_time ON custom_metrics (timestamp);

CREATE TABLE IF NOT EXISTS health_checks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    timestamp TIMESTAMP NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    rss_bytes INTEGER,
    cpu_percent REAL,
    database_s REAL,
    error_rate REAL,
    instance TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS health_checks_time ON health_checks (timestamp);

-- What owners were told last, so that a restart neither forgets nor repeats it.
CREATE TABLE IF NOT EXISTS alerts (
    instance TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    since TIMESTAMP NOT NULL,
    reason TEXT,
    PRIMARY KEY (instance, key)
) WITHOUT ROWID;

-- The keys of the roll-ups begin with the time: what is counted now lies on few pages, whichever guilds it is for.

-- hour: whole hours since 1970-01-01 00:00 UTC. guild_id: '' in DMs.
CREATE TABLE IF NOT EXISTS command_hourly (
    hour INTEGER NOT NULL,
    guild_id TEXT NOT NULL,
    command TEXT NOT NULL,
    n INTEGER NOT NULL,
    ok INTEGER NOT NULL,
    user_error INTEGER NOT NULL,
    denied INTEGER NOT NULL,
    error INTEGER NOT NULL,
    late INTEGER NOT NULL,
    unanswered INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    PRIMARY KEY (hour, guild_id, command)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS command_hourly_guild ON command_hourly (guild_id, hour);

-- hours: a bit per hour of the UTC day in which the user was seen (bit 0: 00:00 to 00:59).
CREATE TABLE IF NOT EXISTS active_users (
    date TEXT NOT NULL,
    guild_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    hours INTEGER NOT NULL,
    PRIMARY KEY (date, guild_id, user_id)
) WITHOUT ROWID;

-- metric: duration, response or gateway. bucket: ceil(ln(seconds) / ln(51 / 49)).
CREATE TABLE IF NOT EXISTS latency_hourly (
    hour INTEGER NOT NULL,
    command TEXT NOT NULL,
    metric TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (hour, command, metric, bucket)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS latency_daily (
    date TEXT NOT NULL,
    guild_id TEXT NOT NULL,
    command TEXT NOT NULL,
    metric TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (date, guild_id, command, metric, bucket)
) WITHOUT ROWID;

-- then: roll up what is already there
