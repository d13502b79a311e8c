//! Compiles a definition to a plan: step types, graph, input bindings, references, types.
//!
//! Each part adds its problems to one list; the plan is built only if the list is empty.

mod binding;
mod blocks;
mod chunks;
mod compensations;
mod concurrency;
mod constants;
mod expressions;
mod graph;
mod infer;
mod input_routes;
mod joins;
mod memory;
mod names;
mod position;
mod reader_position;
mod references;
mod schemas;
mod set_state;
mod shape;
mod step;
mod type_schemas;
mod variables;
mod written;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use self::graph::{CompileTask, StepGraph};
use self::infer::InferredInputs;
use self::reader_position::ReaderPosition;
use self::set_state::SetState;
use self::type_schemas::TypeSchemas;
use super::check::schema;
use super::check::schema::SchemaChecker;
use super::check::types::{ValueTypes, schema_of};
use super::concurrency::PlanConcurrency;
use super::model::{Definition, StepRole};
use super::plan::{Plan, PlanOutput, PlanStep};
use super::step_index::StepIndex;
use crate::catalog::{StepCatalog, StepSpec};
use crate::expr::{ValueTemplate, at_key};
use crate::problem::MAX_PROBLEMS;
use crate::{Problem, Problems};

/// What is known while compiling.
struct PlanCompiler<'a> {
    definition: &'a Definition,
    /// Whether it is about to be created; one that is stored is not checked for all.
    is_new: bool,
    /// The step types, in the order of the steps; `None` where unknown.
    specs: Vec<Option<&'a StepSpec>>,
    graph: StepGraph,
    /// The inputs' schema, where it was declared.
    declared: Option<&'a Value>,
    inferred: InferredInputs,
    set_state: SetState<'a>,
    /// What each step's output looks like, as far as it was reached.
    outputs: Vec<Arc<Value>>,
    /// What is known of the inputs of blocks, by position.
    block_inputs: BTreeMap<usize, Arc<Value>>,
    /// Where the expressions that are compiled are.
    position: ReaderPosition,
    /// What the steps of a type share.
    of_types: BTreeMap<&'static str, TypeSchemas>,
    /// How many values the schemas of the plan may still get from other schemas.
    schema_values: Cell<usize>,
    problems: Problems,
    /// How many constant expressions were evaluated.
    constants: usize,
    /// The values of texts whose expressions are constant, by their places.
    constant_values: BTreeMap<String, Value>,
    /// The variables of the workspace that expressions read, by name: where the first one is that
    /// needs it; `None`: all of them have a default.
    variables: BTreeMap<String, Option<String>>,
}

/// The compiled parts of a definition.
struct PlanParts {
    steps: Vec<PlanStep>,
    outputs: Vec<PlanOutput>,
    concurrency: Option<Box<PlanConcurrency>>,
}

pub(super) fn compile_plan(
    definition: &Definition,
    catalog: &dyn StepCatalog,
    is_new: bool,
) -> Result<Plan, Problems> {
    let mut problems = Problems::default();
    if definition.steps.is_empty() {
        return Err(Problem::new("steps", "a definition needs at least one step").into());
    }
    let specs = find_types(definition, catalog, &mut problems);
    let graph = graph::build_graph(definition, &specs, &mut problems);
    let unknown = Arc::new(json!({}));
    let mut compiler = PlanCompiler {
        definition,
        is_new,
        declared: definition.inputs.as_ref(),
        inferred: InferredInputs::default(),
        set_state: SetState::of_definition(definition, &specs),
        outputs: vec![unknown; definition.steps.len()],
        graph,
        specs,
        of_types: BTreeMap::new(),
        block_inputs: BTreeMap::new(),
        position: ReaderPosition::Outputs,
        schema_values: Cell::new(schemas::MAX_VALUES),
        problems,
        constants: 0,
        constant_values: BTreeMap::new(),
        variables: BTreeMap::new(),
    };
    compiler.compile_definition()
}

fn find_types<'a>(
    definition: &Definition,
    catalog: &'a dyn StepCatalog,
    problems: &mut Problems,
) -> Vec<Option<&'a StepSpec>> {
    let mut find = |step: &super::model::StepDefinition| {
        let found = catalog.find_type(&step.type_name);
        // An empty name was reported when the definition was parsed.
        if found.is_none() && !step.type_name.is_empty() {
            let all = catalog.all_types();
            let names = all
                .iter()
                .flat_map(|spec| std::iter::once(spec.name).chain(spec.aliases.iter().copied()));
            let hint = super::did_you_mean(&step.type_name, names);
            let shown: String = step.type_name.chars().take(80).collect();
            let listed: Vec<&str> = all.iter().map(|spec| spec.name).collect();
            problems.push(
                Problem::new(
                    format!("{}.type", step.path),
                    format!("there is no step type `{shown}`{hint}"),
                )
                .with_expectation(format!("one of {}", listed.join(", ")), format!("`{shown}`")),
            );
        }
        found
    };
    definition.steps.iter().map(&mut find).collect()
}

