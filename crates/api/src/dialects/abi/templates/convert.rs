//! Between the bodies about templates and the domain.

use serde_json::Value;
use stepwell_core::Map;
use stepwell_core::ids::TemplateId;
use stepwell_engine::app::Template;
use stepwell_engine::objects::Object;
use stepwell_store::objects::ObjectFilter;

use super::super::ids::{ParseId, parse_id};
use super::super::lists::read_labels;
use super::super::managed::{ManagedKind, SHOWN_ONLY, changed_description, new_description};
use super::wire;
use crate::error::{ApiError, Kind};
use crate::fields::{Fields, FromFields as _};
use crate::query::Params;
use crate::respond::Time;

impl ParseId for TemplateId {
    fn read(text: &str) -> Result<Self, ApiError> {
        parse_id(text, Kind::NoObject)
    }
}

/// The template that a request describes.
pub fn new_template(request: wire::TemplateRequest) -> Template {
    let wire::TemplateRequest { name, description, body, sample, metadata } = request;
    Template {
        name,
        description: new_description(description),
        body,
        sample: sample.unwrap_or_default(),
        metadata: metadata.unwrap_or_default(),
    }
}

/// A change of a template; `None` leaves a field unchanged.
pub struct TemplateChange {
    name: Option<String>,
    /// `Some(None)` removes it.
    description: Option<Option<String>>,
    body: Option<Value>,
    sample: Option<Map>,
    metadata: Option<Map>,
}

/// Reads a change.
pub fn read_change(mut fields: Fields) -> Result<TemplateChange, ApiError> {
    let wire::TemplateChange { name, description, body, sample, metadata } =
        wire::TemplateChange::read(&mut fields);
    fields.ignore(&SHOWN_ONLY);
    fields.finish()?;
    Ok(TemplateChange {
        name,
        description: changed_description(description),
        body,
        sample: sample.or_empty(),
        metadata: metadata.or_empty(),
    })
}

impl TemplateChange {
    /// The template after the change.
    pub fn apply(&self, before: Template) -> Template {
        let Self { name, description, body, sample, metadata } = self;
        Template {
            name: name.clone().unwrap_or(before.name),
            description: description.clone().unwrap_or(before.description),
            body: body.clone().unwrap_or(before.body),
            sample: sample.clone().unwrap_or(before.sample),
            metadata: metadata.clone().unwrap_or(before.metadata),
        }
    }
}

impl ManagedKind for Template {
    type Body<'a> = wire::Template<'a>;
    type Row<'a> = wire::TemplateRow<'a>;

    fn body(object: &Object<Self>) -> wire::Template<'_> {
        let Object { id, workspace: _, version, created_at, updated_at, document } = object;
        let Template { name, description, body, sample, metadata } = document;
        wire::Template {
            id: id.abi(),
            name,
            description: description.as_deref(),
            body,
            sample,
            metadata,
            created_at: Time(*created_at),
            updated_at: Time(*updated_at),
            version: *version,
        }
    }

    fn row(object: &Object<Self>) -> wire::TemplateRow<'_> {
        let Object { id, workspace: _, version, created_at, updated_at, document } = object;
        let Template { name, description, body: _, sample: _, metadata } = document;
        wire::TemplateRow {
            id: id.abi(),
            name,
            description: description.as_deref(),
            metadata,
            created_at: Time(*created_at),
            updated_at: Time(*updated_at),
            version: *version,
        }
    }

    fn read_filter(params: &Params) -> Result<ObjectFilter, ApiError> {
        Ok(ObjectFilter {
            name: params.one("name")?.map(str::to_owned),
            parent: None,
            status: None,
            labels: read_labels(params, &["name"])?,
        })
    }
}
