//! The bodies about templates.

use serde::Serialize;
use serde_json::Value;
use stepwell_core::Map;
use utoipa::ToSchema;

use crate::fields::{Patch, request_body};
use crate::respond::Time;

request_body! {
    /// Creates a template.
    #[schema(example = json!({"name": "order-shipped", "body": "Dear {{ customer.name }},\nyour order {{ order.id }} is on its way.",
        "sample": {"customer": {"name": "Ada"}, "order": {"id": "o-17"}}, "metadata": {"team": "sales"}}))]
    pub struct TemplateRequest {
        /// Its name, unique in the workspace, 1 to 100 characters.
        pub name: String,
        /// What it is for, at most 1,000 characters.
        pub description: Option<String>,
        /// Jinja text, or a JSON value whose texts are Jinja; at most 256 KiB.
        pub body: Value,
        /// The data of a preview: variables by name; at most 256 KiB.
        #[schema(value_type = Option<Object>)]
        pub sample: Option<Map>,
        /// Its labels.
        #[schema(value_type = Option<Object>)]
        pub metadata: Option<Map>,
    }
}

request_body! {
    /// Changes a template; omitted fields are unchanged.
    #[schema(example = json!({"body": "Dear {{ customer.name }}, order {{ order.id }} has left."}))]
    pub struct TemplateChange {
        /// Its name, unique in the workspace, 1 to 100 characters.
        pub name: Option<String>,
        /// What it is for, at most 1,000 characters; `null` removes it.
        #[schema(value_type = Option<String>)]
        pub description: Patch<String>,
        /// Jinja text, or a JSON value whose texts are Jinja; at most 256 KiB.
        pub body: Option<Value>,
        /// The data of a preview; `null` empties it.
        #[schema(value_type = Option<Object>)]
        pub sample: Patch<Map>,
        /// All of its labels; `null` removes them.
        #[schema(value_type = Option<Object>)]
        pub metadata: Patch<Map>,
    }
}

request_body! {
    /// Requests a preview.
    #[schema(example = json!({"data": {"customer": {"name": "Grace"}, "order": {"id": "o-18"}}}))]
    pub struct PreviewRequest {
        /// Variables by name; omitted: the template's sample.
        #[schema(value_type = Option<Object>)]
        pub data: Option<Map>,
    }
}

/// A template.
#[derive(Debug, Serialize, ToSchema)]
pub struct Template<'a> {
    /// Its id.
    #[schema(example = "tpl_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub id: String,
    /// Its name.
    pub name: &'a str,
    /// What it is for.
    pub description: Option<&'a str>,
    /// Jinja text, or a JSON value whose texts are Jinja.
    pub body: &'a Value,
    /// The data of a preview.
    #[schema(value_type = Object)]
    pub sample: &'a Map,
    /// Its labels.
    #[schema(value_type = Object)]
    pub metadata: &'a Map,
    /// When it was created.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// 1 when it was created, one more at each change; in quotes, its `ETag`.
    pub version: u64,
}

/// A template in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateRow<'a> {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: &'a str,
    /// What it is for.
    pub description: Option<&'a str>,
    /// Its labels.
    #[schema(value_type = Object)]
    pub metadata: &'a Map,
    /// When it was created.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// 1 when it was created, one more at each change.
    pub version: u64,
}

/// A deleted template.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeletedTemplate {
    /// Its id.
    pub id: String,
    /// Always `true`.
    pub deleted: bool,
}

/// What a template renders to.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplatePreview {
    /// Text, or the JSON value with its texts rendered.
    pub rendered: Value,
}
