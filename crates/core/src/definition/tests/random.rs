//! Any source gets a result: no panic, no unbounded work, and paths that exist.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{DefinitionLimits, SourceFormat, place, plan_source, read_source};
use crate::expr::test_scope::TestScope;
use crate::expr::{Expression, ValueTemplate};
use crate::test_support::TestCatalog;

pub(super) fn seed() -> Value {
    json!({
        "name": "n", "description": "d", "timeout": "5m", "retention": "1d", "metadata": {"a": 1},
        "inputs": {"text": "string", "n": {"type": "integer", "default": 1}},
        "state": {"count": 0},
        "steps": [
            {"id": "a", "type": "StaticTextInput", "input": "x {{ inputs.text }}"},
            {"id": "b", "type": "TextOperation.Reverse", "when": "inputs.n > 1", "retry": 3, "on_error": "port"},
            {"id": "c", "type": "HttpRequest", "config": {"url": "u", "headers": {"A": "{{ secrets.K }}"}},
                "input": {"query": {"q": "{{ steps.b.output.text }}"}}, "after": ["b", "a"], "join": "any"},
            {"id": "d", "type": "Echo", "after": ["b.error"], "retry": {"max_attempts": 2, "on": ["X"]}},
            "Echo",
        ],
        "outputs": {"x": "{{ steps.c.output.status }}", "y": {"value": "{{ state.count }}", "type": "number"}},
    })
}

/// Pieces that mean something somewhere in a definition.
fn piece() -> impl Strategy<Value = Value> {
    let texts = prop::sample::select(vec![
        "",
        "a",
        "b",
        "Echo",
        "HttpRequest",
        "string?",
        "any",
        "goto: a",
        "1h",
        "{{ steps.a.output }}",
        "{{ inputs.n + 1 }}",
        "{{ secrets.K }}",
        "{% for x in inputs %}{{ x }}{% endfor %}",
        "{{",
        "b.error",
        "continue",
        "{{ steps['a'].output[0] | default(1) }}",
        "\u{0}",
        "ä\u{301}",
        "{{ item }}",
    ]);
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        texts.prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(
            json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {}}})
        ),
        Just(json!({"n": 2})),
        Just(json!(["a", "b"])),
    ]
}

/// Replaces, removes or adds at the place that the numbers lead to.
fn mutate(value: &mut Value, way: &[u8], with: Value) {
    let Some((first, rest)) = way.split_first() else {
        *value = with;
        return;
    };
    match value {
        Value::Object(map) if !map.is_empty() => {
            let key = map.keys().nth(usize::from(*first) % map.len()).cloned().unwrap_or_default();
            match first {
                250.. => drop(map.shift_remove(&key)),
                240..250 => drop(map.insert(with.to_string(), with)),
                _ => mutate(&mut map[&key], rest, with),
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let at = usize::from(*first) % items.len();
            match first {
                250.. => drop(items.remove(at)),
                240..250 => items.push(with),
                _ => mutate(&mut items[at], rest, with),
            }
        }
        other => *other = with,
    }
}

fn scope() -> TestScope {
    TestScope::new(json!({
        "inputs": {"n": 1, "t": "text", "l": [1, "b", {"c": null}]},
        "steps": {"a": {"output": {"text": "x"}, "error": null}},
        "state": {"count": 1},
    }))
}

/// Fragments of Jinja.
const JINJA_TOKENS: &[&str] = &[
    "inputs",
    "steps",
    ".a",
    ".output",
    "[0]",
    "['n']",
    "[-1]",
    "[1:",
    ":2]",
    "::-1]",
    " + ",
    " * ",
    " ** ",
    " ~ ",
    " // ",
    " % ",
    " - ",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "1",
    "-1",
    "9223372036854775807",
    "1.5",
    "'x'",
    "|",
    "upper",
    "default(1)",
    "join(',')",
    "replace('x', 'yy')",
    "length",
    "sort",
    "tojson",
    "fromjson",
    "batch(3, 1)",
    "slice(2)",
    "format(1)",
    "indent(2)",
    "round(2)",
    "int",
    "float",
    "sum",
    "map(attribute='c')",
    " if ",
    " else ",
    " in ",
    " not ",
    " and ",
    " is ",
    "defined",
    "range(9)",
    "dict(a=1)",
    ",",
    ":",
    " == ",
    "{{",
    "}}",
    "{%",
    "%}",
    "for x in",
    "endfor",
    "set y =",
    "endif",
    "secrets.K",
    "state.count",
    "loop.index",
    "groupby('c')",
    "unique",
    "first",
    "last",
    "items",
    "dictsort",
    "urlencode",
    "title",
    "abs",
    "min",
    "zip([1])",
];

/// Fragments of Jinja, put together at random.
fn jinja() -> impl Strategy<Value = String> {
    let tokens = prop::sample::select(JINJA_TOKENS);
    prop::collection::vec(tokens, 0..14).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        let limits = DefinitionLimits::default();
        let _ = read_source(&text, SourceFormat::Json, &limits);
        if let Ok(value) = read_source(&text, SourceFormat::Yaml, &limits) {
            let _ = plan_source(&value, &TestCatalog::new(), &limits);
        }
    }

    #[test]
    fn any_change_is_planned_or_refused(
        changes in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..6), piece()), 1..4)
    ) {
        let mut source = seed();
        for (way, with) in changes {
            mutate(&mut source, &way, with);
        }
        let limits = DefinitionLimits::default();
        let catalog = TestCatalog::new();
        match plan_source(&source, &catalog, &limits) {
            Ok((definition, compiled)) => {
                let again = super::super::compile_plan(&definition, &catalog);
                prop_assert!(again.is_ok());
                prop_assert_eq!(compiled.steps.len(), definition.steps.len());
            }
            Err(problems) => {
                prop_assert!(!problems.0.is_empty());
                for problem in problems.0 {
                    let settled = place::existing_path(&source, &problem.path);
                    prop_assert_eq!(&settled, &problem.path, "{}", problem.message);
                }
            }
        }
    }

    #[test]
    fn any_expression_has_a_result(text in jinja()) {
        if let Ok(expr) = Expression::compile_text(&text, "x") {
            let _ = expr.eval_json(&scope());
            let _ = expr.eval_bool(&scope());
        }
        for text in [text.clone(), format!("{{{{ {text} }}}}"), format!("a{{{{ {text} }}}}b")] {
            if let Ok(template) = ValueTemplate::compile_value(&Value::String(text), "x") {
                let _ = template.render_value(&scope());
            }
        }
    }
}

