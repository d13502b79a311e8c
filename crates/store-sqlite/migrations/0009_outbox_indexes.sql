-- Every event that a webhook is told of is a row of the outbox and an entry in each of its indexes,
-- written while an execution goes on: so there are as few as can be.
DROP INDEX deliveries_subject;
DROP INDEX deliveries_pending;
DROP INDEX deliveries_queue;
DROP INDEX deliveries_head;
DROP INDEX deliveries_webhook;
DROP INDEX deliveries_webhook_status;
-- What tells of a subject, and in it each queue: its first pending one is found at once.
CREATE INDEX deliveries_subject ON deliveries (subject, receiver, status, sequence, id);
-- A webhook's history, found and counted without the bodies. The whole of it is its parts of each
-- status, merged.
CREATE INDEX deliveries_webhook ON deliveries (webhook, status, id, event)
    WHERE webhook IS NOT NULL;
