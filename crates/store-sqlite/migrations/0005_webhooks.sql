CREATE TABLE webhooks (
    id                    BLOB PRIMARY KEY,
    workspace             BLOB NOT NULL,
    url                   TEXT NOT NULL,
    topics                TEXT NOT NULL,
    description           TEXT,
    status                INTEGER NOT NULL,
    disabled_reason       TEXT,
    secret                TEXT NOT NULL,
    previous_secret       TEXT,
    previous_secret_until INTEGER,
    created_at            INTEGER NOT NULL,
    updated_at            INTEGER NOT NULL,
    failing_since         INTEGER
) STRICT;
CREATE INDEX webhooks_workspace ON webhooks (workspace, id);

-- How often the table above was changed.
CREATE TABLE webhook_changes (
    n       INTEGER PRIMARY KEY CHECK (n = 1),
    changes INTEGER NOT NULL
) STRICT;
INSERT INTO webhook_changes VALUES (1, 0);

-- Either `webhook` or `url` is there. A queue is what has the same receiver and subject; `head` is
-- 1 for the pending delivery of each queue that comes before its others: only heads are looked at
-- when something is to be sent, however many wait behind them.
CREATE TABLE new_deliveries (
    id              BLOB PRIMARY KEY,
    webhook         BLOB,
    url             TEXT,
    receiver        BLOB NOT NULL,
    subject         BLOB NOT NULL,
    sequence        INTEGER NOT NULL,
    workspace       BLOB NOT NULL,
    event           TEXT NOT NULL,
    body            TEXT NOT NULL,
    status          INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    give_up_at      INTEGER NOT NULL,
    head            INTEGER NOT NULL
) STRICT;
-- What was there goes on; each execution is a receiver of its own.
INSERT INTO new_deliveries SELECT id, NULL, url, execution, execution, sequence, workspace,
    'execution.status', body, status, attempts, created_at, next_attempt_at,
    created_at + 86400000000, head FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE new_deliveries RENAME TO deliveries;
CREATE INDEX deliveries_subject ON deliveries (subject, sequence, id);
CREATE INDEX deliveries_pending ON deliveries (receiver, subject, sequence, id) WHERE status = 0;
CREATE UNIQUE INDEX deliveries_queue ON deliveries (receiver, subject) WHERE head = 1;
CREATE INDEX deliveries_head ON deliveries (next_attempt_at) WHERE head = 1;
CREATE INDEX deliveries_turn ON deliveries (receiver, next_attempt_at, id, subject) WHERE head = 1;
CREATE INDEX deliveries_webhook ON deliveries (webhook, id) WHERE webhook IS NOT NULL;
CREATE INDEX deliveries_webhook_status ON deliveries (webhook, status, id)
    WHERE webhook IS NOT NULL;
-- For the purge.
CREATE INDEX deliveries_settled ON deliveries (created_at)
    WHERE webhook IS NOT NULL AND status <> 0;

CREATE TABLE delivery_attempts (
    delivery        BLOB NOT NULL,
    number          INTEGER NOT NULL,
    at              INTEGER NOT NULL,
    micros          INTEGER NOT NULL,
    url             TEXT,
    response_status INTEGER,
    response        TEXT NOT NULL,
    PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;
