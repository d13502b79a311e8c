//! Holds the time of programs to the units that they pay: each builtin, operator and form of the
//! language, over values of hostile sizes, once, again and again, and deep in a recursion.
//!
//! The builtins come from the language itself, so a new one is tested without being added here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use serde_json::{Value, json};
use stepwell_core::expr::EvalInterrupt;

use super::test_support::{UnlimitedMemory, kind_of};
use super::{
    DEFAULT_LIMITS, JqError, JqLimits, ProgramMemory, budget, run_on_big_stack, run_program,
    stop_failure,
};

/// Units that one program of these tests may use.
const UNITS: u64 = 200_000;
/// What compiling the program and the first allocations may take.
const BASE: Duration = Duration::from_millis(200);
/// What one unit may take. A debug build is several times slower than what is shipped.
const NANOS_PER_UNIT: u64 = if cfg!(debug_assertions) { 3_000 } else { 500 };
/// After so long a program counts as one that hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Arguments of builtins and operands of operators.
const OPERANDS: [&str; 28] = [
    ".",
    ".[]?",
    ".[0]?",
    "..",
    "1",
    "0",
    "-1",
    "1e9",
    "infinite",
    "nan",
    "null",
    "\"a\"",
    "\"\"",
    "\"g\"",
    "\"(a*)*b\"",
    "\"(?i)[\\\\w]{0,20}\"",
    "(\"(?:\" + (\"ab|\" * 9000) + \"x)\")",
    "(\"a\" * 200000)",
    "(\"a\" * 90000 + \"b\")",
    "[0, 1]",
    "[\"a\", 0]",
    "{}",
    "{a: 1}",
    "[range(3000)]",
    "(. == .)",
    "error",
    "empty",
    "\"%Y-%m-%dT%H:%M:%SZ\"",
];

const OPERATORS: [&str; 20] = [
    "+", "-", "*", "/", "%", "==", "!=", "<", ">=", "and", "or", "//", ",", "|", "=", "|=", "+=",
    "//=", "*=", "?//",
];

/// Forms of the language; `A`, `B` and `C` are operands.
const FORMS: [&str; 30] = [
    "[..] | length",
    "[.. , ..] | length",
    "[paths] | length",
    ".[A:B]",
    ".[A:B] = C",
    ".[A]",
    ".[A] = B",
    ".[A] |= B",
    "{(A): B}",
    "{a: A, b: B}",
    "[A, B, C]",
    "\"\\(A)\\(B)\"",
    "reduce A as $x (B; . + $x)",
    "reduce A as [$x, $y] (B; C)",
    "foreach A as $x (B; C; .)",
    "if A then B else C end",
    "try A catch B",
    "label $f | A, break $f, B",
    "A as [$x, {$y}] | B",
    "A as [$x] ?// $x | B",
    "path(A)",
    "-A",
    "A?",
    "@csv, @tsv",
    "@html, @uri, @sh",
    "@base64, @base64d, @base32, @base32d",
    "@json \"x\\(A)\", @text",
    "def f: A; f, f",
    "def f(x): x, B; f(A)",
    "def f: if type == \"array\" then map(f) else A end; f",
];

fn inputs() -> Vec<Value> {
    let rows: Vec<Value> = (0..1_000).map(|i| json!({"a": i % 7, "b": {"c": "x"}})).collect();
    let object: serde_json::Map<_, _> = (0..2_000).map(|i| (format!("k{i}"), json!(i))).collect();
    let keys: serde_json::Map<_, _> =
        (0..20).map(|i| (format!("{}{i}", "k".repeat(20_000)), json!(i))).collect();
    let mut deep = json!("x");
    for _ in 0..90 {
        deep = json!([deep]);
    }
    vec![
        json!(null),
        json!(true),
        json!(2.5),
        json!(i64::MIN),
        json!(1e300),
        json!("a".repeat(300_000)),
        json!("ß<'\"".repeat(60_000)),
        json!("9".repeat(100_000)),
        json!("x ".repeat(50_000)),
        json!("1425599621"),
        json!(vec![1; 20_000]),
        json!((0..8_000).rev().collect::<Vec<_>>()),
        json!(vec!["a".repeat(100); 2_000]),
        json!([vec!["a"; 3_000], vec!["b"; 3_000]]),
        Value::Array(rows),
        deep,
        Value::Object(object),
        Value::Object(keys),
        json!([2015, 2, 5, 23, 51, 47, 4, 63]),
    ]
}

