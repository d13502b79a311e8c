//! The bodies about releases, release tags and feedback, and what they are made of.

use serde::Serialize;
use serde_json::Value;
use stepwell_store::record::{ActualRecord, QualityRow, ReleaseRecord, ReleaseTagRecord, Traffic};
use utoipa::ToSchema;

use crate::respond::Time;

/// A new release.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the API's description")]
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

/// Where a tag points: `release`, or `traffic`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the API's description")]
#[schema(example = json!({"traffic": [{"release": 1, "weight": 9}, {"release": 2, "weight": 1}]}))]
pub struct ReleaseTagRequest {
    /// One release.
    pub release: Option<u32>,
    /// Several, by weight.
    pub traffic: Option<Vec<Share>>,
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
    /// When it was said.
    pub(super) timestamp: Time,
    /// When it was submitted.
    pub(super) created_at: Time,
}

/// The feedback on a workflow.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Quality {
    /// All of it.
    #[serde(flatten)]
    pub(super) total: Sum,
    /// By release.
    pub(super) releases: Vec<OfRelease>,
    /// By the tag that executions named.
    pub(super) tags: Vec<OfTag>,
}

/// Feedback summed up.
#[derive(Debug, Default, Clone, Serialize, ToSchema)]
pub struct Sum {
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
pub struct OfRelease {
    pub(super) release: u32,
    #[serde(flatten)]
    pub(super) sum: Sum,
}

/// Of one tag.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfTag {
    pub(super) tag: String,
    #[serde(flatten)]
    pub(super) sum: Sum,
}

impl From<ReleaseRecord> for Release {
    fn from(record: ReleaseRecord) -> Self {
        let ReleaseRecord { workflow: _, number, source, created_at } = record;
        Self { number, created_at: Time(created_at), definition: source }
    }
}

impl From<ReleaseTagRecord> for ReleaseTag {
    fn from(record: ReleaseTagRecord) -> Self {
        let ReleaseTagRecord { workflow: _, name, traffic, updated_at } = record;
        let share = |Traffic { release, weight }| Share { release, weight };
        let traffic = traffic.into_iter().map(share).collect();
        Self { name, traffic, updated_at: Time(updated_at) }
    }
}

impl From<ActualRecord> for Actual {
    fn from(record: ActualRecord) -> Self {
        let ActualRecord {
            id,
            execution: _,
            workflow,
            release: _,
            tag: _,
            output,
            quality,
            desired,
            matched,
            metadata,
            at,
            created_at,
        } = record;
        Self {
            id: id.to_string(),
            output_id: uuid::Uuid::new_v5(&workflow.uuid(), output.as_bytes()).to_string(),
            output_name: output,
            quality,
            desired_output_value: desired,
            matched,
            metadata,
            timestamp: Time(at),
            created_at: Time(created_at),
        }
    }
}

impl From<Vec<QualityRow>> for Quality {
    fn from(rows: Vec<QualityRow>) -> Self {
        let mut by_release = std::collections::BTreeMap::<u32, Vec<&QualityRow>>::new();
        let mut by_tag = std::collections::BTreeMap::<&str, Vec<&QualityRow>>::new();
        for row in &rows {
            by_release.entry(row.release).or_default().push(row);
            if let Some(tag) = &row.tag {
                by_tag.entry(tag).or_default().push(row);
            }
        }
        let of_release = |(release, rows): (u32, Vec<_>)| OfRelease { release, sum: sum(rows) };
        let of_tag = |(tag, rows): (&str, Vec<_>)| OfTag { tag: tag.to_owned(), sum: sum(rows) };
        Self {
            total: sum(rows.iter()),
            releases: by_release.into_iter().map(of_release).collect(),
            tags: by_tag.into_iter().map(of_tag).collect(),
        }
    }
}

fn sum<'a>(rows: impl IntoIterator<Item = &'a QualityRow>) -> Sum {
    let mut all = QualityRow::default();
    for row in rows {
        all.count += row.count;
        all.rated += row.rated;
        all.quality_sum += row.quality_sum;
        all.compared += row.compared;
        all.matched += row.matched;
    }
    Sum {
        count: all.count,
        mean_quality: (all.rated > 0).then(|| all.quality_sum / all.rated as f64),
        exact_match_rate: (all.compared > 0).then(|| all.matched as f64 / all.compared as f64),
    }
}
