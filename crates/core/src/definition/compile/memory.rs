//! An estimate of how much memory a plan takes.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::definition::blocks::{BodyRole, LoopCondition};
use crate::definition::check::schema::pattern_bytes;
use crate::definition::concurrency::PlanConcurrency;
use crate::definition::model::OnError;
use crate::definition::plan::{InputBinding, InputFeed, Plan, PlanOutput, PlanStep, PlanVariable};
use crate::definition::plan_block::{PlanBlock, PlanBlockKind, PlanBody, StepList};
use crate::expr::{Expression, ValueTemplate};
use crate::memory::{
    ARC_BYTES, OBJECT_ENTRY_BYTES, allocated_bytes, clone_bytes, map_clone_bytes, names_bytes,
};

/// A compiled schema takes so many times the memory of the schema itself.
const CHECKER_FACTOR: usize = 4;

/// About how many bytes a plan takes, compiled expressions not counted; `checkers`: those that
/// its steps share.
pub(super) fn plan_bytes(plan: &Plan, checkers: usize) -> usize {
    // Schemas that steps share count once.
    let mut shared = BTreeSet::new();
    let mut shared_bytes = checkers;
    for step in &plan.steps {
        for schema in [&step.input_schema, &step.output_schema] {
            if shared.insert(Arc::as_ptr(schema).addr()) {
                shared_bytes += ARC_BYTES + clone_bytes(schema);
            }
        }
    }
    size_of::<Plan>()
        + allocated_bytes(plan.name.len())
        + clone_bytes(&plan.input_schema)
        + checker_bytes(&plan.input_schema)
        + map_clone_bytes(&plan.state)
        + plan.variables.iter().map(variable_bytes).sum::<usize>()
        + plan.steps.iter().map(step_bytes).sum::<usize>()
        + plan.outputs.iter().map(output_bytes).sum::<usize>()
        + plan.concurrency.as_deref().map_or(0, concurrency_bytes)
        + shared_bytes
}

fn variable_bytes(variable: &PlanVariable) -> usize {
    let PlanVariable { name, required_at } = variable;
    let path = required_at.as_ref().map_or(0, |path| allocated_bytes(path.len()));
    size_of::<PlanVariable>() + allocated_bytes(name.len()) + path
}

fn concurrency_bytes(planned: &PlanConcurrency) -> usize {
    size_of_val(planned) + planned.key.as_ref().map_or(0, ValueTemplate::memory_bytes)
}

fn output_bytes(output: &PlanOutput) -> usize {
    allocated_bytes(output.name.len()) + output.value.memory_bytes() + clone_bytes(&output.schema)
}

fn step_bytes(step: &PlanStep) -> usize {
    let edges = step.after.iter().map(|edge| {
        size_of_val(edge) + edge.port.as_ref().map_or(0, |port| allocated_bytes(port.len()))
    });
    let on_error = match &step.on_error {
        OnError::Goto(step) => allocated_bytes(step.len()),
        OnError::Fail | OnError::Continue | OnError::Port => 0,
    };
    // The id is a key of the plan as well, and the step's number is in a few lists.
    let names = 2 * allocated_bytes(step.id.len()) + OBJECT_ENTRY_BYTES + 4 * size_of::<usize>();
    size_of::<PlanStep>()
        + names
        + on_error
        + edges.sum::<usize>()
        + size_of_val(step.dependents.as_slice())
        + size_of_val(step.enclosing.as_slice())
        + step.concurrency.as_deref().map_or(0, concurrency_bytes)
        + size_of_val(step.cancelled_rest.as_slice())
        + step.join_count.as_ref().map_or(0, ValueTemplate::memory_bytes)
        + step.when.as_ref().map_or(0, Expression::memory_bytes)
        + size_of_val(step.retry.as_slice())
        + step.retry.iter().map(|policy| names_bytes(&policy.on)).sum::<usize>()
        + names_bytes(&step.secrets)
        + step.compensation.as_ref().map_or(0, |planned| size_of_val(planned.needed.as_slice()))
        + step.config.memory_bytes()
        + binding_bytes(&step.input)
        + step.block.as_deref().map_or(0, block_bytes)
}

fn block_bytes(block: &PlanBlock) -> usize {
    let template =
        |template: &Option<ValueTemplate>| template.as_ref().map_or(0, ValueTemplate::memory_bytes);
    let kind = match &block.kind {
        PlanBlockKind::Loop(planned) => {
            let (LoopCondition::While(condition) | LoopCondition::Until(condition)) =
                &planned.condition;
            size_of_val(&**planned)
                + condition.memory_bytes()
                + template(&planned.pause)
                + template(&planned.output)
        }
        PlanBlockKind::Map(planned) => size_of_val(&**planned) + template(&planned.output),
        _ => 0,
    };
    let bodies = block.bodies.iter().map(|body| {
        let role = match &body.role {
            BodyRole::When(condition) => condition.memory_bytes(),
            BodyRole::Equals(values) => values.iter().map(clone_bytes).sum(),
            BodyRole::Parallel(name) => allocated_bytes(name.len()),
            BodyRole::Catch(codes) => names_bytes(codes),
            _ => 0,
        };
        let StepList { steps, roots, sinks } = &body.list;
        let list = [steps, roots, sinks].map(|list| size_of_val(list.as_slice()));
        size_of::<PlanBody>() + role + list.iter().sum::<usize>()
    });
    size_of::<PlanBlock>() + kind + bodies.sum::<usize>()
}

fn binding_bytes(binding: &InputBinding) -> usize {
    match binding {
        InputBinding::Template { template, rest } => {
            template.memory_bytes() + rest.as_ref().map_or(0, feed_bytes)
        }
        InputBinding::Feed(only) => feed_bytes(only),
    }
}

fn feed_bytes(feed: &InputFeed) -> usize {
    match feed {
        InputFeed::Steps { from } => size_of_val(from.as_slice()),
        InputFeed::Inputs { properties } => names_bytes(properties),
        InputFeed::Step { .. }
        | InputFeed::Block { .. }
        | InputFeed::AllInputs
        | InputFeed::Empty => 0,
        InputFeed::FirstOf { optional, last } => {
            let inner = optional.iter().map(|optional| feed_bytes(&optional.feed));
            size_of_val(optional.as_slice())
                + size_of::<InputFeed>()
                + inner.sum::<usize>()
                + feed_bytes(last)
        }
    }
}

/// About how many bytes a schema takes compiled.
pub(super) fn checker_bytes(schema: &Value) -> usize {
    CHECKER_FACTOR * clone_bytes(schema) + pattern_bytes(schema, usize::MAX)
}
