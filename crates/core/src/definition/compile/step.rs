//! One step of the plan.

use std::sync::Arc;

use serde_json::{Value, json};

use super::PlanCompiler;
use super::binding::BoundInput;
use super::reader_position::ReaderPosition;
use super::shape::{TemplatePosition, ValuePosition};
use crate::catalog::{StaticFields, StepAction, StepSpec};
use crate::definition::model::{OnError, StepDefinition, StepRole};
use crate::definition::plan::PlanStep;
use crate::definition::plan_block::BodyIndex;
use crate::definition::step_index::StepIndex;
use crate::expr::{Expression, ValueTemplate, at_key};
use crate::{Map, Problem, names};

impl PlanCompiler<'_> {
    /// Compiles the step, or adds the problems. An unknown type suppresses only checks that need it.
    pub(super) fn compile_step(&mut self, index: usize) -> Option<PlanStep> {
        let step = self.definition.steps.get(index)?;
        self.position = ReaderPosition::Step(index);
        let when = self.compile_condition(step);
        let Some(spec) = self.specs.get(index).copied().flatten() else {
            self.without_type(step);
            return None;
        };
        self.check_compensation(step, spec);
        let (config, config_proven) = self.compile_config(step, spec);
        let bound = self.bind_input(index, step, spec);
        let schemas = self.type_schemas(spec);
        let output_schema = match (spec.passes_through(), &bound) {
            (true, Some(bound)) => bound.source.clone(),
            (true, None) => Arc::new(json!({})),
            (false, _) => schemas.output,
        };
        if let (Some(_), Some(bound)) = (&step.block, &bound) {
            self.block_inputs.insert(index, bound.source.clone());
        }
        if let Some(slot) = self.outputs.get_mut(index) {
            slot.clone_from(&output_schema);
        }
        let effect = spec
            .effect_of
            .map_or(spec.effect, |effect_of| effect_of(&Value::Object(step.config.clone())));
        let concurrency = self.plan_step_concurrency(index, step, spec);
        let join_count = self.compile_join_count(index, step)?;
        let bound = bound?;
        let config = config?;
        Some(PlanStep {
            id: step.id.clone(),
            type_name: spec.name,
            action: spec.action,
            effect,
            repeat_after_crash: step.idempotent.unwrap_or(true),
            secrets: secret_names(&config, &bound),
            input: bound.binding,
            config,
            after: self.graph.after.get(index)?.clone(),
            dependents: self.graph.dependents.get(index)?.clone(),
            parent: step.parent.map(|parent| BodyIndex::at(parent.block, parent.body)),
            block: None,
            enclosing: self.repeating_blocks(step),
            join: step.join,
            join_count,
            cancelled_rest: self.rest_of_join(index, step),
            when,
            timeout: step.timeout,
            retry: step.retry.clone(),
            on_error: match &step.on_error {
                OnError::Goto(_) => OnError::Port,
                other => other.clone(),
            },
            role: match step.role {
                StepRole::Regular => StepRole::Regular,
                StepRole::Compensation(of) => StepRole::Compensation(StepIndex::at(of)),
                StepRole::FailureHandler => StepRole::FailureHandler,
            },
            compensation: None,
            input_schema: schemas.input,
            output_schema,
            input_checker: schemas.input_checker,
            config_checker: schemas.config_checker,
            input_proven: bound.proven,
            config_proven,
            concurrency,
        })
    }

    /// The blocks that repeat a step, outermost first.
    fn repeating_blocks(&self, step: &StepDefinition) -> Vec<StepIndex> {
        let around = std::iter::successors(step.parent, |parent| {
            self.definition.steps.get(parent.block).and_then(|block| block.parent)
        });
        let is_repeating = |block: &usize| {
            let block = self.definition.steps.get(*block).and_then(|step| step.block.as_ref());
            block.is_some_and(|block| block.kind.is_repeating())
        };
        let repeating = around.map(|parent| parent.block).filter(is_repeating);
        let mut blocks: Vec<StepIndex> = repeating.map(StepIndex::at).collect();
        blocks.reverse();
        blocks
    }

    fn compile_condition(&mut self, step: &StepDefinition) -> Option<Expression> {
        let text = step.when.as_ref()?;
        let path = format!("{}.when", step.path);
        match Expression::compile_text(text, &path) {
            Ok(expr) => {
                self.check_references(expr.references(), &path, None);
                self.check_condition(&expr, text, &path);
                Some(expr)
            }
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    /// Checks the expressions of a step whose type is not known.
    fn without_type(&mut self, step: &StepDefinition) {
        let config = Value::Object(step.config.clone());
        let input_path = format!("{}.input", step.path);
        let parts = [(step.config_path(), Some(&config)), (input_path, step.input.as_ref())];
        for (path, value) in parts {
            let Some(value) = value else { continue };
            match ValueTemplate::compile_value(value, &path) {
                Ok(template) => {
                    self.check_texts(value, &path);
                    for leaf in template.leaves() {
                        self.check_references(&leaf.references, &leaf.path, Some(""));
                    }
                }
                Err(found) => self.problems.0.extend(found.0),
            }
        }
    }

    fn compile_config(
        &mut self,
        step: &StepDefinition,
        spec: &StepSpec,
    ) -> (Option<ValueTemplate>, bool) {
        let path = step.config_path();
        let written = Value::Object(step.config.clone());
        let template = match ValueTemplate::compile_value(&written, &path) {
            Ok(template) => template,
            Err(found) => {
                self.problems.0.extend(found.0);
                return (None, false);
            }
        };
        let before = self.problems.0.len();
        self.collect_uses(&written, &template, &mut Vec::new(), &spec.config);
        self.check_leaves(&template, Some((step, spec)), &path);
        self.check_texts(&written, &path);
        let place = ValuePosition { path, other: Some(("input", &spec.input)) };
        let proven = self.check_shape(
            &written,
            &mut TemplatePosition::root(&template),
            &spec.config,
            &place,
        );
        self.check_given_names(step, spec);
        if self.problems.0.len() == before {
            self.check_static(step, spec);
        }
        let clean = self.problems.0.len() == before;
        (Some(template), proven && clean)
    }

    /// Checks names that a step gives: of the state, of an error; and what happens at a timeout.
    fn check_given_names(&mut self, step: &StepDefinition, spec: &StepSpec) {
        if !self.is_new {
            return;
        }
        let path = &step.path;
        let takes_no_input = matches!(
            spec.action,
            StepAction::WaitForSignal | StepAction::WaitUntil | StepAction::Approval
        );
        if takes_no_input && step.input.is_some() {
            let message = format!("a step of type `{}` takes no input; remove it", spec.name);
            self.add_problem(&at_key(path, "input"), message);
        }
        match (spec.action, &step.input, step.config.get("code")) {
            (StepAction::SetState, Some(Value::Object(map)), _) => {
                for name in map.keys() {
                    if let Err(problem) = names::check_visible_key(&format!("{path}.input"), name) {
                        self.problems.push(problem);
                    }
                }
            }
            (StepAction::WaitForSignal, _, _)
                if step.timeout.is_none() && step.config.contains_key("on_timeout") =>
            {
                let message = "`on_timeout` needs a `timeout`: without one the step waits for ever";
                self.add_problem(&at_key(path, "on_timeout"), message);
            }
            (StepAction::Approval, _, _)
                if step.timeout.is_none() && step.config.contains_key("on_timeout") =>
            {
                let message = "`on_timeout` needs a `timeout` of the step: without one it waits for \
                               a decision for ever";
                self.add_problem(&format!("{path}.config.on_timeout"), message);
            }
            (StepAction::Fail, _, Some(Value::String(code))) => {
                if let Err(message) = names::check_visible(code) {
                    self.add_problem(&format!("{path}.config.code"), format!("`code` {message}"));
                }
            }
            _ => {}
        }
    }

    /// Runs the step type's own checks on what is known already.
    fn check_static(&mut self, step: &StepDefinition, spec: &StepSpec) {
        if !self.is_new || (spec.check.is_none() && spec.check_input.is_none()) {
            return;
        }
        let at = |part: &str| match part {
            "config" => step.config_path(),
            part => format!("{}.{part}", step.path),
        };
        // A bare value is short for the default input.
        let bare =
            spec.default_input.filter(|_| step.input.as_ref().is_some_and(|i| !i.is_object()));
        let input = match (&step.input, bare) {
            (Some(Value::Object(map)), _) => Some(map.clone()),
            (Some(value), Some(key)) => Some(Map::from_iter([(key.to_owned(), value.clone())])),
            _ => None,
        };
        let known = StaticFields {
            config: self.static_fields(&step.config, &at("config")),
            input: input.map(|input| self.static_fields(&input, &at("input"))).unwrap_or_default(),
            prefixes: step
                .config
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), literal_prefix(value)?)))
                .collect(),
        };
        for (part, check) in [("config", spec.check), ("input", spec.check_input)] {
            if let Some(Err((field, message))) = check.map(|check| check(&known)) {
                let path = match part == "input" && bare == Some(field) {
                    true => at(part),
                    false => at_key(&at(part), field),
                };
                self.add_problem(&path, message);
            }
        }
    }

    fn static_fields(&self, fields: &Map, path: &str) -> Map {
        let known = fields.iter().filter_map(|(name, value)| {
            Some((name.clone(), self.static_part(value, &at_key(path, name))?))
        });
        known.collect()
    }

    /// A value at a place without what is only known later: entries of an object are `null` there.
    fn static_part(&self, value: &Value, path: &str) -> Option<Value> {
        let is_static =
            |value: &Value| ValueTemplate::compile_value(value, "").is_ok_and(|t| t.is_static());
        match value {
            Value::Object(map) => {
                let fields = map.iter().map(|(name, inner)| {
                    let known = is_static(inner).then(|| inner.clone());
                    (name.clone(), known.unwrap_or_default())
                });
                Some(Value::Object(fields.collect()))
            }
            value if is_static(value) => Some(value.clone()),
            _ => self.constant_values.get(path).cloned(),
        }
    }

    /// Adds a problem.
    pub(super) fn add_problem(&mut self, path: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(path, message));
    }
}

/// The text before the first expression of a field that has one.
fn literal_prefix(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let end = ["{{", "{%", "{#"].iter().filter_map(|open| text.find(open)).min()?;
    Some(text[..end].to_owned())
}

fn secret_names(config: &ValueTemplate, bound: &BoundInput) -> Vec<String> {
    let input = match &bound.binding {
        crate::definition::plan::InputBinding::Template { template, .. } => {
            Some(template.references())
        }
        crate::definition::plan::InputBinding::Feed(_) => None,
    };
    let mut names: Vec<String> = std::iter::once(config.references())
        .chain(input)
        .flat_map(|references| &references.paths)
        .filter(|path| path.first().is_some_and(|root| root == "secrets"))
        .filter_map(|path| path.get(1).cloned())
        .collect();
    names.sort();
    names.dedup();
    names
}
