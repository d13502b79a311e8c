//! jq programs and their results.

use std::sync::Arc;

use serde_json::{Value, json};
use stepwell_core::expr::EvalInterrupt;

use super::test_support::{UnlimitedMemory, kind_of};
use super::{DEFAULT_LIMITS, JqError, JqLimits, ProgramMemory};

/// Enough for any honest small program, and used up fast in a debug build.
pub(super) const SMALL: JqLimits = JqLimits { work: 300_000, ..DEFAULT_LIMITS };

pub(super) fn evaluate(
    program: &str,
    input: &Value,
    limits: &JqLimits,
) -> Result<Vec<Value>, JqError> {
    let memory = ProgramMemory { reservation: Arc::new(UnlimitedMemory), held: 0 };
    super::evaluate_program(program, input, limits, memory, EvalInterrupt::new(|| false))
}

pub(super) fn check(input: &Value, program: &str, expect: &Value) {
    match evaluate(program, input, &SMALL) {
        Ok(values) => assert_eq!(Value::from(values).to_string(), expect.to_string(), "{program}"),
        Err(error) => panic!("{program}: {error:?}"),
    }
}

#[test]
fn the_library_is_complete() {
    assert_eq!(super::compile::library_error(), None);
}

#[test]
fn picks_and_reshapes() {
    let shop = json!({"z": 1, "items": [{"n": "a", "p": 3}, {"n": "b", "p": 20}], "a": null});
    for (program, expect) in [
        (".", json!([shop])),
        (".items[].n", json!(["a", "b"])),
        (".items[1].p, .items[-1].n, .items[9]", json!([20, "b", null])),
        (".missing.deep", json!([null])),
        (".z.x?", json!([])),
        ("[.items[] | select(.p > 10) | .n]", json!([["b"]])),
        (".items | map({(.n): .p}) | add", json!([{"a": 3, "b": 20}])),
        ("keys, keys_unsorted", json!([["a", "items", "z"], ["z", "items", "a"]])),
        ("to_entries[0]", json!([{"key": "z", "value": 1}])),
        ("with_entries(select(.value == 1))", json!([{"z": 1}])),
        (".items | sort_by(-.p) | map(.n)", json!([["b", "a"]])),
        (".items | group_by(.p > 5) | map(length)", json!([[1, 1]])),
        (".items | (min_by(.p), max_by(.p)).n", json!(["a", "b"])),
        (".items[] |= .p", json!([{"z": 1, "items": [3, 20], "a": null}])),
        (".items |= map(.p += 1) | .items[1].p", json!([21])),
        ("del(.items, .a)", json!([{"z": 1}])),
        (".q.r = 5 | .q", json!([{"r": 5}])),
        (".s[2] = 1 | .s", json!([[null, null, 1]])),
        ("[paths] | length", json!([9])),
        ("[.. | numbers]", json!([[1, 3, 20]])),
        ("getpath([\"items\", 0, \"p\"])", json!([3])),
        (".items | first.n, last.n, (.[0:1] | length)", json!(["a", "b", 1])),
        ("reduce .items[].p as $p (0; . + $p)", json!([23])),
        ("[foreach .items[].p as $p (0; . + $p)]", json!([[3, 23]])),
        (".items as [{$n}, {n: $m}] | $n + $m", json!(["ab"])),
        ("if .z == 1 then \"one\" elif .z then 2 else 3 end", json!(["one"])),
        (".a // \"none\"", json!(["none"])),
        ("try error(\"x\") catch . + \"y\"", json!(["xy"])),
        ("def f($x): $x * 2; f(.z), f(21)", json!([2, 42])),
        ("def fac: if . < 2 then 1 else . * (. - 1 | fac) end; 10 | fac", json!([3_628_800])),
        ("label $out | 1, break $out, 2", json!([1])),
        (
            "[limit(3; repeat(1))], first(range(10; 20)), [range(0; 6; 2)]",
            json!([[1, 1, 1], 10, [0, 2, 4]]),
        ),
        ("[1 | until(. > 50; . * 2)], [1 | while(. < 9; . * 2)]", json!([[64], [1, 2, 4, 8]])),
        ("any(.items[]; .p > 5), all(.items[]; .p > 5)", json!([true, false])),
        ("walk(if type == \"number\" then . + 1 else . end) | .z", json!([2])),
        ("[splits(\", \")]?", json!([])),
        ("empty", json!([])),
    ] {
        check(&shop, program, &expect);
    }
}

