//! What the endpoints of managed objects have in common. A kind adds its facts: bodies, what it is
//! filtered by, and the annotations of its handlers.

use axum::http::StatusCode;
use serde::Serialize;
use stepwell_engine::app::{Idempotency, Noun};
use stepwell_engine::objects::Object;
use stepwell_engine::{AppError, Caller};
use stepwell_store::objects::{ObjectFilter, ObjectSort};

use super::envelope::{Envelope, data_text};
use super::etag;
use super::lists::ListQuery;
use crate::error::ApiError;
use crate::fields::Patch;
use crate::idempotent::respond_once;
use crate::query::Params;
use crate::respond::{self, ApiResult};
use crate::state::Api;

/// Fields of a response that a change may send back; they have no meaning there.
pub const SHOWN_ONLY: [&str; 4] = ["id", "created_at", "updated_at", "version"];

/// What managed objects can be sorted by.
const SORT_KEYS: [(&str, ObjectSort); 3] = [
    ("created_at", ObjectSort::CreatedAt),
    ("updated_at", ObjectSort::UpdatedAt),
    ("name", ObjectSort::Name),
];

/// A kind of managed object, as this API shows it.
pub trait ManagedKind: Noun {
    /// The body of one.
    type Body<'a>: Serialize;
    /// One in a list.
    type Row<'a>: Serialize;

    /// One as it is shown.
    fn body(object: &Object<Self>) -> Self::Body<'_>;

    /// One in a list.
    fn row(object: &Object<Self>) -> Self::Row<'_>;

    /// How a list is filtered.
    ///
    /// # Errors
    /// A parameter is wrong.
    fn read_filter(params: &Params) -> Result<ObjectFilter, ApiError>;
}

/// Creates an object.
pub async fn create_object<K: ManagedKind>(
    api: &Api,
    caller: &Caller,
    key: Option<Idempotency>,
    document: K,
) -> ApiResult {
    let response = respond_once(&api.app, caller, key, async {
        let created = api.app.create_object(caller, document).await?;
        data_text(StatusCode::CREATED, K::body(&created))
    })
    .await?;
    // Also of a repeat: it shows the object as it was created.
    Ok(etag::with_etag(response, 1))
}

/// The page of a list that a request wants.
pub async fn list_objects<K: ManagedKind>(
    api: &Api,
    caller: &Caller,
    params: &Params,
) -> ApiResult {
    let query = ListQuery::read(params, &SORT_KEYS)?;
    let list = query.list(K::read_filter(params)?);
    let page = api.app.objects::<K>(caller, list).await?;
    let page = page.by_ref().map_items(K::row);
    respond::json_response(StatusCode::OK, &Envelope::of(query.render_page(page)))
}

/// The response with an object, as it is or after a change.
pub fn show_object<K: ManagedKind>(found: Result<Object<K>, AppError>) -> ApiResult {
    let object = found?;
    let response = respond::json_response(StatusCode::OK, &Envelope::of(K::body(&object)))?;
    Ok(etag::with_etag(response, object.version))
}

/// The response after a deletion.
pub fn show_deleted(deleted: Result<(), AppError>, body: impl Serialize) -> ApiResult {
    deleted?;
    respond::json_response(StatusCode::OK, &Envelope::of(body))
}

/// The description of a new object.
pub fn new_description(written: Option<String>) -> Option<String> {
    written.filter(|text| !text.is_empty())
}

/// The description after a change; `None` leaves it unchanged, `Some(None)` removes it.
pub fn changed_description(written: Patch<String>) -> Option<Option<String>> {
    written.nullable().map(new_description)
}
