//! Effects of changes.

use rusqlite::Connection;
use stepwell_store::Effects;

use crate::error::Result;
use crate::{audit, deliveries};

/// Writes the effects of a change, after the change itself.
pub(crate) fn write_effects(connection: &Connection, effects: &Effects) -> Result<()> {
    let Effects { deliveries, audit, recovered } = effects;
    deliveries::insert(connection, deliveries)?;
    recovered.iter().try_for_each(|id| deliveries::forget_failures(connection, *id))?;
    audit::insert(connection, audit)
}
