//! `concurrency` of a workflow and of a step.

use serde_json::Value;

use super::walk::ParseWalk;
use crate::Map;
use crate::definition::concurrency::{
    ConcurrencyDefinition, ConcurrencyPolicy, MAX_CONCURRENCY_LIMIT,
};
use crate::expr::at_key;

const FIELDS: &[&str] = &["limit", "key", "policy"];

/// `concurrency` of the object at `path`.
pub(super) fn parse_concurrency(
    walk: &mut ParseWalk,
    map: &Map,
    path: &str,
) -> Option<ConcurrencyDefinition> {
    let path = at_key(path, "concurrency");
    let written = match map.get("concurrency")? {
        Value::Null => return None,
        Value::Object(written) => written,
        other => {
            walk.add_mismatch(&path, "object with limit, key, policy", other);
            return None;
        }
    };
    walk.unknown_fields(written, &path, FIELDS);
    let limit = written.get("limit").filter(|limit| !limit.is_null());
    let bounds = 1..=u64::from(MAX_CONCURRENCY_LIMIT);
    let limit = limit.and_then(|limit| walk.read_integer(limit, &at_key(&path, "limit"), bounds));
    let key = walk.read_text(written, "key", &path);
    if let Some(key) = &key {
        check_key(walk, key, &at_key(&path, "key"));
    }
    Some(ConcurrencyDefinition {
        limit: limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(1),
        key,
        policy: parse_policy(walk, written, &at_key(&path, "policy")),
    })
}

/// `concurrency` of a step, which can only queue.
pub(super) fn parse_step_concurrency(
    walk: &mut ParseWalk,
    map: &Map,
    path: &str,
) -> Option<ConcurrencyDefinition> {
    let parsed = parse_concurrency(walk, map, path)?;
    if parsed.policy != ConcurrencyPolicy::Queue {
        let policy = parsed.policy.name();
        let message = format!(
            "attempts of a step can only wait: write `policy: queue`, or use `{policy}` in \
             `concurrency` of the workflow"
        );
        walk.add_problem(&at_key(&at_key(path, "concurrency"), "policy"), message);
    }
    Some(parsed)
}

fn check_key(walk: &mut ParseWalk, key: &str, path: &str) {
    if key.is_empty() {
        walk.add_problem(path, "`key` must not be empty; without `key`, all share one");
    } else if ["inputs.", "steps.", "item."].iter().any(|root| key.trim_start().starts_with(root)) {
        let shown: String = key.trim().chars().take(60).collect();
        let message = format!("a key is a template: write `{{{{ {shown} }}}}`");
        walk.add_problem(path, message);
    }
}

fn parse_policy(walk: &mut ParseWalk, written: &Map, path: &str) -> ConcurrencyPolicy {
    let Some(name) = written.get("policy").filter(|policy| !policy.is_null()) else {
        return ConcurrencyPolicy::default();
    };
    let known = |policy: &ConcurrencyPolicy| name.as_str() == Some(policy.name());
    ConcurrencyPolicy::ALL.into_iter().find(known).unwrap_or_else(|| {
        let names = ConcurrencyPolicy::ALL.map(ConcurrencyPolicy::name).join(", ");
        walk.add_mismatch(path, &format!("one of {names}"), name);
        ConcurrencyPolicy::default()
    })
}
