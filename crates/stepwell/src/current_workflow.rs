//! A workflow of the server, to be compared with a definition.

use serde_json::Value;

use crate::client::Client;
use crate::differences::{Difference, find_differences, find_differences_at};
use crate::error::CliError;

/// Fields of a definition that can also be changed without one. A definition that omits them leaves
/// them unchanged.
const OWN_FIELDS: [&str; 2] = ["description", "metadata"];

/// A workflow as it is on the server.
pub struct CurrentWorkflow {
    /// Its body in the dataflow API.
    pub body: Value,
    /// Its values of `OWN_FIELDS`.
    own: Value,
}

impl CurrentWorkflow {
    /// Reads the workflow with this ID.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn read(client: &Client, id: &str) -> Result<Self, CliError> {
        let body = client.get(&format!("/workflows/{id}")).await?;
        let mut own = client.get(&format!("/api/v1/workflows/{id}")).await?;
        Ok(Self { body, own: own["data"].take() })
    }

    /// The places in which a definition differs from the newest release, or from a description or
    /// metadata that was changed without a release.
    pub fn find_differences(&self, definition: &Value) -> Vec<Difference> {
        let mut found = find_differences(&self.body["definition"], definition);
        for field in OWN_FIELDS {
            let Some(after) = definition.get(field) else { continue };
            let changed = find_differences_at(field, non_empty(&self.own[field]), non_empty(after));
            if !changed.is_empty() {
                // The value of the workflow is what users see, not that of the release.
                found.retain(|difference| !is_within(&difference.path, field));
                found.extend(changed);
            }
        }
        found
    }
}

/// `None` for the values of a field that is not set.
fn non_empty(value: &Value) -> Option<&Value> {
    let is_empty = value.is_null() || value.as_object().is_some_and(|fields| fields.is_empty());
    (!is_empty).then_some(value)
}

/// Whether a path is that of the field or of a value in it.
fn is_within(path: &str, field: &str) -> bool {
    path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_of_the_workflow_count_where_the_definition_has_them() {
        let release = json!({"name": "a", "description": "old", "metadata": {"team": "x"}});
        let with = |field: &str, value: Value| {
            let mut changed = release.clone();
            changed[field] = value;
            changed
        };
        let own = json!({"description": "old", "metadata": {"team": "x"}});
        let edited = json!({"description": "edited", "metadata": {"team": "y", "more": 1}});
        let none = json!({"description": null, "metadata": {}});
        for (own, definition, paths) in [
            (&own, release.clone(), &[][..]),
            (&own, with("description", json!("new")), &["description"]),
            (&edited, release.clone(), &["description", "metadata.team", "metadata.more"]),
            (&edited, json!({"name": "a"}), &["description", "metadata"]),
            (&none, release.clone(), &["description", "metadata"]),
            (&none, with("metadata", json!({})), &["metadata.team", "description"]),
            (
                &edited,
                with("description", json!("edited")),
                &["description", "metadata.team", "metadata.more"],
            ),
        ] {
            let body = json!({"definition": release});
            let current = CurrentWorkflow { body, own: own.clone() };
            let found = current.find_differences(&definition);
            let found: Vec<&str> = found.iter().map(|place| place.path.as_str()).collect();
            assert_eq!(found, paths, "{own} {definition}");
        }
    }

    #[test]
    fn shows_the_value_of_the_workflow() {
        let body = json!({"definition": {"description": "release"}});
        let current = CurrentWorkflow { body, own: json!({"description": "edited"}) };
        let found = current.find_differences(&json!({"description": "file"}));
        let expect = json!({"path": "description", "server": "edited", "file": "file"});
        assert_eq!(found.iter().map(Difference::to_json).collect::<Vec<_>>(), [expect]);
    }
}
