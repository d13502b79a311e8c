//! A definition that was checked and compiled: what an execution runs.

use std::collections::BTreeMap;
use std::ops::Index;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::check::schema::SchemaChecker;
use super::concurrency::PlanConcurrency;
use super::model::{JoinRule, OnError, RetryPolicy, StepRole};
use super::plan_block::{BodyIndex, PlanBlock, StepList};
use super::step_index::StepIndex;
use crate::catalog::{Effect, StepAction};
use crate::expr::{Expression, ValueTemplate};
use crate::{Map, Problems};

/// The compiled form of one release's definition. Created only by [`super::compile_plan`], so its
/// wiring is sound: indexes are in range and there is no cycle.
#[derive(Debug)]
pub struct Plan {
    /// The workflow's name.
    pub name: String,
    /// The JSON Schema that the input of an execution must satisfy, given or inferred.
    pub input_schema: Arc<Value>,
    /// `input_schema` compiled.
    pub input_checker: SchemaChecker,
    /// In the order of the definition, each block before the steps in it and each step before its
    /// compensation; then the block of `on_failure` and its steps.
    pub steps: Vec<PlanStep>,
    /// Step index by step id, without compensations and `on_failure`.
    pub by_id: BTreeMap<String, StepIndex>,
    /// The steps outside all blocks.
    pub top: StepList,
    /// The block of the steps of `on_failure`.
    pub failure_handler: Option<StepIndex>,
    /// The declared outputs, in order; empty: what the sinks made.
    pub outputs: Vec<PlanOutput>,
    /// First values of the state.
    pub state: Map,
    /// The variables of the workspace that expressions read, each once, by name.
    pub variables: Vec<PlanVariable>,
    /// The execution's timeout, from its start.
    pub timeout: Option<Duration>,
    /// How long ended executions are kept.
    pub retention: Option<Duration>,
    /// Whether a `Map` writes the results of its items to a file.
    pub writes_files: bool,
    /// How many executions are under way at the same time; `None`: any number.
    pub concurrency: Option<Box<PlanConcurrency>>,
    /// About how many bytes the plan takes in memory. Compiled expressions are not counted: they
    /// are in a cache of their own.
    pub memory_bytes: usize,
}

/// A variable of the workspace that expressions read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanVariable {
    /// Its name.
    pub name: String,
    /// The place of the first expression that fails without it; `None`: all have a default.
    pub required_at: Option<String>,
}

/// One declared output.
#[derive(Debug)]
pub struct PlanOutput {
    /// Its name.
    pub name: String,
    /// What makes its value.
    pub value: ValueTemplate,
    /// Its JSON Schema, declared or resolved from what it refers to (`{}` where unknown).
    pub schema: Value,
}

/// One step, ready to be run.
#[derive(Debug)]
pub struct PlanStep {
    /// Its id.
    pub id: String,
    /// The step type's own name, aliases resolved.
    pub type_name: &'static str,
    /// Who carries it out.
    pub action: StepAction,
    /// What running it does to the world, overrides and configuration applied.
    pub effect: Effect,
    /// After a crash in the middle: `true`: run again with the same key; `false`: fail it as
    /// `interrupted`.
    pub repeat_after_crash: bool,
    /// Where its input comes from.
    pub input: InputBinding,
    /// Its settings. A template without expressions renders to the same shared value each time.
    pub config: ValueTemplate,
    /// The edges into it; empty: a root.
    pub after: Vec<PlanEdge>,
    /// The steps with an edge from this one, each once.
    pub dependents: Vec<StepIndex>,
    /// The list of a block that it is in; `None`: it is outside all blocks.
    pub parent: Option<BodyIndex>,
    /// What it does with the lists of steps in it, if it is a block.
    pub block: Option<Box<PlanBlock>>,
    /// The steps that repeat it, outermost first; empty: it runs once in an execution. A run of
    /// the step has the index of an iteration for each of them.
    pub enclosing: Vec<StepIndex>,
    /// When it starts, seen from `after`.
    pub join: JoinRule,
    /// The count of a computed join: of edges, or of branches of a `Parallel`. It reads the inputs
    /// only, so it is always the same.
    pub join_count: Option<ValueTemplate>,
    /// The steps from which every way leads into this one, if they are cancelled when it starts.
    pub cancelled_rest: Vec<StepIndex>,
    /// It is skipped when this is false; steps that follow it by the order of the list continue.
    pub when: Option<Expression>,
    /// How long one attempt may take; of a block, how long it may run.
    pub timeout: Option<Duration>,
    /// What happens to a failed attempt: the first policy that fits its error; none: no retry.
    pub retry: Vec<RetryPolicy>,
    /// What happens when the last attempt failed; `Goto` was compiled to an edge and `Port`.
    pub on_error: OnError,
    /// When it runs.
    pub role: StepRole<StepIndex>,
    /// The step that compensates it.
    pub compensation: Option<PlanCompensation>,
    /// The JSON Schema of its input, as far as it is known. Steps of a type share it.
    pub input_schema: Arc<Value>,
    /// The JSON Schema of its output, as far as it is known.
    pub output_schema: Arc<Value>,
    /// How many attempts of it run at the same time; `None`: any number.
    pub concurrency: Option<Box<PlanConcurrency>>,
    /// The names of the secrets that its sensitive fields refer to.
    pub secrets: Vec<String>,
    /// `input_schema` of the step type compiled; `None` where every value satisfies it.
    pub input_checker: Option<Arc<SchemaChecker>>,
    /// The schema of `config` compiled; `None` where every value satisfies it.
    pub config_checker: Option<Arc<SchemaChecker>>,
    /// The wiring proves that the input satisfies its schema: no need to check it again.
    pub input_proven: bool,
    /// The configuration was checked once and for all.
    pub config_proven: bool,
}

