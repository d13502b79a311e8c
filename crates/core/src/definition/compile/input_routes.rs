//! Where the input of a step comes from if steps before it in the list are bypassed because
//! their `when` is false.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::PlanCompiler;
use super::binding::{BoundInput, TypedFeed};
use crate::catalog::StepSpec;
use crate::definition::check::types::is_trivial;
use crate::definition::plan::{InputBinding, InputFeed, OptionalFeed, PlanEdge};
use crate::definition::step_index::StepIndex;
use crate::{Map, Problem};

/// The most optional steps in a row from which an input can flow without being written.
const MAX_OPTIONAL: usize = 50;

/// The edges from which an input flows if some steps are bypassed.
pub(super) struct InputRoute {
    /// The step that is bypassed, after those of the routes before; `None` for the first route.
    bypassed: Option<StepIndex>,
    /// The edges into it, or into the step itself.
    pub(super) edges: Vec<PlanEdge>,
}

impl PlanCompiler<'_> {
    /// The edges into a step, then, for each step before it in the list that may be bypassed,
    /// the edges into that one.
    fn input_routes(&mut self, index: usize) -> Vec<InputRoute> {
        let mut at = index;
        let mut routes = Vec::new();
        loop {
            let bypassed = (at != index).then(|| StepIndex::at(at));
            let edges = self.graph.after.get(at).cloned().unwrap_or_default();
            let next = match edges.as_slice() {
                [edge] if edge.is_implicit => edge.from.position(),
                _ => usize::MAX,
            };
            routes.push(InputRoute { bypassed, edges });
            let is_optional = self.definition.steps.get(next).is_some_and(|step| {
                step.when.is_some() || step.block.as_ref().is_some_and(|b| b.may_be_bypassed())
            });
            if !is_optional {
                return routes;
            }
            if routes.len() > MAX_OPTIONAL {
                if self.is_new {
                    let message = format!(
                        "more than {MAX_OPTIONAL} steps in a row before this one have a `when`; \
                         write its input"
                    );
                    let path = self.input_path(index);
                    self.add_problem(&path, message);
                }
                return routes;
            }
            at = next;
        }
    }

    /// The input of a step for which none was written.
    pub(super) fn bind_feed(&mut self, index: usize, spec: &StepSpec) -> Option<BoundInput> {
        if spec.is_source {
            return Some(self.bind_source(index, spec));
        }
        let mut bound: Vec<(Option<StepIndex>, InputFeed)> = Vec::new();
        let mut source = Arc::new(json!(false));
        let mut proven = true;
        for (route, found) in self
            .follow_routes(index, |compiler, route| compiler.bind_edges(index, spec, &route.edges))
        {
            source = self.either_schema(&source, &found.source);
            proven &= found.proven;
            let InputBinding::Feed(feed) = found.binding else { continue };
            bound.push((route, feed));
        }
        let feed = first_of(bound)?;
        Some(BoundInput { binding: InputBinding::Feed(feed), source, proven })
    }

    /// The default input of a step whose other inputs were written.
    pub(super) fn bind_rest(
        &mut self,
        index: usize,
        spec: &StepSpec,
        key: &'static str,
    ) -> Option<TypedFeed> {
        let found = self.follow_routes(index, |compiler, route| {
            let flow = compiler.rest_from_edges(index, spec, key, &route.edges);
            let is_missing = flow.is_none() && super::names::is_required(&spec.input, key);
            if is_missing && route.bypassed.is_some() {
                let message = format!("nothing gives `{key}`; write it");
                compiler.add_problem(&compiler.input_path(index), message);
            }
            flow
        });
        // What no way provides counts as not written.
        found.iter().find(|(_, flow)| flow.is_some())?;
        let mut schema = Arc::new(json!(false));
        let mut sure = true;
        let mut feeds = Vec::new();
        for (route, flow) in found {
            sure &= flow.as_ref().is_some_and(|flow| flow.sure);
            let feed = match flow {
                Some(flow) => {
                    schema = self.either_schema(&schema, &flow.schema);
                    flow.feed
                }
                None => InputFeed::Empty,
            };
            feeds.push((route, feed));
        }
        Some(TypedFeed { feed: first_of(feeds)?, schema, sure })
    }

    /// What `bind` gives for each route. A problem of a route is reported with the steps that it
    /// bypasses; the routes after it are not followed.
    fn follow_routes<T>(
        &mut self,
        index: usize,
        mut bind: impl FnMut(&mut Self, &InputRoute) -> T,
    ) -> Vec<(Option<StepIndex>, T)> {
        let mut found = Vec::new();
        let mut bypassed = Vec::new();
        for route in self.input_routes(index) {
            bypassed.extend(route.bypassed);
            let before = self.problems.0.len();
            found.push((route.bypassed, bind(self, &route)));
            if self.problems.0.len() == before {
                continue;
            }
            if !bypassed.is_empty() {
                self.explain_route(before, &bypassed);
            }
            break;
        }
        found
    }

    /// Adds to the problems from `start` on that they occur if some steps are bypassed.
    fn explain_route(&mut self, start: usize, bypassed: &[StepIndex]) {
        if !self.is_new {
            // Accepted by a version that skipped the steps after them; the input is checked when
            // the step starts.
            self.problems.0.truncate(start);
            return;
        }
        let ids = bypassed.iter().rev().filter_map(|s| self.definition.steps.get(s.position()));
        let ids: Vec<String> = ids.map(|step| format!("`{}`", step.id)).collect();
        let shown = match ids.as_slice() {
            [rest @ .., last] if !rest.is_empty() && rest.len() < 5 => {
                format!("{} and {last}", rest.join(", "))
            }
            [first, .., last] => format!("{first} to {last}"),
            few => few.join(""),
        };
        for Problem { message, .. } in self.problems.0.iter_mut().skip(start) {
            *message = format!("if `when` of {shown} is false: {message}");
        }
    }

    /// A schema that values of both satisfy; `false` is the schema of what never occurs.
    pub(super) fn either_schema(&self, one: &Arc<Value>, other: &Arc<Value>) -> Arc<Value> {
        if one == other || **other == json!(false) {
            return one.clone();
        }
        if **one == json!(false) {
            return other.clone();
        }
        let either = either_of(one, other);
        Arc::new(self.copy_schema(&either))
    }
}

