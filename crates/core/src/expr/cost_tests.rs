//! Holds the time of every operation to what it was charged, for operands of hostile sizes.
//!
//! The cases come from the table of operations, so a new one is tested without being added here.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use cpu_time::ThreadTime;
use serde_json::{Value, json};

use super::operations::{FILTERS, FUNCTIONS, SYNTAX, TESTS};
use super::*;
use crate::Map;

/// Units that one evaluation of these tests may use.
const UNITS: u64 = 2 << 20;
/// What the loop itself and its instructions may take.
const BASE: Duration = Duration::from_millis(700);
/// What one unit may take. A debug build is about ten times slower than what is shipped.
const NANOS_PER_UNIT: u64 = if cfg!(debug_assertions) { 400 } else { 40 };

/// Gives hostile values to an expression and counts what is charged.
#[derive(Debug)]
struct HostileScope {
    inputs: Arc<Value>,
    state: Map,
    budget: EvalBudget,
    spent: Cell<u64>,
}

impl EvalScope for HostileScope {
    fn inputs(&self) -> &Arc<Value> {
        &self.inputs
    }

    fn step_scope(&self, _: &str) -> Option<StepScope<'_>> {
        None
    }

    fn step_ids(&self) -> Vec<&str> {
        Vec::new()
    }

    fn state(&self) -> &Map {
        &self.state
    }

    fn extra_root(&self, _: &str) -> Option<Value> {
        None
    }

    fn budget(&self) -> EvalBudget {
        self.budget.clone()
    }

    fn spend_units(&self, units: u64) {
        self.spent.set(self.spent.get() + units);
    }
}

/// Operands of which each is the worst for some operation.
fn operands() -> Vec<Value> {
    let many: Vec<Value> = (0..10_000).map(Value::from).collect();
    let texts: Vec<Value> = (0..2_000).map(|i| json!(format!("{i}{}", "ä".repeat(60)))).collect();
    let object: Map = (0..5_000).map(|i| (format!("key{i}"), json!(i))).collect();
    let rows: Vec<Value> = (0..2_000).map(|i| json!({"a": i % 7, "b": {"c": "x"}})).collect();
    let mut deep = json!([]);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    vec![
        json!(""),
        json!("x"),
        json!("a"),
        json!("a".repeat(96 << 10)),
        json!("ß".repeat(48 << 10)),
        json!(" \n".repeat(32 << 10)),
        json!("9".repeat(32 << 10)),
        json!("%9999d%s"),
        json!(format!("{}b", "a".repeat(48 << 10))),
        json!([]),
        json!(["a"]),
        Value::Array(many),
        Value::Array(texts),
        Value::Array(rows),
        deep,
        json!({}),
        Value::Object(object),
        json!(0),
        json!(-1),
        json!(3),
        json!(1_000_000_000_000_i64),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e308),
        json!(1e-320),
        json!(true),
        json!(null),
    ]
}

/// A template that repeats an expression as often as fuel allows, that loops over it again and
/// again, or that writes it once.
fn template(expression: &str, form: usize) -> String {
    // The methods of `loop` are known in a loop only.
    let form = if expression.starts_with("loop.") { 0 } else { form };
    let all = [
        format!("{{% for i in range(5000) %}}{{% set y = {expression} %}}{{% endfor %}}"),
        format!(
            "{{% for i in range(200) %}}{{% for j in ({expression}) %}}{{% break %}}{{% endfor %}}{{% endfor %}}"
        ),
        format!("x{{{{ {expression} }}}}"),
    ];
    all[form].clone()
}

/// A generator without a dependency on the time or the machine.
struct RandomNumbers(u64);

impl RandomNumbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit
    }
}

fn measure(
    template: &str,
    inputs: Value,
    budget: EvalBudget,
) -> (Duration, u64, Result<(), EvalError>) {
    let scope =
        HostileScope { inputs: Arc::new(inputs), state: Map::new(), budget, spent: Cell::new(0) };
    let compiled = ValueTemplate::compile_value(&json!(template), "here").unwrap();
    let start = ThreadTime::now();
    let result = compiled.render_value(&scope).map(drop);
    (start.elapsed(), scope.spent.get(), result)
}

