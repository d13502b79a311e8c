//! What an expression refers to.

use std::collections::BTreeMap;

use crate::memory::names_bytes;

/// What an expression or template refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// Dotted paths from a root name, as far as they are static: `steps.reverse.output.text` as
    /// `["steps", "reverse", "output", "text"]`. Each once, in the order they first occur.
    pub paths: Vec<Vec<String>>,
    /// Those of `paths` that may be missing: somewhere in the expression they stand before a
    /// `default` filter or an `is defined` test. Sorted.
    pub optional: Vec<Vec<String>>,
}

impl References {
    /// Whether one of `paths` may be missing.
    pub fn is_optional(&self, path: &[String]) -> bool {
        self.optional.binary_search_by(|known| known.as_slice().cmp(path)).is_ok()
    }

    /// About how many bytes it takes.
    pub(crate) fn memory_bytes(&self) -> usize {
        let paths = self.paths.iter().chain(&self.optional);
        size_of::<Self>() + paths.map(|path| names_bytes(path)).sum::<usize>()
    }
}

/// Gathers references, each once.
#[derive(Debug, Default)]
pub(super) struct ReferenceCollector {
    /// By path: when it first occurred and whether it may be missing.
    seen: BTreeMap<Vec<String>, (usize, bool)>,
}

impl ReferenceCollector {
    pub(super) fn add_path(&mut self, path: &[String], optional: bool) {
        match self.seen.get_mut(path) {
            Some((_, known)) => *known |= optional,
            None => {
                self.seen.insert(path.to_vec(), (self.seen.len(), optional));
            }
        }
    }

    pub(super) fn merge_from(&mut self, other: &References) {
        for path in &other.paths {
            self.add_path(path, other.is_optional(path));
        }
    }

    pub(super) fn has_root(&self, root: &str) -> bool {
        self.seen.keys().any(|path| path.first().is_some_and(|first| first == root))
    }

    pub(super) fn into_references(self) -> References {
        let optional =
            self.seen.iter().filter(|(_, (_, optional))| *optional).map(|(path, _)| path.clone());
        let optional = optional.collect();
        let mut paths: Vec<(usize, Vec<String>)> =
            self.seen.into_iter().map(|(path, (order, _))| (order, path)).collect();
        paths.sort_unstable_by_key(|(order, _)| *order);
        References { paths: paths.into_iter().map(|(_, path)| path).collect(), optional }
    }
}
