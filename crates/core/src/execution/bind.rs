//! Evaluates bindings: a step's input and configuration, the execution's outputs.

use std::sync::Arc;

use serde_json::Value;

use super::blocks::block_run::BodyRunId;
use super::scope::ExecutionScope;
use super::state::Execution;
use super::step_run::StepState;
use super::step_run_id::StepRunId;
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
            Ok(RenderedValue { value: feed_value(feed, scope), insertions: Vec::new() })
        }
        InputBinding::Template { template, rest } => {
            let written = template.render_value(scope)?;
            let Some(rest) = rest else { return Ok(written) };
            let mut whole = feed_object(feed_value(rest, scope));
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

fn feed_value(feed: &InputFeed, scope: &ExecutionScope<'_>) -> Arc<Value> {
    let execution = scope.execution;
    match feed {
        InputFeed::Step { from, property, into } => {
            step_value(output_of(scope, *from), *property, *into)
        }
        InputFeed::Steps { from } => {
            let completed = from.iter().filter_map(|step| {
                match &execution.steps.run(&scope.run_id(*step)).state {
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
            let nearest = optional.iter().find(|optional| !is_bypassed(scope, optional.step));
            feed_value(nearest.map_or(last, |nearest| &nearest.feed), scope)
        }
        InputFeed::Block { block, property, into } => {
            let given = scope.given_by(*block);
            // What has not the property is taken as a whole.
            let property = property.filter(|property| given.get(property).is_some());
            step_value(&given, property, *into)
        }
        InputFeed::Empty => Arc::new(Value::Object(Map::new())),
    }
}

/// The output of a step; `null` if it did not complete.
fn output_of<'s>(scope: &ExecutionScope<'s>, step: StepIndex) -> &'s Arc<Value> {
    match &scope.execution.steps.run(&scope.run_id(step)).state {
        StepState::Completed { output, .. } => output,
        _ => shared_null(),
    }
}

fn is_bypassed(scope: &ExecutionScope<'_>, step: StepIndex) -> bool {
    scope.execution.steps.run(&scope.run_id(step)).state.is_bypassed()
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
    let rendered = execution.origin.plan[step.step]
        .config
        .render_value(&ExecutionScope::new(execution).of_step(step));
    rendered.map_or_else(|_| shared_null().clone(), |rendered| rendered.value)
}

/// The output of the last step of a list or, if it was bypassed, of what came before it; `None` if
/// nothing is left of the list.
fn last_output(scope: &ExecutionScope<'_>, sink: StepIndex) -> Option<Arc<Value>> {
    let mut last = sink;
    while is_bypassed(scope, last) {
        match scope.execution.origin.plan[last].after.as_slice() {
            [] => return None,
            [edge] => last = edge.from,
            several => {
                let from = several.iter().map(|edge| edge.from).collect();
                return Some(feed_value(&InputFeed::Steps { from }, scope));
            }
        }
    }
    Some(output_of(scope, last).clone())
}

/// The output of a body whose steps are all settled: that of its last steps (one: its output;
/// several: an object by step id). If all were bypassed, what the block gave them.
pub(super) fn bind_body_output(scope: &ExecutionScope<'_>, body: &BodyRunId) -> Arc<Value> {
    let plan = &scope.execution.origin.plan;
    match body.step_list(plan).map(|list| list.sinks.as_slice()) {
        Some([one]) => last_output(scope, *one).unwrap_or_else(|| scope.given_by(body.block.step)),
        Some(several) => feed_value(&InputFeed::Steps { from: several.to_vec() }, scope),
        None => shared_null().clone(),
    }
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
    let plan = &scope.execution.origin.plan;
    if plan.outputs.is_empty() {
        return Ok(match plan.top.sinks.as_slice() {
            [one] => last_output(scope, *one).unwrap_or_else(|| shared_null().clone()),
            many => feed_value(&InputFeed::Steps { from: many.to_vec() }, scope),
        });
    }
    let mut outputs = Map::new();
    for output in &plan.outputs {
        let value = output.value.render_value(scope).map_err(|e| (output.name.clone(), e))?;
        outputs.insert(output.name.clone(), Arc::unwrap_or_clone(value.value));
    }
    Ok(Arc::new(Value::Object(outputs)))
}
