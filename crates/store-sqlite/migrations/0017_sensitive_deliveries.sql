-- Whether a delivery tells of an execution that came with secrets. Of those that are there already
-- nobody knows, so it is taken for true.
ALTER TABLE deliveries ADD COLUMN sensitive INTEGER NOT NULL DEFAULT 1;
