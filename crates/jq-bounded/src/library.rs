//! The filters that are written in jq.

use std::sync::LazyLock;

use jaq_core::load::Arena;
use jaq_core::load::parse::Def;

use super::syntax;

/// The standard library, as far as it only computes. Nothing of the interpreter's own is used.
pub(super) fn standard_library() -> &'static [Def<&'static str>] {
    static LIBRARY: LazyLock<Vec<Def<&'static str>>> = LazyLock::new(|| {
        // The names of its variables live as long as the process.
        let arena: &'static Arena = Box::leak(Box::default());
        syntax::parse_library(include_str!("library.jq"), arena).unwrap_or_default()
    });
    &LIBRARY
}
