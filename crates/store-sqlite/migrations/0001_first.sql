-- Ids are 16-byte blobs (UUIDs), times are microseconds since the Unix epoch, labels are JSON text.
-- Statuses are the integers of row.rs; 0 is queued, those below 4 are unfinished.

-- `n` is what the journal's keys are made of, so that the journal needs no index of its own.
CREATE TABLE executions (
    n           INTEGER PRIMARY KEY,
    id          BLOB NOT NULL,
    workspace   BLOB NOT NULL,
    workflow    BLOB NOT NULL,
    release     INTEGER NOT NULL,
    status      INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    started_at  INTEGER,
    ended_at    INTEGER,
    wake_at     INTEGER,
    owner       BLOB,
    external_id TEXT,
    metadata    TEXT,
    webhook_url TEXT
) STRICT;
CREATE UNIQUE INDEX executions_id ON executions (id);
-- The status comes before the id: a page of a rare status costs no more than a page of a common one.
CREATE INDEX executions_workspace ON executions (workspace, status, id);
CREATE INDEX executions_workflow ON executions (workflow, status, id);
CREATE UNIQUE INDEX executions_external ON executions (workspace, external_id)
    WHERE external_id IS NOT NULL;
CREATE INDEX executions_queued ON executions (id) WHERE owner IS NULL AND status = 0;
CREATE INDEX executions_waking ON executions (owner, wake_at, id) WHERE wake_at IS NOT NULL;
CREATE INDEX executions_unfinished ON executions (owner, id) WHERE status < 4;
-- For the purge.
CREATE INDEX executions_ended ON executions (workflow, ended_at) WHERE ended_at IS NOT NULL;

-- One row holds the events of one commit (codec.rs). The key is the execution's `n` shifted by 24
-- bits, plus the seq of the chunk's first event.
CREATE TABLE journal (
    key   INTEGER PRIMARY KEY,
    chunk BLOB NOT NULL
) STRICT;

CREATE TABLE idempotency (
    workspace   BLOB NOT NULL,
    key         TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    outcome     TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (workspace, key)
) STRICT;
CREATE INDEX idempotency_age ON idempotency (created_at);

CREATE TABLE workflows (
    id                BLOB PRIMARY KEY,
    workspace         BLOB NOT NULL,
    name              TEXT NOT NULL,
    active            INTEGER NOT NULL,
    release           INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    deleted_at        INTEGER,
    metadata          TEXT,
    retention_seconds INTEGER
) STRICT;
CREATE INDEX workflows_listed ON workflows (workspace, id) WHERE deleted_at IS NULL;
CREATE INDEX workflows_named ON workflows (workspace, name, id) WHERE deleted_at IS NULL;

CREATE TABLE releases (
    workflow   BLOB NOT NULL,
    number     INTEGER NOT NULL,
    source     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workflow, number)
) STRICT;

CREATE TABLE workflow_stats (
    workflow     BLOB PRIMARY KEY,
    completed    INTEGER NOT NULL,
    failed       INTEGER NOT NULL,
    timed_out    INTEGER NOT NULL,
    cancelled    INTEGER NOT NULL,
    active       INTEGER NOT NULL,
    total_micros INTEGER NOT NULL,
    timed        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    id           BLOB PRIMARY KEY,
    workspace    BLOB NOT NULL,
    name         TEXT NOT NULL,
    hash         BLOB NOT NULL UNIQUE,
    hint         TEXT NOT NULL,
    scopes       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    revoked_at   INTEGER
) STRICT;
CREATE INDEX keys_workspace ON keys (workspace, id);

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- `head` is 1 for the pending delivery of each execution that comes before its others: only heads
-- are looked at when something is to be sent, however many wait behind them.
CREATE TABLE deliveries (
    id              BLOB PRIMARY KEY,
    execution       BLOB NOT NULL,
    sequence        INTEGER NOT NULL,
    workspace       BLOB NOT NULL,
    url             TEXT NOT NULL,
    body            TEXT NOT NULL,
    status          INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    last_result     TEXT,
    head            INTEGER NOT NULL
) STRICT;
CREATE INDEX deliveries_execution ON deliveries (execution, sequence, id);
CREATE INDEX deliveries_pending ON deliveries (execution, sequence, id) WHERE status = 0;
CREATE INDEX deliveries_head ON deliveries (next_attempt_at, id) WHERE head = 1;

CREATE TABLE nodes (
    id           BLOB PRIMARY KEY,
    heartbeat_at INTEGER NOT NULL,
    alive        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Written by the health check, to see that writing is possible.
CREATE TABLE probe (
    n      INTEGER PRIMARY KEY CHECK (n = 1),
    checks INTEGER NOT NULL
) STRICT;
INSERT INTO probe VALUES (1, 0);