#[test]
fn numbers_are_exact_or_refused() {
    for program in [
        "18446744073709551615 + 1",
        "9223372036854775807 * 3",
        "-9223372036854775808 - 1",
        "-18446744073709551615",
        "-9223372036854775809",
        "9007199254740993 / 2",
        "9007199254740993 + 0.5",
        "0.5 * 9007199254740993",
        "1e300 % 7",
        "1e308 * 10",
        "[infinite]",
        "\"18446744073709551616\" | tonumber",
        "\"[1, 18446744073709551616]\" | fromjson",
        "\"1e-400\" | fromjson",
    ] {
        let error = evaluate(program, &json!(null), &DEFAULT_LIMITS).unwrap_err();
        assert_eq!(kind_of(&error), "failed", "{program}: {}", error);
    }
    for program in [
        "18446744073709551616",
        "[.[] | {a: 99999999999999999999}]",
        "\"a \\(1 + 1e-400)\"",
        "if . > 1e999 then 1 else 9007199254740993.0 end",
    ] {
        let error = super::check_program(program).unwrap_err();
        assert_eq!(kind_of(&error), "invalid", "{program}");
        assert!(error.to_string().contains("line 1, column"), "{}", error);
    }
}

#[test]
fn computes_with_numbers() {
    for (program, expect) in [
        ("1 + 2 * 3 - 4, 7 / 2, 6 / 3, 7 % 3, -7 % 3", json!([3, 3.5, 2, 1, -1])),
        ("18446744073709551615, -9223372036854775808", json!([u64::MAX, i64::MIN])),
        (
            "9007199254740993 + 0, 9007199254740993 == 9007199254740992",
            json!([9_007_199_254_740_993_u64, false]),
        ),
        ("9007199254740993 == 9007199254740992.0, 1 == 1.0", json!([false, true])),
        (
            "18446744073709551614 + 1, 9007199254740993 / 3",
            json!([u64::MAX, 3_002_399_751_580_331_u64]),
        ),
        ("1.5 | floor, ceil, round, sqrt * 0", json!([1, 2, 2, 0])),
        ("nan | isnan, . == 1, .", json!([true, false, null])),
        ("infinite, -infinite | isinfinite", json!([true, true])),
        (
            "[3, 1.5, null, \"a\", [1], {\"a\": 1}, true, false, nan] | sort | map(type)",
            json!([[
                "null", "boolean", "boolean", "number", "number", "number", "string", "array",
                "object"
            ]]),
        ),
        (
            "[1, 2, 1] | unique, add, min, max, index(1), (. - [1])",
            json!([[1, 2], 4, 1, 2, 0, [2]]),
        ),
        ("\"12\", \"1.5\" | tonumber", json!([12, 1.5])),
        ("[1, [2]] | flatten, tojson, (tojson | fromjson)", json!([[1, 2], "[1,[2]]", [1, [2]]])),
        ("{\"a\": {\"b\": 1}} * {\"a\": {\"c\": 2}}", json!([{"a": {"b": 1, "c": 2}}])),
        ("[[1, 2], [3]] | transpose", json!([[[1, 3], [2, null]]])),
        (
            "0 | todate, (\"2026-11-21T14:38:21Z\" | fromdate)",
            json!(["1970-01-01T00:00:00Z", 1_795_271_901]),
        ),
    ] {
        check(&Value::Null, program, &expect);
    }
}

