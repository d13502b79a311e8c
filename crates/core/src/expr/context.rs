//! The variables of one evaluation, made from what its expression refers to and no more.

use std::collections::BTreeSet;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, Value};
use serde_json::Value as Json;

use super::references::References;
use super::value::{from_json, from_shared};
use super::{Scope, StepScope, secret_marker};

/// The root of what an expression sees.
pub(super) fn build(references: &References, scope: &dyn Scope) -> Value {
    let roots: BTreeSet<&str> =
        references.paths.iter().filter_map(|path| path.first().map(String::as_str)).collect();
    let mut vars = Vec::with_capacity(roots.len());
    for root in roots {
        let value = match root {
            "inputs" => from_shared(scope.inputs()),
            "steps" => steps(references, scope),
            "state" => state(references, scope),
            "secrets" => Value::from_object(Secrets),
            name => match scope.extra(name) {
                Some(json) => from_json(json),
                None => continue,
            },
        };
        vars.push((root.to_owned(), value));
    }
    Value::from_pairs(vars)
}

/// The second names of the paths below `root`; `None` where the root is used as a whole.
fn members<'r>(references: &'r References, root: &str) -> Option<BTreeSet<&'r str>> {
    references
        .paths
        .iter()
        .filter(|path| path.first().is_some_and(|first| first == root))
        .map(|path| path.get(1).map(String::as_str))
        .collect()
}

fn steps(references: &References, scope: &dyn Scope) -> Value {
    let ids = match members(references, "steps") {
        Some(ids) => ids.into_iter().collect(),
        None => scope.step_ids(),
    };
    Value::from_pairs(
        ids.into_iter()
            .filter_map(|id| Some((id.to_owned(), Value::from_object(Step::new(scope.step(id)?))))),
    )
}

fn state(references: &References, scope: &dyn Scope) -> Value {
    match members(references, "state") {
        Some(names) => Value::from_pairs(names.into_iter().filter_map(|name| {
            Some((name.to_owned(), from_json(scope.state().get(name)?.clone())))
        })),
        None => from_json(Json::Object(scope.state().clone())),
    }
}

/// `steps.<id>`.
#[derive(Debug)]
struct Step {
    output: Arc<Json>,
    status: &'static str,
    error: Json,
}

impl Step {
    fn new(step: StepScope<'_>) -> Self {
        Self { output: Arc::clone(step.output), status: step.status, error: step.error.clone() }
    }
}

impl Object for Step {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "output" => Some(from_shared(&self.output)),
            "status" => Some(Value::from(self.status)),
            "error" => Some(from_json(self.error.clone())),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&["output", "status", "error"])
    }
}

/// `secrets`: each name gives its marker, the secret itself is never here.
#[derive(Debug)]
struct Secrets;

impl Object for Secrets {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        key.as_str().map(|name| Value::from(secret_marker(name)))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}
