//! A definition as it was written: parsed and well-formed, its wiring not yet checked.

use std::time::Duration;

use indexmap::IndexMap;
use serde_json::Value;

use super::blocks::BlockDefinition;
use super::concurrency::ConcurrencyDefinition;
use super::config_fields::config_fields;
use crate::Map;

/// What a user wrote: inputs, steps, wiring, outputs, state. Immutable once released.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// The workflow's name, 1 to 200 characters.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The JSON Schema of the inputs (an object schema), or `None` where it is to be inferred.
    pub inputs: Option<Value>,
    /// In the order they were written, each block before the steps in it and each step before its
    /// compensation; at least one. The block of `on_failure` and its steps are at the end.
    pub steps: Vec<StepDefinition>,
    /// The outputs by name, in order; empty where the last steps' outputs are the output.
    pub outputs: IndexMap<String, OutputSpec>,
    /// Names and first values of the state.
    pub state: Map,
    /// The execution's timeout, from its start.
    pub timeout: Option<Duration>,
    /// How long ended executions are kept; `None`: as the server is configured.
    pub retention: Option<Duration>,
    /// The user's own labels.
    pub metadata: Map,
    /// How many of its executions are under way at the same time; `None`: any number.
    pub concurrency: Option<ConcurrencyDefinition>,
}

/// One output of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputSpec {
    /// A template for its value.
    pub value: Value,
    /// Its declared JSON Schema, where one was given.
    pub schema: Option<Value>,
}

/// One step as written.
#[derive(Debug, Clone, PartialEq)]
pub struct StepDefinition {
    /// Its place in the source: `steps[2]`, or `steps[1].cases[0].steps[2]` inside a block.
    pub path: String,
    /// The body of a block that it is in; `None`: the definition's own list.
    pub parent: Option<ParentBody>,
    /// Its own bodies, if it is a block.
    pub block: Option<Box<BlockDefinition>>,
    /// Given, or made from the type (`reverse`, `reverse_2`).
    pub id: String,
    /// The step type's name as written, maybe an alias.
    pub type_name: String,
    /// Data: an object of inputs, or a bare value for the default input; `None`: taken from
    /// before.
    pub input: Option<Value>,
    /// Settings; templates are allowed in them.
    pub config: Map,
    /// Explicit predecessors (`Some(vec![])`: none at all); `None`: the previous step.
    pub after: Option<Vec<EdgeDefinition>>,
    /// When the step starts, seen from its predecessors.
    pub join: JoinRule,
    /// A template of the count of a computed join.
    pub join_count: Option<Value>,
    /// Whether what leads only to this step is cancelled when it starts.
    pub cancel_rest: bool,
    /// A bare Jinja condition; if it is false, the step is skipped and its list continues.
    pub when: Option<String>,
    /// How long one attempt may take.
    pub timeout: Option<Duration>,
    /// What happens to a failed attempt: the first policy that fits its error; none: no retry.
    pub retry: Vec<RetryPolicy>,
    /// What happens when the last attempt failed.
    pub on_error: OnError,
    /// When it runs.
    pub role: StepRole<usize>,
    /// Overrides the step type's effect: `true`: may be repeated after a crash with the same key;
    /// `false` (`at_most_once`): fails as `interrupted` instead.
    pub idempotent: Option<bool>,
    /// How many attempts of it run at the same time; `None`: any number.
    pub concurrency: Option<ConcurrencyDefinition>,
}

impl StepDefinition {
    /// The place of its configuration in the source.
    pub fn config_path(&self) -> String {
        match config_fields(&self.type_name) {
            Some(_) => self.path.clone(),
            None => format!("{}.config", self.path),
        }
    }

    /// The field that has its input.
    pub fn input_field(&self) -> &'static str {
        self.block.as_ref().map_or("input", |block| block.kind.input_field())
    }

    /// The place of its input in the source.
    pub fn input_path(&self) -> String {
        format!("{}.{}", self.path, self.input_field())
    }
}

/// When a step runs. `T` identifies a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StepRole<T> {
    /// By its place in the graph.
    #[default]
    Regular,
    /// When the execution ends without success after this step has completed.
    Compensation(T),
    /// When the execution has failed: the block of the steps of `on_failure`.
    FailureHandler,
}

impl<T> StepRole<T> {
    /// Whether it runs by its place in the graph.
    pub const fn is_regular(&self) -> bool {
        matches!(self, Self::Regular)
    }
}

/// A body of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParentBody {
    /// The position of the block in [`Definition::steps`].
    pub block: usize,
    /// The position of the body in the block.
    pub body: usize,
}

/// One entry of `after`: a step's id and the port it must leave by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeDefinition {
    /// The id of the step that comes before.
    pub step: String,
    /// The port; `None`: the usual way out.
    pub port: Option<String>,
}

/// When a step with several predecessors starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JoinRule {
    /// When all are settled and at least one edge was taken.
    #[default]
    All,
    /// At the first edge that is taken.
    Any,
    /// When that many edges were taken.
    Count(usize),
    /// When as many edges were taken as an expression states.
    Computed,
}

/// The most retry policies of a step.
pub const MAX_RETRY_POLICIES: usize = 16;

/// How often and how soon a failed attempt is tried again.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// All attempts with errors that it fits, the first included; 1: no retry.
    pub max_attempts: u32,
    /// The pause before the second attempt.
    pub initial: Duration,
    /// By how much each pause is longer than the one before.
    pub factor: f64,
    /// The longest pause.
    pub max: Duration,
    /// How much of the pause is random, 0 to 1.
    pub jitter: f64,
    /// The error codes that are retried; empty: all that the step type calls retryable.
    pub on: Vec<String>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 1,
            initial: Duration::from_secs(1),
            factor: 2.0,
            max: Duration::from_secs(60),
            jitter: 0.1,
            on: Vec::new(),
        }
    }
}

/// What happens when a step's last attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum OnError {
    /// The execution fails.
    #[default]
    Fail,
    /// The execution continues as if the step had completed with `null`.
    Continue,
    /// The step leaves by its port `error`.
    Port,
    /// The named step comes next (it gains an edge from this step's port `error`).
    Goto(String),
}
