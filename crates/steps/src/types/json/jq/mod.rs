//! Running jq programs within bounds.
//!
//! jq is a complete language, and the library that interprets it (jaq) knows no limits. So it is
//! given a value type of our own, and every value that is copied, compared or made pays from a
//! budget ([`budget`]); when that is used up, or the stack or nesting goes too deep, evaluation is
//! unwound. A program runs in a thread of its own: its stack is known, and whatever goes wrong
//! inside ends there. Nothing here may reach outside: no environment, files, clock or output.

mod arithmetic;
mod budget;
mod compile;
mod convert;
#[cfg(test)]
mod cost_tests;
mod desugar;
mod folds;
mod natives;
mod paths;
mod patterns;
mod syntax;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod value;
mod walk;

use std::thread;

use jaq_core::{Ctx, Vars};
use serde_json::Value;
use stepwell_core::expr::EvalInterrupt;

use crate::StepFailure;
use crate::values::MAX_OUTPUT_BYTES;
pub(super) use budget::ProgramMemory;
use budget::StopReason;

pub(crate) use compile::pool_usage;

/// The longest program, in characters.
pub(super) const MAX_PROGRAM: usize = 16 * 1024;

/// The stack of the thread that runs a program, in bytes; only what is used takes memory.
const STACK: usize = 64 * 1024 * 1024;

/// What a program may use.
#[derive(Debug, Clone, Copy)]
pub(super) struct JqLimits {
    /// Units of work; about one a copied value or 16 bytes of text.
    pub work: u64,
    /// The stack in bytes.
    pub stack: usize,
    /// The most results.
    pub results: usize,
    /// The most bytes of all results together, about as JSON.
    pub output_bytes: usize,
}

/// The limits of a step. They bound its time to a few seconds at worst and what it makes to about
/// 100 MB.
pub(super) const LIMITS: JqLimits =
    JqLimits { work: 5_000_000, stack: STACK / 4, results: 10_000, output_bytes: MAX_OUTPUT_BYTES };

/// All results of a program for an input.
///
/// Fails with `INVALID_QUERY` where the program is not valid, `QUERY_FAILED` where it raises an
/// error, `QUERY_LIMIT` where it uses too much, `MEMORY_SHORTAGE` where the memory for what it
/// makes cannot be reserved, and `INTERRUPTED`.
pub(super) fn evaluate_program(
    program: &str,
    input: &Value,
    limits: &JqLimits,
    memory: ProgramMemory,
    interrupt: EvalInterrupt,
) -> Result<Vec<Value>, StepFailure> {
    run_on_big_stack(|| run_program(program, input, limits, memory, interrupt))
}

/// Whether the program is valid; does not run it. Fails with `INVALID_QUERY`.
pub(super) fn check_program(program: &str) -> Result<(), StepFailure> {
    run_on_big_stack(|| compile::compile_program(program).map(drop))
}

/// Does something in a thread with a large stack, and survives that it is unwound.
fn run_on_big_stack<T: Send>(
    work: impl FnOnce() -> Result<T, StepFailure> + Send,
) -> Result<T, StepFailure> {
    thread::scope(|scope| {
        let started = thread::Builder::new()
            .name("jq".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, work);
        match started.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(payload)) => Err(stop_failure(payload.downcast_ref())),
            Err(error) => {
                let message = format!("the server cannot start a thread for the query: {error}");
                Err(StepFailure::transient_failure("QUERY_FAILED", message))
            }
        }
    })
}

fn run_program(
    program: &str,
    input: &Value,
    limits: &JqLimits,
    memory: ProgramMemory,
    interrupt: EvalInterrupt,
) -> Result<Vec<Value>, StepFailure> {
    let filter = compile::compile_program(program)?;
    budget::start_budget(limits, memory, interrupt);
    let units_of_call = compile::units_of_call(program);
    let code = compile::RunningProgram { lut: &filter.lut, units_of_call };
    let context = Ctx::<compile::JqData>::new(code, Vars::new([]));
    let mut results = Vec::new();
    let mut left = limits.output_bytes;
    for result in filter.id.run((context, convert::from_json(input))) {
        match result {
            Ok(value) if results.len() < limits.results => {
                results.push(convert::to_json(&value, &mut left)?);
            }
            Ok(_) => {
                return Err(limit_exceeded(&format!(
                    "it gives more than {} results",
                    limits.results
                )));
            }
            Err(exception) => return Err(query_failed(exception.get_err().ok())),
        }
    }
    Ok(results)
}

fn query_failed(error: Option<jaq_core::Error<value::JqValue>>) -> StepFailure {
    // `break` without its label does not compile, and nothing halts, so it is always an error.
    let message =
        error.map_or_else(|| "it was interrupted".to_owned(), |e| e.into_val().shorten_value());
    StepFailure::permanent_failure("QUERY_FAILED", format!("the query failed: {message}"))
}

fn limit_exceeded(why: &str) -> StepFailure {
    StepFailure::permanent_failure("QUERY_LIMIT", format!("the query was stopped: {why}"))
}

fn stop_failure(reason: Option<&StopReason>) -> StepFailure {
    match reason {
        Some(StopReason::Work) => limit_exceeded("it takes too many steps or makes too much"),
        Some(StopReason::Stack) => limit_exceeded("it recurses too deeply"),
        Some(StopReason::Depth) => limit_exceeded("it makes a value that is nested too deeply"),
        Some(StopReason::Memory(failure)) => failure.clone(),
        Some(StopReason::Interrupted) => StepFailure::interrupted_failure(),
        Some(StopReason::Text) => limit_exceeded("it makes a text that is too long"),
        None => StepFailure::permanent_failure("QUERY_FAILED", "the query failed: internal error"),
    }
}