#[test]
fn works_on_text() {
    for (input, program, expect) in [
        ("a,b", "split(\",\"), length, ascii_upcase", json!([["a", "b"], 3, "A,B"])),
        ("é🇫🇷", "length, explode[0], (explode | implode), .[0:1]", json!([3, 233, "é🇫🇷", "é"])),
        ("", "split(\",\"), length, . * 3", json!([[], 0, ""])),
        ("ab", ". * 2, . * 0, \"\\(.)-\\(1 + 1)\"", json!(["abab", "", "ab-2"])),
        ("x1y22", "[match(\"[0-9]+\"; \"g\") | .string, .offset]", json!([["1", 1, "22", 3]])),
        (
            "x1y22",
            "gsub(\"[0-9]+\"; \"#\"), test(\"Y\"), test(\"Y\"; \"i\")",
            json!(["x#y#", false, true]),
        ),
        (
            "éx1",
            "capture(\"(?<l>[a-z])(?<d>[0-9])\"), match(\"x\").offset",
            json!([{"l": "x", "d": "1"}, 1]),
        ),
        (
            "a, b",
            "[splits(\", *\")], sub(\"(?<x>a)\"; .x + \"!\"), [scan(\"[a-z]\")]",
            json!([["a", "b"], "a!, b", ["a", "b"]]),
        ),
        (
            "a b",
            "@uri, @base64, (@base64 | @base64d), @json, @html",
            json!(["a%20b", "YSBi", "a b", "\"a b\"", "a b"]),
        ),
        (
            "  x\r\n",
            "trim, ltrimstr(\" \"), startswith(\"  \"), endswith(\"x\")",
            json!(["x", " x\r\n", true, false]),
        ),
        ("q\"", "[., 1, null] | @csv, join(\"-\")", json!(["\"q\"\"\",1,", "q\"-1-"])),
        ("a\tb", "[., true] | @tsv", json!(["a\\tb\ttrue"])),
        (
            "abcb",
            "indices(\"b\"), contains(\"bc\"), index(\"b\"), inside(\"xabcbx\")",
            json!([[1, 3], true, 1, true]),
        ),
    ] {
        check(&json!(input), program, &expect);
    }
}

#[test]
fn reports_errors() {
    for (program, code, expected) in [
        (".[", "invalid", "line 1, column 3: expected closing bracket, found the end"),
        (".a |\n | .b", "invalid", "line 2, column 2: expected term, found `|`"),
        ("1 |", "invalid", "expected term, found the end"),
        (".a | nope(1)", "invalid", "line 1, column 6: there is no filter `nope/1`"),
        ("$x", "invalid", "there is no variable `$x`"),
        ("$ENV", "invalid", "`$ENV`"),
        ("env", "invalid", "cannot reach outside"),
        ("input", "invalid", "cannot reach outside"),
        ("now", "invalid", "cannot reach outside"),
        ("debug", "invalid", "cannot reach outside"),
        ("halt", "invalid", "cannot reach outside"),
        ("include \"a\"; .", "invalid", "modules cannot be used"),
        (".a", "failed", "Cannot index number with string \"a\""),
        ("error(\"so\")", "failed", "the query failed: so"),
        ("error({a: 1})", "failed", "{\"a\":1}"),
        ("\"a\" * 1000 | -.", "failed", "string (\"aaaaaaaaaa...) cannot be negated"),
        ("1 % 0", "failed", "divisor is zero"),
        ("1 / 0", "failed", "number (1) and number (0) cannot be divided"),
        ("1.5 / (2 - 2)", "failed", "because the divisor is zero"),
        ("test(\"(\")", "failed", "number (5) cannot be matched"),
        ("\"a\" | test(\"(\")", "failed", "unclosed group"),
        ("{(1): 2}", "invalid", "line 1, column 2: expected string as a key"),
        ("{(.): 2}", "failed", "Object keys must be strings"),
        (". as [$a] ?// | $a", "invalid", "expected pattern, found `|`"),
        ("1 == 2 == 3", "invalid", "parentheses"),
        ("reduce .[] as $x (0)", "invalid", "expected `(initial; update)`"),
        ("\"a\" | test(\"a\"; \"l\")", "failed", "longest match"),
    ] {
        let error = evaluate(program, &json!(5), &SMALL).unwrap_err();
        assert_eq!(kind_of(&error), code, "{program}: {error:?}");
        assert!(error.to_string().contains(expected), "{program}: {}", error);
    }
}
