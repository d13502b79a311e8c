//! What changes cause beside themselves.

use rusqlite::Connection;
use stepwell_store::Effects;

use crate::deliveries;
use crate::fault::Result;

/// Writes what a change causes, after the change itself.
pub(crate) fn write(connection: &Connection, effects: &Effects) -> Result<()> {
    let Effects { deliveries } = effects;
    deliveries::insert(connection, deliveries)
}
