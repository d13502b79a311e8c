-- `changed` and `details` are JSON, null where there is nothing to tell.
CREATE TABLE audit (
    id          BLOB PRIMARY KEY,
    workspace   BLOB NOT NULL,
    at          INTEGER NOT NULL,
    key         BLOB,
    actor       TEXT NOT NULL,
    address     TEXT,
    request_id  TEXT,
    action      TEXT NOT NULL,
    object_kind TEXT,
    object      BLOB,
    object_name TEXT,
    changed     TEXT,
    details     TEXT
) STRICT;
CREATE INDEX audit_listed ON audit (workspace, at, id);
CREATE INDEX audit_object ON audit (workspace, object, at, id);
CREATE INDEX audit_key ON audit (workspace, key, at, id);
CREATE INDEX audit_action ON audit (workspace, action, at, id);
-- For the purge.
CREATE INDEX audit_age ON audit (at);
