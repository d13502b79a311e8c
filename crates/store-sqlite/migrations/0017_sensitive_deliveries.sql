-- Whether a delivery is about an execution that came with secrets. For existing rows that is not
-- known, so it is taken for true.
ALTER TABLE deliveries ADD COLUMN sensitive INTEGER NOT NULL DEFAULT 1;
