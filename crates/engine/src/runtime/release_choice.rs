//! Which release of a workflow an execution runs.

use stepwell_core::ids::WorkflowId;
use stepwell_store::record::WorkflowRecord;

use super::engine::Engine;
use crate::AppError;
use crate::objects::{self, Object};
use crate::release_tag::{ReleaseTag, Traffic};

/// The tag that is always at the newest release.
pub const LATEST: &str = "LATEST";

impl Engine {
    /// The stored tag of that name.
    pub(crate) async fn find_tag(
        &self,
        workflow: WorkflowId,
        name: &str,
    ) -> Result<Option<Object<ReleaseTag>>, AppError> {
        let key = ReleaseTag::key(workflow, name);
        Ok(objects::find_by_key(&*self.store, key).await?)
    }

    /// The release that a tag means for an execution with this key; `None` if there is no such tag.
    pub(crate) async fn find_tagged(
        &self,
        workflow: &WorkflowRecord,
        tag: Option<&str>,
        key: Option<&str>,
    ) -> Result<Option<u32>, AppError> {
        let Some(tag) = tag.filter(|tag| *tag != LATEST) else {
            return Ok(Some(workflow.release));
        };
        let Some(found) = self.find_tag(workflow.id, tag).await? else { return Ok(None) };
        let chance = match key {
            Some(key) => stable_hash(workflow.id, tag, key),
            None => self.moment().entropy,
        };
        let release = pick_release(&found.document.traffic, chance)
            .ok_or_else(|| AppError::Internal(format!("tag {tag} points at nothing")))?;
        Ok(Some(release))
    }
}

/// The release that a number from 0 to `u64::MAX` falls to.
fn pick_release(traffic: &[Traffic], chance: u64) -> Option<u32> {
    let sum: u64 = traffic.iter().map(|part| u64::from(part.weight)).sum();
    let mut left = chance.checked_rem(sum)?;
    for part in traffic {
        match left.checked_sub(u64::from(part.weight)) {
            Some(rest) => left = rest,
            None => return Some(part.release),
        }
    }
    None
}

/// The same for the same words in each process and version: the first bytes of a SHA-256.
fn stable_hash(workflow: WorkflowId, tag: &str, key: &str) -> u64 {
    use sha2::{Digest, Sha256};
    let mut digest = Sha256::new();
    digest.update(workflow.uuid().as_bytes());
    for part in [tag, key] {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    digest.finalize().iter().take(8).fold(0, |hash, byte| (hash << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn weights_share_the_traffic() {
        let traffic = [Traffic { release: 1, weight: 90 }, Traffic { release: 2, weight: 10 }];
        for (chance, expect) in [(0, 1), (89, 1), (90, 2), (99, 2), (100, 1), (u64::MAX, 1)] {
            assert_eq!(pick_release(&traffic, chance), Some(expect), "{chance}");
        }
        assert_eq!(pick_release(&[], 5), None);
    }

    #[test]
    fn an_external_id_falls_to_the_same_release_each_time() {
        let workflow = WorkflowId::from_uuid(Uuid::from_u128(1));
        let traffic = [Traffic { release: 1, weight: 90 }, Traffic { release: 2, weight: 10 }];
        let of =
            |n: u32| pick_release(&traffic, stable_hash(workflow, "beta", &format!("user-{n}")));
        let second = (0..10_000).filter(|n| of(*n) == Some(2)).count();
        assert!((800..1200).contains(&second), "{second} of 10000");
        // Stored nowhere, so it must never change.
        assert_eq!(
            stable_hash(workflow, "beta", "user-1"),
            stable_hash(workflow, "beta", "user-1")
        );
        assert_ne!(
            stable_hash(workflow, "beta", "user-1"),
            stable_hash(workflow, "prod", "user-1")
        );
    }
}
