//! The interface of a step type. It knows nothing of the list of types.

use std::sync::Arc;

use serde_json::Value;
use stepwell_core::catalog::StepSpec;
use stepwell_core::expr::EvalInterrupt;

use crate::context::RunContext;
use crate::memory::{self, WorkingMemory};
use crate::outcome::{StepFailure, StepFuture, StepOutput};

/// One step type.
pub trait StepType: Sync + Send {
    /// Its description. Called once, when the registry is built.
    fn type_spec(&self) -> StepSpec;

    /// Its code.
    fn type_behaviour(&self) -> StepBehaviour;

    /// The most memory that a call of its pure code takes, in bytes, output included. What is not
    /// known before is reserved while it runs ([`PureCall::memory`]).
    fn working_bytes(&self, call: &PureCall<'_>) -> usize {
        memory::copies_of_texts(call.input, call.config)
    }
}

/// The code of a step type.
#[derive(Clone, Copy)]
pub enum StepBehaviour {
    /// Computes in the caller's thread, with so much work. The input has passed the type's input
    /// schema and the configuration its configuration schema.
    Pure(WorkBound, fn(&PureCall<'_>) -> Result<StepOutput, StepFailure>),
    /// Waits or does I/O.
    Async(for<'a> fn(&'a RunContext<'a>) -> StepFuture<'a>),
    /// Control flow of the state machine, which has no code here.
    Control,
}

/// The bound of the work of a pure step. A test checks it for each type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkBound {
    /// Linear in the size of input and configuration: at most about a microsecond for each byte.
    /// With little of both it may run inline.
    Linear,
    /// Not known before: it runs a program or a pattern. It runs on a thread for blocking work and
    /// polls [`PureCall::interrupt`].
    Unbounded,
}

/// The arguments of a pure step.
#[derive(Debug)]
pub struct PureCall<'a> {
    /// The input, checked against the type's schema.
    pub input: &'a Arc<Value>,
    /// The configuration, checked against the type's schema.
    pub config: &'a Value,
    /// Where it reserves memory beyond its [`StepType::working_bytes`].
    pub memory: &'a Arc<dyn WorkingMemory>,
    /// Whether the result is still needed. Code of [`WorkBound::Unbounded`] ends soon if it is not.
    pub interrupt: &'a EvalInterrupt,
}