/// The feed of the nearest step that was not bypassed. Each feed but the first has the step
/// that is bypassed before it counts.
fn first_of(feeds: Vec<(Option<StepIndex>, InputFeed)>) -> Option<InputFeed> {
    let mut optional = Vec::new();
    let mut last: Option<InputFeed> = None;
    for (bypassed, feed) in feeds {
        let before = last.replace(feed);
        if let (Some(step), Some(feed)) = (bypassed, before) {
            optional.push(OptionalFeed { step, feed });
        }
    }
    let last = last?;
    match optional.is_empty() {
        true => Some(last),
        false => Some(InputFeed::FirstOf { optional, last: Box::new(last) }),
    }
}

fn either_of(one: &Value, other: &Value) -> Value {
    if one == other {
        return one.clone();
    }
    if is_trivial(one) || is_trivial(other) {
        return json!({});
    }
    match (plain_properties(one), plain_properties(other)) {
        (Some(left), Some(right)) => either_object(one, other, left, right),
        _ => {
            let mut schemas: Vec<&Value> = Vec::new();
            for schema in alternatives(one).into_iter().chain(alternatives(other)) {
                if !schemas.contains(&schema) {
                    schemas.push(schema);
                }
            }
            json!({"anyOf": schemas})
        }
    }
}

/// The schemas of a schema that is only `anyOf`, else the schema itself.
fn alternatives(schema: &Value) -> Vec<&Value> {
    match schema.as_object() {
        Some(map) if map.len() == 1 => match map.get("anyOf").and_then(Value::as_array) {
            Some(schemas) => schemas.iter().collect(),
            None => vec![schema],
        },
        _ => vec![schema],
    }
}

/// The properties of an object schema without other keywords about its values.
fn plain_properties(schema: &Value) -> Option<&Map> {
    let map = schema.as_object()?;
    let known = ["type", "properties", "required", "additionalProperties"];
    let is_plain = map
        .keys()
        .all(|key| known.contains(&key.as_str()) || is_trivial(&json!({ key.as_str(): null })));
    let is_object = map.get("type").is_some_and(|t| t == "object");
    map.get("properties").and_then(Value::as_object).filter(|_| is_plain && is_object)
}

/// Values of either object schema: the properties of both, and any others.
fn either_object(one: &Value, other: &Value, left: &Map, right: &Map) -> Value {
    let both: Map = left
        .iter()
        .filter_map(|(name, schema)| Some((name.clone(), either_of(schema, right.get(name)?))))
        .collect();
    let required = |schema: &Value| -> BTreeSet<String> {
        super::names::required_names(schema).map(str::to_owned).collect()
    };
    let required: Vec<String> = required(one).intersection(&required(other)).cloned().collect();
    let is_same = both.len() == left.len() && both.len() == right.len();
    let mut schema = json!({"type": "object", "properties": both, "required": required});
    let more = one.get("additionalProperties");
    if !is_same || more != other.get("additionalProperties") {
        schema["additionalProperties"] = json!(true);
    } else if let Some(more) = more {
        schema["additionalProperties"] = more.clone();
    }
    schema
}
