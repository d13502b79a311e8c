//! The language: where the interpreter alone would differ from jq. The right values are jq 1.7's.

use serde_json::{Value, json};

use super::tests::check;

fn check_all(cases: &[(Value, &str, Value)]) {
    for (input, program, expect) in cases {
        check(input, program, expect);
    }
}

/// Paths are found first, and deleted all at once.
#[test]
fn paths_are_deleted_at_once() {
    check_all(&[
        (json!([0, 1, 2, 3]), "del(.[1, 2])", json!([[0, 3]])),
        (json!([0, 1, 2, 3]), "del(.[0], .[-1], .[1:2])", json!([[2]])),
        (json!([0, 1, 2, 3]), "delpaths([[0], [2]]), (.[1, 2] |= empty)", json!([[1, 3], [0, 3]])),
        (json!([1, [2, 3]]), "to_entries | del(.[1].value[0], .[0]) | .[0].value", json!([[3]])),
    ]);
}

/// Groups that took no part keep their place.
#[test]
fn groups_keep_their_place() {
    check_all(&[
        (
            json!("ac"),
            "[match(\"(a)(b)?(c)\").captures[] | .string, .offset]",
            json!([["a", 0, null, -1, "c", 1]]),
        ),
        (
            json!("ac"),
            "[scan(\"(a)(b)?(c)\")], capture(\"(?<x>b)?c\")",
            json!([[["a", null, "c"]], {"x": null}]),
        ),
        (
            json!("xay"),
            "[splits(\"a\")], [match(\"\"; \"g\").offset]",
            json!([["x", "y"], [0, 1, 2, 3]]),
        ),
        (json!("a\nb"), "test(\"a.b\"; \"s\"), test(\"a.b\"; \"p\")", json!([false, true])),
        (json!("ab"), "[gsub(\"(?<c>.)\"; .c + \"1\", .c + \"2\")]", json!([["a1b1", "a2b2"]])),
        (
            json!("aB"),
            "test([\"b\", \"i\"]), [match([\"b\", \"ig\"]).string]",
            json!([true, ["B"]]),
        ),
    ]);
}

/// Filters and syntax that the interpreter lacks.
#[test]
fn filters_and_syntax_are_complete() {
    check_all(&[
        (
            json!([{"id": "a"}]),
            "INDEX(.id), IN([{\"id\": \"a\"}]), [leaf_paths]",
            json!([{"a": {"id": "a"}}, true, [[0, "id"]]]),
        ),
        (
            json!([1, {"a": 2}]),
            "[tostream] | ., fromstream(.[])",
            json!([[[[0], 1], [[1, "a"], 2], [[1, "a"]], [[1]]], [1, {"a": 2}]]),
        ),
        (
            json!([1, {"a": 2}]),
            "[1 | truncate_stream([[0], 1], [[1, 0], 2], [[1, 0]], [[1]])]",
            json!([[[[0], 2], [[0]]]]),
        ),
        (json!([{"a": 1}, [2]]), "[.[] as {a: $x} ?// [$x] | $x]", json!([[1, 2]])),
        (
            json!([[3]]),
            ".[] as [$a] ?// [$b] | if $a then error(\"x\") else {$a, $b} end",
            json!([{"a": null, "b": 3}]),
        ),
        (
            json!([[3], 4]),
            "[foreach .[] as [$a] ?// $a (0; . + $a)], reduce .[] as [$a] ?// $a (0; . + $a)",
            json!([[3, 7], 7]),
        ),
        (
            json!(null),
            "$__loc__, {$__loc__}",
            json!([{"file": "<top-level>", "line": 1}, {"__loc__": {"file": "<top-level>", "line": 1}}]),
        ),
        (json!({"b": [1]}), ". as {$b: [$c]} | [$b, $c]", json!([[[1], 1]])),
        (json!(5), "def f($a): a + 1; f(.), .5, \"\\ud83d\\ude00\"", json!([6, 0.5, "😀"])),
    ]);
}

/// Operators bind, and their operands are evaluated, as in jq.
#[test]
fn operators_bind_as_in_jq() {
    check_all(&[
        (json!(null), "6 / 4 % 3, 1 * 5 % 3, [(1, 2) + (10, 20)]", json!([1, 2, [11, 12, 21, 22]])),
        (json!({"a": 1}), ".a = 5 // 6, (.b // \"c\" | . + \"d\")", json!([{"a": 5}, "cd"])),
        (
            json!([1, 2]),
            "[\"\\(.[])-\\(.[])\"], [.[0, 1] as $x | $x]",
            json!([["1-1", "2-1", "1-2", "2-2"], [1, 2]]),
        ),
        (json!(null), "-1 as $x | 1, $x", json!([-1, -1])),
        (json!(null), "(error(\"x\") // 2), [(1, error(\"x\")) // 2]", json!([2, [1]])),
        (
            json!(null),
            "reduce range(3) as $i (0; empty), reduce range(3) as $i (0; . + 1, . + 10)",
            json!([null, 30]),
        ),
        (
            json!(null),
            "[foreach range(3) as $i (0; . + 1, . + 10)]",
            json!([[1, 10, 11, 20, 21, 30]]),
        ),
        (
            json!(null),
            "[foreach range(3) as $i (0; if $i == 1 then empty else . + 1 end)]",
            json!([[1, 1]]),
        ),
        (json!(null), "[label $l | foreach range(3) as $i (0; 1, 2, break $l)]", json!([[1, 2]])),
    ]);
}

