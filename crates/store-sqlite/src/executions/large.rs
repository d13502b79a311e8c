//! Loading an execution only where that takes little memory.

use rusqlite::Connection;
use stepwell_core::ids::ExecutionId;
use stepwell_core::memory::json_bytes;
use stepwell_store::record::Loaded;

use super::{append, find, for_each_chunk, whole};
use crate::error::Result;

/// The most bytes of memory for a byte of a journal, as far as it was read before it turned out to
/// be large.
const MOST_PER_BYTE: usize = 128;

/// The execution, unless its journal has more than `limit` bytes.
pub(super) fn load_value(
    connection: &Connection,
    id: ExecutionId,
    limit: usize,
) -> Result<Option<Loaded>> {
    // Record and journal of the same moment.
    let transaction = connection.unchecked_transaction()?;
    let Some((n, record)) = find(&transaction, id)? else { return Ok(None) };
    let (mut read, mut memory) = (0, 0);
    let mut events = Vec::new();
    for_each_chunk(&transaction, n, |first_seq, chunk| {
        let fits = read + chunk.len() <= limit;
        if memory == 0 && fits {
            read += chunk.len();
            return append(&mut events, first_seq, chunk);
        }
        events = Vec::new();
        // The database hands out the chunk as one piece while it is decoded.
        memory += chunk.len() + json_bytes(chunk);
        Ok(())
    })?;
    match memory {
        0 => whole(record, events).map(|stored| Some(Loaded::Whole(stored))),
        memory => Ok(Some(Loaded::Large { record, memory: memory + read * MOST_PER_BYTE })),
    }
}