/// A generator without a dependency on the time or the machine.
struct RandomNumbers(u64);

impl RandomNumbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit
    }

    fn operand(&mut self) -> &'static str {
        OPERANDS[self.below(OPERANDS.len())]
    }
}

/// The term on its own, repeated, deep in a recursion, or over a value whose parts are shared.
fn program(term: &str, form: usize) -> String {
    let term = format!("(try ({term}) catch .)");
    match form {
        0 => format!("reduce {term} as $x (0; $x) | type"),
        1 => format!(". as $in | reduce range(3000) as $i (0; $in | {term} | type)"),
        2 => format!(
            "def deep($n): if $n == 0 then {term} else deep($n - 1), empty end; \
             reduce deep(400) as $x (0; $x) | type"
        ),
        3 => format!("first({term}, {term} // 1, ({term} | not)) | type"),
        _ => format!("reduce range(40) as $i (.; [., .]) | first({term}) | type"),
    }
}

fn terms(random: &mut RandomNumbers) -> Vec<String> {
    let builtins = measure("builtins[]", &Value::Null).2.unwrap();
    let mut terms = Vec::new();
    for builtin in &builtins {
        let (name, arity) = builtin.as_str().unwrap().split_once('/').unwrap();
        let arguments: Vec<&str> = (0..arity.parse().unwrap()).map(|_| random.operand()).collect();
        let arguments = match arguments.is_empty() {
            true => String::new(),
            false => format!("({})", arguments.join("; ")),
        };
        terms.push(format!("{} | {name}{arguments}", random.operand()));
        terms.push(format!("{name}{arguments}"));
    }
    for operator in OPERATORS {
        let (left, right) = (random.operand(), random.operand());
        terms.push(match operator {
            "?//" => format!("{left} as [$a] ?// $a | {right}"),
            _ => format!("{left} {operator} {right}"),
        });
    }
    for form in FORMS {
        let filled = ["A", "B", "C"]
            .iter()
            .fold(form.to_owned(), |form, name| form.replace(name, random.operand()));
        terms.push(filled);
    }
    terms
}

/// The processor time of a program, the units that it paid, and how it ended.
fn measure(program: &str, input: &Value) -> (Duration, u64, Result<Vec<Value>, JqError>) {
    let limits = JqLimits { work: UNITS, ..DEFAULT_LIMITS };
    let started = Instant::now();
    let interrupt = EvalInterrupt::new(move || started.elapsed() > PATIENCE);
    let memory = ProgramMemory { reservation: Arc::new(UnlimitedMemory), held: 0 };
    let measured = run_on_big_stack(move || {
        let start = ThreadTime::now();
        let work = AssertUnwindSafe(|| run_program(program, input, &limits, memory, interrupt));
        let result =
            catch_unwind(work).unwrap_or_else(|payload| Err(stop_failure(payload.downcast_ref())));
        Ok((start.elapsed(), UNITS - budget::units_left().min(UNITS), result))
    });
    measured.unwrap()
}

