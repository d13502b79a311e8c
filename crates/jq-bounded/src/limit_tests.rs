//! Programs that must be stopped, and the memory that programs reserve.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use stepwell_core::expr::EvalInterrupt;

use super::test_support::kind_of;
use super::tests::{SMALL, evaluate};
use super::{DEFAULT_LIMITS, MemoryReservation, ProgramMemory};

#[test]
fn stops_what_would_not_end() {
    let doubling = "reduce range(60) as $i (\"x\"; . + .)";
    let shared = "reduce range(60) as $i ([]; [., .])";
    let started = Instant::now();
    for (program, expected) in [
        ("repeat(empty)", "too many steps"),
        ("def f: f; f", "too many steps"),
        ("[repeat(1)]", "too many steps"),
        ("last(repeat(1))", "too many steps"),
        ("0 | until(false; . + 1)", "too many steps"),
        ("path(repeat(empty))", "too many steps"),
        ("repeat(empty) |= 1", "too"),
        ("first(repeat(empty))", "too many steps"),
        ("[.[]?] | until(false; .)", "too many steps"),
        ("skip(1e18; repeat(1))", "too many steps"),
        ("limit(infinite; repeat(empty))", "too many steps"),
        ("def f: empty // f; f", "too"),
        ("limit(-1; repeat(empty))", "too many steps"),
        ("[foreach repeat(1) as $x (0; 1, 2)]", "too many steps"),
        ("reduce repeat(1) as $x (0; ., 1)", "too many steps"),
        ("[tostream | repeat(.)]", "too many steps"),
        ("fromstream(repeat([[\"a\"], 1]))", "too many steps"),
        ("INDEX(repeat(1); .)", "too many steps"),
        ("[range(100000)] | .[] |= empty | repeat(empty)", "too many steps"),
        ("delpaths([range(100000) | [., .]]) | repeat(empty)", "too many steps"),
        ("def f: . as [$a] ?// $a | f; f", "too"),
        ("[1] | .[] as [$a] ?// $a | repeat(empty)", "too many steps"),
        ("\"a\" * 100000 | [match(\"\"; \"g\")]", "too"),
        ("\"a\" * 100000 | gsub(\"\"; \"a\" * 1000)", "too"),
        ("reduce range(100000) as $i ([]; setpath([range(1000)]; 1))", "too"),
        ("[recurse(. + 1)]", "too many steps"),
        ("[range(1e12)] | length", "too many steps"),
        ("[range(infinite; 0; -1)]", "too many steps"),
        ("reduce range(1e9) as $i (0; . + 1)", "too many steps"),
        ("[range(1000)] | [.[] as $a | .[] as $b | .[] as $c | $a]", "too many steps"),
        ("try repeat(try error(1) catch empty) catch 1", "too many steps"),
        ("[limit(1e9; repeat(0))]", "too many steps"),
        ("[range(100000)] | combinations(100000)?", ""),
        (&format!("{shared} | tojson"), "too"),
        (&format!("{shared} | . == ({shared})"), "too many steps"),
        (shared, "too large"),
        (doubling, "too"),
        ("\"x\" * 1e15", "too long"),
        ("\"x\" * 3000000 | . + .", "too long"),
        ("[range(1000) | \"x\" * 100000] | join(\"\")", "too"),
        ("def f: 1 + f; f", "too"),
        ("reduce range(100000) as $i (0; [.])", "nested too deeply"),
        ("(reduce range(100000) as $i (.; .)) |= 1", "too"),
        ("range(20000)", "more than 10000 results"),
        ("range(200) | \"x\" * 100000", "too"),
        (".[999999999999] = 1", ""),
    ] {
        let error = evaluate(program, &Value::Null, &SMALL).unwrap_err();
        assert!(error.to_string().contains(expected), "{program}: {}", error);
    }
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn survives_programs_that_nest() {
    for part in ["(", "[", "-", "{a:", "try ", "not|", "1+", "def f: ", ".a|=", "if ", "\"\\("] {
        let program = part.repeat(16 * 1024 / part.len());
        let error = evaluate(&program, &Value::Null, &SMALL).unwrap_err();
        assert_eq!(kind_of(&error), "invalid");
        let program = part.repeat(3500 / part.len());
        let _ = evaluate(&program, &Value::Null, &SMALL);
    }
    for program in
        [".|".repeat(1900) + ".", "-".repeat(3000) + "1", "[".repeat(90) + &"]".repeat(90)]
    {
        evaluate(&program, &Value::Null, &SMALL).unwrap();
    }
}

/// Memory with a limit.
#[derive(Debug)]
struct ScarceMemory {
    limit: usize,
    most: AtomicUsize,
}

impl MemoryReservation for ScarceMemory {
    fn reserve_bytes(&self, bytes: usize) -> Result<(), String> {
        self.most.fetch_max(bytes, Ordering::Relaxed);
        if bytes <= self.limit { Ok(()) } else { Err("no more".to_owned()) }
    }
}

#[test]
fn what_a_program_makes_is_reserved_as_it_runs() {
    const MIB: usize = 1 << 20;
    for (program, limit, most, expect) in [
        ("[range(100)]", 0, 0..=0, Ok(())),
        ("[range(100000)] | length", 64 * MIB, 4 * MIB..=64 * MIB, Ok(())),
        ("[range(100000)]", 64 * MIB, 32 * MIB..=64 * MIB, Ok(())),
        ("[range(1000000)] | length", 20 * MIB, 20 * MIB..=40 * MIB, Err("memory")),
        // It cannot be caught.
        ("try [range(1000000)] catch 1", 20 * MIB, 20 * MIB..=40 * MIB, Err("memory")),
    ] {
        let memory = Arc::new(ScarceMemory { limit, most: AtomicUsize::new(0) });
        let given = ProgramMemory { reservation: memory.clone(), held: MIB };
        let never = EvalInterrupt::new(|| false);
        let result = super::evaluate_program(program, &Value::Null, &DEFAULT_LIMITS, given, never);
        let result = result.map(drop).map_err(|error| kind_of(&error));
        assert_eq!(result, expect, "{program}");
        let reserved = memory.most.load(Ordering::Relaxed);
        assert!(most.contains(&reserved), "{program}: {reserved}");
    }
}
