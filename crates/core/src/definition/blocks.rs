//! Blocks: steps that contain lists of steps.

use serde_json::Value;

use super::model::JoinRule;

/// The most blocks that can enclose a step.
pub(crate) const MAX_NESTING: usize = 16;

/// The highest `max_iterations` of a `Loop`, and the most items of a `Map`.
pub const MAX_ITERATIONS: u32 = 1_000_000;

/// A step that contains lists of steps, as written.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockDefinition {
    /// What it does with its bodies.
    pub kind: BlockKind,
    /// Its lists of steps, in order; at least one. Their steps name them by position
    /// ([`super::model::ParentBody`]).
    pub bodies: Vec<BodyDefinition>,
}

/// What a block does with its bodies.
#[derive(Debug, Clone, PartialEq)]
pub enum BlockKind {
    /// Runs the first case whose condition is true, else the last body if it has no condition.
    Branch,
    /// Runs the first case that lists the input, else the last body if it lists nothing.
    Switch,
    /// Runs all bodies at once.
    Parallel {
        /// How many of them must complete.
        join: JoinRule,
        /// Whether the others are cancelled as soon as enough of them have completed.
        cancel_rest: bool,
    },
    /// Runs its body again and again.
    Loop(Box<LoopDefinition>),
    /// Runs its body for each item of its input, a list.
    Map(Box<MapDefinition>),
    /// Runs its first body; if that fails, the first `catch` that fits; in any case `finally`.
    Try,
}

/// The settings of a `Loop`.
#[derive(Debug, Clone, PartialEq)]
pub struct LoopDefinition {
    /// When it ends.
    pub condition: LoopCondition<String>,
    /// The most iterations; one more fails the step.
    pub max_iterations: u32,
    /// A duration or a template of one: the pause between two iterations.
    pub pause: Option<Value>,
    /// Whether its output is the list of the outputs of all iterations.
    pub collect: bool,
    /// A template of the output of an iteration; `None`: that of the last steps.
    pub output: Option<Value>,
}

/// When a `Loop` ends.
#[derive(Debug, Clone, PartialEq)]
pub enum LoopCondition<T> {
    /// When this is false before an iteration.
    While(T),
    /// When this is true after an iteration.
    Until(T),
}

/// The settings of a `Map`.
#[derive(Debug, Clone, PartialEq)]
pub struct MapDefinition {
    /// The name of the item in expressions.
    pub item_name: String,
    /// The most items whose steps run at the same time.
    pub max_concurrency: u32,
    /// Whether a failed item is a result (`{"error": …}`) instead of failing the step.
    pub collect_errors: bool,
    /// What of the results is kept.
    pub collection: ItemCollection,
    /// A template of the result of an item; `None`: the output of the last steps.
    pub output: Option<Value>,
    /// What is recorded of each item; `None`: the default.
    pub record: Option<ItemRecord>,
}

/// What a `Map` keeps of the results of its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemCollection {
    /// All, as a list.
    All,
    /// The errors, with the numbers of items.
    Errors,
    /// Only the numbers of items.
    None,
    /// All, in a file of the execution; otherwise only the numbers of items.
    File,
}

impl ItemCollection {
    /// All values, as they are written.
    pub const NAMES: [(&str, Self); 4] =
        [("all", Self::All), ("errors", Self::Errors), ("none", Self::None), ("file", Self::File)];

    /// Whether the outputs of items are kept in memory.
    pub fn keeps_outputs(self) -> bool {
        self == Self::All
    }

    /// Whether the outputs of items are recorded.
    pub fn records_outputs(self) -> bool {
        matches!(self, Self::All | Self::File)
    }

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Errors => "errors",
            Self::None => "none",
            Self::File => "file",
        }
    }
}

/// What the journal has of each item of a `Map`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemRecord {
    /// Its steps, with their inputs and outputs.
    Steps,
    /// Its result.
    Results,
}

impl ItemRecord {
    /// All values, as they are written.
    pub const NAMES: [(&str, Self); 2] = [("steps", Self::Steps), ("results", Self::Results)];
}

/// A list of steps of a block.
#[derive(Debug, Clone, PartialEq)]
pub struct BodyDefinition {
    /// When it is run.
    pub role: BodyRole<String>,
    /// Its place in the source: `steps[1].cases[0]`.
    pub path: String,
}

/// When a body is run. `T` is a condition.
#[derive(Debug, Clone, PartialEq)]
pub enum BodyRole<T> {
    /// Of a `Branch`: if this is true.
    When(T),
    /// Of a `Switch`: if the input is one of these.
    Equals(Vec<Value>),
    /// Of a `Branch` or `Switch`: if no case was run.
    Else,
    /// Of a `Parallel`: always. Its name is the key of its output.
    Parallel(String),
    /// Of a `Loop` or `Map`: for each iteration.
    Iteration,
    /// The first one of a `Try`.
    Guarded,
    /// Of a `Try`: if the first one failed with one of these codes, or with any if there are none.
    Catch(Vec<String>),
    /// Of a `Try`: at the end.
    Finally,
}

impl BlockKind {
    /// Whether the steps inside run in numbered iterations.
    pub const fn is_repeating(&self) -> bool {
        matches!(self, Self::Loop(_) | Self::Map(_))
    }

    /// The field of the step that has its input.
    pub const fn input_field(&self) -> &'static str {
        match self {
            Self::Map(_) => "over",
            Self::Switch => "value",
            _ => "input",
        }
    }
}

impl BlockDefinition {
    /// Whether it can be that none of its bodies is run.
    pub fn may_be_bypassed(&self) -> bool {
        matches!(self.kind, BlockKind::Branch | BlockKind::Switch)
            && !self.bodies.iter().any(|body| body.role == BodyRole::Else)
    }
}
