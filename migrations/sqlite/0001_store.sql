-- A store of botmon. docs/database.md describes it, store/schema.py declares its columns.
-- Times end in _ms (milliseconds since 1970, UTC) or _us (microseconds); hours and days are whole ones since 1970 (UTC).

-- -- the log ----------------------------------------------------------------------------------------------------------

-- One start of one process, which numbers what it records (seq) and writes it in that order over one connection.
-- rolled_up_seq: up to there the roll-ups count it. recount_seq: up to there a rebuild counts it again.
-- version: the host's; the others: what it ran on. servers, commands: JSON, those that it has.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    token INTEGER NOT NULL UNIQUE,
    instance TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    seen_ms INTEGER,
    ended_ms INTEGER,
    ending TEXT,
    last_seq INTEGER NOT NULL DEFAULT 0,
    rolled_up_seq INTEGER NOT NULL DEFAULT 0,
    recount_seq INTEGER NOT NULL DEFAULT 0,
    version TEXT,
    python_version TEXT,
    discord_version TEXT,
    botmon_version TEXT,
    servers TEXT,
    commands TEXT
);

-- What other tables refer to by number: names of commands, of errors; ids that are no numbers (as minus this id).
CREATE TABLE labels (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
);

CREATE TABLE guilds (
    guild_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE invocations (
    run_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    command_id INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    duration_us INTEGER,
    response_us INTEGER,
    gateway_delay_us INTEGER,
    guild_id INTEGER,
    channel_id INTEGER,
    user_id INTEGER,
    username TEXT,
    shard_id INTEGER NOT NULL,
    discord_id INTEGER,
    parameters TEXT,
    details TEXT,
    error_type_id INTEGER,
    error_message TEXT,
    is_own INTEGER NOT NULL,
    fingerprint INTEGER,
    lacks_id INTEGER,
    PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;
CREATE INDEX invocations_time ON invocations (started_ms);
CREATE INDEX invocations_error ON invocations (fingerprint, started_ms, guild_id, user_id)
    WHERE fingerprint IS NOT NULL;

CREATE TABLE music_events (
    run_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    type INTEGER NOT NULL,
    occurred_ms INTEGER NOT NULL,
    guild_id INTEGER NOT NULL,
    user_id INTEGER,
    duration_us INTEGER NOT NULL,
    shard_id INTEGER NOT NULL,
    end_reason INTEGER,
    title TEXT,
    PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;
CREATE INDEX music_events_time ON music_events (occurred_ms);

CREATE TABLE counted_commands (
    run_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    occurred_ms INTEGER NOT NULL,
    guild_id INTEGER NOT NULL,
    user_id INTEGER,
    shard_id INTEGER NOT NULL,
    PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;
CREATE INDEX counted_commands_time ON counted_commands (occurred_ms);

CREATE TABLE samples (
    run_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    name_id INTEGER NOT NULL,
    occurred_ms INTEGER NOT NULL,
    value REAL NOT NULL,
    unit_id INTEGER NOT NULL,
    success INTEGER NOT NULL,
    guild_id INTEGER,
    user_id INTEGER,
    shard_id INTEGER NOT NULL,
    PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;
CREATE INDEX samples_time ON samples (occurred_ms);

-- What happened to metrics of the host's own. minutes: a bit per minute of the hour in which a gauge was looked at.
CREATE TABLE metric_points (
    run_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    name_id INTEGER NOT NULL,
    labels_id INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    unit_id INTEGER NOT NULL,
    occurred_ms INTEGER NOT NULL,
    n INTEGER NOT NULL,
    total REAL NOT NULL,
    last REAL,
    lowest REAL,
    highest REAL,
    minutes INTEGER NOT NULL,
    buckets BLOB NOT NULL,
    PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;
CREATE INDEX metric_points_time ON metric_points (occurred_ms);

CREATE TABLE health_checks (
    run_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    occurred_ms INTEGER NOT NULL,
    status_id INTEGER NOT NULL,
    reason TEXT,
    rss_bytes INTEGER,
    cpu_percent REAL,
    database_us INTEGER,
    error_rate REAL,
    PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;
CREATE INDEX health_checks_time ON health_checks (occurred_ms);

CREATE TABLE autocomplete_calls (
    run_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    command_id INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    n INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    durations BLOB NOT NULL,
    PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;
CREATE INDEX autocomplete_calls_time ON autocomplete_calls (started_ms);

CREATE TABLE background_failures (
    run_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    place_id INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    n INTEGER NOT NULL,
    error_type_id INTEGER,
    error_message TEXT,
    fingerprint INTEGER,
    PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;
CREATE INDEX background_failures_time ON background_failures (started_ms);
CREATE INDEX background_failures_error ON background_failures (fingerprint, started_ms, n)
    WHERE fingerprint IS NOT NULL;

-- What failures of one cause have in common: see invocations.fingerprint. Kept once, with the first of them.
CREATE TABLE error_groups (
    run_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    fingerprint INTEGER PRIMARY KEY NOT NULL,
    first_ms INTEGER NOT NULL,
    source INTEGER NOT NULL,
    what TEXT NOT NULL,
    outcome INTEGER NOT NULL,
    error_type TEXT,
    error_message TEXT,
    file TEXT,
    line INTEGER,
    function TEXT,
    traceback TEXT,
    version TEXT
);
CREATE INDEX error_groups_time ON error_groups (first_ms);
CREATE INDEX error_groups_place ON error_groups (file, line);

CREATE TABLE guild_memberships (
    run_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    change INTEGER NOT NULL,
    occurred_ms INTEGER NOT NULL,
    guild_id INTEGER NOT NULL,
    member_count INTEGER,
    locale_id INTEGER,
    PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;
CREATE INDEX guild_memberships_time ON guild_memberships (occurred_ms);

-- What another process answered, until its row has come: then this one goes, else it becomes a row of invocations.
-- invocation: JSON.
CREATE TABLE answered_elsewhere (
    run_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    discord_id INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    invocation TEXT NOT NULL,
    PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;
CREATE INDEX answered_elsewhere_time ON answered_elsewhere (received_ms);

-- -- what is counted from it ------------------------------------------------------------------------------------------

-- scope: a guild's id, or 0 for the whole bot. n: commands that ran. data: counts by hour and outcome, and
-- histograms, packed.
CREATE TABLE rollups (
    day INTEGER NOT NULL,
    scope INTEGER NOT NULL,
    name_id INTEGER NOT NULL,
    n INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (day, scope, name_id)
) WITHOUT ROWID;

-- Who used commands that ran. guild_id: 0 in direct messages. hours: a bit per hour of the day, and bit 24 if one of them
-- counts as executed for a host: all do but those that it logged.
CREATE TABLE people (
    day INTEGER NOT NULL,
    guild_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    hours INTEGER NOT NULL,
    PRIMARY KEY (day, guild_id, user_id)
) WITHOUT ROWID;

-- logged: commands that the host logged. counted: those that it only counted. So n - logged + counted were executed, as
-- the host counts them.
CREATE TABLE guild_hourly (
    hour INTEGER NOT NULL,
    guild_id INTEGER NOT NULL,
    songs INTEGER NOT NULL,
    playtime_s INTEGER NOT NULL,
    skips INTEGER NOT NULL,
    pauses INTEGER NOT NULL,
    logged INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    PRIMARY KEY (hour, guild_id)
) WITHOUT ROWID;

-- How often each song began, where titles are stored.
CREATE TABLE song_titles (
    day INTEGER NOT NULL,
    guild_id INTEGER NOT NULL,
    title TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (day, guild_id, title)
) WITHOUT ROWID;

-- One series of a metric of the host's own on one day. kind: see metric_points. data: by hour of the day, and the
-- distribution of its values, packed.
CREATE TABLE metric_days (
    day INTEGER NOT NULL,
    name_id INTEGER NOT NULL,
    labels_id INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    unit_id INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (day, name_id, labels_id, kind, unit_id)
) WITHOUT ROWID;

-- -- what a host counted itself ---------------------------------------------------------------------------------------

-- The part of its bot_stats that is not ours. source_id: its database.
CREATE TABLE host_days (
    source_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    guild_id INTEGER NOT NULL,
    songs INTEGER NOT NULL,
    playtime_s INTEGER NOT NULL,
    skips INTEGER NOT NULL,
    pauses INTEGER NOT NULL,
    users INTEGER NOT NULL,
    commands INTEGER NOT NULL,
    PRIMARY KEY (source_id, day, guild_id)
) WITHOUT ROWID;
CREATE INDEX host_days_day ON host_days (day, guild_id);

-- -- the host's database -----------------------------------------------------------------------------------------------

-- A database of the host's. source_id: the token of the run to which the rows read from it belong. place: its file.
-- read_id: rows of its audit_logs are known up to there. Up to doubted_id, they may be in the log already (of this run up
-- to doubted_seq): the table was replaced. samples: JSON, the last known rows. version: counts the changes.
CREATE TABLE host_sources (
    source_id INTEGER PRIMARY KEY NOT NULL,
    place TEXT NOT NULL UNIQUE,
    instance TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    read_id INTEGER NOT NULL,
    doubted_id INTEGER NOT NULL,
    doubted_seq INTEGER NOT NULL,
    samples TEXT NOT NULL,
    version INTEGER NOT NULL
);

-- Rows of its audit_logs that may belong to a command which still runs. invocation: JSON.
CREATE TABLE host_waiting (
    source_id INTEGER NOT NULL,
    row_id INTEGER NOT NULL,
    invocation TEXT NOT NULL,
    PRIMARY KEY (source_id, row_id)
) WITHOUT ROWID;

-- Invocations of the log for which its audit_logs has a row of the host's own.
CREATE TABLE host_matches (
    source_id INTEGER NOT NULL,
    run_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    ended_ms INTEGER NOT NULL,
    PRIMARY KEY (source_id, run_id, seq)
) WITHOUT ROWID;

-- Up to where a run is mirrored: what was observed, and all else. token: the run's.
CREATE TABLE host_mirrored (
    source_id INTEGER NOT NULL,
    token INTEGER NOT NULL,
    is_observed INTEGER NOT NULL,
    upto_seq INTEGER NOT NULL,
    PRIMARY KEY (source_id, token, is_observed)
) WITHOUT ROWID;

-- What is being mirrored. seqs: JSON, the invocations. last_id, stats_id: the last ids of audit_logs and bot_stats before.
CREATE TABLE host_intents (
    source_id INTEGER PRIMARY KEY NOT NULL,
    owner TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    token INTEGER NOT NULL,
    is_observed INTEGER NOT NULL,
    after_seq INTEGER NOT NULL,
    upto_seq INTEGER NOT NULL,
    seqs TEXT NOT NULL,
    last_id INTEGER NOT NULL,
    stats_id INTEGER NOT NULL
);

-- Which rows of its audit_logs are ours: ids from first_id to last_id.
CREATE TABLE host_rows (
    source_id INTEGER NOT NULL,
    first_id INTEGER NOT NULL,
    last_id INTEGER NOT NULL,
    PRIMARY KEY (source_id, first_id)
) WITHOUT ROWID;

-- What we added to its bot_stats. row_id: the row's id there.
CREATE TABLE host_ledger (
    source_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    guild_id INTEGER NOT NULL,
    row_id INTEGER NOT NULL,
    songs INTEGER NOT NULL,
    playtime_s INTEGER NOT NULL,
    skips INTEGER NOT NULL,
    pauses INTEGER NOT NULL,
    users INTEGER NOT NULL,
    commands INTEGER NOT NULL,
    PRIMARY KEY (source_id, day, guild_id)
) WITHOUT ROWID;

-- -- what is remembered -----------------------------------------------------------------------------------------------

-- scope: an instance, or '' for what all share. reason: JSON. told: what the owners were told last.
-- held_back: why that is not how it is. audience: the application's id; '' for what all share. version: counts the changes.
CREATE TABLE alerts (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    severity TEXT NOT NULL,
    reason TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    relapses INTEGER NOT NULL,
    told TEXT NOT NULL,
    told_ms INTEGER,
    held_back TEXT NOT NULL,
    audience TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) WITHOUT ROWID;

-- notice: JSON. audience: the application's id.
CREATE TABLE alert_messages (
    message_id TEXT PRIMARY KEY NOT NULL,
    instance TEXT NOT NULL,
    audience TEXT NOT NULL,
    notice TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    claimed_by TEXT,
    claimed_ms INTEGER,
    attempts INTEGER NOT NULL,
    is_repeat INTEGER NOT NULL,
    finished_ms INTEGER,
    result TEXT
);
CREATE INDEX alert_messages_due ON alert_messages (audience, made_ms) WHERE state = 'due';
CREATE INDEX alert_messages_time ON alert_messages (made_ms);

-- scope and audience: as in alerts. key: an alert's, or '*' for all of the scope. by: a user's id.
CREATE TABLE alert_mutes (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    until_ms INTEGER NOT NULL,
    by TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    audience TEXT NOT NULL,
    PRIMARY KEY (scope, key)
) WITHOUT ROWID;

-- What the owners said of an error group.
CREATE TABLE error_marks (
    fingerprint INTEGER PRIMARY KEY NOT NULL,
    resolved_ms INTEGER,
    muted_until_ms INTEGER,
    by TEXT NOT NULL
);

-- share: of the process's shards, 0 to 1.
CREATE TABLE gateway_losses (
    instance TEXT NOT NULL,
    shard_id INTEGER NOT NULL,
    began_ms INTEGER NOT NULL,
    ended_ms INTEGER NOT NULL,
    share REAL NOT NULL,
    PRIMARY KEY (instance, shard_id, began_ms)
) WITHOUT ROWID;

CREATE TABLE marks (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- -- what is set in Discord -------------------------------------------------------------------------------------------

-- scope: a guild's id, or 0 for the bot. data: JSON. by: a user's id.
CREATE TABLE settings (
    scope INTEGER PRIMARY KEY NOT NULL,
    data TEXT NOT NULL,
    by TEXT NOT NULL,
    changed_ms INTEGER NOT NULL
);

-- Reports that post themselves, once over all processes. kind: weekly, or the owners' summaries. due_ms: for when.
CREATE TABLE posts (
    kind TEXT NOT NULL,
    scope INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    claimed_by TEXT,
    claimed_ms INTEGER,
    attempts INTEGER NOT NULL,
    result TEXT,
    PRIMARY KEY (kind, scope, due_ms)
) WITHOUT ROWID;

-- Servers that the bot has left, until it comes back. purged_ms: all that was kept of it went then, and what arrives late
-- of the time before is not taken up again.
CREATE TABLE departures (
    guild_id INTEGER PRIMARY KEY NOT NULL,
    left_ms INTEGER NOT NULL,
    purged_ms INTEGER
);

-- People who had erased what was kept of them up to before_ms: what arrives late of that time is taken up without them.
-- passes_left: how often it is still to be looked for, next at due_ms.
CREATE TABLE erasures (
    user_id INTEGER PRIMARY KEY NOT NULL,
    before_ms INTEGER NOT NULL,
    passes_left INTEGER NOT NULL,
    due_ms INTEGER NOT NULL
);

-- People who asked not to be recorded.
CREATE TABLE unrecorded (
    user_id INTEGER PRIMARY KEY NOT NULL,
    since_ms INTEGER NOT NULL
);

-- -- for people and tools: read-only, in the shape that older bots know -----------------------------------------------

-- Without buttons, select menus and modals (kinds 7 to 9), which are no commands.
CREATE VIEW audit_logs AS
SELECT i.run_id << 32 | i.seq AS id,
       COALESCE(g.text, CAST(i.guild_id AS TEXT)) AS guild_id,
       COALESCE(u.text, CAST(i.user_id AS TEXT)) AS user_id,
       c.text AS command,
       i.details AS details,
       datetime((i.started_ms * 1000 + COALESCE(i.duration_us, 0)) / 1000000, 'unixepoch') AS executed_at,
       i.username AS username,
       guilds.name AS guild_name,
       i.parameters AS parameters,
       i.duration_us / 1e6 AS duration,
       i.outcome = 0 AS success,
       i.error_message AS error_message
FROM invocations AS i
JOIN labels AS c ON c.id = i.command_id
LEFT JOIN guilds ON guilds.guild_id = i.guild_id
LEFT JOIN labels AS g ON g.id = -i.guild_id
LEFT JOIN labels AS u ON u.id = -i.user_id
WHERE NOT i.is_own AND i.kind NOT IN (7, 8, 9);

-- commands_executed and unique_users are as a host counts them: without what it only logged.
CREATE VIEW bot_stats AS
SELECT ROW_NUMBER() OVER (ORDER BY days.day, days.guild_id) AS id,
       COALESCE(g.text, CAST(days.guild_id AS TEXT)) AS guild_id,
       SUM(songs) AS songs_played,
       SUM(playtime_s) AS total_playtime,
       SUM(skips) AS total_skips,
       date(days.day * 86400, 'unixepoch') AS date,
       SUM(pauses) AS total_pauses,
       MAX(SUM(people), MAX(host_users)) AS unique_users,
       MAX(SUM(invoked) - SUM(logged), 0) + SUM(counted) AS commands_executed
FROM (
    SELECT day, scope AS guild_id, 0 AS songs, 0 AS playtime_s, 0 AS skips, 0 AS pauses,
           0 AS people, 0 AS host_users, n AS invoked, 0 AS logged, 0 AS counted
    FROM rollups WHERE scope <> 0
    UNION ALL
    SELECT hour / 24, guild_id, songs, playtime_s, skips, pauses, 0, 0, 0, logged, counted FROM guild_hourly
    WHERE guild_id <> 0
    UNION ALL
    SELECT day, guild_id, 0, 0, 0, 0, hours >> 24 & 1, 0, 0, 0, 0 FROM people WHERE guild_id <> 0
    UNION ALL
    SELECT day, guild_id, songs, playtime_s, skips, pauses, 0, users, 0, 0, commands FROM host_days
) AS days
LEFT JOIN labels AS g ON g.id = -days.guild_id
GROUP BY days.day, days.guild_id
HAVING SUM(songs) <> 0 OR SUM(playtime_s) <> 0 OR SUM(skips) <> 0 OR SUM(pauses) <> 0
    OR SUM(people) <> 0 OR MAX(host_users) <> 0 OR SUM(invoked) > SUM(logged) OR SUM(counted) <> 0;
