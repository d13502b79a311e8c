//! The bodies about releases, release tags and feedback.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::fields::request_body;
use crate::respond::Time;

request_body! {
    /// A new release.
    #[schema(example = json!({"definition": {"name": "Greeting", "steps": [{"type": "StaticTextInput", "input": "Hello, world!"}]},
        "release_tags": ["production"]}))]
    pub struct ReleaseRequest {
        /// A definition: see `/api/v1/schema/definition`. The workflow's `name`, `description` and
        /// `metadata` stay where it leaves them out.
        #[schema(value_type = Object)]
        pub definition: Value,
        /// Tags that are moved to it.
        pub release_tags: Option<Vec<String>>,
    }
}

request_body! {
    /// Where a tag points: `release`, or `traffic`.
    #[schema(example = json!({"traffic": [{"release": 1, "weight": 9}, {"release": 2, "weight": 1}]}))]
    pub struct ReleaseTagRequest {
        /// One release.
        #[schema(value_type = Option<u32>)]
        pub release: Option<Value>,
        /// Several, by weight.
        #[schema(value_type = Option<Vec<Share>>)]
        pub traffic: Option<Vec<Value>>,
    }
}

/// A release.
#[derive(Debug, Serialize, ToSchema)]
pub struct Release {
    /// 1, 2, 3…
    pub(super) number: u32,
    /// When it was released.
    pub(super) created_at: Time,
    /// The definition as it was given.
    #[schema(value_type = Object)]
    pub(super) definition: std::sync::Arc<Value>,
}

/// A release tag.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseTag {
    /// Its name.
    pub(super) name: String,
    /// Where it points.
    pub(super) traffic: Vec<Share>,
    /// When it was last moved.
    pub(super) updated_at: Time,
}

/// A deleted release tag.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeletedReleaseTag {
    /// Its name.
    pub(super) name: String,
    /// Always `true`.
    pub(super) deleted: bool,
}

/// A share of the executions that name a tag.
#[derive(Debug, Serialize, ToSchema)]
pub struct Share {
    /// The release that they run.
    pub(super) release: u32,
    /// How many, beside the other weights.
    pub(super) weight: u32,
}

/// Feedback on an output.
#[derive(Debug, Serialize, ToSchema)]
pub struct Actual {
    /// Its id.
    pub(super) id: String,
    /// The output's name.
    pub(super) output_name: String,
    /// The output's id in the vellum dialect.
    pub(super) output_id: String,
    /// How good it was, 0 to 1.
    pub(super) quality: Option<f64>,
    /// What it should have been.
    pub(super) desired_output_value: Option<Value>,
    /// Whether that is exactly what it was.
    pub(super) matched: Option<bool>,
    /// Labels.
    #[schema(value_type = Object)]
    pub(super) metadata: stepwell_core::Map,
    /// When it was submitted.
    pub(super) timestamp: Time,
    /// When it was submitted.
    pub(super) created_at: Time,
}

/// The feedback on a workflow.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Quality {
    /// All of it.
    #[serde(flatten)]
    pub(super) total: QualityTotals,
    /// By release.
    pub(super) releases: Vec<ReleaseQuality>,
    /// By the tag that executions named.
    pub(super) tags: Vec<TagQuality>,
}

/// Feedback summed up.
#[derive(Debug, Default, Clone, Serialize, ToSchema)]
#[schema(as = Sum)]
pub struct QualityTotals {
    /// How many actuals.
    pub(super) count: u64,
    /// The mean of those that have a quality.
    pub(super) mean_quality: Option<f64>,
    /// The share of outputs that were exactly what they should have been, of those of which that
    /// is known.
    pub(super) exact_match_rate: Option<f64>,
}

/// Of one release.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OfRelease)]
pub struct ReleaseQuality {
    pub(super) release: u32,
    #[serde(flatten)]
    pub(super) sum: QualityTotals,
}

/// Of one tag.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OfTag)]
pub struct TagQuality {
    pub(super) tag: String,
    #[serde(flatten)]
    pub(super) sum: QualityTotals,
}
