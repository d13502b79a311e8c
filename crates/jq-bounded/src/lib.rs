//! jq programs with bounded work and memory, and regular expressions of bounded size.
//!
//! jq is a complete language, and the library that interprets it (jaq) has no limits. So it runs on
//! a value type of our own, and every value that is copied, compared or created is charged to a
//! budget (`budget`); when that is used up, or the stack or nesting is too deep, evaluation is
//! unwound. A program runs in its own thread: its stack is known, and a panic ends there. Programs
//! have no I/O: no environment, files, clock or output.

mod arithmetic;
mod budget;
mod compile;
mod convert;
#[cfg(test)]
mod cost_tests;
mod desugar;
mod error;
mod folds;
mod from_native;
mod indices;
#[cfg(test)]
mod language_tests;
mod library;
#[cfg(test)]
mod limit_tests;
mod limits;
mod natives;
mod paths;
mod patterns;
pub mod regexes;
mod running_program;
mod syntax;
#[cfg(test)]
mod test_support;
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

use budget::StopReason;
use error::limit_exceeded;
use limits::STACK;
use running_program::{JqData, RunningProgram};

pub use budget::{MemoryReservation, ProgramMemory};
pub use compile::pool_usage;
pub use error::JqError;
pub use limits::{DEFAULT_LIMITS, JqLimits, MAX_PROGRAM};

/// All results of a program for an input.
///
/// # Errors
/// All of [`JqError`].
pub fn evaluate_program(
    program: &str,
    input: &Value,
    limits: &JqLimits,
    memory: ProgramMemory,
    interrupt: EvalInterrupt,
) -> Result<Vec<Value>, JqError> {
    run_on_big_stack(|| run_program(program, input, limits, memory, interrupt))
}

/// Checks that the program is valid, without running it.
///
/// # Errors
/// [`JqError::InvalidProgram`], [`JqError::NoThread`].
pub fn check_program(program: &str) -> Result<(), JqError> {
    run_on_big_stack(|| compile::compile_program(program).map(drop))
}

/// Runs `work` in a thread with a large stack; a panic ends there.
fn run_on_big_stack<T: Send>(
    work: impl FnOnce() -> Result<T, JqError> + Send,
) -> Result<T, JqError> {
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
                Err(JqError::NoThread(message))
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
) -> Result<Vec<Value>, JqError> {
    let filter = compile::compile_program(program)?;
    budget::start_budget(limits, memory, interrupt);
    let units_of_call = running_program::units_of_call(program);
    let code = RunningProgram { lut: &filter.lut, units_of_call };
    let context = Ctx::<JqData>::new(code, Vars::new([]));
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

fn query_failed(error: Option<jaq_core::Error<value::JqValue>>) -> JqError {
    // `break` without its label does not compile, and nothing halts, so it is always an error.
    let message =
        error.map_or_else(|| "it was interrupted".to_owned(), |e| e.into_val().shorten_value());
    JqError::Failed(format!("the query failed: {message}"))
}

fn stop_failure(reason: Option<&StopReason>) -> JqError {
    match reason {
        Some(StopReason::Work) => limit_exceeded("it takes too many steps or makes too much"),
        Some(StopReason::Stack) => limit_exceeded("it recurses too deeply"),
        Some(StopReason::Depth) => limit_exceeded("it makes a value that is nested too deeply"),
        Some(StopReason::Memory(shortage)) => JqError::MemoryShortage(shortage.clone()),
        Some(StopReason::Interrupted) => JqError::Interrupted,
        Some(StopReason::Text) => limit_exceeded("it makes a text that is too long"),
        None => JqError::Failed("the query failed: internal error".to_owned()),
    }
}
