-- `timing`, `queued` and `skipped` are JSON; `look_at` is null where a schedule sleeps for good.
CREATE TABLE schedules (
    id             BLOB PRIMARY KEY,
    workspace      BLOB NOT NULL,
    workflow       BLOB NOT NULL,
    name           TEXT NOT NULL,
    description    TEXT,
    timing         TEXT NOT NULL,
    timezone       TEXT NOT NULL,
    parameters     TEXT,
    enabled        INTEGER NOT NULL,
    misfire        TEXT NOT NULL,
    overlap        TEXT NOT NULL,
    anchor         INTEGER NOT NULL,
    next_at        INTEGER,
    queued         TEXT,
    skipped        TEXT,
    look_at        INTEGER,
    last_execution BLOB,
    version        INTEGER NOT NULL,
    created_by     BLOB,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL
) STRICT;
-- The one index that is looked at while all schedules sleep.
CREATE INDEX schedules_due ON schedules (look_at, id) WHERE look_at IS NOT NULL;
CREATE INDEX schedules_workflow ON schedules (workflow, created_at, id, workspace, enabled);
CREATE INDEX schedules_created ON schedules (workspace, created_at, id, workflow, enabled);
CREATE INDEX schedules_updated ON schedules (workspace, updated_at, id);
CREATE INDEX schedules_name ON schedules (workspace, name, id);
CREATE INDEX schedules_next ON schedules (workspace, next_at, id);
