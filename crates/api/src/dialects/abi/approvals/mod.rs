//! Approvals: the handlers.

pub(super) mod convert;
pub(super) mod wire;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use stepwell_core::execution::Verdict;
use stepwell_core::ids::ApprovalId;
use stepwell_engine::app::{ApprovalLink, Idempotency};
use stepwell_engine::approval::Approval;
use stepwell_engine::objects::Object;
use stepwell_engine::{AppError, Caller};
use utoipa::OpenApi;
use utoipa_axum::routes;

use super::envelope::{Envelope, Items, data_text};
use super::ids::{PathId, PathName};
use super::lists::ListQuery;
use super::{choices, responses};
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::endpoints::Endpoints;
use crate::idempotent::{idempotent_secret, respond_once};
use crate::public_url::BaseUrl;
use crate::query::Params;
use crate::respond::{self, ApiResult, Time};
use crate::state::Api;
use convert::approval_body;

/// `/approvals/{id}…`
type PathApprovalId = PathId<ApprovalId>;

#[derive(OpenApi)]
#[openapi(tags((name = "approvals", description = "Decisions of people that steps wait for")))]
struct Document;

/// The endpoints of approvals.
pub(super) fn approval_endpoints() -> Endpoints {
    Endpoints::new(Document::openapi())
        .add(routes!(list_approvals))
        .add(routes!(get_approval))
        .add(routes!(approve))
        .add(routes!(reject))
        .add(routes!(delegate_approval))
        .add(routes!(create_approval_link))
        .add(routes!(get_linked_approval, decide_by_link))
}

fn show_approval(found: Result<Object<Approval>, AppError>) -> ApiResult {
    respond::json_response(StatusCode::OK, &Envelope::of(approval_body(&found?)))
}

/// The response after a change, which a repeated request gets again.
async fn show_changed(
    api: &Api,
    caller: &Caller,
    key: Option<Idempotency>,
    changed: impl Future<Output = Result<Object<Approval>, AppError>>,
) -> ApiResult {
    respond_once(&api.app, caller, key, async {
        data_text(StatusCode::OK, approval_body(&changed.await?))
    })
    .await
}

/// List approvals
///
/// They are kept for 90 days after their end.
#[utoipa::path(get, path = "/api/v1/approvals", tag = "approvals",
    security(("key" = ["read:approvals"])),
    params(("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, instead of `page`"),
        ("sort_by" = inline(Option<choices::SortOperations>), Query, description = "`created_at` (default), `updated_at`"),
        ("sort_order" = inline(Option<choices::SortOrder>), Query, description = "`desc` (default) or `asc`"),
        ("status" = inline(Option<choices::ByApprovalStatus>), Query, description = "Only those with this status"),
        ("execution_id" = Option<String>, Query, description = "Only those of this execution"),
        ("approver" = Option<String>, Query, description = "Only those about which this approver may decide")),
    responses((status = 200, description = "A page", body = Envelope<Items<wire::Approval>>),
        responses::BadRequest, responses::CommonErrors))]
async fn list_approvals(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    params: Params,
) -> ApiResult {
    let query = ListQuery::read(&params, &convert::SORT_KEYS)?;
    let list = query.list(convert::read_filter(&params)?);
    let page = api.app.approvals(&caller, list).await?;
    let page = page.by_ref().map_items(approval_body);
    respond::json_response(StatusCode::OK, &Envelope::of(query.render_page(page)))
}

/// Get an approval
#[utoipa::path(get, path = "/api/v1/approvals/{id}", tag = "approvals",
    security(("key" = ["read:approvals"])),
    params(("id" = String, Path, description = "`apr_…`")),
    responses((status = 200, description = "The approval", body = Envelope<wire::Approval>),
        responses::NotFound, responses::CommonErrors))]
async fn get_approval(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathApprovalId,
) -> ApiResult {
    show_approval(api.app.approval(&caller, id.0).await)
}

