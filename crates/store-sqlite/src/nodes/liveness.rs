//! Whether a node is alive.

use rusqlite::Connection;
use stepwell_core::ids::NodeId;

use crate::error::Result;
use crate::row::{self, Id};

pub(super) const FIND: &str = "SELECT alive FROM nodes WHERE id = ?1";

/// Whether the node is alive; `None`: it is not in the table.
pub(super) fn find_liveness(connection: &Connection, node: NodeId) -> Result<Option<bool>> {
    row::query_first(connection, FIND, [node.blob()], |found| row::get_bool(found, 0))
}

/// Whether the node is there and may commit.
pub(crate) fn is_alive(connection: &Connection, node: NodeId) -> Result<bool> {
    Ok(find_liveness(connection, node)?.unwrap_or(false))
}
