//! Compiled blocks: steps that contain lists of steps.

use serde_json::Value;

use super::blocks::{BodyRole, ItemCollection, LoopCondition};
use super::step_index::StepIndex;
use crate::expr::{Expression, ValueTemplate, at_key};

/// What a block does with the lists of steps in it.
#[derive(Debug)]
pub struct PlanBlock {
    /// What it does.
    pub kind: PlanBlockKind,
    /// Its lists of steps, in order.
    pub bodies: Vec<PlanBody>,
    /// The index after that of the last step inside it: the steps inside are between its own index
    /// and this one.
    pub end: StepIndex,
}

/// A list of steps of a block.
#[derive(Debug)]
pub struct PlanBody {
    /// When it is run.
    pub role: BodyRole<Expression>,
    /// Its steps.
    pub list: StepList,
}

/// The steps of one list, without those inside its blocks.
#[derive(Debug, Default)]
pub struct StepList {
    /// In the order of the definition.
    pub steps: Vec<StepIndex>,
    /// Those that nothing comes before, in order.
    pub roots: Vec<StepIndex>,
    /// Those that nothing comes after, in order.
    pub sinks: Vec<StepIndex>,
}

/// What a block does.
#[derive(Debug)]
pub enum PlanBlockKind {
    /// `Branch`.
    Branch,
    /// `Switch`.
    Switch,
    /// `Parallel`.
    Parallel {
        /// How many bodies must complete; `None`: as many as `join_count` of the step states.
        needed: Option<usize>,
        /// Whether the others are cancelled as soon as enough of them have completed.
        cancel_rest: bool,
    },
    /// `Loop`.
    Loop(Box<PlanLoop>),
    /// `Map`.
    Map(Box<PlanMap>),
    /// `Try`.
    Try,
}

/// A `Loop`.
#[derive(Debug)]
pub struct PlanLoop {
    /// When it ends.
    pub condition: LoopCondition<Expression>,
    /// The most iterations.
    pub max_iterations: u32,
    /// The pause between two iterations, a duration.
    pub pause: Option<ValueTemplate>,
    /// Whether its output is the list of the outputs of all iterations.
    pub collect: bool,
    /// The output of an iteration; `None`: that of the last steps.
    pub output: Option<ValueTemplate>,
}

/// A `Map`.
#[derive(Debug)]
pub struct PlanMap {
    /// The name of the item in expressions.
    pub item_name: String,
    /// The most items whose steps run at the same time.
    pub max_concurrency: u32,
    /// Whether a failed item is a result instead of failing the step.
    pub collect_errors: bool,
    /// What of the results is kept.
    pub collection: ItemCollection,
    /// The result of an item; `None`: the output of the last steps.
    pub output: Option<ValueTemplate>,
    /// From how many items on they are run in chunks, of which only the results are recorded;
    /// `None`: never.
    pub chunked_from: Option<usize>,
}

/// A list of steps of a block in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BodyIndex {
    /// The block.
    pub block: StepIndex,
    /// The position of the body in the block.
    pub body: u32,
}

impl BodyIndex {
    /// The list at a position of the block at a position of the plan.
    pub(crate) fn at(block: usize, body: usize) -> Self {
        Self { block: StepIndex::at(block), body: u32::try_from(body).unwrap_or(u32::MAX) }
    }
}

impl PlanBlock {
    /// Whether the steps inside run in numbered iterations.
    pub const fn is_repeating(&self) -> bool {
        matches!(self.kind, PlanBlockKind::Loop(_) | PlanBlockKind::Map(_))
    }

    /// Whether it runs its items in chunks, with this input.
    pub(crate) fn is_chunked(&self, input: Option<&Value>) -> bool {
        let PlanBlockKind::Map(map) = &self.kind else { return false };
        let count = input.and_then(Value::as_array).map(Vec::len);
        map.chunked_from.zip(count).is_some_and(|(from, count)| count >= from)
    }

    /// Whether the outputs of its iterations are not needed.
    pub(crate) fn drops_outputs(&self) -> bool {
        matches!(&self.kind, PlanBlockKind::Map(map) if !map.collection.records_outputs())
    }

    /// Whether the results of its items are a file.
    pub(crate) fn writes_file(&self) -> bool {
        matches!(&self.kind, PlanBlockKind::Map(map) if map.collection == ItemCollection::File)
    }

    /// The template of the output of an iteration.
    pub fn output(&self) -> Option<&ValueTemplate> {
        match &self.kind {
            PlanBlockKind::Loop(planned) => planned.output.as_ref(),
            PlanBlockKind::Map(planned) => planned.output.as_ref(),
            _ => None,
        }
    }

    /// The name of a body in its block: `cases[0]`, `else`, `branches.mail`, `catch[1]`, as it is in
    /// the source; `None`: there is no such body.
    pub fn body_name(&self, body: u32) -> Option<String> {
        let position = body as usize;
        Some(match &self.bodies.get(position)?.role {
            BodyRole::When(_) | BodyRole::Equals(_) => format!("cases[{position}]"),
            BodyRole::Else => "else".to_owned(),
            BodyRole::Parallel(name) => at_key("branches", name),
            BodyRole::Iteration | BodyRole::Guarded => "steps".to_owned(),
            // Those of a `Try` follow its first body.
            BodyRole::Catch(_) => format!("catch[{}]", position.saturating_sub(1)),
            BodyRole::Finally => "finally".to_owned(),
        })
    }
}
