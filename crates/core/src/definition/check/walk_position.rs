//! The position of a walk over a schema.

/// Where in a schema the walk is.
#[derive(Clone, Copy)]
pub(super) struct WalkPosition {
    /// How many alternatives are around.
    pub(super) alternatives: u64,
    /// How deep, in schema and value together.
    pub(super) depth: usize,
}

impl WalkPosition {
    pub(super) const ROOT: Self = Self { alternatives: 0, depth: 0 };

    pub(super) fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    pub(super) fn in_alternative(self) -> Self {
        Self { alternatives: self.alternatives + 1, ..self }
    }
}
