//! Release tags as configured objects.

use serde::{Deserialize, Serialize};
use stepwell_core::ids::{SubjectId, WorkflowId, WorkspaceId};
use stepwell_store::objects::{IndexFields, Kind};

use crate::objects::Document;

/// A movable name for one release of a workflow, or for several by weight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseTag {
    /// The workflow.
    pub workflow: WorkflowId,
    /// The name, unique in the workflow.
    pub name: String,
    /// The releases that it points at; not empty.
    pub traffic: Vec<Traffic>,
}

/// A share of the executions that name a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u32, u32)", into = "(u32, u32)")]
pub struct Traffic {
    /// The release that they run.
    pub release: u32,
    /// Its weight, relative to the other weights of the tag.
    pub weight: u32,
}

impl From<(u32, u32)> for Traffic {
    fn from((release, weight): (u32, u32)) -> Self {
        Self { release, weight }
    }
}

impl From<Traffic> for (u32, u32) {
    fn from(Traffic { release, weight }: Traffic) -> Self {
        (release, weight)
    }
}

impl ReleaseTag {
    /// The unique key of a tag.
    pub(crate) fn key(workflow: WorkflowId, name: &str) -> String {
        format!("{workflow}/{name}")
    }
}

impl Document for ReleaseTag {
    type Id = SubjectId;
    const KIND: Kind = "release_tag";

    fn index(&self, _: WorkspaceId) -> IndexFields {
        IndexFields {
            unique_key: Some(Self::key(self.workflow, &self.name)),
            name: Some(self.name.clone()),
            parent: Some(self.workflow.into()),
            ..IndexFields::default()
        }
    }
}
