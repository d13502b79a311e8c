//! Files of executions: the handlers.

mod convert;
mod wire;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use stepwell_engine::app::FileReader;
use stepwell_store::lists::Order;
use utoipa::OpenApi;
use utoipa_axum::routes;

use super::envelope::{Envelope, Items};
use super::ids::{PathExecutionId, PathName};
use super::lists::ListQuery;
use super::{choices, responses};
use crate::authenticated::Authenticated;
use crate::endpoints::Endpoints;
use crate::query::Params;
use crate::respond::{self, ApiResult};
use crate::state::Api;

#[derive(OpenApi)]
#[openapi(tags((name = "files", description = "The results of maps that write them to a file")))]
struct Document;

/// The endpoints of files.
pub(super) fn file_endpoints() -> Endpoints {
    Endpoints::new(Document::openapi()).add(routes!(list_files)).add(routes!(read_file))
}

/// List the files of an execution
///
/// A `Map` with `collect: file` writes the results of its items to a file. It can be read when the
/// step has ended, and is deleted with the execution.
#[utoipa::path(get, path = "/api/v1/workflow_executions/{id}/files", tag = "files", operation_id = "abi_list_files",
    security(("key" = ["read:workflows"]), ("key" = ["execute:workflows"])),
    params(("id" = String, Path, description = "The execution"),
        ("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortFiles>), Query, description = "`name`"),
        ("sort_order" = inline(Option<choices::SortOrderAscending>), Query, description = "`asc` (default) or `desc`")),
    responses((status = 200, description = "A page of its files", body = Envelope<Items<wire::ExecutionFile>>),
        responses::BadRequest, responses::NoExecution, responses::CommonErrors))]
async fn list_files(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathExecutionId,
    params: Params,
) -> ApiResult {
    let query = ListQuery::read_numbered(&params, &[("name", ())], Order::Ascending)?;
    let files = api.app.execution_files(&caller, id.0).await?;
    let page = query.cut_page(files, |(), a, b| a.name.cmp(&b.name));
    let page = page.by_ref().map_items(convert::file_body);
    respond::json_response(StatusCode::OK, &Envelope::of(query.render_page(page)))
}

/// Read a file of an execution
///
/// One line of JSON for each item, in the order of the items: `{"index", "output"}` for one that
/// completed, `{"index", "error"}` for one that failed. Items that did not end, because the step
/// failed or was cancelled, have no line. If the server cannot continue, it closes the connection
/// before the end.
#[utoipa::path(get, path = "/api/v1/workflow_executions/{id}/files/{name}", tag = "files", operation_id = "abi_read_file",
    security(("key" = ["read:workflows"]), ("key" = ["execute:workflows"])),
    params(("id" = String, Path, description = "The execution"),
        ("name" = String, Path, description = "The name of the file: the step that wrote it, such as `orders`, in iterations `pages[3].orders`", example = "orders")),
    responses((status = 200, description = "The lines", body = String, content_type = "application/x-ndjson",
            example = "{\"index\":0,\"output\":\"sent\"}\n"),
        responses::BadRequest, responses::NoFile, responses::FileNotComplete, responses::CommonErrors))]
async fn read_file(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathExecutionId,
    name: PathName,
) -> ApiResult {
    let mut reader = api.app.open_file(&caller, id.0, &name.0).await?;
    // An error until here has a status.
    let first = reader.next_chunk().await?;
    Ok(lines_response(first, reader))
}

/// The lines of a file, read as the client takes them. An error cuts the connection, so that the
/// client knows that it has not seen the end.
fn lines_response(first: Option<String>, reader: FileReader) -> Response {
    let state = first.map(|first| (Some(first), reader));
    let chunks = stream::try_unfold(state, |state| async move {
        let Some((first, mut reader)) = state else { return Ok(None) };
        let chunk = match first {
            Some(first) => Some(first),
            None => reader.next_chunk().await.inspect_err(|error| {
                tracing::warn!(%error, "the reading of a file was interrupted");
            })?,
        };
        let following = |text: String| (Bytes::from(text), Some((None, reader)));
        Ok::<_, stepwell_engine::AppError>(chunk.map(following))
    });
    let mut response = respond::json_text(StatusCode::OK, Body::from_stream(chunks));
    let media = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(CONTENT_TYPE, media);
    response
}
