//! Between the bodies about templates and the domain.

use serde_json::Value;
use stepwell_core::Map;
use stepwell_core::ids::TemplateId;
use stepwell_engine::app::{ObjectsQuery, Template};
use stepwell_engine::objects::Object;
use stepwell_store::objects::ObjectSort;

use super::super::ids::{Names, parsed};
use super::super::lists::{Wanted, labels};
use super::wire;
use crate::error::{ApiError, Kind};
use crate::json::Fields;
use crate::query::{Params, wrong};
use crate::respond::Time;

/// Fields of a response that a change may send back; they have no meaning there.
const SHOWN_ONLY: [&str; 4] = ["id", "created_at", "updated_at", "version"];

impl Names for TemplateId {
    fn read(text: &str) -> Result<Self, ApiError> {
        parsed(text, Kind::NoObject)
    }
}

/// Reads a new template.
pub fn new_template(mut fields: Fields) -> Result<Template, ApiError> {
    let name = fields.text("name");
    let name = fields.require("name", name);
    let body = fields.value("body");
    let body = fields.require("body", body);
    let template = Template {
        // Both are required: `finish` refuses a request without them.
        name: name.unwrap_or_default(),
        body: body.unwrap_or_default(),
        description: fields.text("description").filter(|text| !text.is_empty()),
        sample: fields.object("sample").unwrap_or_default(),
        metadata: fields.object("metadata").unwrap_or_default(),
    };
    fields.finish()?;
    Ok(template)
}

/// A change of a template; `None` leaves a field unchanged.
pub struct Change {
    name: Option<String>,
    /// `Some(None)` removes it.
    description: Option<Option<String>>,
    body: Option<Value>,
    sample: Option<Map>,
    metadata: Option<Map>,
}

/// Reads a change.
pub fn change(mut fields: Fields) -> Result<Change, ApiError> {
    let removed = fields.is_null("description").then_some(None);
    let [no_sample, no_metadata] =
        ["sample", "metadata"].map(|name| fields.is_null(name).then(Map::new));
    let description = fields.text("description").map(|text| Some(text).filter(|t| !t.is_empty()));
    let change = Change {
        name: fields.text("name"),
        description: description.or(removed),
        body: fields.value("body"),
        sample: fields.object("sample").or(no_sample),
        metadata: fields.object("metadata").or(no_metadata),
    };
    fields.pass_over(&SHOWN_ONLY);
    fields.finish()?;
    Ok(change)
}

impl Change {
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

/// How a list of templates is filtered, sorted and cut.
pub fn query(params: &Params, wanted: &Wanted) -> Result<ObjectsQuery, ApiError> {
    let sort = match params.one("sort_by")? {
        None | Some("created_at") => ObjectSort::CreatedAt,
        Some("updated_at") => ObjectSort::UpdatedAt,
        Some("name") => ObjectSort::Name,
        Some(other) => return Err(wrong("sort_by", "one of created_at, updated_at, name", other)),
    };
    Ok(ObjectsQuery {
        name: params.one("name")?.map(str::to_owned),
        status: None,
        labels: labels(params, &["name"])?,
        sort,
        order: wanted.order,
        at: wanted.at.clone(),
        limit: wanted.page_size,
    })
}

/// A template as it is shown.
pub fn template(object: &Object<Template>) -> wire::Template<'_> {
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

/// A template in a list.
pub fn row(object: &Object<Template>) -> wire::TemplateRow<'_> {
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
