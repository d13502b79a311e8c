-- What the management API keeps of a workflow. `configuration` and `integrations` are JSON; the
-- latter is [{"id", "required"}, …], nothing where there are none. `created_by` is a key.
ALTER TABLE workflows ADD COLUMN description TEXT;
ALTER TABLE workflows ADD COLUMN kind TEXT NOT NULL DEFAULT 'custom';
ALTER TABLE workflows ADD COLUMN configuration TEXT;
ALTER TABLE workflows ADD COLUMN integrations TEXT;
ALTER TABLE workflows ADD COLUMN created_by BLOB;
ALTER TABLE workflows ADD COLUMN activated_at INTEGER;
ALTER TABLE workflows ADD COLUMN deactivated_at INTEGER;
ALTER TABLE workflows ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
UPDATE workflows SET activated_at = created_at WHERE active = 1;
UPDATE workflows SET description = (
    SELECT json_extract(source, '$.description') FROM releases
    WHERE releases.workflow = workflows.id AND releases.number = workflows.release
    AND json_type(source, '$.description') = 'text'
);
DROP INDEX workflows_listed;
CREATE INDEX workflows_listed ON workflows (workspace, created_at, id) WHERE deleted_at IS NULL;

ALTER TABLE executions ADD COLUMN callback_url TEXT;

-- Lists are in the order of creation. The status comes before it: a page of a rare status costs no
-- more than a page of a common one.
DROP INDEX executions_workspace;
DROP INDEX executions_workflow;
CREATE INDEX executions_workspace ON executions (workspace, status, created_at, id);
CREATE INDEX executions_workflow ON executions (workflow, status, created_at, id);
-- Lists by label look at those that have labels only.
CREATE INDEX executions_labelled ON executions (workspace, created_at, id)
    WHERE metadata IS NOT NULL;

-- How many ended executions were created in each stretch of time, so that a list knows its length
-- and finds a far page without walking to it. `owner` is a workspace or a workflow, as `kind` says;
-- `width` is the length of the stretches in microseconds, `bucket` the number of one (counts.rs).
-- Those that have not ended are few, and are counted when asked for.
CREATE TABLE execution_counts (
    kind   INTEGER NOT NULL,
    owner  BLOB NOT NULL,
    status INTEGER NOT NULL,
    width  INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (kind, owner, status, width, bucket)
) STRICT, WITHOUT ROWID;
INSERT INTO execution_counts
    SELECT 0, workspace, status, 10000000, created_at / 10000000, COUNT(*)
    FROM executions WHERE status >= 4 GROUP BY 2, 3, 5;
INSERT INTO execution_counts
    SELECT 1, workflow, status, 10000000, created_at / 10000000, COUNT(*)
    FROM executions WHERE status >= 4 GROUP BY 2, 3, 5;
INSERT INTO execution_counts
    SELECT kind, owner, status, 86400000000, bucket / 8640, SUM(n)
    FROM execution_counts GROUP BY 1, 2, 3, 5;
