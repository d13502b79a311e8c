//! Estimates of the work of checks against the work that they cause.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::cost::{FULL, SchemaWeights, TooMuch};
use super::patterns::{UNKNOWN_POSITIONS, positions_of};
use super::schema::SchemaChecker;
use crate::Problems;

fn units(schema: &Value, value: &Value) -> Result<u64, TooMuch> {
    SchemaWeights::of_schema(schema).check_cost(schema, value, FULL).map(|cost| cost.units)
}

fn inline(checker: &SchemaChecker, value: &Value) -> Option<Result<(), Problems>> {
    let mut left = u64::MAX;
    checker.check_inline(value, "input", &mut left)
}

/// What took a server down: little text, much work.
#[test]
fn what_multiplies_is_refused() {
    let alternatives: Vec<Value> = (0..300).map(|i| json!({"const": -i})).collect();
    let numbers = |n: usize| json!({"v": (0..n).collect::<Vec<_>>()});
    let of_items = |items: Value| json!({"properties": {"v": {"items": items}}});
    let nested = (0..40).fold(
        json!({"const": 1}),
        |inner, _| json!({"anyOf": [{"const": 0}, inner, {"maxProperties": 1}]}),
    );
    for (schema, value) in [
        (of_items(json!({"anyOf": alternatives})), numbers(500_000)),
        (of_items(json!({"enum": (0..2000).map(|i| -i).collect::<Vec<_>>()})), numbers(500_000)),
        (of_items(nested), numbers(500_000)),
        (
            json!({"properties": {"v": {"pattern": "[ab]*a[ab]{2000}$"}}}),
            json!({"v": "a".repeat(1 << 20)}),
        ),
        (
            json!({"properties": {"v": {
                "anyOf": vec![json!({"properties": {"a": true}}); 300],
                "unevaluatedProperties": {"type": "integer"},
            }}}),
            json!({"v": (0..50_000).map(|i| (i.to_string(), json!(i))).collect::<serde_json::Map<_, _>>()}),
        ),
    ] {
        let checker = SchemaChecker::new(Arc::new(schema)).unwrap();
        let start = Instant::now();
        assert!(inline(&checker, &value).is_none());
        let problems = checker.check_value(&value, "input").unwrap_err();
        assert_eq!(problems.0[0].path, "input.v", "{problems}");
        assert!(problems.to_string().contains("too much work"), "{problems}");
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    }
}

#[test]
fn usual_checks_are_small_and_large_data_is_allowed() {
    let schema = json!({
        "type": "object",
        "properties": {
            "url": {"type": "string", "format": "uri", "pattern": "^https?://"},
            "method": {"enum": ["GET", "POST", "PUT", "PATCH", "DELETE"]},
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
            "rows": {"type": "array", "items": {
                "type": "object",
                "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
                "required": ["id", "name"],
            }},
        },
        "required": ["url"],
    });
    let row = |i: usize| json!({"id": i, "name": format!("row {i}")});
    let value = |n: usize| json!({"url": "https://example.com/a/b", "rows": (0..n).map(row).collect::<Vec<_>>()});
    let weights = SchemaWeights::of_schema(&schema);
    assert!(weights.is_small(&value(100)));
    let checker = SchemaChecker::new(Arc::new(schema)).unwrap();
    assert!(inline(&checker, &value(1000)).is_some());
    assert!(inline(&checker, &value(100_000)).is_none());
    assert_eq!(checker.check_value(&value(100_000), "input"), Ok(()));
    // The first violation of a large value is found where it is.
    let mut wrong = value(50_000);
    wrong["rows"][40_000]["id"] = json!("x");
    let problems = checker.check_value(&wrong, "input").unwrap_err();
    assert_eq!(problems.0[0].path, "input.rows[40000].id");
}

#[test]
fn a_schema_that_multiplies_is_refused_by_itself() {
    let mut definitions = serde_json::Map::new();
    let options: Vec<usize> = (0..90_000).collect();
    definitions.insert("e".into(), json!({"enum": options}));
    let all = vec![json!({"$ref": "#/$defs/e"}); 150];
    let schema = json!({"$defs": definitions, "anyOf": all});
    let message = SchemaChecker::new(Arc::new(schema)).unwrap().too_costly().unwrap();
    assert!(message.contains("at most 4194304"), "{message}");
    let large_list = json!({"enum": (0..90_000).collect::<Vec<_>>()});
    assert_eq!(SchemaChecker::new(Arc::new(large_list)).unwrap().too_costly(), None);
}

