-- `traffic` is JSON: [[release, weight], …].
CREATE TABLE release_tags (
    workflow   BLOB NOT NULL,
    name       TEXT NOT NULL,
    traffic    TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workflow, name)
) STRICT, WITHOUT ROWID;

-- `matched` is null where no value was said to be right.
CREATE TABLE actuals (
    id         BLOB PRIMARY KEY,
    execution  BLOB NOT NULL,
    workflow   BLOB NOT NULL,
    release    INTEGER NOT NULL,
    tag        TEXT,
    output     TEXT NOT NULL,
    quality    REAL,
    desired    TEXT,
    matched    INTEGER,
    metadata   TEXT,
    at         INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX actuals_execution ON actuals (execution, id);
CREATE INDEX actuals_workflow ON actuals (workflow, release, tag);
