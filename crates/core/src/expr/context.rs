//! The variables of one evaluation, made from what its expression refers to and no more.

use std::collections::BTreeSet;
use std::sync::Arc;

use minijinja::Error;
use minijinja::value::{Enumerator, Object, Value};
use serde_json::Value as Json;

use super::json_node::{from_json, from_shared};
use super::meter;
use super::references::References;
use super::scope::{EvalScope, StepScope};
use super::secret::SecretsObject;
use super::variables::VariablesObject;

/// The root of what an expression sees.
pub(super) fn build_root(references: &References, scope: &dyn EvalScope) -> Result<Value, Error> {
    let roots: BTreeSet<&str> =
        references.paths.iter().filter_map(|path| path.first().map(String::as_str)).collect();
    let mut vars = Vec::with_capacity(roots.len());
    for root in roots {
        let value = match root {
            "inputs" => from_shared(scope.inputs()),
            "steps" => steps_value(references, scope)?,
            "state" => state_value(references, scope)?,
            "vars" if let Some(variables) = scope.variables() => {
                Value::from_object(VariablesObject(Arc::clone(variables)))
            }
            "secrets" => Value::from_object(SecretsObject),
            name => match scope.extra_root(name) {
                Some(json) => from_json(json),
                None => continue,
            },
        };
        vars.push((root.to_owned(), value));
    }
    Ok(Value::from_pairs(vars))
}

/// The second names of the paths below `root`; `None` where the root is used as a whole.
fn member_names<'r>(references: &'r References, root: &str) -> Option<BTreeSet<&'r str>> {
    references
        .paths
        .iter()
        .filter(|path| path.first().is_some_and(|first| first == root))
        .map(|path| path.get(1).map(String::as_str))
        .collect()
}

fn steps_value(references: &References, scope: &dyn EvalScope) -> Result<Value, Error> {
    let ids = match member_names(references, "steps") {
        Some(ids) => ids.into_iter().collect(),
        None => scope.step_ids(),
    };
    let mut steps = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(step) = scope.step_scope(id) {
            meter::weigh_json(step.error)?;
            steps.push((id.to_owned(), Value::from_object(StepObject::new(step))));
        }
    }
    Ok(Value::from_pairs(steps))
}

fn state_value(references: &References, scope: &dyn EvalScope) -> Result<Value, Error> {
    let copied = |value: &Json| -> Result<Value, Error> {
        meter::weigh_json(value)?;
        Ok(from_json(value.clone()))
    };
    let all = scope.state().iter();
    let pairs: Result<Vec<_>, Error> = match member_names(references, "state") {
        Some(names) => names
            .into_iter()
            .filter_map(|name| Some((name, scope.state().get(name)?)))
            .map(|(name, value)| Ok((name.to_owned(), copied(value)?)))
            .collect(),
        None => all.map(|(name, value)| Ok((name.clone(), copied(value)?))).collect(),
    };
    Ok(Value::from_pairs(pairs?))
}

/// `steps.<id>`.
#[derive(Debug)]
struct StepObject {
    output: Arc<Json>,
    status: &'static str,
    error: Arc<Json>,
}

impl StepObject {
    fn new(step: StepScope<'_>) -> Self {
        Self {
            output: Arc::clone(step.output),
            status: step.status,
            error: Arc::new(step.error.clone()),
        }
    }
}

impl Object for StepObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "output" => Some(from_shared(&self.output)),
            "status" => Some(Value::from(self.status)),
            "error" => Some(from_shared(&self.error)),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&["output", "status", "error"])
    }
}