#[test]
fn encodings_are_those_of_jq() {
    check_all(&[
        (json!("eyJzdWIiOiI0MiJ9eyJ"), "@base64d", json!(["{\"sub\":\"42\"}{\""])),
        (json!("IFBA===="), "@base32d, (@base64 | @base64d)", json!(["AB", "IFBA===="])),
        (
            json!(["ab", 1]),
            "map(ltrimstr(\"a\")), map(rtrimstr(\"b\"))",
            json!([["b", 1], ["a", 1]]),
        ),
        (
            json!(["NBUQ====", "NBUQ", "ME", "ME======", ""]),
            "map(@base32d)",
            json!([["hi", "hi", "a", "a", ""]]),
        ),
        (
            json!("<&'\">"),
            "@html, (@html | @htmld)",
            json!(["&lt;&amp;&apos;&quot;&gt;", "<&'\">"]),
        ),
    ]);
}

#[test]
fn times_are_those_of_jq() {
    check_all(&[
        (json!("10:15"), "strptime(\"%H:%M\")", json!([[1900, 0, 0, 10, 15, 0, 0, -1]])),
        (
            json!("2015-03-05T23:51:47Z"),
            "strptime(\"%Y-%m-%dT%H:%M:%SZ\") | ., mktime",
            json!([[2015, 2, 5, 23, 51, 47, 4, 63], 1_425_599_507]),
        ),
        (
            json!(1_425_599_621.5),
            "todate, gmtime, (gmtime | mktime), strftime(\"%A %j\")",
            json!([
                "2015-03-05T23:53:41Z",
                [2015, 2, 5, 23, 53, 41.5, 4, 63],
                1_425_599_621,
                "Thursday 064"
            ]),
        ),
        (json!([2015, 13, 32, 25, 61, 61]), "mktime | todate", json!(["2016-03-04T02:02:01Z"])),
    ]);
}

#[test]
fn functions_of_numbers_are_those_of_jq() {
    check_all(&[
        (json!(5), "gamma, lgamma | . * 1000 | floor", json!([3178, 3178])),
        (json!(5), "lgamma_r | map(. * 1000 | floor)", json!([[3178, 1000]])),
        (json!([-0.5, -1.5, -2, 0.5]), "map(lgamma_r[1])", json!([[-1, 1, 1, 1]])),
        (
            json!([2.5, 3.5, -0.5, 0.5, -2.5]),
            "map(nearbyint), map(rint) | tojson",
            json!(["[2,4,-0,0,-2]", "[2,4,-0,0,-2]"]),
        ),
    ]);
}

/// As jq writes what it has calculated.
#[test]
fn calculated_numbers_are_written_as_by_jq() {
    check_all(&[
        (
            json!([3e-5, 1e-4, 1.25e-5, -1e-9, 1.5e300, 1e17, 5e-324, 0.1]),
            "map(. * 1 | tojson) | join(\" \")",
            json!(["3e-05 0.0001 1.25e-05 -1e-09 1.5e+300 1e+17 5e-324 0.1"]),
        ),
        (json!([3e-5]), "tostring, @csv, \"\\(.[0])\"", json!(["[3e-05]", "3e-05", "3e-05"])),
        (json!(null), "[\"ab\" * (0, 0.5, 1.5, -1)]", json!([["", "", "ab", null]])),
    ]);
}

#[test]
fn unusual_arguments_are_taken_as_by_jq() {
    check_all(&[
        (
            json!(null),
            "nan < nan, nan == nan, ([nan, 1] | sort), [range(0; 3; 0)]",
            json!([true, false, [null, 1], []]),
        ),
        (
            json!([3, 1]),
            "pick(first), (try nth(-1; .[]) catch .), last(empty)",
            json!([[3], "nth doesn't support negative indices", null]),
        ),
        (
            json!(null),
            "(\"nan\" | fromjson | isnan), [limit(-1; 1, 2)], ([1.9, 55296] | implode)",
            json!([true, [1, 2], "\u{1}\u{fffd}"]),
        ),
        (
            json!([["a", 1]]),
            "from_entries? // \"none\", (map({key: .[0], value: .[1]}) | from_entries)",
            json!(["none", {"a": 1}]),
        ),
        (
            json!([1, [2, [3]]]),
            "flatten(1), (try flatten(-1) catch .)",
            json!([[1, 2, [3]], "flatten depth must not be negative"]),
        ),
    ]);
}
