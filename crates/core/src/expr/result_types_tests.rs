//! Types of expressions against the values that they have.

use serde_json::{Value as Json, json};

use super::operand_types::FILTERS;
use super::result_types::*;
use super::{Expression, operations, test_scope::TestScope};
use crate::definition::ValueTypes;

fn lookup(path: &[String]) -> ValueTypes {
    match path.last().map(String::as_str) {
        Some("n") => ValueTypes::NUMBER,
        Some("i") => ValueTypes::INTEGER,
        Some("t") => ValueTypes::STRING,
        Some("b") => ValueTypes::BOOLEAN,
        Some("l") => ValueTypes::ARRAY,
        Some("o") => ValueTypes::OBJECT,
        Some("never") => ValueTypes::NEVER,
        _ => ValueTypes::ALL,
    }
}

fn analysed(source: &str) -> (String, usize) {
    let analysis = analyse_expression(source, &lookup).unwrap();
    let InferredType::Value(kinds) = analysis.result else { panic!("{source} is text") };
    (kinds.to_string(), analysis.faults.len())
}

#[test]
fn types_of_expressions() {
    for (source, expected) in [
        ("inputs.n + 1", "number"),
        ("inputs.i + 1", "integer"),
        ("inputs.i * 2 - 3 % 2", "integer"),
        ("inputs.i / 2", "number"),
        ("2 ** inputs.i", "number"),
        ("-inputs.n", "number"),
        ("inputs.t + 'x'", "string"),
        ("inputs.x + 'x'", "string"),
        ("inputs.x + 1", "number"),
        ("inputs.x + inputs.y", "number or string or array"),
        ("inputs.l + [1]", "array"),
        ("inputs.n ~ 1", "string"),
        ("inputs.n > 1", "boolean"),
        ("1 < inputs.n < 3", "boolean"),
        ("'a' in inputs.l", "boolean"),
        ("not inputs.n", "boolean"),
        ("inputs.n and inputs.t", "number or string"),
        ("inputs.x or 'none'", "any value"),
        ("inputs.n is defined", "boolean"),
        ("inputs.n is divisibleby 3", "boolean"),
        ("1 if inputs.b else 'x'", "integer or string"),
        ("1 if inputs.b", "integer"),
        ("inputs.t[1:]", "string"),
        ("inputs.x[1:]", "string or array"),
        ("[1, 2]", "array"),
        ("(1, 'x')", "array"),
        ("{'a': 1}", "object"),
        ("none", "null"),
        ("true", "boolean"),
        ("1.5", "number"),
        ("'x'", "string"),
        ("inputs.t | length", "integer"),
        ("inputs.n | string", "string"),
        ("inputs.n | default('none')", "number or string"),
        ("inputs.t | default", "string"),
        ("inputs.t | int", "integer"),
        ("inputs.t | int('none')", "any value"),
        ("inputs.l | map(attribute='x')", "array"),
        ("inputs.l | first", "any value"),
        ("range(3)", "array"),
        ("dict(a=1)", "object"),
        ("'ab' * 3", "number or string or array"),
        ("(inputs.x | first).y", "any value"),
    ] {
        assert_eq!(analysed(source), (expected.to_owned(), 0), "{source}");
    }
}

#[test]
fn what_always_fails() {
    for source in [
        "inputs.t + 1",
        "1 + inputs.t",
        "inputs.t - 1",
        "inputs.o / 2",
        "inputs.l // 2",
        "inputs.t % 2",
        "none ** 2",
        "-inputs.t",
        "inputs.o * 2",
        "inputs.l + inputs.t",
        "[inputs.t - 1] | length",
        "(inputs.t - 1) | default(0)",
        "(inputs.t + 1) is defined",
        "inputs.x > inputs.t - 1",
        "9007199254740993.0",
        "1e-400",
        "[1e400, 1.5]",
        "inputs.n | length",
        "inputs.n | first",
        "inputs.b | sum",
        "inputs.n | join",
        "inputs.n | sort",
        "inputs.t | items",
        "inputs.n | split",
        "inputs.l | fromjson",
        "1 in inputs.n",
        "inputs.n[1:2]",
        "inputs.t | upper(1)",
        "inputs.x | tojson(5, 6)",
        "inputs.l | batch",
        "inputs.t | replace('a')",
        "inputs.n | round('a')",
        "range(inputs.n, 'a')",
        "inputs.l | map('nope')",
        "inputs.l | select('nope')",
        "inputs.l | selectattr('a', 'nope')",
        "inputs.t is divisibleby 3",
    ] {
        assert_eq!(analysed(source).1, 1, "{source}");
    }
    for source in [
        "inputs.t + 1 if inputs.b else 2",
        "inputs.b and inputs.t + 1",
        "inputs.b or inputs.t + 1",
        "inputs.never + 1",
        "inputs.b + 1",
        "inputs.n * inputs.t",
        "inputs.x | length",
        "inputs.never | sort",
        "inputs.l | map(attribute='nope')",
        "inputs.l | map('upper') | select('eq', 'A') | list",
        "inputs.l | batch(linecount=2)",
        "inputs.t | replace(*inputs.l)",
        "'a' in inputs.t",
    ] {
        assert_eq!(analysed(source).1, 0, "{source}");
    }
    let faults = |source: &str| analyse_template(source, &lookup).unwrap().faults.len();
    assert_eq!(faults("{% for x in inputs.n %}x{% endfor %}"), 1);
    assert_eq!(faults("{% for x in inputs.l %}x{% endfor %}"), 0);
    assert_eq!(faults("{% set inputs = {} %}{% for x in inputs.n %}x{% endfor %}"), 0);
    let fault = analyse_template("a {{ inputs.t - 1 }}", &lookup).unwrap().faults.remove(0);
    assert!(fault.starts_with("`-` needs two numbers, not string and integer in `a {{"), "{fault}");
}

