//! Evaluates bindings: a step's input and configuration, the execution's outputs.

use std::sync::Arc;

use serde_json::Value;

use super::scope::ExecutionScope;
use super::state::Execution;
use super::step_run_id::StepRunId;
use super::step_runs::StepState;
use crate::Map;
use crate::definition::StepIndex;
use crate::definition::plan::{InputBinding, InputFeed, PlanStep};
use crate::expr::{EvalError, RenderedValue, shared_null};

/// The input of a step, by its binding.
pub(super) fn bind_input(
    planned: &PlanStep,
    scope: &ExecutionScope<'_>,
) -> Result<RenderedValue, EvalError> {
    match &planned.input {
        InputBinding::Feed(feed) => {
            Ok(RenderedValue { value: feed_value(feed, scope.execution), insertions: Vec::new() })
        }
        InputBinding::Template { template, rest } => {
            let written = template.render_value(scope)?;
            let Some(rest) = rest else { return Ok(written) };
            let mut whole = feed_object(feed_value(rest, scope.execution));
            if let Value::Object(fields) = &*written.value {
                whole.extend(fields.iter().map(|(k, v)| (k.clone(), v.clone())));
            }
            Ok(RenderedValue { value: Arc::new(Value::Object(whole)), ..written })
        }
    }
}

fn feed_object(fed: Arc<Value>) -> Map {
    match Arc::unwrap_or_clone(fed) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn feed_value(feed: &InputFeed, execution: &Execution) -> Arc<Value> {
    match feed {
        InputFeed::Step { from, property, into } => {
            step_value(output_of(execution, *from), *property, *into)
        }
        InputFeed::Steps { from } => {
            let completed = from.iter().filter_map(|step| {
                match &execution.steps.run(&StepRunId::from(*step)).state {
                    StepState::Completed { output, .. } => {
                        Some((execution.origin.plan[*step].id.clone(), Value::clone(output)))
                    }
                    _ => None,
                }
            });
            Arc::new(Value::Object(completed.collect()))
        }
        InputFeed::Inputs { properties } => {
            // Shared instead of copied if it has no other fields.
            if let Value::Object(fields) = &*execution.input
                && fields.keys().all(|k| properties.contains(k))
            {
                return execution.input.clone();
            }
            let picked = properties
                .iter()
                .filter_map(|k| Some((k.clone(), execution.input.get(k)?.clone())));
            Arc::new(Value::Object(picked.collect()))
        }
        InputFeed::AllInputs => execution.input.clone(),
        InputFeed::FirstOf { optional, last } => {
            let nearest = optional.iter().find(|optional| !is_bypassed(execution, optional.step));
            feed_value(nearest.map_or(last, |nearest| &nearest.feed), execution)
        }
        InputFeed::Empty => Arc::new(Value::Object(Map::new())),
    }
}

/// The output of a step; `null` if it did not complete.
fn output_of(execution: &Execution, step: StepIndex) -> &Arc<Value> {
    match &execution.steps.run(&step.into()).state {
        StepState::Completed { output, .. } => output,
        _ => shared_null(),
    }
}

fn is_bypassed(execution: &Execution, step: StepIndex) -> bool {
    execution.steps.run(&step.into()).state.is_bypassed()
}

fn step_value(output: &Arc<Value>, property: Option<&str>, into: Option<&str>) -> Arc<Value> {
    // `{"text": …}` bound to `text` is shared: nothing is copied, and the journal need not repeat
    // it.
    if let (Some(property), Some(into)) = (property, into)
        && property == into
        && output.as_object().is_some_and(|o| o.len() == 1 && o.contains_key(into))
    {
        return output.clone();
    }
    let value = || match property {
        None => Value::clone(output),
        Some(property) => output.get(property).cloned().unwrap_or_default(),
    };
    match (property, into) {
        (None, None) => output.clone(),
        (Some(_), None) => Arc::new(value()),
        (_, Some(into)) => Arc::new(Value::Object(Map::from_iter([(into.to_owned(), value())]))),
    }
}

/// The configuration of a started step: evaluated from expressions, else the plan's own.
pub(super) fn bound_config(execution: &Execution, step: &StepRunId) -> Arc<Value> {
    if let Some(config) = &execution.steps.run(step).config {
        return config.clone();
    }
    let rendered =
        execution.origin.plan[step.step].config.render_value(&ExecutionScope::new(execution));
    rendered.map_or_else(|_| shared_null().clone(), |rendered| rendered.value)
}

/// The output of the last step or, if it was bypassed, of what came before it.
fn last_output(execution: &Execution, sink: StepIndex) -> Arc<Value> {
    let mut last = sink;
    while is_bypassed(execution, last) {
        match execution.origin.plan[last].after.as_slice() {
            [] => break,
            [edge] => last = edge.from,
            several => {
                let from = several.iter().map(|edge| edge.from).collect();
                return feed_value(&InputFeed::Steps { from }, execution);
            }
        }
    }
    output_of(execution, last).clone()
}

impl Execution {
    /// The configuration with which a step run was last attempted, with placeholders for secrets;
    /// `None`: no attempt of it began.
    pub fn step_config(&self, step: &StepRunId) -> Option<&Arc<Value>> {
        let run = self.steps.get(step).filter(|run| run.attempts > 0)?;
        run.config.as_ref().or_else(|| self.origin.plan.step(step.step)?.config.static_value())
    }
}

/// The outputs of an execution whose steps are all settled: the declared ones, else those of its
/// last steps (one: its output; several: an object by step id).
///
/// # Errors
/// The name of the output that could not be evaluated, and why.
pub(super) fn bind_outputs(scope: &ExecutionScope<'_>) -> Result<Arc<Value>, (String, EvalError)> {
    let execution = scope.execution;
    let plan = &execution.origin.plan;
    if plan.outputs.is_empty() {
        return Ok(match plan.sinks.as_slice() {
            [one] => last_output(execution, *one),
            many => feed_value(&InputFeed::Steps { from: many.to_vec() }, execution),
        });
    }
    let mut outputs = Map::new();
    for output in &plan.outputs {
        let value = output.value.render_value(scope).map_err(|e| (output.name.clone(), e))?;
        outputs.insert(output.name.clone(), Arc::unwrap_or_clone(value.value));
    }
    Ok(Arc::new(Value::Object(outputs)))
}
