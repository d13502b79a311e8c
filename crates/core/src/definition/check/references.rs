//! References inside a schema: those that leave it, go in circles or multiply are refused.

use std::collections::BTreeMap;

use serde_json::Value;

use super::cost::{KeywordSlot, keyword_slot};

/// The most references to different places in one schema.
const MAX_REFERENCES: usize = 200;
/// The most keywords of a schema once every reference is written out.
const MAX_EXPANDED: u64 = 200_000;
/// How deep a schema may nest once every reference is written out: a check of a value against
/// it recurses.
const MAX_NESTING: usize = 400;

/// A place in a schema: how large it is and what it refers to.
struct SchemaPart {
    size: u64,
    /// How deep it nests.
    nesting: usize,
    /// Each with how deep inside it is.
    references: Vec<(String, usize)>,
    /// With everything it refers to written out; `None` until known.
    expanded: Option<ExpandedPart>,
}

#[derive(Clone, Copy)]
struct ExpandedPart {
    size: u64,
    nesting: usize,
}

/// Refuses references out of the schema, circles, and references that multiply: checking a value
/// against those could take for ever.
pub(super) fn refuse_bad_references(schema: &Value) -> Result<(), String> {
    let mut parts: BTreeMap<String, SchemaPart> = BTreeMap::new();
    let mut open = vec!["#".to_owned()];
    while let Some(at) = open.pop() {
        if parts.contains_key(&at) {
            continue;
        }
        if parts.len() > MAX_REFERENCES {
            return Err(format!("it has more than {MAX_REFERENCES} references"));
        }
        let pointer = at.strip_prefix('#').ok_or_else(|| {
            format!("the reference `{at}` leads out of the schema; only `#/…` is allowed")
        })?;
        if pointer.contains('%') {
            return Err(format!("the reference `{at}` has a `%`; rename what it leads to"));
        }
        let inner = schema
            .pointer(pointer)
            .ok_or_else(|| format!("the reference `{at}` leads to nothing"))?;
        let part = schema_part(inner)?;
        open.extend(part.references.iter().map(|(target, _)| target.clone()));
        parts.insert(at, part);
    }
    expand_part("#", &mut parts, 0).map(drop)
}

fn schema_part(schema: &Value) -> Result<SchemaPart, String> {
    let mut part = SchemaPart { size: 0, nesting: 0, references: Vec::new(), expanded: None };
    // Values that are schemas or hold some, and how deep they are.
    let mut open = vec![(schema, KeywordSlot::Schema, 0)];
    while let Some((value, holds, depth)) = open.pop() {
        part.size += 1;
        part.nesting = part.nesting.max(depth);
        match (value, holds) {
            (_, KeywordSlot::Data) => {}
            (Value::Object(map), KeywordSlot::Schema) => {
                for (key, inner) in map {
                    match (key.as_str(), inner) {
                        ("$dynamicRef" | "$recursiveRef" | "$id" | "$anchor", Value::String(_)) => {
                            return Err(format!("`{key}` is not available here"));
                        }
                        ("$ref", Value::String(target)) => {
                            part.references.push((target.clone(), depth));
                        }
                        _ => {}
                    }
                    open.push((inner, keyword_slot(key), depth + 1));
                }
            }
            (Value::Object(map), KeywordSlot::Schemas) => {
                open.extend(map.values().map(|inner| (inner, KeywordSlot::Schema, depth)));
            }
            (Value::Array(items), KeywordSlot::Schema | KeywordSlot::Schemas) => {
                open.extend(items.iter().map(|inner| (inner, KeywordSlot::Schema, depth)));
            }
            _ => {}
        }
    }
    Ok(part)
}

/// A part written out. Recurses no deeper than there are parts.
fn expand_part(
    at: &str,
    parts: &mut BTreeMap<String, SchemaPart>,
    depth: usize,
) -> Result<ExpandedPart, String> {
    if depth > MAX_REFERENCES {
        return Err(format!(
            "the reference `{at}` leads back to itself; recursion is not available"
        ));
    }
    let Some(part) = parts.get(at) else { return Ok(ExpandedPart { size: 0, nesting: 0 }) };
    if let Some(expanded) = part.expanded {
        return Ok(expanded);
    }
    let mut all = ExpandedPart { size: part.size, nesting: part.nesting };
    for (target, inside) in part.references.clone() {
        let target = expand_part(&target, parts, depth + 1)?;
        all.size = all.size.saturating_add(target.size);
        all.nesting = all.nesting.max(inside + 1 + target.nesting);
        if all.size > MAX_EXPANDED {
            return Err("its references make it too large".into());
        }
        if all.nesting > MAX_NESTING {
            return Err(format!(
                "with its references it nests deeper than {MAX_NESTING}; refer to fewer schemas \
                 in a row"
            ));
        }
    }
    if let Some(part) = parts.get_mut(at) {
        part.expanded = Some(all);
    }
    Ok(all)
}