#[test]
fn time_follows_what_was_charged() {
    let pool = operands();
    let rounds: usize =
        std::env::var("STEPWELL_ATTACK_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let mut random = RandomNumbers(7);
    let mut slow = Vec::new();
    for round in 0..rounds {
        for expression in sample_expressions() {
            let template = template(&expression, random.below(3));
            let mut pick = || pool[random.below(pool.len())].clone();
            let inputs = json!({"a": pick(), "b": pick(), "c": pick()});
            let shown = || inputs.to_string().chars().take(200).collect::<String>();
            let budget = EvalBudget { units: UNITS, ..EvalBudget::full() };
            let (took, spent, result) = measure(&template, inputs.clone(), budget);
            if took >= BASE + Duration::from_nanos(NANOS_PER_UNIT * spent) {
                slow.push(format!("{template} over {} took {took:?} for {spent} units", shown()));
            }
            let kind = result.err().map(|error| error.kind);
            assert_ne!(kind, Some(EvalErrorKind::Internal), "{round}: {template} over {}", shown());
        }
    }
    assert!(slow.is_empty(), "{} are slow:\n{}", slow.len(), slow.join("\n"));
}

#[test]
fn work_above_the_inline_budget_is_detected_soon() {
    let text = json!({"a": "ß".repeat(1 << 20), "b": 1, "l": []});
    for template in [
        "{% for i in range(100000) %}{% set y = inputs.a[-1] %}{% endfor %}",
        "{% for i in range(100000) %}{% set y = inputs.b %}{% endfor %}",
        "{{ inputs.a | upper }}",
        "{{ inputs.a }}{{ inputs.a }}",
        "x{{ inputs.a }}",
    ] {
        let (took, _, result) = measure(template, text.clone(), EvalBudget::inline());
        let kind = result.err().map(|error| error.kind);
        assert_eq!(kind, Some(EvalErrorKind::NeedsFullBudget), "{template}");
        assert!(took < Duration::from_millis(200), "{template} took {took:?}");
    }
    let (_, _, result) = measure("{{ inputs.b + 1 }}", text, EvalBudget::inline());
    assert_eq!(result, Ok(()));
}

#[test]
fn an_interrupt_ends_an_evaluation() {
    let calls = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counter = calls.clone();
    let interrupt =
        EvalInterrupt::new(move || counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= 3);
    let template = "{% for i in range(100000) %}{% set y = inputs.a | upper %}{% endfor %}";
    let inputs = json!({"a": "a".repeat(100_000)});
    let (_, spent, result) = measure(template, inputs, EvalBudget::full_with_interrupt(interrupt));
    assert_eq!(result.unwrap_err().kind, EvalErrorKind::Interrupted);
    assert!(spent > 2 << 20, "{spent}");
}

/// Values that share their parts are as large as they look, wherever they are read as a whole.
#[test]
fn a_value_that_doubles_again_and_again_is_paid_for() {
    let doubled = "{% set a = [1, 1] %}".to_owned() + &"{% set a = [a, a] %}".repeat(60);
    for reading in [
        "{a: 1}",
        "{[a]: 1}",
        "a == a",
        "a in [a]",
        "a < a",
        "{1: 2}[a]",
        "[a, a] | sort",
        "[a, a] | unique | list",
        "a | tojson",
        "a | string",
        "a ~ ''",
        "a | length",
        "[{'k': a}, {'k': a}] | groupby('k')",
        "[a] | map('string') | list",
        "[a, a] | max",
        "a is sameas(a)",
        "a is eq(a)",
        "dict(k=a) == dict(k=a)",
    ] {
        let template = format!("{doubled}{{% set y = {reading} %}}");
        let (took, _, result) = measure(&template, json!({}), EvalBudget::full());
        assert!(took < Duration::from_secs(5), "{reading} took {took:?}: {result:?}");
        let text = format!("{doubled}{{{{ {reading} }}}}");
        let (took, _, result) = measure(&text, json!({}), EvalBudget::inline());
        assert!(took < Duration::from_secs(1), "{reading} took {took:?}: {result:?}");
    }
}

/// Operands of the caller that made the evaluation hang or panic.
#[test]
fn hostile_operands_of_earlier_reports() {
    for (template, inputs) in [
        ("{{ inputs.l * inputs.n }}", json!({"l": [], "n": 1_000_000_000_000_i64})),
        ("{{ inputs.t * inputs.n }}", json!({"t": "", "n": u64::MAX})),
        ("{{ inputs.n is divisibleby(inputs.z) }}", json!({"n": 10, "z": 0})),
        ("{{ inputs.n is divisibleby(inputs.z) }}", json!({"n": i64::MIN, "z": -1})),
        ("{{ range(inputs.n, inputs.m) | list }}", json!({"n": i64::MIN, "m": i64::MAX})),
        ("{{ range(0, inputs.n, inputs.n) | list }}", json!({"n": i64::MIN, "m": 1})),
        (
            "{{ inputs.a | trim(inputs.b) }}",
            json!({"a": "a".repeat(1 << 21), "b": "b".repeat(1 << 21) + "a"}),
        ),
    ] {
        let (took, _, result) = measure(template, inputs, EvalBudget::full());
        let kind = result.err().map(|error| error.kind);
        assert_ne!(kind, Some(EvalErrorKind::Internal), "{template}");
        assert!(took < Duration::from_secs(5), "{template} took {took:?}");
    }
}

/// The names of filters and tests that an environment has, as it shows them.
fn names(environment: &minijinja::Environment<'_>) -> Vec<String> {
    let shown = format!("{environment:?}");
    let (from, to) = (shown.find(" tests: ").unwrap(), shown.find(" templates: ").unwrap());
    let quoted = shown[from..to].split('"').skip(1).step_by(2);
    quoted.map(str::to_owned).collect()
}

/// Only the operations of the table are reachable, and each builtin of the library is in it or
/// omitted on purpose: a new version cannot add one unnoticed.
#[test]
fn every_name_is_in_the_table() {
    let ours = names(environment::shared_environment(false));
    for name in &ours {
        assert!(FILTERS.contains(&name.as_str()) || TESTS.contains(&name.as_str()), "{name}");
    }
    let omitted = ["e", "escape", "safe", "pprint", "escaped", "filter", "test"];
    for name in names(&minijinja::Environment::new()) {
        assert!(ours.contains(&name) != omitted.contains(&name.as_str()), "{name} is not decided");
    }
    let globals = environment::shared_environment(false).globals();
    for (name, _) in globals {
        assert!(FUNCTIONS.contains(&name) || SYNTAX.contains(&name), "{name}");
    }
}
