//! `retry` of a step.

use serde_json::Value;

use super::codes::parse_codes;
use super::walk::ParseWalk;
use crate::Map;
use crate::definition::model::{MAX_RETRY_POLICIES, RetryPolicy};
use crate::expr::at_key;

/// A policy, a list of policies, or a number of attempts.
pub(super) fn parse_retry(
    walk: &mut ParseWalk,
    value: Option<&Value>,
    path: &str,
) -> Vec<RetryPolicy> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Object(map)) => vec![parse_policy(walk, map, path)],
        Some(value @ Value::Number(_)) => {
            let max_attempts = parse_attempts(walk, value, path);
            vec![RetryPolicy { max_attempts, ..RetryPolicy::default() }]
        }
        Some(Value::Array(items)) => parse_policies(walk, items, path),
        Some(other) => {
            walk.add_mismatch(path, "object, list of objects, or number of attempts", other);
            Vec::new()
        }
    }
}

fn parse_policies(walk: &mut ParseWalk, items: &[Value], path: &str) -> Vec<RetryPolicy> {
    if items.is_empty() || items.len() > MAX_RETRY_POLICIES {
        let message = format!("a list of policies has 1 to {MAX_RETRY_POLICIES} entries");
        walk.add_problem(path, message);
        return Vec::new();
    }
    let mut policies: Vec<RetryPolicy> = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let path = format!("{path}[{i}]");
        let Value::Object(map) = item else {
            walk.add_mismatch(&path, "object", item);
            continue;
        };
        let policy = parse_policy(walk, map, &path);
        for code in &policy.on {
            if policies.iter().any(|earlier| earlier.on.contains(code)) {
                let message = format!(
                    "an earlier entry has the code `{code}`, so it never applies here; remove one"
                );
                walk.add_problem(&at_key(&path, "on"), message);
            }
        }
        if policy.on.is_empty() && policies.iter().any(|earlier| earlier.on.is_empty()) {
            let message = "an earlier entry without `on` fits every error that this one does; \
                           list the codes of one of them in `on`";
            walk.add_problem(&at_key(&path, "on"), message);
        }
        policies.push(policy);
    }
    policies
}

fn parse_attempts(walk: &mut ParseWalk, value: &Value, path: &str) -> u32 {
    walk.read_integer(value, path, 1..=1000).and_then(|n| u32::try_from(n).ok()).unwrap_or(1)
}

fn parse_policy(walk: &mut ParseWalk, map: &Map, path: &str) -> RetryPolicy {
    let mut retry = RetryPolicy::default();
    let known = ["max_attempts", "initial", "factor", "max", "jitter", "on"];
    walk.unknown_fields(map, path, &known);
    retry.max_attempts = match map.get("max_attempts") {
        Some(value) => parse_attempts(walk, value, &at_key(path, "max_attempts")),
        // Who writes `retry` wants one; three attempts are what most systems mean by it.
        None => 3,
    };
    if let Some(initial) = walk.read_duration(map, "initial", path) {
        retry.initial = initial;
    }
    retry.factor = walk.read_number(map, "factor", path, 1.0..=100.0).unwrap_or(retry.factor);
    match walk.read_duration(map, "max", path) {
        Some(max) if max < retry.initial => walk.add_problem(
            &at_key(path, "max"),
            "`max` is shorter than `initial`; make it at least as long",
        ),
        Some(max) => retry.max = max,
        None => retry.max = retry.max.max(retry.initial),
    }
    retry.jitter = walk.read_number(map, "jitter", path, 0.0..=1.0).unwrap_or(retry.jitter);
    retry.on = parse_codes(walk, map.get("on"), &at_key(path, "on"));
    retry
}
