-- How often an execution was recovered since its journal last grew.
CREATE TABLE recoveries (
    id BLOB PRIMARY KEY,
    seq INTEGER NOT NULL,
    recoveries INTEGER NOT NULL,
    trials INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