impl PlanStep {
    /// Whether it is a `Map` that writes the results of its items to a file.
    pub(crate) fn writes_file(&self) -> bool {
        self.block.as_deref().is_some_and(PlanBlock::writes_file)
    }

    /// Whether a failed attempt can be followed by another one.
    pub fn is_retried(&self) -> bool {
        self.retry.iter().any(|policy| policy.max_attempts > 1)
    }

    /// Checks a rendered input and configuration, as far as the wiring does not prove them.
    /// `left`: the units that may be used where others wait for the thread, reduced by what was;
    /// `None`: it may take longer. `None` where that is not enough.
    ///
    /// # Errors
    /// Every violation, with its path from `input` and `config`.
    pub(crate) fn check_values(
        &self,
        input: &Value,
        config: &Value,
        mut left: Option<&mut u64>,
    ) -> Option<Result<(), Problems>> {
        let input_checker = self.input_checker.as_deref().filter(|_| !self.input_proven);
        let config_checker = self.config_checker.as_deref().filter(|_| !self.config_proven);
        for (checker, value, path) in
            [(input_checker, input, "input"), (config_checker, config, "config")]
        {
            let Some(checker) = checker else { continue };
            let checked = match left.as_deref_mut() {
                Some(left) => checker.check_inline(value, path, left)?,
                None => checker.check_value(value, path),
            };
            if checked.is_err() {
                return Some(checked);
            }
        }
        Some(Ok(()))
    }

    /// Checks an input that comes from elsewhere than the wiring. It may take long.
    ///
    /// # Errors
    /// Every violation, with its path from `input`; that it takes too much work.
    pub fn check_given(&self, input: &Value) -> Result<(), Problems> {
        self.input_checker.as_deref().map_or(Ok(()), |checker| checker.check_value(input, "input"))
    }
}

impl Index<StepIndex> for Plan {
    type Output = PlanStep;

    /// The step of an index of this plan's own.
    fn index(&self, index: StepIndex) -> &PlanStep {
        &self.steps[index.position()]
    }
}

impl Plan {
    /// The step of an index that may come from elsewhere, such as a journal.
    pub fn step(&self, index: StepIndex) -> Option<&PlanStep> {
        self.steps.get(index.position())
    }

    /// Whether a step is a `Map` that writes the results of its items to a file.
    pub fn writes_file(&self, step: StepIndex) -> bool {
        self.writes_files && self.step(step).is_some_and(PlanStep::writes_file)
    }

    /// The ids of the steps with an edge into `step`, once for each edge.
    pub fn previous_steps<'a>(&'a self, step: &'a PlanStep) -> impl Iterator<Item = &'a str> {
        step.after.iter().filter_map(|edge| Some(self.step(edge.from)?.id.as_str()))
    }

    /// The direct steps of a list: of a block, or those outside all blocks.
    pub fn step_list(&self, body: Option<BodyIndex>) -> Option<&StepList> {
        let Some(body) = body else { return Some(&self.top) };
        Some(&self.step(body.block)?.block.as_ref()?.bodies.get(body.body as usize)?.list)
    }

    /// Whether a step is the block of `on_failure`, or inside it.
    pub fn is_in_failure_handler(&self, step: StepIndex) -> bool {
        // It is at the end.
        self.failure_handler.is_some_and(|handler| step >= handler)
    }

