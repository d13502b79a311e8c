//! Calls about keys and settings.

use stepwell_core::rate::RateLimits;

use super::{Answers, Caller, KEYS};
use crate::Store;
use crate::conformance::build::{key, new_key, workspace};
use crate::record::KeyRecord;
use crate::traits::{RevokeKey, UpdateKey};

impl Caller {
    pub(super) async fn keys(&mut self, one: &dyn Store, other: &dyn Store) -> Answers {
        let n = self.number(KEYS);
        let (of, id, now) = (workspace(self.number(2)), key(n), self.random.time());
        match self.random.below(7) {
            0 => {
                let hash = new_key(self.number(KEYS)).hash;
                let new = KeyRecord { workspace: of, hash, ..new_key(n) };
                let effects = self.effects();
                both!(one, other, create_key(new, effects))
            }
            1 => {
                let hash = new_key(n).hash;
                both!(one, other, find_key(hash))
            }
            2 => {
                let of = self.random.maybe(2, |_| of);
                both!(one, other, list_keys(of))
            }
            3 => {
                let effects = self.effects();
                let revoke = RevokeKey { workspace: of, id, now, effects };
                both!(one, other, revoke_key(revoke))
            }
            4 => {
                let limits = RateLimits { concurrent_executions: Some(3), ..RateLimits::NONE };
                let limits = self.random.pick(&[None, Some(limits), Some(RateLimits::NONE)]);
                let name = self.random.maybe(2, |random| random.below(9).to_string());
                let update = UpdateKey { workspace: of, id, name, limits, effects: self.effects() };
                both!(one, other, update_key(update))
            }
            5 => {
                let used = vec![(id, now), (key(1), now)];
                both!(one, other, touch_keys(used))
            }
            _ => {
                let (name, value) = (self.number(4).to_string(), self.number(9).to_string());
                let (name, value) = (name.as_str(), value.as_str());
                both!(one, other, setting_or_insert(name, value))
            }
        }
    }
}