/// Whatever is small at a glance is small when counted, and what is counted covers the time.
#[test]
fn estimates_cover_the_work() {
    let leaf = |i: u32| match i % 12 {
        0 => json!({"type": "integer"}),
        1 => json!({"enum": [1, "a", [1, 2], {"a": 1}]}),
        2 => json!({"pattern": "^(a|b)*a(a|b){3}$"}),
        3 => json!({"minLength": 2, "maxLength": 9}),
        4 => json!({"uniqueItems": true}),
        5 => json!({"required": ["a", "b"]}),
        6 => json!({"const": {"a": [1, 2, 3]}}),
        7 => json!({"propertyNames": {"pattern": "^.{1,50}$"}}),
        8 => json!(true),
        9 => json!({"minItems": 1, "maxProperties": 90}),
        10 => json!({"$ref": "#/$defs/d"}),
        _ => json!({"multipleOf": 0.5}),
    };
    let node = move |bits: Vec<u32>| {
        bits.iter().fold(leaf(bits.len() as u32), |inner, bit| {
            let other = leaf(bit / 16);
            match bit % 13 {
                0 => json!({"items": inner}),
                1 => json!({"properties": {"a": inner, "b": other}}),
                2 => json!({"anyOf": [inner, other]}),
                3 => json!({"oneOf": [other, inner, {"type": "null"}]}),
                4 => json!({"allOf": [inner, other]}),
                5 => json!({"not": inner}),
                6 => json!({"if": other, "then": inner, "else": {"type": "array"}}),
                7 => json!({"additionalProperties": inner}),
                8 => json!({"patternProperties": {"^[a-m]": inner, "x$": other}}),
                9 => json!({"prefixItems": [other, inner], "items": inner}),
                10 => json!({"contains": inner}),
                11 => json!({"anyOf": [inner, other], "unevaluatedProperties": false}),
                _ => json!({"anyOf": [inner, other], "unevaluatedItems": {"type": "integer"}}),
            }
        })
    };
    let schemas = proptest::collection::vec(0_u32..4096, 0..7);
    let sizes = (0_u32..8, 1_usize..2000);
    let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let run = runner.run(&(schemas, sizes), |(bits, (form, size))| {
        let mut schema = node(bits);
        if let Value::Object(map) = &mut schema {
            map.insert(
                "$defs".into(),
                json!({"d": {"anyOf": [{"type": "string"}, {"items": true}]}}),
            );
        }
        let value = match form {
            0 => json!(vec![7; size]),
            1 => json!("ab".repeat(size)),
            2 => (0..size).map(|i| (format!("a{i}"), json!(i))).collect(),
            3 => json!(vec![json!({"a": [1, 2], "b": "abab"}); size]),
            4 => json!({"a": vec!["abaab"; size], "b": {"a": 1}}),
            5 => json!(vec![vec![vec![1]; 3]; size / 3 + 1]),
            6 => json!(vec!["a".repeat(20); size]),
            _ => json!((0..size).map(|i| vec![i; i % 3]).collect::<Vec<_>>()),
        };
        let weights = SchemaWeights::of_schema(&schema);
        let Ok(cost) = weights.check_cost(&schema, &value, FULL) else { return Ok(()) };
        if weights.is_small(&value) {
            assert!(cost.is_small(), "{schema} {value} {cost:?}");
        }
        let checker = SchemaChecker::new(Arc::new(schema.clone())).unwrap();
        let start = Instant::now();
        let _ = checker.check_value(&value, "");
        // A debug build on a busy machine; the work that is missed is many times larger.
        let allowed = Duration::from_millis(300) + Duration::from_micros(3) * cost.units as u32;
        assert!(start.elapsed() < allowed, "{:?} for {cost:?}: {schema}", start.elapsed());
        Ok(())
    });
    run.unwrap();
}

#[test]
fn positions_of_patterns() {
    for (pattern, expected) in [
        ("", 1),
        ("abc", 3),
        ("^[a-z]+$", 2),
        ("a{5}", 5),
        ("(a|b){2,10}", 10),
        ("(?i)k", 1),
        ("(", UNKNOWN_POSITIONS),
    ] {
        assert_eq!(positions_of(pattern), expected, "{pattern}");
    }
    assert_eq!(units(&json!({"pattern": "a{100}"}), &json!("b".repeat(50))), Ok(5014));
}

/// As deep as references may make it: neither the estimate nor the check fills the stack.
#[test]
fn deep_schemas_do_not_fill_the_stack() {
    let next = |i: usize| json!({"anyOf": [{"$ref": format!("#/$defs/d{}", i + 1)}]});
    let mut definitions: serde_json::Map<_, _> =
        (0..190).map(|i| (format!("d{i}"), next(i))).collect();
    definitions.insert("d190".into(), json!({"type": "integer"}));
    let schema = json!({"$defs": definitions, "$ref": "#/$defs/d0"});
    let checker = SchemaChecker::new(Arc::new(schema)).unwrap();
    assert_eq!(checker.check_value(&json!(1), "input"), Ok(()));
    assert!(checker.check_value(&json!("x"), "input").is_err());

    let nested = |name: &str| json!({"allOf": [{"allOf": [{"allOf": [{"$ref": name}]}]}]});
    let mut definitions: serde_json::Map<_, _> =
        (0..190).map(|i| (format!("d{i}"), nested(&format!("#/$defs/d{}", i + 1)))).collect();
    definitions.insert("d190".into(), json!({"type": "integer"}));
    let schema = json!({"$defs": definitions, "$ref": "#/$defs/d0"});
    let message = SchemaChecker::new(Arc::new(schema)).unwrap_err();
    assert!(message.contains("nests deeper than 400"), "{message}");
    // A property may be named like a keyword that holds no schema: its references count.
    let hidden = json!({
        "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}},
        "properties": {"default": {"$ref": "#/$defs/a"}},
    });
    let message = SchemaChecker::new(Arc::new(hidden)).unwrap_err();
    assert!(message.contains("leads back to itself"), "{message}");
}