#[test]
fn time_follows_the_units() {
    let inputs = inputs();
    let rounds: usize =
        std::env::var("STEPWELL_ATTACK_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let mut random = RandomNumbers(11);
    let (mut slow, mut total, mut invalid) = (Vec::new(), 0, 0);
    for _ in 0..rounds {
        for term in terms(&mut random) {
            let program = program(&term, random.below(5));
            let input = &inputs[random.below(inputs.len())];
            let (took, paid, result) = measure(&program, input);
            total += 1;
            let kind = result.as_ref().err().map(kind_of);
            invalid += usize::from(kind == Some("invalid"));
            if took >= BASE + Duration::from_nanos(NANOS_PER_UNIT * paid) {
                let shown: String = input.to_string().chars().take(40).collect();
                slow.push(format!("{program} over {shown} took {took:?} for {paid}: {kind:?}"));
            }
            let message = result.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(!message.contains("internal error"), "{program}: {message}");
        }
    }
    assert!(invalid * 20 < total, "{invalid} of {total} programs are not valid");
    assert!(slow.is_empty(), "{} are slow:\n{}", slow.len(), slow.join("\n"));
}

/// Programs that were found to take long for what they paid, or to loop.
#[test]
fn known_programs_pay_for_their_time() {
    let doubled = "reduce range(60) as $i (1; [., .]) |";
    for (program, input) in [
        (format!("{doubled} [..] | length"), json!(null)),
        (format!("{doubled} flatten | length"), json!(null)),
        (format!("{doubled} [recurse] | length"), json!(null)),
        (format!("{doubled} walk(.) | length"), json!(null)),
        (
            "reduce range(400) as $i ([range(3000)]; sort_by(-.) | unique | reverse) | length"
                .to_owned(),
            json!(null),
        ),
        ("until(false; .)".to_owned(), json!(null)),
        ("def f: f; f".to_owned(), json!(null)),
        ("def f: 1 + f; f".to_owned(), json!(null)),
        ("last(range(1e12))".to_owned(), json!(null)),
        ("last(range(1e6) | tostring | test(\"\\(.)|a{900}\"))".to_owned(), json!(null)),
        ("last(range(1e6) as $i | test(\"a*b|\\($i)\"))".to_owned(), json!("a".repeat(200_000))),
        ("[match(\"a*b|a\"; \"g\")] | length".to_owned(), json!("a".repeat(100_000))),
        ("indices(\"a\" * 50000 + \"b\") | length".to_owned(), json!("a".repeat(200_000))),
        ("last(range(1e6) as $i | try (. + 1) catch 1)".to_owned(), json!("a".repeat(1_000_000))),
        (". as $k | {} | last(range(1e6) as $i | .[$k])".to_owned(), json!("a".repeat(1_000_000))),
        (
            "def r($n): if $n == 0 then range(1e6) else r($n - 1), empty end; last(r(2000))"
                .to_owned(),
            json!(null),
        ),
        (
            "def r($n): if $n == 0 then (range(1e6) | null) else r($n - 1), empty end; r(2000) // 1"
                .to_owned(),
            json!(null),
        ),
        (
            format!("{} last(range(1e6) | $x0)", (0..400).fold(String::new(), |all, i| {
                format!("{all}. as $x{i} | ")
            })),
            json!(null),
        ),
        ("last(range(1e6) | \"<\" | @html)".to_owned(), json!(null)),
        (format!("last(range(1e6) | {}1.5)", "9".repeat(300)), json!(null)),
    ] {
        let (took, paid, result) = measure(&program, &input);
        let limit = BASE + Duration::from_nanos(NANOS_PER_UNIT * paid);
        assert!(took < limit, "{program} took {took:?} for {paid}: {result:?}");
        assert_ne!(result, Err(JqError::Interrupted), "{program}");
    }
}

#[test]
fn a_program_ends_soon_after_it_is_interrupted() {
    let limits = JqLimits { work: u64::MAX, ..DEFAULT_LIMITS };
    for program in [
        "last(range(1e12))",
        "def f: f; f",
        "until(false; .)",
        "last(repeat(1) | tostring | test(\"a\"))",
        "try last(range(1e12)) catch 1",
    ] {
        let polls = Arc::new(AtomicU32::new(0));
        let counter = polls.clone();
        let interrupt = EvalInterrupt::new(move || counter.fetch_add(1, Ordering::Relaxed) >= 3);
        let memory = ProgramMemory { reservation: Arc::new(UnlimitedMemory), held: 0 };
        let result = super::evaluate_program(program, &Value::Null, &limits, memory, interrupt);
        assert_eq!(result, Err(JqError::Interrupted), "{program}");
        assert_eq!(polls.load(Ordering::Relaxed), 4, "{program}");
    }
}
