//! The bodies of deployments, releases and release tags, named as this dialect's clients name them.

use serde::Serialize;
use utoipa::ToSchema;

use super::identity::Environment;
use super::variables::Variable;
use crate::fields::request_body;
use crate::respond::Time;

/// A deployment, as lists show it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumSlimDeployment)]
pub struct SlimDeployment {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The name again.
    pub label: String,
    /// `ACTIVE`, or `ARCHIVED` while it may not be executed.
    pub status: &'static str,
    /// Always `PRODUCTION`.
    pub environment: &'static str,
    /// When the workflow was created.
    pub created: Time,
    /// When its newest release was created.
    pub last_deployed_on: Time,
    /// What the newest release takes.
    pub input_variables: Vec<Variable>,
    /// What the newest release makes.
    pub output_variables: Vec<Variable>,
    /// `description` of the newest definition.
    pub description: Option<String>,
}

/// A deployment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumDeployment)]
pub struct Deployment {
    /// What lists show.
    #[serde(flatten)]
    pub slim: SlimDeployment,
    /// The newest release.
    pub last_deployed_history_item_id: String,
}

/// A release.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumRelease)]
pub struct Release {
    /// The same each time; history items have the same ids.
    pub id: String,
    /// 1, 2, 3…
    pub number: u32,
    /// When it was created.
    pub created: Time,
    /// The only environment.
    pub environment: Environment,
    /// Always `null`: keys are not people.
    pub created_by: Option<&'static str>,
    /// What it executes.
    pub workflow_version: Version,
    /// Whose release it is.
    pub deployment: Name,
    /// `description` of its definition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The tags that point at it, alone or with others.
    pub release_tags: Vec<TagName>,
    /// Always empty.
    #[schema(value_type = Vec<Object>)]
    pub reviews: [(); 0],
}

/// What a release executes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumVersion)]
pub struct Version {
    /// The same each time.
    pub id: String,
    /// What it takes.
    pub input_variables: Vec<Variable>,
    /// What it makes.
    pub output_variables: Vec<Variable>,
}

/// A deployment's id and name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumDeploymentName)]
pub struct Name {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A release tag's name and source.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumTagName)]
pub struct TagName {
    /// Its name.
    pub name: String,
    /// `SYSTEM` for `LATEST`, which moves by itself; else `USER`.
    pub source: &'static str,
}

/// A release tag.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumReleaseTag)]
pub struct ReleaseTag {
    /// Its name.
    #[serde(flatten)]
    pub name: TagName,
    /// Where it points: of several releases, the one with the greatest weight.
    pub history_item: TagTarget,
    /// The same.
    pub release: TagTarget,
    /// All releases that it points at.
    pub traffic: Vec<Share>,
}

/// Where a tag points.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = VellumTaggedRelease)]
pub struct TagTarget {
    /// The release.
    pub id: String,
    /// When it was created.
    pub timestamp: Time,
}

/// A share of the executions that name a tag.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumTraffic)]
pub struct Share {
    /// The release that they run.
    pub history_item_id: String,
    /// Its number.
    pub release: u32,
    /// How many, beside the other weights.
    pub weight: u32,
}

/// A release under its older name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumHistoryItem)]
pub struct HistoryItem {
    /// The release's id.
    pub id: String,
    /// Whose it is.
    pub workflow_deployment_id: String,
    /// When it was created.
    pub timestamp: Time,
    /// The name that the workflow had.
    pub label: String,
    /// The same.
    pub name: String,
    /// What it takes.
    pub input_variables: Vec<Variable>,
    /// What it makes.
    pub output_variables: Vec<Variable>,
    /// `description` of its definition.
    pub description: Option<String>,
}

request_body! {
    /// Where to move a tag.
    #[schema(as = VellumReleaseTagRequest)]
    pub struct ReleaseTagRequest {
        /// The id of a release or history item; without it the tag stays.
        pub history_item_id: Option<String>,
    }
}
