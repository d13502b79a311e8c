//! The secrets of executions that are not driven at the moment: those that wait in the queue or
//! for a moment that is far. In memory only, and bounded.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use stepwell_core::cache::PoolUsage;
use stepwell_core::ids::ExecutionId;

use super::values::Values;
use super::{Known, Secrets};
use crate::installed_secrets::SecretValues;

/// The most bytes of secrets that are kept for executions at rest; past it, those are dropped that
/// can be read again, then those kept longest, and steps that need them fail as after a restart.
const MAX_KEPT_BYTES: usize = 16 << 20;

/// What an entry takes beside its secrets.
const ENTRY_BYTES: usize = 256;

/// How many sets of secrets in use are looked through for one that is the same.
const SHARED: usize = 64;

/// The order in which entries are dropped: first those without a secret of a request, and the
/// oldest first.
type DropOrder = (bool, u64);

/// Holds the secrets of executions at rest, and shares what recognises them.
#[derive(Default)]
pub(crate) struct Vault(Mutex<KeptSecrets>);

#[derive(Default)]
struct KeptSecrets {
    by_execution: HashMap<ExecutionId, (DropOrder, Arc<Values>)>,
    order: BTreeMap<DropOrder, ExecutionId>,
    next: u64,
    bytes: usize,
    /// Those in use, so that executions with the same secrets share a matcher.
    shared: Vec<Weak<Known>>,
}

impl Vault {
    /// What the secrets of executions at rest take and may take.
    pub(crate) fn usage(&self) -> PoolUsage {
        let used = self.0.lock().unwrap_or_else(PoisonError::into_inner).bytes as u64;
        PoolUsage::new("secrets", used, MAX_KEPT_BYTES as u64)
    }

    /// The secrets of a new execution.
    pub(crate) fn open(&self, sent: Vec<(String, String)>) -> Secrets {
        self.open_values(Values::of_request(sent))
    }

    /// The secrets of an execution with these values.
    fn open_values(&self, values: Values) -> Secrets {
        if values.is_empty() { Secrets::default() } else { self.shared(Arc::new(values)) }
    }

    /// The secrets of an execution with those of the installation as they are now; the same set if
    /// nothing has changed.
    pub(crate) fn refresh(&self, secrets: Secrets, installed: SecretValues) -> Secrets {
        let none = Values::default();
        let known = secrets.0.as_ref().map_or(&none, |known| &*known.values);
        let values = known.with_installed(installed);
        if values == *known {
            return secrets;
        }
        self.open_values(values)
    }

    fn shared(&self, values: Arc<Values>) -> Secrets {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.shared.retain(|known| known.strong_count() > 0);
        let same = kept.shared.iter().filter_map(Weak::upgrade).find(|k| k.values == values);
        drop(kept);
        if let Some(known) = same {
            return Secrets(Some(known));
        }
        let known = Arc::new(Known::new(values));
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.shared.len() < SHARED {
            kept.shared.push(Arc::downgrade(&known));
        }
        drop(kept);
        Secrets(Some(known))
    }

    /// Keeps the secrets of an execution that leaves memory.
    pub(crate) fn keep(&self, id: ExecutionId, secrets: &Secrets) {
        let Some(values) = secrets.0.as_ref().map(|known| &known.values) else { return };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(id);
        let order = (values.has_sent(), kept.next);
        kept.next += 1;
        kept.bytes += values.size() + ENTRY_BYTES;
        kept.by_execution.insert(id, (order, Arc::clone(values)));
        kept.order.insert(order, id);
        while kept.bytes > MAX_KEPT_BYTES
            && let Some((_, oldest)) = kept.order.first_key_value()
        {
            let oldest = *oldest;
            kept.remove(oldest);
        }
    }

    /// The secrets of an execution at rest.
    pub(crate) fn look_up(&self, id: ExecutionId) -> Secrets {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let values = kept.by_execution.get(&id).map(|(_, values)| Arc::clone(values));
        drop(kept);
        values.map_or_else(Secrets::default, |values| self.shared(values))
    }

    /// Takes out the secrets of an execution that is driven again, or is gone.
    pub(crate) fn take(&self, id: ExecutionId) -> Secrets {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let values = kept.remove(id);
        drop(kept);
        values.map_or_else(Secrets::default, |values| self.shared(values))
    }
}

impl KeptSecrets {
    fn remove(&mut self, id: ExecutionId) -> Option<Arc<Values>> {
        let (order, values) = self.by_execution.remove(&id)?;
        self.order.remove(&order);
        self.bytes -= values.size() + ENTRY_BYTES;
        Some(values)
    }
}
