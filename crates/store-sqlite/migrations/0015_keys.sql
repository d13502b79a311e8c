-- API keys are configured objects. Their unique key is the hash in hexadecimal digits.
INSERT INTO objects (kind, id, workspace, version, revision, created_at, updated_at, unique_key,
        name, document)
    SELECT 'api_key', id, workspace, 1, (SELECT revision + 1 FROM object_revision), created_at,
        created_at, lower(hex(hash)), name,
        json_object('name', name, 'hash', lower(hex(hash)), 'hint', hint, 'scopes', json(scopes),
            'limits', json(ifnull(limits, '{}')), 'expires_at', expires_at,
            'last_used_at', last_used_at, 'revoked_at', revoked_at)
    FROM keys;
UPDATE object_revision SET revision = revision + 1 WHERE EXISTS (SELECT 1 FROM keys);
DROP TABLE keys;