    /// Whether a step runs only if the execution fails: a compensation, or a part of `on_failure`.
    pub fn is_handler(&self, step: StepIndex) -> bool {
        let is_compensation = self.step(step).is_some_and(|step| !step.role.is_regular());
        is_compensation || self.is_in_failure_handler(step)
    }

    /// The steps with their indexes, in the order of the definition.
    pub fn indexed_steps(&self) -> impl Iterator<Item = (StepIndex, &PlanStep)> {
        self.steps.iter().enumerate().map(|(position, step)| (StepIndex::at(position), step))
    }

    /// Checks the input of an execution, defaults already filled in. It may take long.
    ///
    /// # Errors
    /// Every violation, with its path from `input`: `input.text`; that it takes too much work.
    pub fn check_input(&self, input: &Value) -> Result<(), Problems> {
        self.input_checker.check_value(input, "input")
    }

    /// As [`Plan::check_input`], well below a millisecond; `None` where that is not enough.
    pub fn check_input_inline(&self, input: &Value) -> Option<Result<(), Problems>> {
        let mut left = u64::MAX;
        self.input_checker.check_inline(input, "input", &mut left)
    }

    /// The input with the declared defaults of properties that are missing. No input at all is
    /// an empty object.
    pub fn with_defaults(&self, input: Value) -> Value {
        let mut map = match input {
            Value::Null => Map::new(),
            Value::Object(map) => map,
            other => return other,
        };
        if let Some(Value::Object(properties)) = self.input_schema.get("properties") {
            for (name, schema) in properties {
                if let Some(default) = schema.get("default").filter(|_| !map.contains_key(name)) {
                    map.insert(name.clone(), default.clone());
                }
            }
        }
        Value::Object(map)
    }
}

/// What compensates a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanCompensation {
    /// The step that does it, in the same iterations.
    pub step: StepIndex,
    /// The steps inside repeating blocks whose runs it reads.
    pub needed: Vec<StepIndex>,
}

/// An edge into a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanEdge {
    /// The step it comes from.
    pub from: StepIndex,
    /// The port it leaves by; `None`: the usual way out.
    pub port: Option<String>,
    /// Whether it follows from the order of the list: it is followed also if the condition of
    /// `from` is false.
    pub is_implicit: bool,
}

/// Where a step's input comes from.
#[derive(Debug)]
pub enum InputBinding {
    /// Rendered from a template. If the step type has a default input that the template omits,
    /// `rest` provides it.
    Template {
        /// What was written, a bare value already put under its property.
        template: ValueTemplate,
        /// Fills the default input property, where the template does not.
        rest: Option<InputFeed>,
    },
    /// Not written: taken from before.
    Feed(InputFeed),
}

/// A value that flows without being written, by the defaults of the step types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputFeed {
    /// From an earlier step's output.
    Step {
        /// The step.
        from: StepIndex,
        /// The property of its output to take; `None`: the whole.
        property: Option<&'static str>,
        /// The input property it goes to; `None`: it is the whole input.
        into: Option<&'static str>,
    },
    /// From several steps: an object of the outputs of those that completed, by step id.
    Steps {
        /// The steps.
        from: Vec<StepIndex>,
    },
    /// From the workflow's inputs: these properties, where present, as an object.
    Inputs {
        /// Names of properties that the input of the step and of the workflow share.
        properties: Vec<String>,
    },
    /// The workflow's inputs as a whole.
    AllInputs,
    /// What a block gives to the first steps in it: the item of a `Map`, the previous output of a
    /// `Loop`, else its own input.
    Block {
        /// The block.
        block: StepIndex,
        /// The property to take, if the value has it; `None`: the whole.
        property: Option<&'static str>,
        /// The input property it goes to; `None`: it is the whole input.
        into: Option<&'static str>,
    },
    /// Nothing: an empty object.
    Empty,
    /// From the previous step of the list or, if that one is bypassed, from what came before it.
    FirstOf {
        /// Optional steps, the nearest first: the first that was not bypassed provides the
        /// value.
        optional: Vec<OptionalFeed>,
        /// The source if all of them were bypassed.
        last: Box<Self>,
    },
}

/// The feed of a step that may be bypassed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionalFeed {
    /// The step.
    pub step: StepIndex,
    /// What flows if it was not bypassed.
    pub feed: InputFeed,
}

/// A plan is shared by all executions of its release.
pub type SharedPlan = Arc<Plan>;
