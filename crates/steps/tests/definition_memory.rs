//! What definitions cost in memory, measured with a counting allocator. One test: others would
//! allocate at the same time.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue must stop")]

use peak_alloc::PeakAlloc;
use serde_json::{Map, Value, json};
use stepwell_core::cache::PoolUsage;
use stepwell_core::definition::{self, DefinitionLimits, Plan, SourceFormat};
use stepwell_core::expr;
use stepwell_core::memory::clone_bytes;
use stepwell_steps::{memory_pools, step_registry};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// The result of `make`, the bytes that it keeps allocated, and the peak while it was built.
fn measured<T>(make: impl FnOnce() -> T) -> (T, usize, usize) {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let made = make();
    let kept = ALLOCATED.current_usage().saturating_sub(before);
    (made, kept, ALLOCATED.peak_usage().saturating_sub(before))
}

fn plan(source: &Value) -> Plan {
    definition::plan_source(source, step_registry(), &DefinitionLimits::default()).unwrap().1
}

/// Steps whose input has this number of fields, each from `field` with its number.
fn definition(steps: usize, fields: usize, field: impl Fn(usize) -> Value) -> Value {
    let step = |step: usize| {
        let fields = (0..fields).map(|n| (format!("field_{n}"), field(step * fields + n)));
        let input = Value::Object(fields.collect());
        json!({"id": format!("step_{step}"), "type": "Echo", "input": input})
    };
    json!({"name": "n", "steps": (0..steps).map(step).collect::<Vec<_>>()})
}

fn with_inputs(property: impl Fn(usize) -> Value) -> Value {
    let mut definition = definition(1, 1, |_| json!("x"));
    let properties = (0..100).map(|n| (format!("input_{n}"), property(n)));
    let properties: Map<_, _> = properties.collect();
    definition["inputs"] = json!({"type": "object", "properties": properties});
    definition
}

fn one_step(step: Value) -> Value {
    json!({"name": "n", "steps": [step]})
}

/// The estimate may be 2.5 times as much: without the features that other crates of the workspace
/// enable, compiled patterns are smaller.
#[track_caller]
fn assert_near(name: &str, what: &str, estimate: usize, kept: usize) {
    println!("{name}: {what}: {kept} bytes, estimate {estimate}");
    assert!(
        2 * estimate <= 5 * kept + 8192 && kept <= 2 * estimate,
        "{name}: {what}: {kept} bytes, estimate {estimate}"
    );
}

/// Plans and compiled expressions take about what is estimated.
fn plans_take_what_is_estimated() {
    let http =
        json!({"type": "HttpRequest", "config": {"url": "https://example.com/{{ inputs.a }}"}});
    let text = |n: usize| json!({"type": "string", "minLength": n % 7, "description": "a text"});
    let pattern = |n: usize| json!({"type": "string", "pattern": format!(r"^[a-z]{{{n}}}\d?$")});
    for (name, source) in [
        ("one step", definition(1, 1, |_| json!("x"))),
        ("HTTP", one_step(http)),
        ("values", definition(100, 20, |n| json!({"text": format!("a text {n}"), "n": n}))),
        ("paths", definition(100, 50, |n| json!(format!("{{{{ inputs.a_{n}.b }}}}")))),
        ("expressions", definition(20, 50, |n| json!(format!("{{{{ inputs.a + {n} }}}}")))),
        ("long", definition(2, 2, |n| json!(format!("{{{{ {n} + inputs.a }}}}").repeat(400 + n)))),
        ("texts", definition(50, 20, |n| json!(format!("so {{{{ inputs.a.b }}}} and {n}")))),
        ("blocks", definition(9, 1, |n| json!("{% if inputs.a %}x{% endif %}".repeat(1 + n)))),
        ("inputs", with_inputs(text)),
        ("patterns", with_inputs(pattern)),
    ] {
        let (value, kept, _) = measured(|| source.clone());
        assert_near(name, "value", clone_bytes(&value), kept);
        let before = expr::code_usage().used;
        let (plan, kept, _) = measured(|| plan(&source));
        let code = usize::try_from(expr::code_usage().used - before).unwrap();
        assert_near(name, "plan and code", plan.memory_bytes + code, kept);
        let ratio = kept / source.to_string().len();
        println!("{name}: {ratio} bytes for each byte of JSON");
    }
}

