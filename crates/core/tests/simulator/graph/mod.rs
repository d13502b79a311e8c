//! Random definitions.

mod steps;

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};
use stepwell_core::catalog::{Effect, StepAction, StepCatalog, StepSpec};
use stepwell_core::definition::{self, DefinitionLimits, SharedPlan};

use crate::rng::Rng;
pub use steps::{APPROVERS, KEYS, SIGNALS, computed_join};
use steps::{COMPUTED_JOIN, random_edges, random_step};

struct Types(Vec<StepSpec>);

impl StepCatalog for Types {
    fn find_type(&self, name: &str) -> Option<&StepSpec> {
        self.0.iter().find(|spec| spec.name == name)
    }

    fn all_types(&self) -> Vec<&StepSpec> {
        self.0.iter().collect()
    }
}

fn spec(name: &'static str, effect: Effect, action: StepAction, input: Value) -> StepSpec {
    StepSpec {
        name,
        aliases: &[],
        summary: "of the simulator",
        doc: "",
        category: "Simulator",
        config: json!({}),
        input,
        output: json!({}),
        default_input: None,
        default_output: None,
        check: None,
        check_input: None,
        is_source: false,
        effect,
        effect_of: None,
        action,
        block: None,
        sensitive: &[],
        ports: &["left", "right"],
        examples: Vec::new(),
    }
}

static TYPES: LazyLock<Types> = LazyLock::new(|| {
    Types(vec![
        spec("Pure", Effect::Pure, StepAction::Run, json!({})),
        spec("Read", Effect::Idempotent, StepAction::Run, json!({})),
        spec("Send", Effect::External, StepAction::Run, json!({})),
        spec("Delay", Effect::Pure, StepAction::Delay, json!({})),
        spec("Merge", Effect::Pure, StepAction::Merge, json!({})),
        spec("WaitUntil", Effect::Pure, StepAction::WaitUntil, json!({})),
        spec("SetState", Effect::Pure, StepAction::SetState, json!({"type": "object"})),
        spec("Fail", Effect::Pure, StepAction::Fail, json!({})),
        spec("SubWorkflow", Effect::Pure, StepAction::SubWorkflow, json!({})),
        StepSpec {
            ports: &["timeout"],
            ..spec("WaitForSignal", Effect::Pure, StepAction::WaitForSignal, json!({}))
        },
        StepSpec {
            ports: &["approved", "rejected"],
            ..spec("Approval", Effect::Pure, StepAction::Approval, json!({}))
        },
        spec("Branch", Effect::Pure, StepAction::Block, json!({})),
        spec("Switch", Effect::Pure, StepAction::Block, json!({})),
        spec("Parallel", Effect::Pure, StepAction::Block, json!({})),
        spec("Loop", Effect::Pure, StepAction::Block, json!({})),
        spec("Map", Effect::Pure, StepAction::Block, json!({"type": "array"})),
        spec("Try", Effect::Pure, StepAction::Block, json!({})),
    ])
});

/// A definition of 1 to 8 steps, some of them blocks with steps inside, with random edges, joins, conditions, retries and policies.
pub fn random_plan(rng: &mut Rng) -> SharedPlan {
    let mut source = random_source(rng);
    // Numbers of their own: the rest of the definition stays the same.
    add_variables(&mut Rng::new(rng.peek()), &mut source);
    match definition::plan_source(&source, &*TYPES, &DefinitionLimits::default()) {
        Ok((_, plan)) => Arc::new(plan),
        Err(problems) => panic!("the simulator made a wrong definition: {problems}\n{source:#}"),
    }
}

/// The deepest nesting of blocks.
const MAX_DEPTH: usize = 2;

fn random_source(rng: &mut Rng) -> Value {
    let mut ids = 0;
    let most = 1 + rng.below(8);
    let steps = random_list(rng, &mut ids, most, 0);
    let mut source = json!({"name": "simulated", "inputs": {"n": "number"}, "steps": steps});
    if rng.chance(30) {
        let most = 1 + rng.below(3);
        let mut handler = json!(random_list(rng, &mut ids, most, 1));
        remove_compensations(&mut handler);
        source["on_failure"] = handler;
    }
    if rng.chance(20) {
        source["timeout"] = json!(1 + rng.below(60));
    }
    if rng.chance(30) {
        source["state"] = json!({"seen": 0});
    }
    source
}

/// An output of a `Map` that reads a variable.
const MAP_OUTPUT: &str = "{{ {'required': vars.V} }}";

