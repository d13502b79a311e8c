-- Workspaces are configured objects, which belong to the default workspace.
INSERT INTO objects (kind, id, workspace, version, revision, created_at, updated_at, name, document)
    SELECT 'workspace', id, x'00000000000000000000000000000001', 1,
        (SELECT revision + 1 FROM object_revision), created_at, updated_at, name,
        json_object('name', name, 'limits', json(ifnull(limits, '{}')))
    FROM workspaces;
UPDATE object_revision SET revision = revision + 1 WHERE EXISTS (SELECT 1 FROM workspaces);
DROP TABLE workspaces;
