//! What the domain knows of step types: their description, never their code.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Map;

/// What running a step does to the world; decides how durable the journal must be before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Computes from its input alone: can be computed again, needs no record before the next step.
    Pure,
    /// Reads or converges (GET, SELECT, upsert): may be repeated after a crash.
    Idempotent,
    /// Changes something outside: journaled as started before it runs, carries an idempotency key.
    External,
}

impl Effect {
    /// As it is written in the API: `pure`, `idempotent`, `external`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Idempotent => "idempotent",
            Self::External => "external",
        }
    }
}

/// Who carries a step out.
///
/// Control flow is a closed set that the state machine itself knows, so that it stays
/// exhaustive; step types that only compute or do I/O are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepAction {
    /// The runtime runs the step type's code.
    Run,
    /// The state machine waits until a moment (`config.for` or `config.until`), then passes the
    /// input on as output.
    Delay,
    /// The state machine waits until the moment `config.until`, which is the output.
    WaitUntil,
    /// The state machine gives the outputs of the steps whose edges were taken.
    Merge,
    /// The state machine sets state values: the input's fields, which are the output too.
    SetState,
    /// The state machine fails the step with `config.message` and `config.code`.
    Fail,
    /// The state machine ends the execution, with `config.status` and the input as output.
    Stop,
    /// The runtime starts an execution of `config.workflow`, and the state machine waits for its end.
    SubWorkflow,
    /// The state machine waits for the signal `config.signal` with the correlation key
    /// `config.key`; its data are the output.
    WaitForSignal,
    /// The state machine waits for the decision of people.
    Approval,
    /// The state machine runs the lists of steps in it.
    Block,
}

/// A keyword (its value is `true`) in the output schema of a step type that gives its whole input
/// on as output, so that types flow through it: `{"x-same-as-input": true}`.
pub const SAME_AS_INPUT: &str = "x-same-as-input";

/// The part of a step that is known when its definition is created.
#[derive(Debug, Clone, Default)]
pub struct StaticFields {
    /// The fields of `config` without an expression. In a field that is an object, entries that
    /// have one are `null`.
    pub config: Map,
    /// The same of `input`; empty where the whole input is an expression or is omitted.
    pub input: Map,
    /// For each field of `config` that is a text with an expression: the text before the first one.
    pub prefixes: BTreeMap<String, String>,
}

/// The result of checking a configuration; an error has the wrong field and a message.
pub type ConfigCheck = Result<(), (&'static str, String)>;

/// The description of a step type.
#[derive(Debug, Clone)]
pub struct StepSpec {
    /// Its name in definitions: `TextOperation.Reverse`.
    pub name: &'static str,
    /// Other names under which it is accepted.
    pub aliases: &'static [&'static str],
    /// One sentence on what it does.
    pub summary: &'static str,
    /// What a user needs to know beyond that, in Markdown; may be empty.
    pub doc: &'static str,
    /// Its group in the palette: `Text`, `JSON`, `HTTP`, `Flow`.
    pub category: &'static str,
    /// JSON Schema (an object) of `config`.
    pub config: Value,
    /// JSON Schema of the input.
    pub input: Value,
    /// JSON Schema of the output. With the keyword [`SAME_AS_INPUT`] the output is the input, and
    /// has its type.
    pub output: Value,
    /// The input property that a bare value and the previous step's output bind to; `None` where
    /// the whole input is the value (its schema may be anything).
    pub default_input: Option<&'static str>,
    /// The output property that feeds the next step's default input; `None` where the whole
    /// output does.
    pub default_output: Option<&'static str>,
    /// Checks the configuration beyond its schema, such as for an invalid pattern. An error has the
    /// field of `config` and a message.
    pub check: Option<fn(&StaticFields) -> ConfigCheck>,
    /// The same for the input: the field of `input` and a message.
    pub check_input: Option<fn(&StaticFields) -> ConfigCheck>,
    /// Whether the step, where its input is not given, takes none instead of the previous output.
    pub is_source: bool,
    /// What running it does to the world.
    pub effect: Effect,
    /// The effect, where it depends on the configuration (`HttpRequest`: a `GET` may be repeated, a
    /// `POST` may not). A field may contain a template instead of a value: unknown values must count
    /// as the worst. `None`: always `effect`.
    pub effect_of: Option<fn(&Value) -> Effect>,
    /// Who carries it out.
    pub action: StepAction,
    /// Of a block, and of a type whose configuration is written beside `type`: these fields, as
    /// `properties` and `required` of a JSON Schema, in which `#/$defs/step` is the schema of a step.
    pub block: Option<Value>,
    /// Paths of `config` and `input` in which `secrets.NAME` may be used: `config.headers`.
    pub sensitive: &'static [&'static str],
    /// Ports it can leave by besides the usual one; `error` is every step's.
    pub ports: &'static [&'static str],
    /// Example steps, each a whole step of a definition, valid and runnable without a network
    /// unless its effect is not `Pure`.
    pub examples: Vec<Value>,
}

impl StepSpec {
    /// Whether its output is its input.
    pub fn passes_through(&self) -> bool {
        matches!(self.action, StepAction::Delay | StepAction::SetState)
            || self.output.get(SAME_AS_INPUT).is_some_and(|flag| flag == true)
    }
}

/// Finds step types by name. The domain is handed one; the step types live elsewhere.
pub trait StepCatalog: Sync {
    /// The type of that name or alias.
    fn find_type(&self, name: &str) -> Option<&StepSpec>;
    /// All types, sorted by name.
    fn all_types(&self) -> Vec<&StepSpec>;
}