/// Lets some steps read variables, and some `Map`s hide them.
fn add_variables(rng: &mut Rng, value: &mut Value) {
    match value {
        Value::Object(step) => {
            let kind = step.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
            match kind.as_str() {
                "Pure" | "Read" | "Send" if rng.chance(15) => {
                    let field = *rng.pick(&["input", "config"]);
                    let read = json!({"required": "{{ vars.V }}",
                        "optional": "{{ vars.W | default('no') }}"});
                    step.insert(field.to_owned(), read);
                }
                "Map" if !step.contains_key("collect") && rng.chance(30) => {
                    drop(step.insert("output".into(), json!(MAP_OUTPUT)))
                }
                _ => {}
            }
            if kind == "Map" && !step.contains_key("as") && rng.chance(20) {
                step.insert("as".into(), json!("vars"));
            }
            step.values_mut().for_each(|inner| add_variables(rng, inner));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| add_variables(rng, item)),
        _ => {}
    }
}

/// Steps of `on_failure` cannot be compensated.
fn remove_compensations(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.shift_remove("compensate");
            map.values_mut().for_each(remove_compensations);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_compensations),
        _ => {}
    }
}

fn random_compensation(rng: &mut Rng, step: &str) -> Value {
    let mut compensation = json!({"type": *rng.pick(&["Pure", "Read", "Send", "Send"])});
    if rng.chance(50) {
        let output = format!("{{{{ steps.{step}.output }}}}");
        compensation["input"] = json!({"undo": output, "because": "{{ error.code }}"});
    }
    if rng.chance(50) {
        compensation["retry"] = random_retry(rng);
    }
    if rng.chance(20) {
        compensation["idempotent"] = json!(false);
    }
    compensation
}

fn random_list(rng: &mut Rng, ids: &mut usize, count: usize, depth: usize) -> Vec<Value> {
    let mut steps: Vec<Value> = Vec::new();
    for _ in 0..count {
        *ids += 1;
        let is_block = depth < MAX_DEPTH && rng.chance(20);
        let step = match is_block {
            true => random_block(rng, ids, &steps, depth),
            false => random_step(rng, *ids - 1, &steps),
        };
        steps.push(step);
    }
    steps
}

fn random_body(rng: &mut Rng, ids: &mut usize, depth: usize) -> Vec<Value> {
    let count = 1 + rng.below(3);
    random_list(rng, ids, count, depth + 1)
}

fn random_loop(rng: &mut Rng, ids: &mut usize, step: &mut Value, depth: usize) {
    let field = *rng.pick(&["until", "while"]);
    step[field] = match field {
        "until" => json!(format!("index >= {}", rng.below(3))),
        _ => json!(format!("index < {}", rng.below(4))),
    };
    step["max_iterations"] = json!(2 + rng.below(3));
    step["collect"] = json!(rng.chance(50));
    if rng.chance(40) {
        step["pause"] = json!(1 + rng.below(5));
    }
    step["steps"] = json!(random_body(rng, ids, depth));
}

fn random_map(rng: &mut Rng, ids: &mut usize, step: &mut Value, depth: usize) {
    let items: Vec<Value> = (0..rng.below(5)).map(|i| json!({"item": i, "V": i})).collect();
    step["over"] = json!(items);
    step["max_concurrency"] = json!(1 + rng.below(3));
    if rng.chance(50) {
        step["on_item_error"] = json!("collect");
    }
    if rng.chance(20) {
        // It hides the moment.
        step["as"] = json!("now");
    }
    step["steps"] = json!(random_body(rng, ids, depth));
    if rng.chance(30) {
        let collects_errors = step.get("on_item_error").is_some() && rng.chance(80);
        step["collect"] = json!(if collects_errors { "errors" } else { "none" });
        if collects_errors {
            // Several that can fail in any order.
            let items: Vec<Value> = (0..4).map(|i| json!({"item": i, "V": i})).collect();
            step["over"] = json!(items);
            step["max_concurrency"] = json!(3);
        }
    } else if rng.chance(30) {
        step["collect"] = json!("file");
        if rng.chance(50) {
            step["output"] = json!(*rng.pick(&["{{ index }}", "{{ now }}"]));
        }
    } else if rng.chance(30) {
        step["output"] = json!(*rng.pick(&["{{ index }}", "{{ now }}"]));
    }
    if rng.chance(40) {
        step["record"] = json!("results");
        step["steps"].as_array_mut().unwrap().iter_mut().for_each(make_pure);
    }
}

