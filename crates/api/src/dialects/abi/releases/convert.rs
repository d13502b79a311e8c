//! Conversions between the bodies about releases and the domain.

use std::cmp::Ordering;

use serde_json::Value;
use stepwell_core::Problem;
use stepwell_engine::app::LATEST;
use stepwell_engine::objects::Object;
use stepwell_engine::release_tag::{self, Traffic};
use stepwell_store::record::{ActualRecord, QualityRow, ReleaseRecord};

use super::wire::{
    Actual, Quality, QualityTotals, Release, ReleaseQuality, ReleaseTag, ReleaseTagRequest, Share,
    TagQuality,
};
use crate::error::ApiError;
use crate::fields::{Fields, FromFields as _};
use crate::respond::Time;

impl From<ReleaseRecord> for Release {
    fn from(record: ReleaseRecord) -> Self {
        let ReleaseRecord { workflow: _, number, source, created_at } = record;
        Self { number, created_at: Time(created_at), definition: source }
    }
}

impl From<Object<release_tag::ReleaseTag>> for ReleaseTag {
    fn from(tag: Object<release_tag::ReleaseTag>) -> Self {
        let Object { id: _, workspace: _, version: _, created_at: _, updated_at, document } = tag;
        let release_tag::ReleaseTag { workflow: _, name, traffic } = document;
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
        let of_release =
            |(release, rows): (u32, Vec<_>)| ReleaseQuality { release, sum: sum_quality(rows) };
        let of_tag = |(tag, rows): (&str, Vec<_>)| TagQuality {
            tag: tag.to_owned(),
            sum: sum_quality(rows),
        };
        Self {
            total: sum_quality(rows.iter()),
            releases: by_release.into_iter().map(of_release).collect(),
            tags: by_tag.into_iter().map(of_tag).collect(),
        }
    }
}

fn sum_quality<'a>(rows: impl IntoIterator<Item = &'a QualityRow>) -> QualityTotals {
    let mut all = QualityRow::default();
    for row in rows {
        all.count += row.count;
        all.rated += row.rated;
        all.quality_sum += row.quality_sum;
        all.compared += row.compared;
        all.matched += row.matched;
    }
    QualityTotals {
        count: all.count,
        mean_quality: (all.rated > 0).then(|| all.quality_sum / all.rated as f64),
        exact_match_rate: (all.compared > 0).then(|| all.matched as f64 / all.compared as f64),
    }
}

/// How a list of release tags can be sorted.
#[derive(Clone, Copy)]
pub enum ReleaseTagOrder {
    Name,
    UpdatedAt,
}

impl ReleaseTagOrder {
    pub const ALL: [(&str, Self); 2] = [("name", Self::Name), ("updated_at", Self::UpdatedAt)];

    /// By name, the one that moves by itself comes before all others.
    pub fn compare(
        self,
        a: &Object<release_tag::ReleaseTag>,
        b: &Object<release_tag::ReleaseTag>,
    ) -> Ordering {
        let (name, other) = (&a.document.name, &b.document.name);
        let by_name = (name != LATEST, name).cmp(&(other != LATEST, other));
        match self {
            Self::Name => by_name,
            Self::UpdatedAt => a.updated_at.cmp(&b.updated_at).then(by_name),
        }
    }
}

/// Where a tag is to point, and the field that defines it.
pub fn read_traffic(mut fields: Fields) -> Result<(&'static str, Vec<Traffic>), ApiError> {
    let ReleaseTagRequest { release, traffic: list } = ReleaseTagRequest::read(&mut fields);
    let place = if release.is_some() { "release" } else { "traffic" };
    let mut traffic = Vec::new();
    match (release, list) {
        (Some(_), Some(_)) => {
            fields.push(Problem::new("traffic", "give either release or traffic, not both"));
        }
        (Some(release), None) => match as_whole(&release) {
            Some(release) => traffic.push(Traffic { release, weight: 1 }),
            None => fields.push(Problem::new("release", "must be the number of a release")),
        },
        (None, Some(list)) => {
            for (at, item) in list.iter().enumerate() {
                match (
                    item.get("release").and_then(as_whole),
                    item.get("weight").and_then(as_whole),
                ) {
                    (Some(release), Some(weight)) => traffic.push(Traffic { release, weight }),
                    _ => fields.push(Problem::new(
                        format!("traffic[{at}]"),
                        "must be an object with the whole numbers `release` and `weight`",
                    )),
                }
            }
        }
        (None, None) => {
            fields.require::<()>("release", None);
        }
    }
    fields.finish()?;
    Ok((place, traffic))
}

fn as_whole(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}
