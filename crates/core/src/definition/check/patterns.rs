//! How much work it is to search a text for a pattern of a schema.

use std::collections::HashMap;

use regex_syntax::hir::{Hir, HirKind};
use serde_json::Value;

/// A pattern that cannot be read here counts as one with so many positions.
pub(super) const UNKNOWN_POSITIONS: u64 = 5_000;

/// The patterns anywhere in a schema, and what only looks like one.
pub(super) fn find_patterns(schema: &Value, found: &mut HashMap<String, u64>) {
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(map) => {
                if let Some(Value::String(pattern)) = map.get("pattern") {
                    found.entry(pattern.clone()).or_insert_with(|| positions_of(pattern));
                }
                if let Some(Value::Object(patterns)) = map.get("patternProperties") {
                    for pattern in patterns.keys() {
                        found.entry(pattern.clone()).or_insert_with(|| positions_of(pattern));
                    }
                }
                open.extend(map.values());
            }
            _ => {}
        }
    }
}

/// At how many places of a pattern a search can be at once: the work for each byte of the text.
pub(super) fn positions_of(pattern: &str) -> u64 {
    regex_syntax::parse(pattern).map_or(UNKNOWN_POSITIONS, |hir| count_positions(&hir).max(1))
}

/// Recurses as deep as the pattern nests, which its parser limits.
fn count_positions(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 0,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(_) => 1,
        HirKind::Capture(capture) => count_positions(&capture.sub),
        HirKind::Repetition(repeated) => {
            let times = repeated.max.unwrap_or(repeated.min.saturating_add(1)).max(1);
            count_positions(&repeated.sub).saturating_mul(u64::from(times))
        }
        HirKind::Concat(all) | HirKind::Alternation(all) => {
            all.iter().fold(0, |sum: u64, one| sum.saturating_add(count_positions(one)))
        }
    }
}
