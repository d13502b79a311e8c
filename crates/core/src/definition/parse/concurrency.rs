//! `concurrency` of a workflow.

use serde_json::Value;

use super::walk::ParseWalk;
use crate::Map;
use crate::definition::concurrency::{
    ConcurrencyDefinition, ConcurrencyPolicy, MAX_CONCURRENCY_LIMIT,
};

const FIELDS: &[&str] = &["limit", "key", "policy"];

pub(super) fn parse_concurrency(walk: &mut ParseWalk, map: &Map) -> Option<ConcurrencyDefinition> {
    let written = match map.get("concurrency")? {
        Value::Null => return None,
        Value::Object(written) => written,
        other => {
            walk.add_mismatch("concurrency", "object with limit, key, policy", other);
            return None;
        }
    };
    walk.unknown_fields(written, "concurrency", FIELDS);
    let limit = written.get("limit").filter(|limit| !limit.is_null());
    let bounds = 1..=u64::from(MAX_CONCURRENCY_LIMIT);
    let limit = limit.and_then(|limit| walk.read_integer(limit, "concurrency.limit", bounds));
    let key = walk.read_text(written, "key", "concurrency");
    if let Some(key) = &key {
        check_key(walk, key);
    }
    Some(ConcurrencyDefinition {
        limit: limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(1),
        key,
        policy: parse_policy(walk, written),
    })
}

fn check_key(walk: &mut ParseWalk, key: &str) {
    let path = "concurrency.key";
    if key.is_empty() {
        walk.add_problem(path, "`key` must not be empty; without `key`, all executions share one");
    } else if key.trim_start().starts_with("inputs.") {
        let shown: String = key.trim().chars().take(60).collect();
        let message = format!("a key is a template: write `{{{{ {shown} }}}}`");
        walk.add_problem(path, message);
    }
}

fn parse_policy(walk: &mut ParseWalk, written: &Map) -> ConcurrencyPolicy {
    let Some(name) = written.get("policy").filter(|policy| !policy.is_null()) else {
        return ConcurrencyPolicy::default();
    };
    let known = |policy: &ConcurrencyPolicy| name.as_str() == Some(policy.name());
    ConcurrencyPolicy::ALL.into_iter().find(known).unwrap_or_else(|| {
        let names = ConcurrencyPolicy::ALL.map(ConcurrencyPolicy::name).join(", ");
        walk.add_mismatch("concurrency.policy", &format!("one of {names}"), name);
        ConcurrencyPolicy::default()
    })
}
