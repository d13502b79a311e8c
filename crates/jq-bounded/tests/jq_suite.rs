//! jq's published tests and the examples of its manual, run by this crate.
//!
//! The material is not part of the project: `make setup` fetches it, `make jq-test` names its folder in
//! `JQ_SOURCE`. `jq_differences.txt` lists what differs by intent; a listed case that agrees with
//! jq fails as well, so that the list stays true.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue must stop")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jq_bounded::{
    DEFAULT_LIMITS, MemoryReservation, ProgramMemory, check_program, evaluate_program,
};
use serde_json::{Value, json};
use stepwell_core::expr::EvalInterrupt;

/// The files of tests in jq's source.
const FILES: [&str; 6] =
    ["base64.test", "jq.test", "man.test", "manonig.test", "onig.test", "optional.test"];

/// Intended differences, by case (`jq.test:12`) with the reason.
const DIFFERENCES: &str = include_str!("jq_differences.txt");

/// A program with its input and the outputs of jq, or one that jq refuses to compile.
struct Case {
    name: String,
    program: String,
    /// Input and outputs; `None` where the program must not compile.
    expected: Option<(String, Vec<String>)>,
}

/// The cases of a file: groups of lines between blank ones, named by the line of the program.
fn cases(path: &Path) -> Vec<Case> {
    let file = path.file_name().unwrap().to_string_lossy().into_owned();
    let text = String::from_utf8(fs::read(path).unwrap()).unwrap();
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')).peekable();
    let mut cases = Vec::new();
    while let Some((at, line)) = lines.next() {
        if line.trim().is_empty() {
            continue;
        }
        let mut group = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| !line.trim().is_empty()) {
            group.push(line.to_owned());
        }
        let name = format!("{file}:{}", at + 1);
        if line.starts_with("%%FAIL") {
            cases.push(Case { name, program: group.remove(0), expected: None });
        } else {
            let input = group.remove(0);
            cases.push(Case { name, program: line.to_owned(), expected: Some((input, group)) });
        }
    }
    cases
}

/// Numbers that are equal in jq are the same value, and the order of keys does not count.
fn comparable(value: &Value) -> Value {
    match value {
        Value::Number(n) => json!(n.as_f64()),
        Value::Array(items) => items.iter().map(comparable).collect(),
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().map(|(k, v)| (k, comparable(v))).collect();
            json!(sorted)
        }
        other => other.clone(),
    }
}

/// Memory without a limit.
#[derive(Debug)]
struct UnlimitedMemory;

impl MemoryReservation for UnlimitedMemory {
    fn reserve_bytes(&self, _: usize) -> Result<(), String> {
        Ok(())
    }
}

fn evaluate(program: &str, input: &Value) -> Result<Vec<Value>, String> {
    let memory = ProgramMemory { reservation: Arc::new(UnlimitedMemory), held: 0 };
    let never = EvalInterrupt::new(|| false);
    evaluate_program(program, input, &DEFAULT_LIMITS, memory, never)
        .map_err(|error| format!("{error:?}"))
}

/// What is wrong with a case, if anything.
fn check(case: &Case) -> Result<(), String> {
    let Some((input, outputs)) = &case.expected else {
        return match check_program(&case.program) {
            Ok(()) => Err("compiles, and jq refuses it".to_owned()),
            Err(_) => Ok(()),
        };
    };
    let parse = |text: &String| {
        let text = text.trim_start_matches('\u{feff}');
        serde_json::from_str::<Value>(text).map_err(|error| format!("{text} is no JSON: {error}"))
    };
    check_program(&case.program).map_err(|error| error.to_string())?;
    let expected = outputs.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    let found = evaluate(&case.program, &parse(input)?).or_else(|error| {
        // jq gives the outputs before an error, a step only the error.
        if outputs.is_empty() {
            return Ok(Vec::new());
        }
        let before = format!("limit({}; ({}))", outputs.len(), case.program);
        evaluate(&before, &parse(input)?).map_err(|_| error)
    })?;
    let same = |l: &[Value], r: &[Value]| {
        l.len() == r.len() && l.iter().zip(r).all(|(l, r)| comparable(l) == comparable(r))
    };
    if same(&expected, &found) {
        return Ok(());
    }
    Err(format!("expected {}, found {}", Value::from(expected), Value::from(found)))
}

/// The listed cases with their reasons: `= reason` heads the cases below it.
fn differences() -> BTreeMap<&'static str, &'static str> {
    let mut reason = "";
    let mut listed = BTreeMap::new();
    for line in DIFFERENCES.lines().map(str::trim) {
        match line.strip_prefix("= ") {
            Some(next) => reason = next,
            None if line.is_empty() || line.starts_with('#') => {}
            None => assert!(
                !reason.is_empty() && listed.insert(line, reason).is_none(),
                "{line} has no reason or is listed twice"
            ),
        }
    }
    listed
}

#[test]
#[ignore = "needs jq's source: `make jq-test`"]
fn agrees_with_jq() {
    let source = PathBuf::from(std::env::var("JQ_SOURCE").unwrap());
    let listed = differences();
    let (mut report, mut seen, mut agree) = (String::new(), BTreeSet::new(), 0);
    for file in FILES {
        for case in cases(&source.join("tests").join(file)) {
            let outcome = check(&case);
            let reason = listed.get(case.name.as_str());
            match (&outcome, reason) {
                (Ok(()), None) => agree += 1,
                (Err(_), Some(_)) => {}
                (Ok(()), Some(reason)) => {
                    let _ = writeln!(report, "{}: agrees now, listed for: {reason}", case.name);
                }
                (Err(why), None) => {
                    let program = &case.program;
                    let _ = writeln!(report, "{}: {program}\n    {why}", case.name);
                }
            }
            seen.insert(case.name);
        }
    }
    for name in listed.keys().filter(|name| !seen.contains(**name)) {
        let _ = writeln!(report, "{name}: listed, but there is no such case");
    }
    println!("{agree} cases agree, {} differ by intent", listed.len());
    assert!(report.is_empty(), "{report}");
    assert!(agree > 690, "only {agree} cases were found to agree");
}
