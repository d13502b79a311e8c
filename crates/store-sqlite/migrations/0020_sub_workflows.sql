-- The step that started an execution, and messages between executions. The columns are NULL for
-- executions that no step started.
ALTER TABLE executions ADD COLUMN parent BLOB;
ALTER TABLE executions ADD COLUMN parent_step TEXT;
CREATE INDEX executions_by_parent ON executions (parent, created_at, id)
    WHERE parent IS NOT NULL;

-- A message is deleted with the commit of its receiver that handles it.
CREATE TABLE messages (
    n         INTEGER PRIMARY KEY AUTOINCREMENT,
    execution BLOB NOT NULL,
    body      TEXT NOT NULL
) STRICT;
CREATE INDEX messages_of_execution ON messages (execution, n);
