//! Objects that arguments name by id or by name.

use std::str::FromStr;

use serde_json::Value;
use stepwell_core::ids::{ExecutionId, WorkflowId};

use crate::client::{Client, list_all, percent_encode};
use crate::error::CliError;
use crate::terminal::value_text;

/// A kind of object that can be named.
pub struct NamedKind {
    /// What one is called in errors.
    pub noun: &'static str,
    /// The path of its list.
    pub path: &'static str,
    /// The fields that can name one.
    pub fields: &'static [&'static str],
    /// The command that lists all.
    pub list: &'static str,
}

/// Schedules, by name.
pub const SCHEDULE: NamedKind = NamedKind {
    noun: "schedule",
    path: "/api/v1/workflow_schedules",
    fields: &["name"],
    list: "stepwell schedules list",
};

/// Webhooks, by URL or description.
pub const WEBHOOK: NamedKind = NamedKind {
    noun: "webhook",
    path: "/api/v1/webhooks",
    fields: &["url", "description"],
    list: "stepwell webhooks list",
};

/// API keys, by name. One that was revoked is not meant by its name.
pub const API_KEY: NamedKind = NamedKind {
    noun: "API key",
    path: "/api/v1/auth/api-keys",
    fields: &["name"],
    list: "stepwell keys list",
};

/// An id of a workflow or an execution in the form that every command prints (`wf-…`, `ex-…`); other
/// values unchanged.
pub fn printed_id(id: &Value) -> String {
    let text = value_text(id);
    if text.starts_with("exec_") {
        return text.parse::<ExecutionId>().map_or(text, |id| id.dataflow());
    }
    if text.starts_with("wf_") {
        return text.parse::<WorkflowId>().map_or(text, |id| id.dataflow());
    }
    text
}

impl NamedKind {
    /// The path of the object with this id or name.
    ///
    /// # Errors
    /// `NotFound`; `Usage` if several have the name.
    pub async fn path_of<Id: FromStr>(
        &self,
        client: &Client,
        text: &str,
    ) -> Result<String, CliError> {
        let id = self.resolve_id::<Id>(client, text).await?;
        Ok(format!("{}/{}", self.path, percent_encode(&id)))
    }

    async fn resolve_id<Id: FromStr>(
        &self,
        client: &Client,
        text: &str,
    ) -> Result<String, CliError> {
        if text.parse::<Id>().is_ok() {
            return Ok(text.to_owned());
        }
        let items = list_all(client, self.path, "").await?;
        self.find_id(&items, text)
    }

    fn find_id(&self, items: &[Value], text: &str) -> Result<String, CliError> {
        let is_named = |item: &&Value| {
            item["id"] == text
                || item["status"] != "revoked" && self.fields.iter().any(|name| item[*name] == text)
        };
        let found: Vec<String> =
            items.iter().filter(is_named).map(|item| value_text(&item["id"])).collect();
        match found.as_slice() {
            [one] => Ok(one.clone()),
            [] => Err(CliError::not_found(format!(
                "no {} has the ID or {} `{text}`; `{}` lists all",
                self.noun,
                self.fields.join(" or "),
                self.list
            ))),
            several => Err(CliError::usage(format!(
                "{} {}s have the name `{text}`; use an ID: {}",
                several.len(),
                self.noun,
                several.join(", ")
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::CliErrorKind;

    #[test]
    fn names_must_be_unique() {
        let items = [
            json!({"id": "1", "name": "a", "status": "active"}),
            json!({"id": "2", "name": "b", "status": "active"}),
            json!({"id": "3", "name": "b", "status": "active"}),
            json!({"id": "4", "name": "a", "status": "revoked"}),
        ];
        let find = |text| API_KEY.find_id(&items, text).map_err(|error| error.kind);
        assert_eq!(find("a"), Ok("1".to_owned()));
        assert_eq!(find("4"), Ok("4".to_owned()));
        assert_eq!(find("b"), Err(CliErrorKind::Usage));
        assert_eq!(find("c"), Err(CliErrorKind::NotFound));
    }
}
