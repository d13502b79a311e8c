//! All step types, and finding them by name.

use std::collections::HashMap;
use std::sync::LazyLock;

use stepwell_core::catalog::{Catalog, StepSpec};

use crate::{Behaviour, StepType};

/// Every step type, sorted by name. A new one is a file and a line here.
pub const ALL: &[&dyn StepType] = &[];

/// The step types by name and alias, built once.
pub struct Registry {
    entries: Vec<(StepSpec, Behaviour)>,
    by_name: HashMap<&'static str, usize>,
}

/// The registry of [`ALL`].
pub fn registry() -> &'static Registry {
    static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::new(ALL));
    &REGISTRY
}

impl Registry {
    fn new(types: &[&dyn StepType]) -> Self {
        let entries: Vec<_> = types.iter().map(|t| (t.spec(), t.behaviour())).collect();
        let mut by_name = HashMap::new();
        for (i, (spec, _)) in entries.iter().enumerate() {
            by_name.insert(spec.name, i);
            by_name.extend(spec.aliases.iter().map(|alias| (*alias, i)));
        }
        Self { entries, by_name }
    }

    /// The code of the type of that name or alias.
    pub fn behaviour(&self, name: &str) -> Option<Behaviour> {
        self.by_name.get(name).map(|i| self.entries[*i].1)
    }
}

impl Catalog for Registry {
    fn find(&self, name: &str) -> Option<&StepSpec> {
        self.by_name.get(name).map(|i| &self.entries[*i].0)
    }

    fn all(&self) -> Vec<&StepSpec> {
        self.entries.iter().map(|(spec, _)| spec).collect()
    }
}
