//! Loading an execution only where that takes little memory, or in parts.

use std::ops::ControlFlow;

use rusqlite::Connection;
use stepwell_core::ids::ExecutionId;
use stepwell_core::memory::json_bytes;
use stepwell_store::codec;
use stepwell_store::record::{Loaded, StoredExecution};

use super::{CHUNK_OF, append, find, for_each_chunk, for_each_chunk_from, journal_keys, whole};
use crate::error::{Result, corrupt_row};
use crate::row;

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
        0 => whole(record, events).map(|stored| Some(Loaded::Events(stored))),
        memory => Ok(Some(Loaded::Large { record, memory: memory + read * MOST_PER_BYTE })),
    }
}

/// The execution with the events from `first` on, until they take `limit` bytes.
pub(super) fn load_part(
    connection: &Connection,
    id: ExecutionId,
    (first, limit): (u64, usize),
) -> Result<Option<Loaded>> {
    // Record and journal of the same moment.
    let transaction = connection.unchecked_transaction()?;
    let Some((n, record)) = find(&transaction, id)? else { return Ok(None) };
    let mut events = Vec::new();
    if first > record.seq {
        return Ok(Some(Loaded::Events(StoredExecution { record, events })));
    }
    let (start, end) = journal_keys(n);
    let last = start.saturating_add_unsigned(first).min(end);
    // The chunk that has the first event.
    let chunk_key = row::query_first(&transaction, CHUNK_OF, [start, last], |found| {
        row::get_column::<Option<i64>>(found, 0)
    })?;
    let from = chunk_key.flatten().unwrap_or(start);
    let (mut read, mut next) = (0, None);
    for_each_chunk_from(&transaction, (from, end), |first_seq, chunk| {
        if next.is_some_and(|next| next != first_seq) || next.is_none() && first_seq > first.max(1)
        {
            return Err(corrupt_row(format!("a journal has a gap before event {first_seq}")));
        }
        let decoded = codec::decode_events(first_seq, chunk)?;
        next = Some(first_seq + decoded.len() as u64);
        events.extend(decoded.into_iter().filter(|event| event.seq >= first));
        read += chunk.len();
        Ok(if read >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(Some(Loaded::Events(StoredExecution { record, events })))
}