/// A definition with too much in it is refused before anything is compiled or copied.
fn refused_definitions_are_cheap() {
    let limits = DefinitionLimits::default();
    for (source, path, expected) in [
        (
            definition(200, 100, |n| json!(format!("{{{{ inputs.a + {n} }}}}"))),
            "steps[100].input.field_0",
            "at most 10000 expressions",
        ),
        (definition(200, 600, |n| json!(n)), "steps[165].input.field_", "at most 100000 values"),
    ] {
        let code = expr::code_usage();
        let (result, _, peak) =
            measured(|| definition::plan_source(&source, step_registry(), &limits));
        let problems = result.unwrap_err();
        assert_eq!(problems.0.len(), 1, "{problems}");
        assert!(problems.0[0].path.starts_with(path), "{problems}");
        assert!(problems.0[0].message.contains(expected), "{problems}");
        assert!(peak < 16 << 10, "{expected}: {peak} bytes");
        assert_eq!(expr::code_usage(), code, "nothing was compiled");
    }
    // Read from text it costs what was read until then.
    let text = format!("[{}]", vec!["{}"; 1_000_000].join(","));
    let most = clone_bytes(&json!(vec![Value::Null; limits.max_values]));
    for format in [SourceFormat::Json, SourceFormat::Yaml] {
        let (result, _, peak) = measured(|| definition::read_source(&text, format, &limits));
        let problems = result.unwrap_err().to_string();
        assert!(problems.contains("at most 100000 values"), "{problems}");
        let parser = if format == SourceFormat::Yaml { 4 * text.len() } else { 0 };
        assert!(peak < 3 * most + parser, "{format:?}: {peak} bytes");
    }
}

/// The type of an output that contains others twice doubles with each step.
fn doubling_types_are_bounded() {
    let step = |n: usize| match n {
        0 => json!({"id": "s0", "type": "Echo", "input": {"a": 1}}),
        _ => {
            let output = format!("{{{{ steps.s{}.output }}}}", n - 1);
            json!({"id": format!("s{n}"), "type": "Echo", "input": {"a": output, "b": output}})
        }
    };
    let source = json!({"name": "n", "steps": (0..40).map(step).collect::<Vec<_>>()});
    let (plan, kept, peak) = measured(|| plan(&source));
    assert!(peak < 64 << 20, "{peak} bytes");
    assert_near("doubling", "plan", plan.memory_bytes, kept);
}

fn pool(name: &str) -> PoolUsage {
    let pools = memory_pools();
    *pools.iter().find(|pool| pool.name == name).unwrap()
}

/// Compiled patterns and jq programs take no more than their caches count.
fn caches_count_enough(name: &str, step: impl Fn(usize) -> Value) {
    plan(&one_step(step(0)));
    let before = pool(name).used;
    let ((), kept, _) = measured(|| (1..40).for_each(|n| drop(plan(&one_step(step(n))))));
    let counted = usize::try_from(pool(name).used - before).unwrap();
    println!("{name}: {kept} bytes, counted {counted}");
    assert!(kept <= counted, "{name}: {kept} bytes, counted {counted}");
}

#[test]
fn definitions_cost_what_is_estimated_and_refused_ones_nearly_nothing() {
    // Shared objects are created before: the registry, the expressions' environment, the caches.
    plan(&definition(3, 10, |n| json!(format!("{{{{ inputs.a ~ {n} }}}}"))));
    plans_take_what_is_estimated();
    refused_definitions_are_cheap();
    doubling_types_are_bounded();
    caches_count_enough("regexes", |n| {
        let pattern = format!(r"^(\w{{{}}}|[a-z]+{n})$", n % 12);
        json!({"type": "TextOperation.RegexExtract", "input": "x", "config": {"pattern": pattern}})
    });
    caches_count_enough("jq_programs", |n| {
        let query =
            format!("[.items[] | select(.n > {n}) | {{name, n: (.n + {n})}}]").repeat(1 + n % 3);
        let query = query.replace("][", "] + [");
        json!({"type": "Json.Query", "input": {"value": 1}, "config": {"query": query}})
    });
}
