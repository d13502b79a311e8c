//! The rate of durable SQLite commits on this machine.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::Connection;

const DURATION: Duration = Duration::from_secs(2);

/// Rows per second with `rows` rows per commit and the server's durability settings.
pub fn rows_per_second(folder: &Path, rows: u32) -> Result<f64> {
    let connection = Connection::open(folder.join(format!("raw-{rows}.db")))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)")?;
    let mut insert = connection.prepare("INSERT INTO t (body) VALUES (?1)")?;
    let body = [7u8; 600];
    let (start, mut written) = (Instant::now(), 0u32);
    while start.elapsed() < DURATION {
        connection.execute_batch("BEGIN")?;
        for _ in 0..rows {
            insert.execute([&body])?;
        }
        connection.execute_batch("COMMIT")?;
        written += rows;
    }
    Ok(f64::from(written) / start.elapsed().as_secs_f64())
}
