//! Random steps that are no blocks.

use serde_json::{Value, json};

use super::{random_compensation, random_retry};
use crate::rng::Rng;

pub(super) fn random_step(rng: &mut Rng, i: usize, before: &[Value]) -> Value {
    let kind = *rng.pick(&[
        "Pure",
        "Pure",
        "Read",
        "Send",
        "Send",
        "Send",
        "Delay",
        "WaitUntil",
        "Merge",
        "SetState",
        "SubWorkflow",
        "Fail",
        "WaitForSignal",
        "Approval",
    ]);
    // A graph that fails at once shows little.
    let kind = if kind == "Fail" && rng.chance(70) { "Send" } else { kind };
    let mut step = json!({"id": format!("s{i}"), "type": kind, "input": {"i": i}});
    match kind {
        "Delay" => step["config"] = json!({"for": 1 + rng.below(20)}),
        "WaitUntil" => step["until"] = json!(format!("2027-01-15T08:00:{:02}Z", rng.below(60))),
        "SubWorkflow" => {
            step["workflow"] = json!("child");
            if rng.chance(30) {
                step["timeout"] = json!(1 + rng.below(10));
            }
        }
        "Fail" => step["config"] = json!({"message": "configured to"}),
        "WaitForSignal" => random_wait(rng, &mut step),
        "Approval" => random_approval(rng, &mut step),
        _ => {}
    }
    if kind == "SetState" {
        step["input"] = json!({"seen": i});
    } else if rng.chance(30) {
        step["input"] = json!({"now": "{{ now }}"});
        if ["Pure", "Read", "Send"].contains(&kind) && rng.chance(50) {
            step["config"] = json!({"now": "{{ now }}"});
        }
    }
    // Without `after` it follows the previous step, and without `input` it takes what comes before.
    let follows_list = rng.chance(40);
    if !follows_list {
        step["after"] = random_edges(rng, before);
    } else if kind != "SetState" && rng.chance(70) {
        step.as_object_mut().unwrap().shift_remove("input");
    }
    if ["WaitUntil", "WaitForSignal", "Approval"].contains(&kind) {
        // They take none.
        step.as_object_mut().unwrap().shift_remove("input");
    }
    add_join(rng, &mut step);
    if rng.chance(if follows_list { 40 } else { 20 }) {
        step["when"] = json!(*rng.pick(&["inputs.n > 5", "inputs.n <= 5", "true", "false"]));
    }
    if rng.chance(50) {
        step["retry"] = random_retry(rng);
    }
    match rng.below(10) {
        0 | 1 => step["on_error"] = json!("continue"),
        2 => step["on_error"] = json!("port"),
        _ => {}
    }
    if kind == "Send" && rng.chance(30) {
        step["idempotent"] = json!(false);
    }
    if matches!(kind, "Pure" | "Read" | "Send") {
        add_work_fields(rng, &mut step, &format!("s{i}"));
    }
    step
}

fn add_join(rng: &mut Rng, step: &mut Value) {
    let edges = step["after"].as_array().map_or(0, Vec::len);
    if edges > 1 && rng.chance(40) {
        step["join"] = match rng.below(5) {
            0 | 1 => json!("any"),
            2 => json!({"n": 1 + rng.below(edges)}),
            3 => json!({"n": COMPUTED_JOIN}),
            _ => json!("all"),
        };
        if step["join"] != "all" && rng.chance(50) {
            step["cancel_rest"] = json!(true);
        }
    }
}

/// Fields that only steps that do work can have.
fn add_work_fields(rng: &mut Rng, step: &mut Value, id: &str) {
    if rng.chance(35) {
        step["compensate"] = random_compensation(rng, id);
    }
    if rng.chance(20) {
        let key = *rng.pick(&["{{ inputs.n }}", "{{ now }}"]);
        step["concurrency"] = json!({"limit": 1 + rng.below(3), "key": key});
    }
}

/// The names and the keys of signals.
pub const SIGNALS: [&str; 2] = ["paid", "sent"];
pub const KEYS: [&str; 2] = ["1", "2"];

fn random_wait(rng: &mut Rng, step: &mut Value) {
    step["signal"] = json!(*rng.pick(&SIGNALS));
    if rng.chance(50) {
        step["key"] = json!(*rng.pick(&KEYS));
    }
    if rng.chance(70) {
        step["timeout"] = json!(1 + rng.below(20));
        if rng.chance(40) {
            step["on_timeout"] = json!("port");
        }
    }
}

/// The names of approvers.
pub const APPROVERS: [&str; 3] = ["ada", "bob", "eve"];

fn random_approval(rng: &mut Rng, step: &mut Value) {
    let names = &APPROVERS[..rng.below(APPROVERS.len() + 1)];
    let most = if names.is_empty() { 3 } else { names.len() };
    let mut config = json!({"approvers": names, "quorum": 1 + rng.below(most)});
    if rng.chance(40) {
        config["remind_every"] = json!(1 + rng.below(10));
    }
    if rng.chance(30) {
        config["escalate"] = json!({"after": 1 + rng.below(10), "to": "eve"});
    }
    if rng.chance(60) {
        step["timeout"] = json!(1 + rng.below(20));
        config["on_timeout"] = json!(*rng.pick(&["fail", "approve", "reject"]));
    }
    step["config"] = config;
}

/// A number of edges or branches, which may be too high.
pub(super) const COMPUTED_JOIN: &str = "{{ inputs.n % 4 + 1 }}";

/// The value of [`COMPUTED_JOIN`].
pub fn computed_join(n: u64) -> usize {
    usize::try_from(n % 4 + 1).unwrap()
}

pub(super) fn random_edges(rng: &mut Rng, before: &[Value]) -> Value {
    let mut edges: Vec<String> = Vec::new();
    for step in before {
        if !rng.chance(35) {
            continue;
        }
        let id = step["id"].as_str().unwrap();
        let runs = matches!(step["type"].as_str(), Some("Pure" | "Read" | "Send"));
        edges.push(match step["on_error"] == "port" && rng.chance(60) {
            true => format!("{id}.error"),
            false if runs && rng.chance(10) => format!("{id}.left"),
            false if step["type"] == "Approval" && rng.chance(80) => {
                format!("{id}.{}", rng.pick(&["approved", "rejected"]))
            }
            false if step["on_timeout"] == "port" && rng.chance(60) => format!("{id}.timeout"),
            false => id.to_owned(),
        });
    }
    json!(edges)
}
