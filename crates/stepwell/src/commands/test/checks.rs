//! Comparing a run with what is expected of it.

use serde_json::{Value, json};
use stepwell_core::Map;

use super::cases::Expectation;
use crate::commands::dry_run::duration_of;
use crate::differences::{Difference, find_differences_at};
use crate::terminal::{format_duration, value_text};

/// The most differences that are printed for one value.
const MAX_SHOWN: usize = 20;
/// The most characters of a value in a message.
const MAX_VALUE: usize = 300;

/// Why a run is not as expected; empty: it is.
pub fn check_run(expect: &Expectation, run: &Value, has_snapshot: bool) -> Vec<String> {
    let Expectation { status, output, error, path, steps, elapsed } = expect;
    let mut failures = Vec::new();
    let found = value_text(&run["status"]);
    // A run that fails without being expected to explains itself; a snapshot may have any status.
    let default = (error.is_none() && !has_snapshot).then_some("completed");
    if let Some(expected) = status.as_deref().or(default).filter(|expected| *expected != found) {
        let cause = describe_error(&run["error"]);
        failures.push(format!("status: expected {expected}, found {found}{cause}"));
    }
    if let Some(output) = output {
        failures.extend(describe_differences("output", output, &run["output"]));
    }
    if let Some(error) = error {
        failures.extend(check_fields("error", error, &run["error"]));
    }
    if let Some(path) = path {
        failures.extend(check_path(path, run));
    }
    for (step, fields) in steps {
        let found = all_steps(run).find(|found| found["step"] == step.as_str());
        match (found, fields) {
            (Some(found), Value::Object(fields)) => {
                failures.extend(check_fields(&format!("steps.{step}"), fields, found));
            }
            _ => failures.push(format!("steps.{step}: the step was not reached")),
        }
    }
    if let Some(elapsed) = elapsed {
        let found = duration_of(&run["elapsed_ms"]);
        if found != *elapsed {
            let [expected, found] = [*elapsed, found].map(format_duration);
            failures.push(format!("elapsed: expected {expected}, found {found}"));
        }
    }
    failures
}

fn all_steps(run: &Value) -> impl Iterator<Item = &Value> {
    run["steps"].as_array().into_iter().flatten()
}

/// The step runs that started, in order.
pub fn path_of(run: &Value) -> Vec<String> {
    let started = all_steps(run).filter(|step| step["attempts"].as_u64().unwrap_or_default() > 0);
    started.map(|step| value_text(&step["step"])).collect()
}

fn describe_error(error: &Value) -> String {
    match error["code"].as_str() {
        Some(code) => {
            let step = error["step"].as_str().map(|step| format!("step {step}: "));
            format!(" ({}{code}: {})", step.unwrap_or_default(), value_text(&error["message"]))
        }
        None => String::new(),
    }
}

fn check_fields(place: &str, expected: &Map, found: &Value) -> Vec<String> {
    let check = |(name, expected): (&String, &Value)| {
        describe_differences(&format!("{place}.{name}"), expected, &found[name])
    };
    expected.iter().flat_map(check).collect()
}

/// The path as a diff of lines.
fn check_path(expected: &[String], run: &Value) -> Option<String> {
    let found = path_of(run);
    if expected == found {
        return None;
    }
    let mut text = "path: other steps ran".to_owned();
    for (mark, step) in diff_lines(expected, &found) {
        text.push_str(&format!("\n  {mark} {step}"));
    }
    Some(text)
}

/// A line diff: `-` what is expected only, `+` what is found only. What both begin and end with is
/// common; what is between differs.
fn diff_lines<'l>(expected: &'l [String], found: &'l [String]) -> Vec<(char, &'l str)> {
    let start = expected.iter().zip(found).take_while(|(a, b)| a == b).count();
    let (old, new) = (&expected[start..], &found[start..]);
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let line = |mark: char| move |text: &'l String| (mark, text.as_str());
    let mut lines: Vec<(char, &str)> = expected[..start].iter().map(line(' ')).collect();
    lines.extend(old[..old.len() - end].iter().map(line('-')));
    lines.extend(new[..new.len() - end].iter().map(line('+')));
    lines.extend(old[old.len() - end..].iter().map(line(' ')));
    lines
}

