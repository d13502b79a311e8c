//! What a change causes beside itself.

use crate::record::DeliveryRecord;

/// What a change causes beside itself, stored in the same transaction: there is no change without
/// its effects, and no effects of a change that was refused.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effects {
    /// Deliveries to put in the outbox.
    pub deliveries: Vec<DeliveryRecord>,
}

impl Effects {
    /// Roughly how many bytes are written for them.
    pub fn bytes(&self) -> usize {
        let Self { deliveries } = self;
        deliveries.iter().map(|delivery| delivery.body.len()).sum()
    }
}
