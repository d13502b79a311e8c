-- Several secrets before the last can sign at once: `[[secret, until], …]`, the newest first.
ALTER TABLE webhooks ADD COLUMN previous_secrets TEXT;
UPDATE webhooks SET previous_secrets = json_array(json_array(previous_secret, previous_secret_until))
    WHERE previous_secret IS NOT NULL;
ALTER TABLE webhooks DROP COLUMN previous_secret;
ALTER TABLE webhooks DROP COLUMN previous_secret_until;

-- The deliveries of a webhook that tell of one event are found and counted without their bodies.
DROP INDEX deliveries_webhook;
CREATE INDEX deliveries_webhook ON deliveries (webhook, id, event) WHERE webhook IS NOT NULL;
