//! What changes cause beside themselves.

use rusqlite::Connection;
use stepwell_store::Effects;

use crate::fault::Result;
use crate::{audit, deliveries};

/// Writes what a change causes, after the change itself.
pub(crate) fn write(connection: &Connection, effects: &Effects) -> Result<()> {
    let Effects { deliveries, audit } = effects;
    deliveries::insert(connection, deliveries)?;
    audit::insert(connection, audit)
}
