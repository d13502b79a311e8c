-- How many executions there are of each status, for metrics: changed in the transaction that changes
-- the status, so that nothing is counted when it is read.
CREATE TABLE executions_by_status (
    status INTEGER PRIMARY KEY,
    n      INTEGER NOT NULL
) STRICT;
INSERT INTO executions_by_status SELECT status, COUNT(*) FROM executions GROUP BY status;
