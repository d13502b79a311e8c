-- Configured objects of every kind: a document (JSON) each, beside the fields that it is searched
-- by. `revision` numbers the batches of writes: that of an object is the one of its last write.
-- `labels` is JSON, null where there are none. The document is last, so that a search does not read
-- it.
CREATE TABLE objects (
    kind       TEXT NOT NULL,
    id         BLOB NOT NULL,
    workspace  BLOB NOT NULL,
    version    INTEGER NOT NULL,
    revision   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    unique_key TEXT,
    name       TEXT,
    parent     BLOB,
    status     TEXT,
    labels     TEXT,
    due_at     INTEGER,
    document   TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX objects_id ON objects (kind, id);
CREATE UNIQUE INDEX objects_unique_key ON objects (kind, unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX objects_created ON objects (kind, workspace, created_at, id);
CREATE INDEX objects_updated ON objects (kind, workspace, updated_at, id);
CREATE INDEX objects_name ON objects (kind, workspace, name, id);
CREATE INDEX objects_parent ON objects (kind, parent, created_at, id) WHERE parent IS NOT NULL;
CREATE INDEX objects_due ON objects (kind, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX objects_revision ON objects (kind, revision, id);

CREATE TABLE object_revision (
    n        INTEGER PRIMARY KEY CHECK (n = 1),
    revision INTEGER NOT NULL
) STRICT;
INSERT INTO object_revision VALUES (1, 0);

-- For caches that ask what changed; the old ones are deleted as new ones come.
CREATE TABLE object_deletions (
    kind     TEXT NOT NULL,
    id       BLOB NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX object_deletions_revision ON object_deletions (revision);
