//! The memory of the writes that are queued.

use std::sync::Arc;

use stepwell_core::cache::PoolUsage;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::writer_closed;
use crate::error::StoreResult;

/// Bytes per permit.
const UNIT: usize = 1 << 10;

/// Bounds the queued writes in bytes. Writes that do not fit wait for room, in order.
#[derive(Debug)]
pub(super) struct QueueMemory {
    units: Arc<Semaphore>,
    all: u32,
}

impl QueueMemory {
    pub(super) fn new(bytes: usize) -> Self {
        let all = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX).max(1);
        Self { units: Arc::new(Semaphore::new(all as usize)), all }
    }

    /// Waits for room for so many bytes. A write that is larger than the queue takes all of it.
    pub(super) async fn reserve(&self, bytes: usize) -> StoreResult<OwnedSemaphorePermit> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.all);
        self.units.clone().acquire_many_owned(units).await.map_err(|_| writer_closed())
    }

    /// What queued writes take and may take.
    pub(super) fn usage(&self) -> PoolUsage {
        let bytes = |units: usize| (units * UNIT) as u64;
        let all = self.all as usize;
        let used = bytes(all.saturating_sub(self.units.available_permits()));
        PoolUsage::new("store_queue", used, bytes(all))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn writes_wait_for_room() {
        let memory = QueueMemory::new(10 * UNIT);
        let small = memory.reserve(0).await.unwrap();
        let large = memory.reserve(8 * UNIT + 1).await.unwrap();
        assert_eq!(memory.usage().used, memory.usage().limit);
        let mut waiting = std::pin::pin!(memory.reserve(1));
        assert!(tokio::time::timeout(Duration::ZERO, &mut waiting).await.is_err());
        drop(small);
        let next = waiting.await.unwrap();
        drop((large, next));
        // Larger than the queue.
        let all = memory.reserve(100 * UNIT).await.unwrap();
        assert_eq!(memory.usage().used, memory.usage().limit);
        drop(all);
        assert_eq!(memory.usage().used, 0);
    }
}