/// The places in which two values differ, each with both values.
pub fn describe_differences(place: &str, expected: &Value, found: &Value) -> Vec<String> {
    let differences = find_differences_at(place, Some(expected), Some(found));
    let differences = differences.into_iter().filter(|difference| !is_same_number(difference));
    let mut texts: Vec<String> = differences
        .map(|Difference { path, before, after }| {
            let shown = [before, after].map(|value| match value {
                None => "nothing".to_owned(),
                Some(value) => shorten(&value.to_string()),
            });
            format!("{path}:\n  - {}\n  + {}", shown[0], shown[1])
        })
        .collect();
    if texts.len() > MAX_SHOWN {
        let more = texts.len() - MAX_SHOWN;
        texts.truncate(MAX_SHOWN);
        texts.push(format!("{place}: and {more} more differences"));
    }
    texts
}

/// Whether both are the same number, such as 1 and 1.0.
fn is_same_number(difference: &Difference) -> bool {
    let number = |value: &Option<Value>| value.as_ref().and_then(Value::as_f64);
    let (before, after) = (number(&difference.before), number(&difference.after));
    before.is_some() && before == after
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// What a snapshot keeps of a run.
pub fn snapshot_of(run: &Value) -> Value {
    json!({
        "status": run["status"],
        "output": run["output"],
        "error": run["error"],
        "path": path_of(run),
        "elapsed_ms": run["elapsed_ms"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Value {
        json!({"status": "completed", "output": {"a": 1, "b": [1, 2]}, "error": null, "elapsed_ms": 1500,
            "steps": [
                {"step": "x", "status": "completed", "attempts": 1, "output": {"n": 1}},
                {"step": "y", "status": "skipped", "attempts": 0, "output": null},
                {"step": "z", "status": "completed", "attempts": 2, "output": null}]})
    }

    #[test]
    fn what_is_as_expected_passes() {
        let steps = json!({"x": {"output": {"n": 1.0}}, "y": {"status": "skipped"}});
        let expect = Expectation {
            output: Some(json!({"a": 1.0, "b": [1, 2]})),
            path: Some(vec!["x".into(), "z".into()]),
            steps: steps.as_object().unwrap().clone(),
            elapsed: Some(std::time::Duration::from_millis(1500)),
            ..Expectation::default()
        };
        assert_eq!(check_run(&expect, &run(), false), [""; 0]);
    }

    #[test]
    fn failures_show_both_sides() {
        let of = |expect: Expectation| check_run(&expect, &run(), false).join("\n");
        let output = Some(json!({"a": 2, "b": [1], "c": null}));
        let text = of(Expectation { output, ..Expectation::default() });
        assert_eq!(
            text,
            "output.a:\n  - 2\n  + 1\noutput.b[1]:\n  - nothing\n  + 2\noutput.c:\n  - null\n  + nothing"
        );
        let path = Some(["x", "y", "z"].map(str::to_owned).to_vec());
        let text = of(Expectation { path, ..Expectation::default() });
        assert_eq!(text, "path: other steps ran\n    x\n  - y\n    z");
        let status = Some("failed".to_owned());
        let text = of(Expectation { status, ..Expectation::default() });
        assert_eq!(text, "status: expected failed, found completed");
        let steps = json!({"x": {"output": {"n": 2}}, "w": {}}).as_object().unwrap().clone();
        let text = of(Expectation { steps, ..Expectation::default() });
        let expect = "steps.x.output.n:\n  - 2\n  + 1\nsteps.w: the step was not reached";
        assert_eq!(text, expect);
        let elapsed = Some(std::time::Duration::from_secs(2));
        let text = of(Expectation { elapsed, ..Expectation::default() });
        assert_eq!(text, "elapsed: expected 2.0 s, found 1.5 s");
    }

    #[test]
    fn an_unexpected_failure_is_explained() {
        let failed = json!({"status": "failed", "steps": [],
            "error": {"code": "X", "message": "m", "step": "charge"}});
        let failures = check_run(&Expectation::default(), &failed, false);
        assert_eq!(failures, ["status: expected completed, found failed (step charge: X: m)"]);
        let error = json!({"code": "X"}).as_object().cloned();
        let expected = Expectation { error, ..Expectation::default() };
        assert_eq!(check_run(&expected, &failed, false), [""; 0]);
    }
}
