//! Blocks: the conditions of their bodies, what flows into and out of the steps in them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::PlanCompiler;
use super::reader_position::ReaderPosition;
use crate::Problem;
use crate::definition::blocks::{
    BlockDefinition, BlockKind, BodyRole, ItemCollection, LoopCondition, LoopDefinition,
    MapDefinition,
};
use crate::definition::check::types::{MemberSchema, member_schema};
use crate::definition::duration::{EXPECTED, parse_duration};
use crate::definition::model::{JoinRule, OnError, StepDefinition};
use crate::definition::parse::describe_value;
use crate::definition::plan::InputFeed;
use crate::definition::plan_block::{
    BodyIndex, PlanBlock, PlanBlockKind, PlanBody, PlanLoop, PlanMap,
};
use crate::definition::step_index::StepIndex;
use crate::expr::{Expression, ValueTemplate, at_key};

use super::binding::TypedFeed;

impl PlanCompiler<'_> {
    /// Compiles what a block does, once the steps inside it are compiled, and its output's schema.
    pub(super) fn compile_block(&mut self, index: usize) -> Option<(PlanBlock, Arc<Value>)> {
        let step = self.definition.steps.get(index)?;
        let block = step.block.as_deref()?;
        let bodies: Option<Vec<PlanBody>> = block
            .bodies
            .iter()
            .enumerate()
            .map(|(body, written)| {
                let role = self.compile_role(index, &written.role, &written.path)?;
                let list = self.graph.step_list(Some(BodyIndex::at(index, body)));
                Some(PlanBody { role, list })
            })
            .collect();
        let (kind, output) = self.compile_kind(index, step, block)?;
        let inside = |step: &&StepDefinition| step.parent.is_some_and(|p| p.block >= index);
        let count = self.definition.steps.iter().skip(index + 1).take_while(inside).count();
        let end = StepIndex::at(index + 1 + count);
        Some((PlanBlock { kind, bodies: bodies?, end }, output))
    }

    fn compile_role(
        &mut self,
        index: usize,
        role: &BodyRole<String>,
        path: &str,
    ) -> Option<BodyRole<Expression>> {
        Some(match role {
            BodyRole::When(text) => {
                let path = at_key(path, "when");
                let position = ReaderPosition::Step(index);
                BodyRole::When(self.compile_bare(text, &path, position)?)
            }
            BodyRole::Equals(values) => BodyRole::Equals(values.clone()),
            BodyRole::Else => BodyRole::Else,
            BodyRole::Parallel(name) => BodyRole::Parallel(name.clone()),
            BodyRole::Iteration => BodyRole::Iteration,
            BodyRole::Guarded => BodyRole::Guarded,
            BodyRole::Catch(codes) => BodyRole::Catch(codes.clone()),
            BodyRole::Finally => BodyRole::Finally,
        })
    }

    /// A bare expression of a block. An empty one was reported when it was parsed.
    fn compile_bare(
        &mut self,
        text: &str,
        path: &str,
        position: ReaderPosition,
    ) -> Option<Expression> {
        if text.is_empty() {
            return None;
        }
        self.position = position;
        match Expression::compile_text(text, path) {
            Ok(expr) => {
                self.check_references(expr.references(), path, None);
                self.check_condition(&expr, text, path);
                Some(expr)
            }
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    fn compile_kind(
        &mut self,
        index: usize,
        step: &StepDefinition,
        block: &BlockDefinition,
    ) -> Option<(PlanBlockKind, Arc<Value>)> {
        let output = match &block.kind {
            BlockKind::Loop(written) => return self.compile_loop(index, step, written),
            BlockKind::Map(written) => return self.compile_map(index, step, written),
            BlockKind::Branch | BlockKind::Switch | BlockKind::Try => {
                let mut output = Arc::new(json!(false));
                for (body, written) in block.bodies.iter().enumerate() {
                    if written.role != BodyRole::Finally {
                        let of_body = self.body_output(index, body);
                        output = self.either_schema(&output, &of_body);
                    }
                }
                output
            }
            BlockKind::Parallel { join, .. } => self.parallel_output(index, block, *join),
        };
        let kind = match &block.kind {
            BlockKind::Switch => PlanBlockKind::Switch,
            BlockKind::Try => PlanBlockKind::Try,
            BlockKind::Parallel { join, cancel_rest } => PlanBlockKind::Parallel {
                needed: match join {
                    JoinRule::All => Some(block.bodies.len()),
                    JoinRule::Any => Some(1),
                    JoinRule::Count(n) => Some(*n),
                    JoinRule::Computed => None,
                },
                cancel_rest: *cancel_rest,
            },
            _ => PlanBlockKind::Branch,
        };
        Some((kind, output))
    }

    fn parallel_output(
        &mut self,
        index: usize,
        block: &BlockDefinition,
        join: JoinRule,
    ) -> Arc<Value> {
        let mut properties = crate::Map::new();
        for (body, written) in block.bodies.iter().enumerate() {
            let BodyRole::Parallel(name) = &written.role else { continue };
            let schema = self.body_output(index, body);
            let schema = match join {
                JoinRule::All => self.copy_schema(&schema),
                // Null if the branch did not complete.
                JoinRule::Any | JoinRule::Count(_) | JoinRule::Computed => json!({}),
            };
            properties.insert(name.clone(), schema);
        }
        let required: Vec<&String> = properties.keys().collect();
        Arc::new(json!({
            "type": "object", "required": required, "properties": properties,
            "additionalProperties": false,
        }))
    }

    fn compile_loop(
        &mut self,
        index: usize,
        step: &StepDefinition,
        written: &LoopDefinition,
    ) -> Option<(PlanBlockKind, Arc<Value>)> {
        let inside = ReaderPosition::BodyEnd { block: index, body: 0 };
        let condition = match &written.condition {
            LoopCondition::While(text) => {
                let position = ReaderPosition::BodyStart { block: index, body: 0 };
                let path = at_key(&step.path, "while");
                self.compile_bare(text, &path, position).map(LoopCondition::While)
            }
            LoopCondition::Until(text) => {
                let path = at_key(&step.path, "until");
                self.compile_bare(text, &path, inside).map(LoopCondition::Until)
            }
        };
        let pause = match &written.pause {
            Some(value) => self.compile_pause(value, &at_key(&step.path, "pause"), inside),
            None => None,
        };
        let (output, schema) = self.compile_output(index, step, written.output.as_ref())?;
        let schema = match written.collect {
            true => Arc::new(json!({"type": "array", "items": self.copy_schema(&schema)})),
            // A loop by `while` may have no iteration.
            false if matches!(written.condition, LoopCondition::While(_)) => Arc::new(json!({})),
            false => schema,
        };
        let planned = PlanLoop {
            condition: condition?,
            max_iterations: written.max_iterations,
            pause,
            collect: written.collect,
            output,
        };
        Some((PlanBlockKind::Loop(Box::new(planned)), schema))
    }

    fn compile_pause(
        &mut self,
        value: &Value,
        path: &str,
        position: ReaderPosition,
    ) -> Option<ValueTemplate> {
        let template = self.compile_template(value, path, position)?;
        if let Some(constant) = template.static_value()
            && let Err(message) = parse_duration(constant)
        {
            let problem = Problem::new(path, message);
            self.problems.push(problem.with_expectation(EXPECTED, describe_value(value)));
            return None;
        }
        Some(template)
    }

    fn compile_map(
        &mut self,
        index: usize,
        step: &StepDefinition,
        written: &MapDefinition,
    ) -> Option<(PlanBlockKind, Arc<Value>)> {
        let (output, item) = self.compile_output(index, step, written.output.as_ref())?;
        let items = match written.collect_errors {
            true => json!({}),
            false => self.copy_schema(&item),
        };
        let planned = PlanMap {
            item_name: written.item_name.clone(),
            max_concurrency: written.max_concurrency,
            collect_errors: written.collect_errors,
            collection: written.collection,
            output,
            // Decided once the steps inside are compiled.
            chunked_from: None,
        };
        let schema = match written.collection {
            ItemCollection::All => json!({"type": "array", "items": items}),
            collection => counts_schema(collection),
        };
        let schema = Arc::new(schema);
        Some((PlanBlockKind::Map(Box::new(planned)), schema))
    }

    /// The template of the output of an iteration, if there is one, and the output's schema.
    fn compile_output(
        &mut self,
        index: usize,
        step: &StepDefinition,
        written: Option<&Value>,
    ) -> Option<(Option<ValueTemplate>, Arc<Value>)> {
        let Some(value) = written else {
            return Some((None, self.body_output(index, 0)));
        };
        let position = ReaderPosition::BodyEnd { block: index, body: 0 };
        let path = at_key(&step.path, "output");
        let template = self.compile_template(value, &path, position)?;
        let schema = self.template_schema(&template, value);
        Some((Some(template), Arc::new(schema)))
    }

    /// A template with expressions that `position` can evaluate.
    pub(super) fn compile_template(
        &mut self,
        value: &Value,
        path: &str,
        position: ReaderPosition,
    ) -> Option<ValueTemplate> {
        self.position = position;
        match ValueTemplate::compile_value(value, path) {
            Ok(template) => {
                self.check_leaves(&template, None, path);
                self.check_texts(value, path);
                Some(template)
            }
            Err(found) => {
                self.problems.0.extend(found.0);
                None
            }
        }
    }

    /// The schema of the output of a body: that of its last step, as far as it is sure to run.
    fn body_output(&self, block: usize, body: usize) -> Arc<Value> {
        let list = self.graph.step_list(Some(BodyIndex::at(block, body)));
        let unknown = || Arc::new(json!({}));
        match list.sinks.as_slice() {
            [sink] => {
                let Some(step) = self.definition.steps.get(sink.position()) else {
                    return unknown();
                };
                let may_be_null = step.when.is_some()
                    || step.block.as_ref().is_some_and(|block| block.may_be_bypassed())
                    || step.on_error != OnError::Fail;
                match self.outputs.get(sink.position()) {
                    Some(schema) if !may_be_null => schema.clone(),
                    _ => unknown(),
                }
            }
            _ => Arc::new(json!({"type": "object"})),
        }
    }

    /// What a block gives to the first steps of its bodies, with its schema.
    pub(super) fn flow_from_block(
        &mut self,
        block: usize,
        into: Option<&'static str>,
    ) -> TypedFeed {
        let schema = self.inner_input(block);
        let property =
            into.filter(|key| matches!(member_schema(&schema, key), MemberSchema::Known(_)));
        let schema = match property.map(|key| member_schema(&schema, key)) {
            Some(MemberSchema::Known(inner)) => Arc::new(self.copy_schema(inner)),
            _ => schema,
        };
        let feed = InputFeed::Block { block: StepIndex::at(block), property, into };
        TypedFeed { feed, schema, sure: false }
    }

    /// The schema of what a block gives to the first steps of its bodies.
    pub(super) fn inner_input(&self, block: usize) -> Arc<Value> {
        let input = self.block_inputs.get(&block).cloned().unwrap_or_else(|| Arc::new(json!({})));
        let kind = self.definition.steps.get(block).and_then(|step| step.block.as_ref());
        match kind.map(|block| &block.kind) {
            Some(BlockKind::Map(_)) => Arc::new(self.item_schema(&input)),
            // The output of the iteration before is not known yet.
            Some(BlockKind::Loop(_)) | None => Arc::new(json!({})),
            Some(_) => input,
        }
    }

    /// The schema of the items of a list.
    pub(super) fn item_schema(&self, list: &Value) -> Value {
        let items = list.get("items").filter(|items| items.is_object());
        items.map_or_else(|| json!({}), |items| self.copy_schema(items))
    }
}

/// The schema of the output of a `Map` that does not keep the outputs of its items.
fn counts_schema(collection: ItemCollection) -> Value {
    let number = json!({"type": "integer", "minimum": 0});
    let mut properties = json!({"count": number, "completed": number, "failed": number});
    let mut required = vec!["count", "completed", "failed"];
    if collection == ItemCollection::Errors {
        required.push("errors");
        properties["errors"] = json!({
            "type": "array",
            "items": {
                "type": "object",
                "required": ["index", "error"],
                "properties": {"index": number, "error": {"type": "object"}},
            },
        });
    }
    if collection == ItemCollection::File {
        required.extend(["file", "bytes"]);
        properties["file"] = json!({"type": "string"});
        properties["bytes"] = number;
    }
    json!({
        "type": "object", "required": required, "properties": properties,
        "additionalProperties": false,
    })
}
