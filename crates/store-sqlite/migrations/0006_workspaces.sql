-- `limits` is JSON (`{"executions_per_second": 5}`), null where there are none.
CREATE TABLE workspaces (
    id         BLOB PRIMARY KEY,
    name       TEXT NOT NULL,
    limits     TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE keys ADD COLUMN limits TEXT;

-- The key that started it. An execution that has ended by its first commit is never in the index.
ALTER TABLE executions ADD COLUMN started_by BLOB;
CREATE INDEX executions_started_by ON executions (started_by, id)
    WHERE started_by IS NOT NULL AND status < 4;
