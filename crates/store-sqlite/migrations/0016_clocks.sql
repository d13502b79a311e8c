-- How far the wall clock was ahead of the machine's clock since its start, by the id of that start.
CREATE TABLE clocks (
    boot BLOB PRIMARY KEY,
    offset INTEGER NOT NULL,
    marked_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