impl PlanCompiler<'_> {
    fn compile_definition(&mut self) -> Result<Plan, Problems> {
        let mut steps: Vec<Option<PlanStep>> = self.definition.steps.iter().map(|_| None).collect();
        // Sources before their dependents, so that types are known when they are needed.
        for task in self.graph.compile_order(self.definition) {
            match task {
                CompileTask::Step(index) => {
                    let compiled = self.compile_step(index);
                    if let Some(slot) = steps.get_mut(index) {
                        *slot = compiled;
                    }
                }
                CompileTask::BlockEnd(index) => {
                    let mut compiled = self.compile_block(index);
                    if let Some((block, _)) = &mut compiled {
                        self.choose_record(index, block, &steps);
                    }
                    let Some(slot) = steps.get_mut(index) else { continue };
                    match (compiled, slot.as_mut()) {
                        (Some((block, output)), Some(step)) => {
                            step.block = Some(Box::new(block));
                            step.output_schema = output.clone();
                            if let Some(slot) = self.outputs.get_mut(index) {
                                *slot = output;
                            }
                        }
                        _ => *slot = None,
                    }
                }
            }
        }
        self.position = ReaderPosition::Outputs;
        self.check_state_values();
        if let (Some(declared), true) = (self.declared, self.is_new) {
            self.check_counts_of_inputs(declared);
        }
        let outputs = self.plan_outputs();
        let concurrency = self.plan_concurrency();
        let input_schema = match self.declared {
            Some(declared) => Arc::new(declared.clone()),
            None => Arc::new(self.inferred.to_schema()),
        };
        let input_checker = match SchemaChecker::new(input_schema.clone()) {
            Ok(checker) => {
                if let Some(message) = checker.too_costly().filter(|_| self.is_new) {
                    self.problems.push(Problem::new("inputs", message));
                }
                Some(checker)
            }
            Err(message) => {
                let message = format!("not a valid JSON Schema: {message}");
                self.problems.push(Problem::new("inputs", message));
                None
            }
        };
        let mut steps: Option<Vec<PlanStep>> = steps.into_iter().collect();
        self.connect_compensations(steps.as_deref_mut().unwrap_or_default());
        match (steps, input_checker) {
            (Some(steps), Some(checker)) if self.problems.0.is_empty() => Ok(self.build_plan(
                PlanParts { steps, outputs, concurrency },
                input_schema,
                checker,
            )),
            _ => {
                let mut problems = std::mem::take(&mut self.problems);
                problems.0.truncate(MAX_PROBLEMS);
                Err(problems)
            }
        }
    }

    fn check_counts_of_inputs(&mut self, declared: &Value) {
        // What was written by name has its problems there.
        let by_name = ["type", "properties", "required", "additionalProperties"];
        let is_by_name = declared.as_object().is_some_and(|map| map.keys().eq(by_name));
        match declared.get("properties").and_then(Value::as_object).filter(|_| is_by_name) {
            Some(properties) => {
                for (name, property) in properties {
                    let path = at_key("inputs", name);
                    schema::check_counts(property, &path, &mut self.problems);
                }
            }
            None => schema::check_counts(declared, "inputs", &mut self.problems),
        }
    }

    fn build_plan(
        &self,
        PlanParts { steps, outputs, concurrency }: PlanParts,
        input_schema: Arc<Value>,
        input_checker: SchemaChecker,
    ) -> Plan {
        let indexed = || (0..).map(StepIndex::at).zip(&steps);
        let mut plan = Plan {
            name: self.definition.name.clone(),
            input_schema,
            input_checker,
            by_id: indexed()
                .filter(|(_, step)| step.role.is_regular())
                .map(|(i, step)| (step.id.clone(), i))
                .collect(),
            failure_handler: indexed()
                .find(|(_, step)| step.role == StepRole::FailureHandler)
                .map(|(i, _)| i),
            top: self.graph.step_list(None),
            writes_files: steps.iter().any(PlanStep::writes_file),
            steps,
            outputs,
            state: self.definition.state.clone(),
            variables: self.planned_variables(),
            timeout: self.definition.timeout,
            retention: self.definition.retention,
            concurrency,
            memory_bytes: 0,
        };
        let checkers = self.of_types.values().map(|schemas| schemas.checker_bytes).sum();
        plan.memory_bytes = memory::plan_bytes(&plan, checkers);
        plan
    }

    /// The schema of what a template renders to, as far as it is known.
    fn template_schema(&self, template: &ValueTemplate, value: &Value) -> Value {
        let source = template.as_path::<&str>(&[]).and_then(|path| self.copy_resolved(path));
        source.unwrap_or_else(|| match template.is_static() {
            true => schema_of(value),
            false => json!({}),
        })
    }

    fn plan_outputs(&mut self) -> Vec<PlanOutput> {
        let mut outputs = Vec::new();
        for (name, spec) in &self.definition.outputs {
            let path = at_key("outputs", name);
            // The longer form keeps its value one level deeper; templates name their own place.
            let position = ReaderPosition::Outputs;
            let Some(template) = self.compile_template(&spec.value, &path, position) else {
                continue;
            };
            let source = self.template_schema(&template, &spec.value);
            if let Some(declared) = &spec.schema {
                let inferred = match &spec.value {
                    Value::String(text) if self.is_new && !template.is_static() => {
                        Some(self.schema_of_text(text))
                    }
                    _ => None,
                };
                let found = ValueTypes::of_schema(inferred.as_ref().unwrap_or(&source));
                let expected = ValueTypes::of_schema(declared);
                if !found.is_usable_as(expected) {
                    self.problems.push(
                        Problem::new(&path, "the output's value does not have its declared type")
                            .with_expectation(expected.to_string(), found.to_string()),
                    );
                }
            }
            let schema = spec.schema.clone().unwrap_or(source);
            outputs.push(PlanOutput { name: name.clone(), value: template, schema });
        }
        outputs
    }
}
