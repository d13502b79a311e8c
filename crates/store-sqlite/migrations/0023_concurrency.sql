-- The place that an execution needs under the concurrency limit of its workflow. `place` is NULL for
-- executions that need none, 0 for those that have not got it and 1 for those that have.
ALTER TABLE executions ADD COLUMN concurrency_key TEXT;
ALTER TABLE executions ADD COLUMN concurrency_limit INTEGER;
ALTER TABLE executions ADD COLUMN place INTEGER;
CREATE INDEX executions_places ON executions (workflow, concurrency_key, place, id, status)
    WHERE place IS NOT NULL AND status < 4;
-- Those that wait for a place are not claimed.
DROP INDEX executions_queued;
CREATE INDEX executions_queued ON executions (id)
    WHERE owner IS NULL AND status = 0 AND place IS NOT 0;
