//! Free pages of the database file, and their return to the file system.
//!
//! New databases have `auto_vacuum = INCREMENTAL`. That of an existing database only changes when it
//! is rewritten: by `compact`, or in a backup.

use rusqlite::Connection;
use stepwell_store::StoreError;

use crate::error::{Result, store_error};
use crate::row;

/// How many pages one write releases: others wait no longer than for a small commit.
const STEP_PAGES: u64 = 128;
/// How many steps one purge makes, with those of a page of 4 KiB 256 MiB.
pub(crate) const MAX_STEPS: usize = 512;
/// Free pages that are kept for new data: so many, and this part of all.
const KEPT_PAGES: u64 = 1024;
const KEPT_PART: u64 = 8;

const INCREMENTAL: i64 = 2;

/// Sets the mode of a database that is still empty.
pub(crate) fn prepare_new(connection: &Connection) -> rusqlite::Result<()> {
    let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    if pages == 0 { request_incremental(connection) } else { Ok(()) }
}

/// Sets the mode for a database that is created or rewritten on this connection.
pub(crate) fn request_incremental(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "auto_vacuum", INCREMENTAL)
}

/// The size of the free pages.
pub(crate) fn free_bytes(connection: &Connection) -> Result<u64> {
    Ok(read_number(connection, "PRAGMA freelist_count")?
        * read_number(connection, "PRAGMA page_size")?)
}

/// Releases some pages if more are free than new data will soon need. Returns whether it did.
pub(crate) fn release_step(connection: &Connection) -> Result<bool> {
    if read_number(connection, "PRAGMA auto_vacuum")? != INCREMENTAL.cast_unsigned() {
        return Ok(false);
    }
    let free = read_number(connection, "PRAGMA freelist_count")?;
    let kept = KEPT_PAGES.max(read_number(connection, "PRAGMA page_count")? / KEPT_PART);
    if free <= kept {
        return Ok(false);
    }
    let pages = STEP_PAGES.min(free - kept);
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = statement.query([])?;
    // Each step of the statement releases one page.
    while rows.next()?.is_some() {}
    Ok(true)
}

/// Rewrites the whole database.
pub(crate) fn compact(connection: &Connection) -> std::result::Result<(), StoreError> {
    let rewrite = || {
        request_incremental(connection)?;
        connection.execute_batch("VACUUM")
    };
    rewrite().map_err(|error| store_error(&error))
}

/// Moves the log to the database without blocking other connections; returns whether all of it is
/// moved. Released pages are cut off the file only then.
pub(crate) fn move_log(connection: &Connection) -> std::result::Result<bool, StoreError> {
    let is_complete = |found: &rusqlite::Row<'_>| {
        let (is_busy, pages, moved): (bool, i64, i64) =
            (found.get(0)?, found.get(1)?, found.get(2)?);
        Ok(!is_busy && pages == moved)
    };
    let moved = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], is_complete);
    moved.map_err(|error| store_error(&error))
}

/// Moves the log to the database and truncates it, so that the files shrink; returns whether that
/// was possible: not while something reads the pages that were before.
pub(crate) fn truncate_log(connection: &Connection) -> std::result::Result<bool, StoreError> {
    let is_free = |found: &rusqlite::Row<'_>| found.get::<_, bool>(0).map(|is_busy| !is_busy);
    let truncated = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], is_free);
    truncated.map_err(|error| store_error(&error))
}

fn read_number(connection: &Connection, pragma: &str) -> Result<u64> {
    let found = row::query_first(connection, pragma, [], |row| row::get_column::<u64>(row, 0))?;
    Ok(found.unwrap_or(0))
}
