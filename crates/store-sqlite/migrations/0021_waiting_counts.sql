-- Queued, waiting and paused executions are counted as those that have ended: there can be millions of
-- them. Only running ones are counted when a list is read.
INSERT INTO execution_counts
    SELECT 0, workspace, status, 10000000, created_at / 10000000, COUNT(*)
    FROM executions WHERE status IN (0, 2, 3) GROUP BY 2, 3, 5;
INSERT INTO execution_counts
    SELECT 1, workflow, status, 10000000, created_at / 10000000, COUNT(*)
    FROM executions WHERE status IN (0, 2, 3) GROUP BY 2, 3, 5;
INSERT INTO execution_counts
    SELECT kind, owner, status, 86400000000, bucket / 8640, SUM(n)
    FROM execution_counts WHERE status IN (0, 2, 3) AND width = 10000000 GROUP BY 1, 2, 3, 5;
