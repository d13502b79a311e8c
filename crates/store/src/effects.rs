//! Effects of a change: deliveries and audit entries.

use stepwell_core::ids::ReceiverId;

use crate::audit::AuditRecord;
use crate::record::DeliveryRecord;

/// Effects of a change, stored in the same transaction: no change is stored without its effects,
/// and no effects of a rejected change.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effects {
    /// Deliveries to put in the outbox.
    pub deliveries: Vec<DeliveryRecord>,
    /// Entries of the audit log.
    pub audit: Vec<AuditRecord>,
    /// Receivers whose failures are forgotten, as if their last delivery had succeeded.
    pub recovered: Vec<ReceiverId>,
}

impl Effects {
    /// Deliveries alone.
    pub const fn with_deliveries(deliveries: Vec<DeliveryRecord>) -> Self {
        Self { deliveries, audit: Vec::new(), recovered: Vec::new() }
    }

    /// An audit entry alone.
    pub fn with_audit(entry: AuditRecord) -> Self {
        Self::default().and_audit(entry)
    }

    /// Adds an audit entry.
    #[must_use]
    pub fn and_audit(mut self, entry: AuditRecord) -> Self {
        self.audit.push(entry);
        self
    }

    /// An estimate of the bytes that are written.
    pub fn bytes(&self) -> usize {
        let Self { deliveries, audit, recovered: _ } = self;
        let bodies: usize = deliveries.iter().map(|delivery| delivery.body.len()).sum();
        bodies + audit.iter().map(AuditRecord::bytes).sum::<usize>()
    }
}
