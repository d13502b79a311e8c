//! `stepwell dry-run` and `stepwell test`.

use serde_json::json;

use crate::folder::Folder;

const ORDERS: &str = "\
name: orders
inputs:
  amount: number
steps:
  - id: charge
    type: HttpRequest
    config: { url: \"https://pay.example.com\", method: POST }
    input: { body: { amount: \"{{ inputs.amount }}\" } }
    retry: { max_attempts: 2 }
  - id: wait
    type: Delay
    config: { for: 1h }
  - id: route
    type: Branch
    cases:
      - when: inputs.amount > 100
        steps: [{ id: large, type: StaticTextInput, input: large }]
    else:
      - { id: small, type: StaticTextInput, input: small }
outputs:
  size: \"{{ steps.route.output.text }}\"
  paid: \"{{ steps.charge.output.body.id }}\"
";

const TESTS: &str = "\
mocks:
  charge: { output: { body: { id: p1 } } }
cases:
  - name: a small order
    input: { amount: 5 }
    expect:
      output: { size: small, paid: p1 }
      path: [charge, wait, route, small]
      elapsed: 1h
  - name: a declined order
    input: { amount: 5 }
    mocks:
      charge: { error: { code: DECLINED, retryable: false } }
    expect:
      error: DECLINED
  - name: a snapshot
    input: { amount: 7 }
    snapshot: true
";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("orders.yaml", ORDERS);
    folder
}

fn stdout(output: &std::process::Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn expressions_are_evaluated() {
    let folder = Folder::new();
    for (args, expect) in [
        (&["inputs.n + 1", "-i", "n=2"][..], "3\n"),
        (&["Dear {{ inputs.name }}", "-i", "name=Ada"], "Dear Ada\n"),
        (&["state.seen", "--scope", r#"{"state": {"seen": [1]}}"#], "[\n  1\n]\n"),
    ] {
        let output = folder.run(&[&["eval"], args].concat());
        assert_eq!(stdout(&output), expect, "{args:?}");
    }
    assert_eq!(
        folder.json(&["eval", "1 / 2"]),
        json!({"value": 0.5, "type": "number", "error": null})
    );
    let output = folder.run(&["eval", "inputs.n | nope"]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.ends_with("      1 | inputs.n | nope\n        |            ^\n"), "{text}");
}

#[test]
fn a_dry_run_prints_steps_and_output() {
    let folder = folder();
    folder.write(
        "mocks.yaml",
        "charge:\n  - error: { code: BUSY }\n  - output: { body: { id: p1 } }\n",
    );
    let output =
        folder.run(&["dry-run", "orders.yaml", "-i", "amount=500", "--mocks", "mocks.yaml"]);
    let steps = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{steps}");
    let lines: Vec<&str> = steps.lines().collect();
    assert_eq!(
        lines,
        [
            "  ✓ charge  mocked, 2 attempts, 1.0 s",
            "  ✓ wait  60 m 0 s",
            "  ✓ route",
            "  ✓ large",
            "  completed after 60 m 1 s of simulated time"
        ]
    );
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, json!({"size": "large", "paid": "p1"}));

    let report = folder.json(&[
        "dry-run",
        "orders.yaml",
        "-i",
        "amount=5",
        "--mocks",
        r#"{"charge": {"output": {"body": {"id": 1}}}}"#,
    ]);
    assert_eq!(report["branches"], json!([{"step": "route", "branch": "else"}]));
}

#[test]
fn a_dry_run_that_fails_explains_why() {
    let folder = folder();
    let output = folder.run(&["dry-run", "orders.yaml", "-i", "amount=5"]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("in step `charge`: ") && text.contains("(MOCK_MISSING)"), "{text}");
    for (args, part) in [
        (&["--mocks", "nothing"][..], "--mocks is no file"),
        (&["--mocks", r#"{"charge": 1}"#], "mocks.charge: must be an object"),
        (&["--now", "soon"], "now: must be an RFC 3339 time"),
    ] {
        let output = folder.run(&[&["dry-run", "orders.yaml", "-i", "amount=5"], args].concat());
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(part), "{text}");
    }
}

#[test]
fn cases_pass_and_snapshots_are_kept() {
    let folder = folder();
    folder.write("orders.test.yaml", TESTS);
    let first = folder.run(&["test", "orders.yaml"]);
    let text = stdout(&first);
    assert_eq!(first.status.code(), Some(1), "{text}");
    assert!(text.contains("snapshot: there is none; write it with --update-snapshots"), "{text}");
    assert!(text.ends_with("2 passed, 1 failed\n"), "{text}");
    let update = folder.run(&["test", "orders.test.yaml", "--update-snapshots"]);
    assert_eq!(update.status.code(), Some(0), "{}", stdout(&update));
    let report = folder.json(&["test", "."]);
    assert_eq!((&report["passed"], &report["failed"]), (&json!(3), &json!(0)), "{report}");
    // A change of the definition shows up in the snapshot.
    folder.write("orders.yaml", &ORDERS.replace("input: small", "input: tiny"));
    let changed = stdout(&folder.run(&["test", "orders.test.yaml"]));
    let expect = "snapshot.output.size:\n        - \"small\"\n        + \"tiny\"";
    assert!(changed.contains(expect), "{changed}");
}

#[test]
fn failures_show_a_diff_and_are_in_the_junit_report() {
    let folder = folder();
    let tests = TESTS.replace("size: small", "size: big").replace("route, small]", "route, big]");
    folder.write("orders.test.yaml", &tests);
    let output = folder.run(&["test", "orders.yaml", "--junit", "report.xml", "-n", "a small"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(
        text,
        "orders.test.yaml\n  ✗ a small order\n      output.size:\n        - \"big\"\n        + \"small\"\n      \
         path: other steps ran\n          charge\n          wait\n          route\n        - big\n        + small\n\
         0 passed, 1 failed\n"
    );
    let report = std::fs::read_to_string(folder.root.path().join("report.xml")).unwrap();
    assert!(report.contains("tests=\"1\" failures=\"1\""), "{report}");
    assert!(report.contains("<failure message=\"output.size:\">"), "{report}");
}

#[test]
fn coverage_counts_steps_and_branches() {
    let folder = folder();
    folder.write("orders.test.yaml", TESTS);
    folder.run(&["test", "orders.yaml", "--update-snapshots"]);
    let output = folder.run(&["test", "orders.yaml", "--coverage"]);
    let text = stdout(&output);
    assert!(text.contains("orders.yaml  4/5    1/2       large, route.cases[0]"), "{text}");
    assert!(text.contains("coverage: 71 %"), "{text}");
    let enough = folder.run(&["test", "orders.yaml", "--min-coverage", "71"]);
    assert_eq!(enough.status.code(), Some(0), "{}", stdout(&enough));
    let (code, error) = folder.failure(&["test", "orders.yaml", "--min-coverage", "72"]);
    assert_eq!(code, 1);
    assert!(error["message"].as_str().unwrap().contains("71 %"), "{error}");
}

#[test]
fn wrong_test_files_are_usage_errors() {
    let folder = folder();
    for (text, part) in [
        ("cases: []", "cases: a test file needs a list"),
        (
            "case:\n  - name: x",
            "case: there is no field `case`; did you mean `cases`? (line 1, column 1)",
        ),
        ("cases:\n  - name: x", "cases[0]: a case needs `expect` or `snapshot: true`"),
        ("cases:\n  - expect: { output: 1 }", "cases[0].name: a case needs a name"),
        (
            "cases:\n  - name: x\n    expect: { outputs: 1 }",
            "did you mean `output`? (line 3, column 15)",
        ),
        ("cases:\n  - name: x\n    expect: { status: done }", "must be one of completed"),
        (
            "cases:\n  - { name: x, snapshot: true }\n  - { name: x, snapshot: true }",
            "another case",
        ),
    ] {
        folder.write("orders.test.yaml", text);
        let output = folder.run(&["test", "orders.yaml"]);
        let printed = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{printed}");
        assert!(printed.contains(part), "{part}: {printed}");
    }
    let (code, _) = folder.failure(&["test", "missing.yaml"]);
    assert_eq!(code, 2);
}

#[test]
fn an_invalid_definition_fails_its_cases() {
    let folder = folder();
    folder.write("orders.test.yaml", TESTS);
    folder.write("orders.yaml", "name: x\nsteps: [{ type: Ecko }]\n");
    let output = folder.run(&["test", "orders.test.yaml"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("orders.yaml:2:11: steps[0].type: there is no step type `Ecko`"),
        "{text}"
    );
    assert!(text.contains("0 passed, 1 failed"), "{text}");
}

const GREET: &str = "\
name: greet
steps:
  - { id: greet, type: Echo, input: { in: \"{{ vars.REGION }}\", at: \"{{ vars.LIMITS.most | default(1) }}\" } }
";

#[test]
fn variables_can_be_given() {
    let folder = Folder::new();
    folder.write("greet.yaml", GREET);
    let eval = |args: &[&str]| stdout(&folder.run(&[&["eval"], args].concat()));
    assert_eq!(eval(&["vars.N.a + 1", "--var", r#"N={"a": 2}"#]), "3\n");
    let both = ["vars.A ~ vars.B", "--var", "A=x", "--scope", r#"{"vars": {"A": "y", "B": "z"}}"#];
    assert_eq!(eval(&both), "xz\n");
    let given = ["greet.yaml", "--var", "REGION=eu", "--var", r#"LIMITS={"most": 3}"#];
    let expect = json!({"in": "eu", "at": 3});
    for command in ["dry-run", "run"] {
        let printed: serde_json::Value =
            serde_json::from_str(&stdout(&folder.run(&[&[command], &given[..]].concat()))).unwrap();
        assert_eq!(printed, expect, "{command}");
        let output = folder.run(&[command, "greet.yaml"]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("UNKNOWN_VARIABLE") && text.contains("`REGION`"), "{text}");
    }
    let output = folder.run(&["run", "greet.yaml", "--var", "a-b=1"]);
    assert_eq!(output.status.code(), Some(2));
    let output = folder.run(&["validate", "greet.yaml"]);
    assert_eq!(stdout(&output), "greet.yaml: valid\n", "there is no workspace that has none");

    let tests = "vars: { REGION: eu }\ncases:\n\
        \x20 - { name: of the file, expect: { output: { in: eu, at: 1 } } }\n\
        \x20 - { name: of the case, vars: { LIMITS: { most: 2 } }, expect: { output: { in: eu, at: 2 } } }\n\
        \x20 - { name: instead, vars: { REGION: us }, expect: { output: { in: us, at: 1 } } }\n";
    folder.write("greet.test.yaml", tests);
    let report = folder.json(&["test", "greet.test.yaml"]);
    assert_eq!((&report["passed"], &report["failed"]), (&json!(3), &json!(0)), "{report}");
}
