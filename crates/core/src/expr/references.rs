//! What an expression refers to.

/// What an expression or template refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// Dotted paths from a root name, as far as they are static: `steps.reverse.output.text` as
    /// `["steps", "reverse", "output", "text"]`. Each once, in the order they first occur.
    pub paths: Vec<Vec<String>>,
    /// Those of `paths` that may be missing: somewhere in the expression they stand before a
    /// `default` filter or an `is defined` test.
    pub optional: Vec<Vec<String>>,
}

impl References {
    pub(super) fn add(&mut self, path: Vec<String>, optional: bool) {
        if optional && !self.optional.contains(&path) {
            self.optional.push(path.clone());
        }
        if !self.paths.contains(&path) {
            self.paths.push(path);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for path in &other.paths {
            self.add(path.clone(), other.optional.contains(path));
        }
    }
}
