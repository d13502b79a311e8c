//! Types of workflows: building a definition from a configuration.

use serde_json::Value;
use stepwell_core::{Map, Problem, Problems, names};

use crate::AppError;

/// The type of workflows that are created from a definition.
pub(super) const CUSTOM: &str = "custom";

/// The types that need no definition.
const READY_MADE: [&str; 6] = [
    "feedback_analysis",
    "data_processing",
    "notification",
    "approval",
    "integration",
    "reporting",
];

/// The longest name of a type of the user's own.
const MAX_KIND: usize = 100;

/// A definition that was built, and the place of its source in the request.
#[derive(Debug)]
pub(super) struct BuiltDefinition {
    pub(super) source: Value,
    place: &'static str,
}

/// Builds the definition from a configuration of that type.
pub(super) fn build_definition(
    name: &str,
    kind: &str,
    configuration: &Map,
) -> Result<BuiltDefinition, AppError> {
    check_kind(kind)?;
    let (fields, place) = match (configuration.get("definition"), configuration.get("steps")) {
        (Some(Value::Object(fields)), None) => (fields, "configuration.definition"),
        (None, Some(_)) => (configuration, "configuration"),
        (Some(_), None) => {
            return refuse_configuration(
                "configuration.definition",
                "must be an object, a definition",
            );
        }
        (Some(_), Some(_)) => {
            return refuse_configuration(
                "configuration",
                "give either `definition` or `steps`, not both",
            );
        }
        (None, None) => return refuse_configuration("configuration", &missing_definition(kind)),
    };
    // The workflow's name replaces that of the definition.
    let mut source = Map::from_iter([("name".to_owned(), Value::from(name))]);
    source.extend(fields.iter().filter(|(k, _)| *k != "name").map(|(k, v)| (k.clone(), v.clone())));
    Ok(BuiltDefinition { source: Value::Object(source), place })
}

impl BuiltDefinition {
    /// Problems of the definition, with their places in the request.
    pub(super) fn place_problems(&self, problems: Problems) -> Problems {
        let place = |problem: Problem| match problem.path.as_str() {
            "name" => problem,
            "" => Problem { path: self.place.to_owned(), ..problem },
            path => Problem { path: format!("{}.{path}", self.place), ..problem },
        };
        Problems(problems.0.into_iter().map(place).collect())
    }
}

fn check_kind(kind: &str) -> Result<(), AppError> {
    if READY_MADE.contains(&kind) {
        let message = format!(
            "workflows of type `{kind}` come in a later version; use `custom`, or a label of your \
             own, with configuration.definition or configuration.steps"
        );
        return refuse_configuration("type", &message);
    }
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if kind.is_empty() || kind.len() > MAX_KIND || !kind.chars().all(plain) {
        let message = format!("must be 1 to {MAX_KIND} bytes of letters, digits, `-`, `_` and `.`");
        return refuse_configuration("type", &message);
    }
    // Some letters are not shown.
    names::check_visible(kind).or_else(|message| refuse_configuration("type", &message))
}

fn missing_definition(kind: &str) -> String {
    let what = "must have `definition` (a definition) or `steps` (a list of steps)";
    if kind == CUSTOM {
        return what.to_owned();
    }
    let ready = READY_MADE.join(", ");
    format!("{what}: `{kind}` is not a predefined type; the predefined types are {ready}, {CUSTOM}")
}

fn refuse_configuration<T>(path: &str, message: &str) -> Result<T, AppError> {
    Err(AppError::InvalidDefinition(Problem::new(path, message).into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn build(kind: &str, configuration: Value) -> Result<Value, String> {
        let configuration = configuration.as_object().unwrap();
        match build_definition("greet", kind, configuration) {
            Ok(built) => Ok(built.source),
            Err(AppError::InvalidDefinition(problems)) => Err(problems.0[0].path.clone()),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn definitions_are_built_from_configurations() {
        let steps = json!([{"type": "Echo"}]);
        let expect = json!({"name": "greet", "steps": steps});
        for (kind, configuration) in [
            ("custom", json!({"steps": steps})),
            ("onboarding", json!({"definition": {"steps": steps, "name": "other"}, "mine": 1})),
        ] {
            assert_eq!(build(kind, configuration), Ok(expect.clone()), "{kind}");
        }
        for (kind, configuration, path) in [
            ("custom", json!({}), "configuration"),
            ("custom", json!({"steps": [], "definition": {}}), "configuration"),
            ("custom", json!({"definition": 5}), "configuration.definition"),
            ("reporting", json!({"steps": steps}), "type"),
            ("", json!({"steps": steps}), "type"),
            ("a b", json!({"steps": steps}), "type"),
        ] {
            assert_eq!(build(kind, configuration.clone()), Err(path.into()), "{configuration}");
        }
    }

    #[test]
    fn problems_name_their_place_in_the_request() {
        let configuration = json!({"steps": []});
        let built = build_definition("n", "custom", configuration.as_object().unwrap()).unwrap();
        let problems = ["", "name", "steps[0].type"].map(|path| Problem::new(path, "x"));
        let placed = built.place_problems(Problems(problems.to_vec()));
        let paths: Vec<_> = placed.0.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, ["configuration", "name", "configuration.steps[0].type"]);
    }
}
