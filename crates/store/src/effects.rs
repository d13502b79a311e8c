//! What a change causes beside itself.

use crate::audit::AuditRecord;
use crate::record::DeliveryRecord;

/// What a change causes beside itself, stored in the same transaction: there is no change without
/// its effects, and no effects of a change that was refused.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effects {
    /// Deliveries to put in the outbox.
    pub deliveries: Vec<DeliveryRecord>,
    /// Entries of the audit log.
    pub audit: Vec<AuditRecord>,
}

impl Effects {
    /// Only deliveries.
    pub const fn with_deliveries(deliveries: Vec<DeliveryRecord>) -> Self {
        Self { deliveries, audit: Vec::new() }
    }

    /// Only an audit entry.
    pub fn with_audit(entry: AuditRecord) -> Self {
        Self::default().and_audit(entry)
    }

    /// Adds an audit entry.
    #[must_use]
    pub fn and_audit(mut self, entry: AuditRecord) -> Self {
        self.audit.push(entry);
        self
    }

    /// Roughly how many bytes are written for them.
    pub fn bytes(&self) -> usize {
        let Self { deliveries, audit } = self;
        let bodies: usize = deliveries.iter().map(|delivery| delivery.body.len()).sum();
        bodies + audit.iter().map(AuditRecord::bytes).sum::<usize>()
    }
}
