//! How much a program may take.

/// The longest program, in characters.
pub const MAX_PROGRAM: usize = 16 * 1024;

/// The stack of the thread that runs a program, in bytes; only what is used takes memory.
pub(super) const STACK: usize = 64 * 1024 * 1024;

/// The limits of a program.
#[derive(Debug, Clone, Copy)]
pub struct JqLimits {
    /// Units of work; about one a copied value or 16 bytes of text.
    pub work: u64,
    /// The stack in bytes.
    pub stack: usize,
    /// The most results.
    pub results: usize,
    /// The most bytes of all results together, about as JSON.
    pub output_bytes: usize,
}

/// Limits that bound a program to a few seconds at worst and to about 100 MB of values.
pub const DEFAULT_LIMITS: JqLimits =
    JqLimits { work: 5_000_000, stack: STACK / 4, results: 10_000, output_bytes: 4 << 20 };
