//! Where a step's input comes from: what was written, and what flows where nothing was.

use std::sync::Arc;

use serde_json::{Value, json};

use super::infer::InputUse;
use super::shape::{TemplatePosition, ValuePosition};
use super::{PlanCompiler, names};
use crate::catalog::{StepAction, StepSpec};
use crate::definition::check::types::{
    MemberSchema, ValueTypes, is_trivial, member_schema, proves_schema,
};
use crate::definition::model::{OnError, StepDefinition};
use crate::definition::plan::{InputBinding, InputFeed, PlanEdge};
use crate::definition::step_index::StepIndex;
use crate::expr::ValueTemplate;
use crate::{Map, Problem, Problems};

/// An input and what is known of it.
pub(super) struct BoundInput {
    pub(super) binding: InputBinding,
    /// The schema of the whole input, as far as it is known.
    pub(super) source: Arc<Value>,
    /// The wiring proves that it satisfies the step type's schema.
    pub(super) proven: bool,
}

/// A feed with the schema of the value that flows.
pub(super) struct TypedFeed {
    pub(super) feed: InputFeed,
    pub(super) schema: Arc<Value>,
    /// The value is sure to be there with that schema.
    pub(super) sure: bool,
}

impl PlanCompiler<'_> {
    pub(super) fn bind_input(
        &mut self,
        index: usize,
        step: &StepDefinition,
        spec: &StepSpec,
    ) -> Option<BoundInput> {
        match &step.input {
            Some(written) => self.bind_written(index, step, written, spec),
            None => self.bind_feed(index, spec),
        }
    }

    fn bind_written(
        &mut self,
        index: usize,
        step: &StepDefinition,
        written: &Value,
        spec: &StepSpec,
    ) -> Option<BoundInput> {
        let path = step.input_path();
        // A bare value is short for the default input; its place in the source has no key.
        let bare = spec.default_input.filter(|_| !written.is_object());
        let value = match bare {
            Some(key) => Value::Object(Map::from_iter([(key.to_owned(), written.clone())])),
            None => written.clone(),
        };
        let start = self.problems.0.len();
        let bound = self.bind_value(index, &value, spec, &path);
        if let Some(key) = bare {
            let long = crate::expr::at_key(&path, key);
            for problem in self.problems.0.iter_mut().skip(start) {
                if let Some(rest) = problem.path.strip_prefix(&long) {
                    problem.path = format!("{path}{rest}");
                }
            }
        }
        bound
    }

    fn bind_value(
        &mut self,
        index: usize,
        value: &Value,
        spec: &StepSpec,
        path: &str,
    ) -> Option<BoundInput> {
        let template = match ValueTemplate::compile_value(value, path) {
            Ok(template) => template,
            Err(Problems(found)) => {
                self.problems.0.extend(found);
                return None;
            }
        };
        let before = self.problems.0.len();
        self.collect_uses(value, &template, &mut Vec::new(), &spec.input);
        let step = self.definition.steps.get(index)?;
        self.check_leaves(&template, Some((step, spec)), path);
        self.check_texts(value, path);
        let rest = match (spec.default_input, value) {
            (Some(key), Value::Object(map)) if !map.contains_key(key) && !spec.is_source => {
                self.bind_rest(index, spec, key)
            }
            _ => None,
        };
        // What flows into the default input counts as written.
        let mut schema = spec.input.clone();
        if let (Some(_), Some(key)) = (&rest, spec.default_input)
            && let Some(Value::Array(required)) = schema.get_mut("required")
        {
            required.retain(|name| name != key);
        }
        let place = ValuePosition { path: path.to_owned(), other: Some(("config", &spec.config)) };
        let mut proven =
            self.check_shape(value, &mut TemplatePosition::root(&template), &schema, &place);
        if let (Some(flow), Some(key)) = (&rest, spec.default_input) {
            proven &= flow.sure && proves_property(&spec.input, key, &flow.schema);
        }
        proven &= self.problems.0.len() == before;
        let source = Arc::new(self.written_schema(value, &template, &mut Vec::new()));
        let rest = rest.map(|flow| flow.feed);
        Some(BoundInput { binding: InputBinding::Template { template, rest }, source, proven })
    }

    /// The default input of a step whose other inputs were written, from these edges.
    pub(super) fn rest_from_edges(
        &mut self,
        index: usize,
        spec: &StepSpec,
        key: &'static str,
        edges: &[PlanEdge],
    ) -> Option<TypedFeed> {
        let required = names::is_required(&spec.input, key);
        match edges {
            [edge] => self.flow_from_step(index, spec, edge, Some(key)),
            [] if let Some(block) = self.block_around(index) => {
                self.flow_into_body(index, spec, block, Some(key))
            }
            [] => {
                let known = match self.declared {
                    Some(declared) => names::property_schema(declared, key).is_some(),
                    None => required,
                };
                known.then(|| self.flow_from_inputs(index, spec, &[key.to_owned()]))
            }
            _ => None,
        }
    }

    /// The input of a step type that takes nothing from before.
    pub(super) fn bind_source(&mut self, index: usize, spec: &StepSpec) -> BoundInput {
        for name in names::required_names(&spec.input) {
            let path = format!("{}.{name}", self.input_path(index));
            self.add_problem(&path, format!("`{}` needs `{name}`: write its input", spec.name));
        }
        bind_nothing(spec)
    }

    /// The whole input of a step, from these edges.
    pub(super) fn bind_edges(
        &mut self,
        index: usize,
        spec: &StepSpec,
        edges: &[PlanEdge],
    ) -> BoundInput {
        let path = self.input_path(index);
        let flow = match (edges, spec.default_input) {
            ([], into) if let Some(block) = self.block_around(index) => {
                match self.flow_into_body(index, spec, block, into) {
                    Some(flow) => flow,
                    None => return bind_nothing(spec),
                }
            }
            ([], None) => TypedFeed {
                feed: InputFeed::AllInputs,
                schema: Arc::new(match self.declared {
                    Some(declared) => self.copy_schema(declared),
                    None => json!({"type": "object"}),
                }),
                sure: true,
            },
            ([], Some(_)) => {
                let all: Vec<String> =
                    names::property_names(&spec.input).map(str::to_owned).collect();
                self.flow_from_inputs(index, spec, &all)
            }
            ([edge], into) => match self.flow_from_step(index, spec, edge, into) {
                Some(flow) => flow,
                None => return bind_nothing(spec),
            },
            (several, None) => {
                let mut from: Vec<StepIndex> = several.iter().map(|edge| edge.from).collect();
                from.sort_unstable();
                from.dedup();
                let schema = Arc::new(json!({"type": "object"}));
                TypedFeed { feed: InputFeed::Steps { from }, schema, sure: true }
            }
            (_, Some(key)) => {
                if names::is_required(&spec.input, key) {
                    self.add_problem(
                        &path,
                        format!(
                            "several steps come before this one; write which of them gives \
                             `{key}`, such as `{key}: \"{{{{ steps.ID.output }}}}\"`"
                        ),
                    );
                }
                return bind_nothing(spec);
            }
        };
        self.check_whole_feed(&path, spec, flow)
    }

    /// Checks a feed that makes the whole input.
    fn check_whole_feed(&mut self, path: &str, spec: &StepSpec, flow: TypedFeed) -> BoundInput {
        let (source, proven) = match &flow.feed {
            InputFeed::Step { into: Some(key), .. } | InputFeed::Block { into: Some(key), .. } => {
                for name in names::required_names(&spec.input).filter(|name| name != key) {
                    let path = format!("{path}.{name}");
                    self.add_problem(&path, format!("`{name}` is required: write it as input"));
                }
                let proven = flow.sure && proves_property(&spec.input, key, &flow.schema);
                let schema = self.copy_schema(&flow.schema);
                let properties = Map::from_iter([((*key).to_owned(), schema)]);
                (Arc::new(json!({"type": "object", "properties": properties})), proven)
            }
            InputFeed::Inputs { .. } => {
                let proven = flow.sure;
                (flow.schema, proven)
            }
            _ => {
                let (found, wanted) =
                    (ValueTypes::of_schema(&flow.schema), ValueTypes::of_schema(&spec.input));
                if !found.is_usable_as(wanted) {
                    self.mismatch_fed(path, &found, &wanted, "what flows here");
                }
                let proven = flow.sure && proves_schema(&flow.schema, &spec.input);
                (flow.schema, proven)
            }
        };
        BoundInput { binding: InputBinding::Feed(flow.feed), source, proven }
    }

    fn mismatch_fed(&mut self, path: &str, found: &ValueTypes, wanted: &ValueTypes, what: &str) {
        // Checked again when it runs.
        if !self.is_new {
            return;
        }
        let message = format!("{what} has the wrong type; write the input");
        self.problems.push(
            Problem::new(path, message).with_expectation(wanted.to_string(), found.to_string()),
        );
    }

    fn flow_from_step(
        &mut self,
        index: usize,
        spec: &StepSpec,
        edge: &PlanEdge,
        into: Option<&'static str>,
    ) -> Option<TypedFeed> {
        let before = self.definition.steps.get(edge.from.position())?;
        let is_error = edge.port.as_deref() == Some("error");
        if let (true, Some(key)) = (is_error, into) {
            if names::is_required(&spec.input, key) {
                self.add_problem(
                    &self.input_path(index),
                    format!(
                        "`{id}` has no output when it leaves by `error`; write `{key}`, such as \
                         `{{{{ steps.{id}.error.message }}}}`",
                        id = before.id
                    ),
                );
            }
            return None;
        }
        let source = self.specs.get(edge.from.position()).copied().flatten();
        let output =
            self.outputs.get(edge.from.position()).cloned().unwrap_or_else(|| Arc::new(json!({})));
        let property = match (into, source) {
            // A step that outputs its input is transparent: the schema is that of its input.
            (Some(key), Some(source))
                if source.passes_through() || source.action == StepAction::Block =>
            {
                names::property_schema(&output, key).map(|_| key)
            }
            (Some(_), Some(source)) => source.default_output,
            _ => None,
        };
        let schema = match property {
            Some(name) => match member_schema(&output, name) {
                MemberSchema::Known(schema) => Arc::new(self.copy_schema(schema)),
                _ => Arc::new(json!({})),
            },
            // Of a step that always fails, `continue` makes null.
            None if *output == json!(false) && before.on_error == OnError::Continue => {
                Arc::new(json!({"type": "null"}))
            }
            None => output.clone(),
        };
        if let Some(key) = into {
            let what = format!("what `{}` gives for `{key}`", before.id);
            self.check_fed(index, spec, key, (&schema, &what))?;
        }
        let sure = !is_error
            && before.on_error != OnError::Continue
            && property.is_none_or(|name| names::is_required(&output, name));
        Some(TypedFeed { feed: InputFeed::Step { from: edge.from, property, into }, schema, sure })
    }

    /// Checks the type of what flows into a property; `None`: it does not fit and is not needed.
    fn check_fed(
        &mut self,
        index: usize,
        spec: &StepSpec,
        key: &str,
        (schema, what): (&Value, &str),
    ) -> Option<()> {
        let wanted =
            names::property_schema(&spec.input, key).map_or(ValueTypes::ALL, ValueTypes::of_schema);
        let found = ValueTypes::of_schema(schema);
        if !found.is_usable_as(wanted) {
            if !names::is_required(&spec.input, key) {
                return None;
            }
            self.mismatch_fed(&self.input_path(index), &found, &wanted, what);
        }
        Some(())
    }

    /// What flows from a block into the first steps in it.
    fn flow_into_body(
        &mut self,
        index: usize,
        spec: &StepSpec,
        block: usize,
        into: Option<&'static str>,
    ) -> Option<TypedFeed> {
        let flow = self.flow_from_block(block, into);
        if let Some(key) = into {
            let id = self.definition.steps.get(block).map_or("", |block| block.id.as_str());
            let what = format!("what `{id}` gives its steps for `{key}`");
            self.check_fed(index, spec, key, (&flow.schema, &what))?;
        }
        Some(flow)
    }

    /// The innermost block around a step.
    fn block_around(&self, index: usize) -> Option<usize> {
        Some(self.definition.steps.get(index)?.parent?.block)
    }

    /// The place of a step's input in the source.
    pub(super) fn input_path(&self, index: usize) -> String {
        self.definition.steps.get(index).map_or_else(String::new, StepDefinition::input_path)
    }

    fn flow_from_inputs(&mut self, index: usize, spec: &StepSpec, wanted: &[String]) -> TypedFeed {
        let path = self.input_path(index);
        let mut schemas = Map::new();
        let mut taken = Vec::new();
        let mut sure = true;
        for name in wanted {
            let Some(target) = names::property_schema(&spec.input, name) else { continue };
            let required = names::is_required(&spec.input, name);
            let source = match self.declared {
                None => {
                    let need = if required { InputUse::Must } else { InputUse::Maybe };
                    self.inferred.add_use(name, target, need);
                    self.inferred
                        .input_schema(name)
                        .map_or_else(|| json!({}), |s| self.copy_schema(s))
                }
                Some(declared) => match member_schema(declared, name) {
                    MemberSchema::Known(schema) => {
                        sure &= !required || names::is_required(declared, name);
                        self.copy_schema(schema)
                    }
                    MemberSchema::Open => {
                        sure &= !required;
                        json!({})
                    }
                    _ if required => {
                        self.add_problem(
                            &format!("{path}.{name}"),
                            format!(
                                "`{name}` is required and the workflow has no such input; write \
                                 it here or declare it under `inputs`"
                            ),
                        );
                        continue;
                    }
                    _ => continue,
                },
            };
            let (found, needed) = (ValueTypes::of_schema(&source), ValueTypes::of_schema(target));
            if !found.is_usable_as(needed) {
                self.mismatch_fed(&format!("{path}.{name}"), &found, &needed, "the input");
            }
            sure &= proves_schema(&source, target);
            schemas.insert(name.clone(), source);
            taken.push(name.clone());
        }
        TypedFeed {
            feed: InputFeed::Inputs { properties: taken },
            schema: Arc::new(json!({"type": "object", "properties": schemas})),
            sure: sure && only_properties(&spec.input),
        }
    }
}

/// No input: an empty object.
fn bind_nothing(spec: &StepSpec) -> BoundInput {
    let proven =
        names::required_names(&spec.input).next().is_none() && only_properties(&spec.input);
    let source = Arc::new(json!({"type": "object"}));
    BoundInput { binding: InputBinding::Feed(InputFeed::Empty), source, proven }
}

/// Whether an object schema has no keywords but those about its properties.
fn only_properties(schema: &Value) -> bool {
    let Some(map) = schema.as_object() else { return false };
    let known = ["type", "properties", "required", "additionalProperties"];
    map.keys().all(|key| known.contains(&key.as_str()) || is_trivial(&json!({ key: null })))
        && ValueTypes::of_schema(schema).can_overlap(ValueTypes::OBJECT)
}

/// Whether a value of `source` in property `key`, and nothing else, satisfies an object schema.
fn proves_property(schema: &Value, key: &str, source: &Value) -> bool {
    only_properties(schema)
        && names::property_schema(schema, key).is_none_or(|p| proves_schema(source, p))
}
