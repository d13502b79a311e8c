//! Choosing what an execution runs: a workflow by id or name, and one of its releases.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;
use stepwell_core::definition::SharedPlan;
use stepwell_core::ids::WorkflowId;
use stepwell_core::{Map, Problem};
use stepwell_store::record::WorkflowRecord;
use stepwell_store::traits::FindWorkflow;

use super::{App, workflows};
use crate::caller::Verb;
pub use crate::runtime::release_choice::LATEST;
use crate::{AppError, Caller};

/// The label that decides between the releases of a tag if the request has no key.
const USER_ID: &str = "user_id";

/// The longest traffic key, in bytes.
const MAX_TRAFFIC_KEY: usize = 255;

/// The most tags that an error names.
const MAX_NAMED: usize = 10;

/// How a workflow is named.
#[derive(Debug, Clone, Copy)]
pub enum WorkflowRef<'a> {
    /// By its id.
    Id(WorkflowId),
    /// By its name: the newest workflow that has it.
    Name(&'a str),
}

/// What is to be executed.
#[derive(Debug, Clone, Copy)]
pub struct Choose<'a> {
    /// The workflow.
    pub workflow: WorkflowRef<'a>,
    /// The release tag; `None`: [`LATEST`].
    pub tag: Option<&'a str>,
    /// What decides between several releases of a tag.
    pub key: TrafficKey<'a>,
}

/// What decides which release of a tag with weights an execution runs: the first of these that is
/// given, the same release each time; otherwise chance.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrafficKey<'a> {
    /// The request's own key, such as the id of a customer.
    pub traffic_key: Option<&'a str>,
    /// The label `user_id` of the execution.
    pub user_id: Option<&'a Value>,
    /// The external id of the execution.
    pub external_id: Option<&'a str>,
}

impl<'a> TrafficKey<'a> {
    /// The key of an execution.
    pub fn of_execution(
        traffic_key: Option<&'a str>,
        metadata: &'a Map,
        external_id: Option<&'a str>,
    ) -> Self {
        Self { traffic_key, user_id: metadata.get(USER_ID), external_id }
    }

    /// The text to hash.
    fn text(self) -> Result<Option<Cow<'a, str>>, AppError> {
        if let Some(key) = self.traffic_key {
            check_traffic_key(key)?;
            return Ok(Some(key.into()));
        }
        let user_id = match self.user_id {
            Some(Value::String(text)) if !text.is_empty() => Some(text.as_str().into()),
            Some(Value::Number(number)) => Some(number.to_string().into()),
            _ => None,
        };
        Ok(user_id.or(self.external_id.map(Into::into)))
    }
}

fn check_traffic_key(key: &str) -> Result<(), AppError> {
    if key.is_empty() || key.len() > MAX_TRAFFIC_KEY {
        let message = format!("must be 1 to {MAX_TRAFFIC_KEY} bytes long");
        return Err(AppError::invalid("traffic_key", message));
    }
    Ok(())
}

/// What was chosen.
#[derive(Clone)]
pub struct Target {
    /// The workflow.
    pub workflow: Arc<WorkflowRecord>,
    /// The release.
    pub release: u32,
    /// The tag, where one was named.
    pub tag: Option<String>,
    /// The release's plan.
    pub plan: SharedPlan,
}

impl App {
    /// Chooses what to execute. Scope `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound` for the workflow or the tag.
    pub async fn target(&self, caller: &Caller, choose: Choose<'_>) -> Result<Target, AppError> {
        let workflow = self.find_named(caller, Verb::Execute, choose.workflow).await?;
        let key = choose.key.text()?;
        let release = self.engine.find_tagged(&workflow, choose.tag, key.as_deref()).await?;
        let release = release
            .ok_or_else(|| AppError::not_found("release tag", choose.tag.unwrap_or_default()))?;
        let plan = self.engine.plans.plan(workflow.id, release).await?;
        Ok(Target { workflow, release, tag: choose.tag.map(str::to_owned), plan })
    }

    /// A workflow by id or name, if the caller may do that to it.
    pub(super) async fn find_named(
        &self,
        caller: &Caller,
        verb: Verb,
        workflow: WorkflowRef<'_>,
    ) -> Result<Arc<WorkflowRecord>, AppError> {
        match workflow {
            WorkflowRef::Id(id) => self.find_for(caller, verb, id).await,
            WorkflowRef::Name(name) => {
                let found = self
                    .engine
                    .store
                    .find_workflow(FindWorkflow::Name(caller.workspace, name.to_owned()))
                    .await?;
                let record = found.ok_or_else(|| AppError::not_found("workflow", name))?;
                workflows::require_access(caller, verb, &record)?;
                Ok(Arc::new(record))
            }
        }
    }
    /// The release that a tag means for an execution. Without a tag, it is the newest.
    ///
    /// # Errors
    /// `UnknownReleaseTag`; `InvalidRequest` for the key.
    pub(super) async fn resolve_tag(
        &self,
        workflow: &WorkflowRecord,
        tag: Option<&str>,
        key: TrafficKey<'_>,
    ) -> Result<u32, AppError> {
        let key = key.text()?;
        match self.engine.find_tagged(workflow, tag, key.as_deref()).await? {
            Some(release) => Ok(release),
            None => Err(self.unknown_tag(workflow, tag.unwrap_or_default()).await),
        }
    }

    /// The releases to which a tag points. Without a tag, it is the newest.
    ///
    /// # Errors
    /// `UnknownReleaseTag`.
    pub(super) async fn releases_of_tag(
        &self,
        workflow: &WorkflowRecord,
        tag: Option<&str>,
    ) -> Result<Vec<u32>, AppError> {
        let Some(tag) = tag.filter(|tag| *tag != LATEST) else {
            return Ok(vec![workflow.release]);
        };
        match self.engine.find_tag(workflow.id, tag).await? {
            Some(found) => Ok(found.document.traffic.iter().map(|part| part.release).collect()),
            None => Err(self.unknown_tag(workflow, tag).await),
        }
    }

    /// The error for a tag that the workflow does not have; it names those that it has.
    async fn unknown_tag(&self, workflow: &WorkflowRecord, tag: &str) -> AppError {
        let known = match self.tag_names(workflow, MAX_NAMED).await {
            Ok(known) => known,
            Err(error) => return error,
        };
        let tag: String = tag.chars().take(100).collect();
        let message = format!(
            "the workflow has no release tag `{tag}`; use one of {}, or create the tag first",
            known.join(", ")
        );
        AppError::UnknownReleaseTag(Problem::new("release_tag", message))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_given_key_decides() {
        let (text, number, empty) = (json!("u1"), json!(7), json!(""));
        let longest = "k".repeat(MAX_TRAFFIC_KEY);
        for (traffic_key, user_id, external_id, expect) in [
            (Some("t"), Some(&text), Some("e"), Some("t")),
            (None, Some(&text), Some("e"), Some("u1")),
            (None, Some(&number), Some("e"), Some("7")),
            (None, Some(&empty), Some("e"), Some("e")),
            (None, Some(&Value::Null), None, None),
            (None, None, Some("e"), Some("e")),
            (Some(longest.as_str()), None, None, Some(longest.as_str())),
            (None, None, None, None),
        ] {
            let key = TrafficKey { traffic_key, user_id, external_id };
            assert_eq!(key.text().unwrap().as_deref(), expect, "{key:?}");
        }
        for wrong in [String::new(), longest.clone() + "k"] {
            let key = TrafficKey { traffic_key: Some(&wrong), ..TrafficKey::default() };
            assert!(matches!(key.text(), Err(AppError::InvalidRequest(_))), "{wrong}");
        }
    }
}