/// Approve
///
/// Records the vote of an approver. When as many have approved as needed, the step continues by its
/// port `approved`.
#[utoipa::path(post, path = "/api/v1/approvals/{id}/approve", tag = "approvals",
    security(("key" = ["write:approvals"])),
    params(("id" = String, Path, description = "`apr_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    request_body(content = Option<wire::VoteRequest>, description = "Optional"),
    responses((status = 200, description = "The approval after the vote", body = Envelope<wire::Approval>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn approve(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathApprovalId,
    request_body: RequestBody,
) -> ApiResult {
    let vote = convert::new_vote(request_body.read()?, Verdict::Approve);
    let changed = api.app.vote(&caller, id.0, vote);
    show_changed(&api, &caller, request_body.key, changed).await
}

/// Reject
///
/// Records the vote of an approver. One rejection rejects: the step continues by its port
/// `rejected`.
#[utoipa::path(post, path = "/api/v1/approvals/{id}/reject", tag = "approvals",
    security(("key" = ["write:approvals"])),
    params(("id" = String, Path, description = "`apr_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    request_body(content = Option<wire::VoteRequest>, description = "Optional"),
    responses((status = 200, description = "The approval after the vote", body = Envelope<wire::Approval>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn reject(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathApprovalId,
    request_body: RequestBody,
) -> ApiResult {
    let vote = convert::new_vote(request_body.read()?, Verdict::Reject);
    let changed = api.app.vote(&caller, id.0, vote);
    show_changed(&api, &caller, request_body.key, changed).await
}

/// Delegate an approval
///
/// Another approver decides instead.
#[utoipa::path(post, path = "/api/v1/approvals/{id}/delegate", tag = "approvals",
    security(("key" = ["write:approvals"])),
    params(("id" = String, Path, description = "`apr_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    request_body = wire::DelegateRequest,
    responses((status = 200, description = "The approval with the other approver", body = Envelope<wire::Approval>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn delegate_approval(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathApprovalId,
    request_body: RequestBody,
) -> ApiResult {
    let delegation = convert::delegation(request_body.read()?);
    let changed = api.app.delegate_approval(&caller, id.0, delegation);
    show_changed(&api, &caller, request_body.key, changed).await
}

/// Create a link for an approver
///
/// With the link, the approver decides once, without a key.
#[utoipa::path(post, path = "/api/v1/approvals/{id}/links", tag = "approvals",
    security(("key" = ["write:approvals"])),
    params(("id" = String, Path, description = "`apr_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body(content = Option<wire::LinkRequest>, description = "Optional"),
    responses((status = 201, description = "Created", body = Envelope<wire::ApprovalLink>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn create_approval_link(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathApprovalId,
    base: Option<Extension<BaseUrl>>,
    request_body: RequestBody,
) -> ApiResult {
    let link = convert::new_link(request_body.read()?)?;
    idempotent_secret(&api.app, &caller, request_body.key, async {
        let link = api.app.create_approval_link(&caller, id.0, link).await?;
        let ApprovalLink { token, approver, expires_at } = link;
        let path = format!("/api/v1/approval_links/{token}");
        let url = base.map_or_else(|| path.clone(), |Extension(base)| base.url_of(&path));
        let expires_at = Time(expires_at);
        let data = wire::ApprovalLink { token, path, url, approver, expires_at };
        respond::json_response(StatusCode::CREATED, &Envelope::of(data))
    })
    .await
}

/// Get the approval of a link
#[utoipa::path(get, path = "/api/v1/approval_links/{name}", tag = "approvals",
    security(()),
    params(("name" = String, Path, description = "The token of the link")),
    responses((status = 200, description = "The approval", body = Envelope<wire::LinkedApproval>),
        responses::NotFound, responses::CommonErrors))]
async fn get_linked_approval(State(api): State<Api>, token: PathName) -> ApiResult {
    let (approval, approver) = api.app.approval_of_link(&token.0).await?;
    let approval = approval_body(&approval);
    let body = Envelope::of(wire::LinkedApproval { approver, approval });
    respond::json_response(StatusCode::OK, &body)
}

/// Decide with a link
///
/// Records the vote of the approver that the link is for. It is used up then.
#[utoipa::path(post, path = "/api/v1/approval_links/{name}", tag = "approvals",
    security(()),
    params(("name" = String, Path, description = "The token of the link")),
    request_body = wire::LinkVoteRequest,
    responses((status = 200, description = "The approval after the vote", body = Envelope<wire::Approval>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn decide_by_link(
    State(api): State<Api>,
    token: PathName,
    request_body: RequestBody,
) -> ApiResult {
    let vote = convert::link_vote(request_body.read()?)?;
    show_approval(api.app.vote_by_link(&token.0, vote).await)
}