#[test]
fn the_seed_of_the_changes_is_good() {
    super::planned(seed());
}

#[test]
fn long_chains_do_not_fill_the_stack() {
    let steps: Vec<Value> = (0..2000).map(|_| json!("Echo")).collect();
    super::planned(json!({"name": "n", "steps": steps}));
    let mut deep = json!("x");
    for _ in 0..200 {
        deep = json!([deep]);
    }
    let problems =
        super::try_plan(&json!({"name": "n", "steps": [{"type": "Echo", "input": deep}]}));
    assert!(problems.unwrap_err()[0].contains("nest at most 64 deep"));
}

/// Documents of the largest size whose problems could take for ever to report.
#[test]
fn large_documents_take_a_moment() {
    let many = |n: usize, item: &dyn Fn(usize) -> String| (0..n).map(item).collect::<String>();
    let object = |n: usize, item: &dyn Fn(usize) -> (String, Value)| {
        Value::Object((0..n).map(item).collect())
    };
    let one = |step: Value| json!({"name": "n", "steps": [step]});
    let texts: Vec<Value> = (0..2000).map(|i| json!(format!("Nope{i}"))).collect();
    let after: Vec<Value> = (0..200_000).map(|i| json!(format!("s{i}"))).collect();
    for (what, source) in [
        ("unknown fields", object(100_000, &|i| (format!("name{i}"), json!(1)))),
        ("unknown types", json!({"name": "n", "steps": texts})),
        ("unknown predecessors", one(json!({"type": "Echo", "after": after}))),
        (
            "references in one text",
            one(
                json!({"type": "Echo", "input": many(30_000, &|i| format!("{{{{ inputs.a{i} }}}}"))}),
            ),
        ),
        (
            "references in many texts",
            one(json!({"type": "Echo",
                "input": object(50_000, &|i| (format!("k{i}"), json!(format!("{{{{ steps.a{i} }}}}"))))})),
        ),
        (
            "unknown inputs among many",
            json!({"name": "n", "inputs": object(20_000, &|i| (format!("input{i}"), json!("string"))),
                "steps": [{"type": "Echo", "input": many(1000, &|i| format!("{{{{ inputs.input_{i} }}}}"))}]}),
        ),
        (
            "values of a typed map",
            one(json!({"type": "HttpRequest", "config": {"url": "u",
                "headers": object(20_000, &|i| (format!("h{i}"), json!(i)))}})),
        ),
        (
            "references in a schema",
            json!({"name": "n", "steps": ["Echo"], "inputs": {"type": "object", "properties":
                object(5000, &|i| (format!("p{i}"), json!({"$ref": format!("#/$defs/d{}", i % 100)}))),
                "$defs": object(100, &|i| (format!("d{i}"), json!({"allOf": [
                    {"$ref": format!("#/$defs/d{}", i + 1)}, {"$ref": format!("#/$defs/d{}", i + 1)}]})))}}),
        ),
    ] {
        let start = std::time::Instant::now();
        let _ = plan_source(&source, &TestCatalog::new(), &DefinitionLimits::default());
        let took = start.elapsed();
        assert!(took.as_secs() < 20, "{what} took {took:?}");
    }
}