#[test]
fn templates_are_text_or_a_value() {
    for (source, expected) in [
        ("{{ inputs.n + 1 }}", InferredType::Value(ValueTypes::NUMBER)),
        ("{{ inputs.n }} {{ inputs.n }}", InferredType::Text),
        (" {{ inputs.n }}", InferredType::Text),
        ("{% if inputs.b %}1{% endif %}", InferredType::Text),
    ] {
        assert_eq!(infer_type(source, &lookup), Some(expected), "{source}");
    }
}

/// Whatever is added to the language has an entry here, and nothing else has.
#[test]
fn every_filter_and_function_has_a_type() {
    for (names, known) in [
        (operations::FILTERS, FILTERS.iter().map(|(name, ..)| *name).collect::<Vec<_>>()),
        (operations::FUNCTIONS, FUNCTIONS.iter().map(|(name, _)| *name).collect()),
    ] {
        let mut names = names.to_vec();
        names.sort_unstable();
        assert_eq!(names, known);
    }
}

/// The entries hold: the result of each operation over operands of every type, where it has
/// one, is of a type that was inferred; and what was refused fails.
#[test]
fn results_are_of_their_types() {
    let operands = [
        "none", "true", "7", "-2.5", "'a b'", "''", "'12'", "[3, 1]", "[]", "{'a': 1}", "[[1, 2]]",
    ];
    let scope = TestScope::new(json!({}));
    let check = |source: &str| {
        let Some(analysis) = analyse_expression(source, &lookup) else { return };
        let Ok(result) = Expression::compile_text(source, "")
            .map_err(drop)
            .and_then(|e| e.eval_json(&scope).map_err(drop))
        else {
            return;
        };
        assert!(analysis.faults.is_empty(), "{source} is {result}, not {:?}", analysis.faults);
        let InferredType::Value(kinds) = analysis.result else { panic!("{source}") };
        assert!(of_json(&result).is_subset_of(kinds), "{source} is {result}, not {kinds}");
    };
    for left in operands {
        for filter in operations::FILTERS {
            for args in [
                "",
                "(1)",
                "('a')",
                "('a', 'b')",
                "([1])",
                "(attribute='a')",
                "(none)",
                "(true)",
                "(1, 2)",
                "(2.0)",
                "('a', 2)",
                "('a', 'a', 'a')",
                "(1, 1, 1, 1)",
                "('upper')",
                "('eq', 1)",
                "('a', 'eq', 1)",
                "(1, fill_with=2)",
                "({'a': 1})",
            ] {
                check(&format!("{left} | {filter}{args}"));
            }
        }
        for test in operations::TESTS {
            check(&format!("{left} is {test}"));
            check(&format!("{left} is {test}(2)"));
            check(&format!("{left} is {test}('a')"));
        }
        for right in operands {
            for op in ["+", "-", "*", "/", "//", "%", "**", "~", "==", "<", "in", "and", "or"] {
                check(&format!("{left} {op} {right}"));
            }
            check(&format!("{left} if {right} else {left}"));
            check(&format!("[{left}, {right}]"));
        }
        for source in [
            "-X",
            "not X",
            "X[1:]",
            "range(X)",
            "range(1, X)",
            "range(1, 9, X)",
            "dict(X)",
            "{'k': X}",
        ] {
            check(&source.replace('X', left));
        }
    }
}

fn of_json(value: &Json) -> ValueTypes {
    ValueTypes::of_schema(&json!({ "const": value }))
}
