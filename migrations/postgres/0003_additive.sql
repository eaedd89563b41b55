-- Roll-ups: rows that add up, whoever writes them. The columns mean what they mean in SQLite.

CREATE TABLE legacy_stats (
    day INTEGER NOT NULL,
    guild_id TEXT NOT NULL,
    songs BIGINT NOT NULL,
    playtime_s BIGINT NOT NULL,
    skips BIGINT NOT NULL,
    pauses BIGINT NOT NULL,
    commands BIGINT NOT NULL,
    users BIGINT NOT NULL,
    PRIMARY KEY (day, guild_id)
);

-- Where bot_stats counted commands and users, its counts may include the audit rows that the roll-up is about to add:
-- only what is beyond those is kept, so that the sum is the larger of the two. Dates that are none are left out; a cast
-- of the whole text would fail at the first of them.
WITH dated AS MATERIALIZED (
    SELECT guild_id, date, (substr(date, 1, 8) || '01')::date + substr(date, 9)::integer - 1 AS found, total_songs_played,
           total_playtime, total_skips, total_pauses, commands_executed, unique_users
    FROM bot_stats WHERE date ~ '^(?!0000)\d{4}-(0[1-9]|1[0-2])-\d{2}$'
)
INSERT INTO legacy_stats (day, guild_id, songs, playtime_s, skips, pauses, commands, users)
SELECT stats.found - DATE '1970-01-01', COALESCE(stats.guild_id, ''),
       SUM(COALESCE(stats.total_songs_played, 0)), SUM(COALESCE(stats.total_playtime, 0)),
       SUM(COALESCE(stats.total_skips, 0)), SUM(COALESCE(stats.total_pauses, 0)),
       SUM(GREATEST(COALESCE(stats.commands_executed, 0) - COALESCE(logged.commands, 0), 0)),
       SUM(GREATEST(COALESCE(stats.unique_users, 0) - COALESCE(logged.users, 0), 0))
FROM dated AS stats
LEFT JOIN (
    SELECT guild_id, to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS date, COUNT(*) AS commands,
           COUNT(DISTINCT user_id) AS users
    FROM audit_logs WHERE action IS NOT NULL GROUP BY 1, 2
) AS logged ON logged.guild_id = stats.guild_id AND logged.date = stats.date
WHERE to_char(stats.found, 'YYYY-MM-DD') = stats.date
GROUP BY 1, 2;

CREATE TABLE command_hourly (
    hour INTEGER NOT NULL,
    guild_id TEXT NOT NULL,
    command TEXT NOT NULL,
    n BIGINT NOT NULL,
    ok BIGINT NOT NULL,
    user_error BIGINT NOT NULL,
    denied BIGINT NOT NULL,
    error BIGINT NOT NULL,
    late BIGINT NOT NULL,
    unanswered BIGINT NOT NULL,
    cancelled BIGINT NOT NULL,
    PRIMARY KEY (hour, guild_id, command)
);

CREATE TABLE command_seen (
    guild_id TEXT NOT NULL,
    command TEXT NOT NULL,
    first_hour INTEGER NOT NULL,
    last_hour INTEGER NOT NULL,
    PRIMARY KEY (guild_id, command)
);

CREATE TABLE active_users (
    day INTEGER NOT NULL,
    guild_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    hours INTEGER NOT NULL,
    PRIMARY KEY (day, guild_id, user_id)
);

CREATE TABLE latency_hourly (
    hour INTEGER NOT NULL,
    command TEXT NOT NULL,
    metric SMALLINT NOT NULL,
    bucket SMALLINT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (hour, command, metric, bucket)
);

CREATE TABLE latency_daily (
    day INTEGER NOT NULL,
    guild_id TEXT NOT NULL,
    command TEXT NOT NULL,
    metric SMALLINT NOT NULL,
    bucket SMALLINT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (day, guild_id, command, metric, bucket)
);

CREATE TABLE music_hourly (
    hour INTEGER NOT NULL,
    guild_id TEXT NOT NULL,
    songs BIGINT NOT NULL,
    playtime_s BIGINT NOT NULL,
    skips BIGINT NOT NULL,
    pauses BIGINT NOT NULL,
    PRIMARY KEY (hour, guild_id)
);

CREATE TABLE guild_names (
    guild_id TEXT PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS music_events_time ON music_events (timestamp);

-- What clean-ups, rebuilding and copying have to remember.
CREATE TABLE marks (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- then: roll up what is already there
