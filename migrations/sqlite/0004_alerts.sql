-- One row per thing that can go wrong, in place of one per instance about the last verdict.

-- Fails where `alerts` belongs to the host: its table is not ours to drop.
SELECT instance, key, state, since, reason FROM alerts LIMIT 0;

-- Nothing of worth is lost: of each instance it only said whether the last verdict had been told. What is still wrong is
-- found again, and told once more.
DROP TABLE alerts;

-- scope: an instance, or '' for what all share. told: what the owners were told last. version: counts the changes.
CREATE TABLE alerts (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    severity TEXT NOT NULL,
    reason TEXT NOT NULL,
    remedy TEXT,
    since TIMESTAMP NOT NULL,
    fired_at TIMESTAMP,
    good_since TIMESTAMP,
    ended_at TIMESTAMP,
    relapses INTEGER NOT NULL,
    told TEXT NOT NULL,
    told_at TIMESTAMP,
    critical_since TIMESTAMP,
    held_back TEXT,
    version INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) WITHOUT ROWID;

-- news: JSON. audience: the application's id.
CREATE TABLE alert_messages (
    message_id TEXT PRIMARY KEY NOT NULL,
    instance TEXT NOT NULL,
    audience TEXT NOT NULL,
    news TEXT NOT NULL,
    made_at TIMESTAMP NOT NULL,
    state TEXT NOT NULL,
    claimed_by TEXT,
    claimed_at TIMESTAMP,
    attempts INTEGER NOT NULL,
    is_repeat BOOLEAN NOT NULL,
    finished_at TIMESTAMP,
    result TEXT
);
CREATE INDEX alert_messages_due ON alert_messages (audience, made_at) WHERE state = 'due';
CREATE INDEX alert_messages_time ON alert_messages (made_at);

-- scope: as in alerts. key: an alert's, or '*' for all of the scope. by: a user's id.
CREATE TABLE alert_mutes (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    until TIMESTAMP NOT NULL,
    by TEXT NOT NULL,
    made_at TIMESTAMP NOT NULL,
    PRIMARY KEY (scope, key)
) WITHOUT ROWID;

-- seen_at: the last sign of life. ending: '' while it runs, and for ever where it ended without a word.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    instance TEXT NOT NULL,
    started_at TIMESTAMP NOT NULL,
    seen_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP,
    ending TEXT NOT NULL,
    UNIQUE (instance, started_at)
);

-- share: of the process's shards, 0 to 1.
CREATE TABLE gateway_losses (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    instance TEXT NOT NULL,
    shard_id INTEGER NOT NULL,
    began_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP NOT NULL,
    share REAL NOT NULL,
    UNIQUE (instance, shard_id, began_at)
);
