-- Roll-ups with whole numbers for hours, days and metrics: small, the same on every engine, and without an index beside
-- the key, so that a commit changes few pages.

-- What bot_stats held before anything of it was counted here. bot_stats = legacy_stats + what the raw rows say.
CREATE TABLE legacy_stats (
    day INTEGER NOT NULL,
    guild_id TEXT NOT NULL,
    songs INTEGER NOT NULL,
    playtime_s INTEGER NOT NULL,
    skips INTEGER NOT NULL,
    pauses INTEGER NOT NULL,
    commands INTEGER NOT NULL,
    users INTEGER NOT NULL,
    PRIMARY KEY (day, guild_id)
) WITHOUT ROWID;

INSERT INTO legacy_stats (day, guild_id, songs, playtime_s, skips, pauses, commands, users)
SELECT CAST(julianday(stats.date) - 2440587.5 AS INTEGER) AS day, COALESCE(stats.guild_id, '') AS guild,
       SUM(max(COALESCE(stats.total_songs_played, 0) - COALESCE(music.songs, 0), 0)),
       SUM(max(COALESCE(stats.total_playtime, 0) - COALESCE(music.playtime, 0), 0)),
       SUM(max(COALESCE(stats.total_skips, 0) - COALESCE(music.skips, 0), 0)),
       SUM(max(COALESCE(stats.total_pauses, 0) - COALESCE(music.pauses, 0), 0)),
       SUM(max(COALESCE(stats.commands_executed, 0) - COALESCE(counted.commands, 0), 0)),
       SUM(max(COALESCE(stats.unique_users, 0) - COALESCE(seen.users, 0), 0))
FROM bot_stats AS stats
LEFT JOIN (
    SELECT guild_id, date(timestamp) AS date, COUNT(*) FILTER (WHERE type = 'song_played') AS songs,
           SUM(CAST(ROUND(min(max(duration_s, 0), 86400.0)) AS INTEGER)) AS playtime,
           COUNT(*) FILTER (WHERE type = 'skip') AS skips, COUNT(*) FILTER (WHERE type = 'pause') AS pauses
    FROM music_events GROUP BY guild_id, date(timestamp)
) AS music ON music.guild_id = stats.guild_id AND music.date = stats.date
LEFT JOIN (
    SELECT guild_id, date(hour * 3600, 'unixepoch') AS date, SUM(n) AS commands
    FROM command_hourly GROUP BY guild_id, date(hour * 3600, 'unixepoch')
) AS counted ON counted.guild_id = stats.guild_id AND counted.date = stats.date
LEFT JOIN (
    SELECT guild_id, date, COUNT(*) AS users FROM active_users GROUP BY guild_id, date
) AS seen ON seen.guild_id = stats.guild_id AND seen.date = stats.date
WHERE stats.date = date(julianday(stats.date))
GROUP BY day, guild;

-- Moments are compared as text: those that a bot wrote with a T between date and time, with a zone, or as a mere date get
-- the form of all others.
UPDATE audit_logs SET timestamp = strftime('%Y-%m-%d %H:%M:%f', timestamp)
WHERE timestamp LIKE '____-__-__%' AND strftime('%s', timestamp) IS NOT NULL
AND (timestamp NOT GLOB '????-??-?? ??:??:??*' OR timestamp GLOB '*[-+]??:??' OR timestamp LIKE '%Z');

DROP TABLE command_hourly;
DROP TABLE active_users;
DROP TABLE latency_hourly;
DROP TABLE latency_daily;

-- hour: whole hours since 1970-01-01 00:00 UTC. guild_id: '' in DMs.
CREATE TABLE command_hourly (
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

CREATE TABLE command_seen (
    guild_id TEXT NOT NULL,
    command TEXT NOT NULL,
    first_hour INTEGER NOT NULL,
    last_hour INTEGER NOT NULL,
    PRIMARY KEY (guild_id, command)
) WITHOUT ROWID;

-- day: whole days since 1970-01-01 (UTC). hours: a bit per hour in which the user was seen (bit 0: 00:00 to 00:59).
CREATE TABLE active_users (
    day INTEGER NOT NULL,
    guild_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    hours INTEGER NOT NULL,
    PRIMARY KEY (day, guild_id, user_id)
) WITHOUT ROWID;

-- metric: 0 duration, 1 response, 2 gateway, 3 operation, 4 failed. bucket: ceil(ln(seconds) / ln(51 / 49)).
CREATE TABLE latency_hourly (
    hour INTEGER NOT NULL,
    command TEXT NOT NULL,
    metric INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (hour, command, metric, bucket)
) WITHOUT ROWID;

CREATE TABLE latency_daily (
    day INTEGER NOT NULL,
    guild_id TEXT NOT NULL,
    command TEXT NOT NULL,
    metric INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (day, guild_id, command, metric, bucket)
) WITHOUT ROWID;

CREATE TABLE music_hourly (
    hour INTEGER NOT NULL,
    guild_id TEXT NOT NULL,
    songs INTEGER NOT NULL,
    playtime_s INTEGER NOT NULL,
    skips INTEGER NOT NULL,
    pauses INTEGER NOT NULL,
    PRIMARY KEY (hour, guild_id)
) WITHOUT ROWID;

CREATE TABLE guild_names (
    guild_id TEXT PRIMARY KEY,
    name TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS music_events_time ON music_events (timestamp);

-- What clean-ups, rebuilding and copying have to remember.
CREATE TABLE marks (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- then: roll up what is already there
