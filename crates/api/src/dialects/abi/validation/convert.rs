//! From validations to bodies.

use serde_json::Value;
use stepwell_core::Problem;
use stepwell_core::catalog::StepCatalog as _;
use stepwell_core::definition::model::StepDefinition;
use stepwell_core::definition::plan::{Plan, PlanEdge, PlanOutput, PlanStep};
use stepwell_core::definition::plan_block::BodyIndex;
use stepwell_core::definition::{Definition, TextPosition};
use stepwell_core::memory::json_size;
use stepwell_engine::app::{Located, Validation};
use stepwell_engine::warning::Warning;

use super::wire;

/// The most bytes of the schemas of steps and outputs in a response: steps can share a schema, so
/// that their text is much longer than the definition.
const MAX_SCHEMA_BYTES: usize = 2 << 20;

/// The body about a validation.
pub(super) fn validation_body(validation: &Validation) -> wire::Validation<'_> {
    let Validation { valid, problems, warnings, steps } = validation;
    wire::Validation {
        valid: valid.is_some(),
        problems: problems.iter().map(problem_body).collect(),
        warnings: warnings.iter().map(warning_body).collect(),
        graph: valid.as_ref().map(|(definition, plan)| {
            let writer = GraphWriter { definition, plan, schema_bytes: MAX_SCHEMA_BYTES };
            writer.write_graph(steps)
        }),
    }
}

fn problem_body(located: &Located<Problem>) -> wire::DefinitionProblem<'_> {
    let Located { item: Problem { path, message, expected, found }, position } = located;
    wire::DefinitionProblem {
        path,
        message,
        expected: expected.as_deref(),
        found: found.as_deref(),
        line: position.map(|position| position.line),
        column: position.map(|position| position.column),
    }
}

fn warning_body(located: &Located<Warning>) -> wire::DefinitionWarning<'_> {
    let Located { item: Warning { code, path, message }, position } = located;
    wire::DefinitionWarning {
        code,
        path,
        message,
        line: position.map(|position| position.line),
        column: position.map(|position| position.column),
    }
}

struct GraphWriter<'a> {
    definition: &'a Definition,
    plan: &'a Plan,
    /// How many bytes of schemas may still be written.
    schema_bytes: usize,
}

impl<'a> GraphWriter<'a> {
    fn write_graph(mut self, positions: &[Option<TextPosition>]) -> wire::DefinitionGraph<'a> {
        let (definition, plan) = (self.definition, self.plan);
        let positions = positions.iter().copied().chain(std::iter::repeat(None));
        let steps = plan.steps.iter().zip(&definition.steps).zip(positions);
        wire::DefinitionGraph {
            name: &plan.name,
            input_schema: &plan.input_schema,
            steps: steps
                .map(|((planned, written), position)| self.step_body(planned, written, position))
                .collect(),
            edges: plan.steps.iter().flat_map(|to| self.edge_bodies(to)).collect(),
            outputs: plan.outputs.iter().map(|output| self.output_body(output)).collect(),
        }
    }

    fn step_body(
        &mut self,
        planned: &'a PlanStep,
        written: &'a StepDefinition,
        position: Option<TextPosition>,
    ) -> wire::GraphStep<'a> {
        let spec = stepwell_steps::step_registry().find_type(planned.type_name);
        let bodies = planned.block.as_ref().map(|block| {
            let bodies = (0u32..).map_while(|body| block.body_name(body));
            bodies.collect()
        });
        wire::GraphStep {
            id: &planned.id,
            step_type: planned.type_name,
            effect: planned.effect.name(),
            path: &written.path,
            line: position.map(|position| position.line),
            column: position.map(|position| position.column),
            parent: self.parent_body(planned),
            bodies,
            conditional: planned.when.is_some(),
            ports: spec.map_or(&[], |spec| spec.ports),
            input_schema: self.schema_body(&planned.input_schema),
            output_schema: self.schema_body(&planned.output_schema),
        }
    }

    fn parent_body(&self, planned: &PlanStep) -> Option<wire::GraphParent<'a>> {
        let BodyIndex { block, body } = planned.parent?;
        let block = &self.plan[block];
        let body = block.block.as_ref()?.body_name(body)?;
        Some(wire::GraphParent { block: &block.id, body })
    }

    fn edge_bodies(&self, to: &'a PlanStep) -> impl Iterator<Item = wire::GraphEdge<'a>> + use<'a> {
        let plan = self.plan;
        to.after.iter().map(|edge| {
            let PlanEdge { from, port, is_implicit } = edge;
            wire::GraphEdge {
                from: &plan[*from].id,
                port: port.as_deref(),
                to: &to.id,
                implicit: *is_implicit,
            }
        })
    }

    fn output_body(&mut self, output: &'a PlanOutput) -> wire::GraphOutput<'a> {
        let PlanOutput { name, value: _, schema } = output;
        wire::GraphOutput { name, schema: self.schema_body(schema) }
    }

    fn schema_body(&mut self, schema: &'a Value) -> Option<&'a Value> {
        let size = json_size(schema, self.schema_bytes.saturating_add(1));
        self.schema_bytes = self.schema_bytes.checked_sub(size)?;
        Some(schema)
    }
}
