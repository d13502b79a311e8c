-- Schedules, webhooks, release tags and settings are configured objects.

-- Webhooks that fail: the first failed attempt since the last success. Written with attempts, so it
-- is no part of the document.
CREATE TABLE failing_receivers (
    receiver BLOB PRIMARY KEY,
    since    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO failing_receivers
    SELECT id, failing_since FROM webhooks WHERE failing_since IS NOT NULL;

-- Lists are counted without reading documents, and sorted by due time.
DROP INDEX objects_created;
DROP INDEX objects_parent;
CREATE INDEX objects_created ON objects (kind, workspace, created_at, id, name, status);
CREATE INDEX objects_parent ON objects (kind, parent, created_at, id, workspace, name, status)
    WHERE parent IS NOT NULL;
CREATE INDEX objects_next ON objects (kind, workspace, due_at, id);

UPDATE object_revision SET revision = revision + 1
    WHERE EXISTS (SELECT 1 FROM webhooks) OR EXISTS (SELECT 1 FROM schedules)
        OR EXISTS (SELECT 1 FROM release_tags) OR EXISTS (SELECT 1 FROM settings);

INSERT INTO objects (kind, id, workspace, version, revision, created_at, updated_at, status,
        document)
    SELECT 'webhook', id, workspace, 1, (SELECT revision FROM object_revision), created_at,
        updated_at, CASE status WHEN 0 THEN 'active' WHEN 1 THEN 'inactive' ELSE 'disabled' END,
        json_object('url', url, 'topics', json(topics), 'description', description,
            'status', json(CASE status WHEN 0 THEN '"active"' WHEN 1 THEN '"inactive"'
                WHEN 2 THEN json_object('disabled', json_object('reason', disabled_reason)) END),
            'secret', secret, 'previous_secrets', json(ifnull(previous_secrets, '[]')))
    FROM webhooks;
DROP TABLE webhooks;
DROP TABLE webhook_changes;

-- Documents have ids as text.
CREATE TEMP TABLE id_texts AS
    SELECT id, lower(substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-'
        || substr(hex(id), 13, 4) || '-' || substr(hex(id), 17, 4) || '-' || substr(hex(id), 21))
        AS text
    FROM (SELECT workflow AS id FROM schedules UNION SELECT workflow FROM release_tags
        UNION SELECT last_execution FROM schedules WHERE last_execution IS NOT NULL
        UNION SELECT created_by FROM schedules WHERE created_by IS NOT NULL);
CREATE INDEX temp.id_texts_id ON id_texts (id);

INSERT INTO objects (kind, id, workspace, version, revision, created_at, updated_at, name, parent,
        status, labels, due_at, document)
    SELECT 'schedule', id, workspace, version, (SELECT revision FROM object_revision), created_at,
        updated_at, name, workflow, iif(enabled, 'enabled', 'disabled'),
        json_object('type', timing ->> 'type'), look_at,
        json_object(
            'workflow', (SELECT text FROM id_texts WHERE id = workflow),
            'name', name, 'description', description, 'timing', json(timing),
            'timezone', timezone, 'parameters', json(ifnull(parameters, '{}')),
            'enabled', json(iif(enabled, 'true', 'false')), 'paused_with', paused_with,
            'policies', json_object('misfire', misfire, 'overlap', overlap), 'anchor', anchor,
            'progress', json_object('next_at', next_at, 'queued', json(ifnull(queued, '[]')),
                'skipped', json(skipped)),
            'due_at', look_at,
            'last_execution', (SELECT text FROM id_texts WHERE id = last_execution),
            'created_by', (SELECT text FROM id_texts WHERE id = created_by))
    FROM schedules;
DROP TABLE schedules;

-- Until now tags had no ids, no versions, and only the time of their last move.
INSERT INTO objects (kind, id, workspace, version, revision, created_at, updated_at, unique_key,
        name, parent, document)
    SELECT 'release_tag', randomblob(16), workflows.workspace, 1,
        (SELECT revision FROM object_revision), release_tags.updated_at, release_tags.updated_at,
        id_texts.text || '/' || release_tags.name, release_tags.name, release_tags.workflow,
        json_object('workflow', id_texts.text, 'name', release_tags.name,
            'traffic', json(release_tags.traffic))
    FROM release_tags JOIN workflows ON workflows.id = release_tags.workflow
        JOIN id_texts ON id_texts.id = release_tags.workflow;
DROP TABLE release_tags;
DROP TABLE temp.id_texts;

INSERT INTO objects (kind, id, workspace, version, revision, created_at, updated_at, unique_key,
        document)
    SELECT 'setting', randomblob(16), x'00000000000000000000000000000001', 1,
        (SELECT revision FROM object_revision), 0, 0, name, json_object('name', name, 'value', value)
    FROM settings;
DROP TABLE settings;