/// Replaces what waits or has effects by steps that only compute, also in inner lists.
fn make_pure(step: &mut Value) {
    let Some(fields) = step.as_object_mut() else { return };
    for field in ["retry", "idempotent", "pause", "record", "compensate", "timeout", "concurrency"]
    {
        fields.shift_remove(field);
    }
    for edge in fields.get_mut("after").and_then(Value::as_array_mut).into_iter().flatten() {
        // The ports of steps that wait.
        if let Some((id, "timeout" | "approved" | "rejected")) =
            edge.as_str().and_then(|edge| edge.split_once('.'))
        {
            *edge = json!(id);
        }
    }
    const SUITABLE: [&str; 8] =
        ["Pure", "Fail", "Branch", "Switch", "Parallel", "Loop", "Map", "Try"];
    if !SUITABLE.iter().any(|kind| step["type"] == *kind) {
        step["type"] = json!("Pure");
        const COMMON: [&str; 8] =
            ["id", "type", "input", "when", "after", "join", "cancel_rest", "on_error"];
        step.as_object_mut().unwrap().retain(|field, _| COMMON.contains(&field.as_str()));
    }
    for field in ["steps", "else", "finally"] {
        if let Some(steps) = step.get_mut(field).and_then(Value::as_array_mut) {
            steps.iter_mut().for_each(make_pure);
        }
    }
    for field in ["cases", "catch"] {
        if let Some(entries) = step.get_mut(field).and_then(Value::as_array_mut) {
            let lists = entries.iter_mut().filter_map(|entry| entry["steps"].as_array_mut());
            lists.flatten().for_each(make_pure);
        }
    }
    if let Some(branches) = step.get_mut("branches").and_then(Value::as_object_mut) {
        branches.values_mut().filter_map(Value::as_array_mut).flatten().for_each(make_pure);
    }
}

fn random_block(rng: &mut Rng, ids: &mut usize, before: &[Value], depth: usize) -> Value {
    let kind = *rng.pick(&["Branch", "Switch", "Parallel", "Loop", "Map", "Map", "Try"]);
    let mut step = json!({"id": format!("s{}", *ids - 1), "type": kind});
    match kind {
        "Branch" => {
            let when = *rng.pick(&["inputs.n > 5", "inputs.n <= 5"]);
            step["cases"] = json!([
                {"when": when, "steps": random_body(rng, ids, depth)},
                {"when": "inputs.n > 8", "steps": random_body(rng, ids, depth)},
            ]);
        }
        "Switch" => {
            step["value"] = json!("{{ inputs.n }}");
            step["cases"] = json!([{"equals": [1, 2, 3], "steps": random_body(rng, ids, depth)}]);
        }
        "Parallel" => {
            let names = ["a", "b", "c"].into_iter().take(1 + rng.below(3));
            let branches: serde_json::Map<String, Value> =
                names.map(|name| (name.to_owned(), json!(random_body(rng, ids, depth)))).collect();
            let count = branches.len();
            step["branches"] = Value::Object(branches);
            match rng.below(3) {
                0 => step["join"] = json!("any"),
                1 if rng.chance(30) => step["join"] = json!({"n": COMPUTED_JOIN}),
                1 => step["join"] = json!({"n": 1 + rng.below(count)}),
                _ => {}
            }
            if step.get("join").is_some() && rng.chance(50) {
                step["cancel_rest"] = json!(true);
            }
        }
        "Loop" => random_loop(rng, ids, &mut step, depth),
        "Map" => random_map(rng, ids, &mut step, depth),
        _ => {
            step["steps"] = json!(random_body(rng, ids, depth));
            let on = *rng.pick(&["SIMULATED", "USER_DEFINED_ERROR"]);
            step["catch"] = json!([{"on": on, "steps": random_body(rng, ids, depth)}]);
            if rng.chance(50) {
                step["finally"] = json!(random_body(rng, ids, depth));
            }
        }
    }
    if !["Switch", "Map"].contains(&kind) && rng.chance(40) {
        step["input"] = json!({"given": *ids});
    }
    if kind != "Parallel" && rng.chance(30) {
        step["after"] = random_edges(rng, before);
    }
    if rng.chance(20) {
        step["when"] = json!(*rng.pick(&["inputs.n > 5", "true"]));
    }
    match rng.below(10) {
        0 | 1 => step["on_error"] = json!("continue"),
        2 => step["on_error"] = json!("port"),
        _ => {}
    }
    if rng.chance(30) {
        step["timeout"] = json!(1 + rng.below(20));
    }
    step
}

fn random_retry(rng: &mut Rng) -> Value {
    let mut policy = |on: Value| {
        let max_attempts = 1 + rng.below(4);
        json!({"max_attempts": max_attempts, "initial": 1 + rng.below(5), "on": on})
    };
    let policies = [policy(json!(["BUSY"])), policy(json!([])), policy(json!(["SIMULATED"]))];
    match rng.below(4) {
        0 => json!(policies),
        1 => json!([policies[2], policies[0]]),
        _ => policies[1].clone(),
    }
}
