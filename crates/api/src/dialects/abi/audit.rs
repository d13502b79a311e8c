//! The audit log: extract, convert, call the application, convert.

use std::str::FromStr;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;
use stepwell_core::Map;
use stepwell_core::audit::{AuditAction, AuditedObject, ObjectKind};
use stepwell_core::ids::{KeyId, SubjectId, WorkspaceId};
use stepwell_engine::app::AuditQuery;
use stepwell_store::audit::{Actor, AuditRecord, Origin};
use utoipa::{OpenApi, ToSchema};

use super::lists::{Wanted, by_creation, period};
use super::{choices, convert, responses, wire};
use crate::edge::Who;
use crate::error::ApiError;
use crate::query::{Params, wrong};
use crate::respond::{self, Time};
use crate::server::Api;

/// The routes of the audit log.
pub fn routes() -> Router<Api> {
    Router::new().route("/api/v1/audit_log", get(audit_log))
}

/// Something that somebody did.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntry<'a> {
    /// Its id.
    #[schema(example = "aud_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub id: String,
    /// When.
    pub created_at: Time,
    /// Who.
    pub actor: AuditActor<'a>,
    /// What.
    #[schema(example = "workflow.updated")]
    pub action: &'static str,
    /// To what; `null`: to nothing that there is.
    pub object: Option<AuditObject<'a>>,
    /// The names of the fields that were changed.
    pub changed_fields: &'a [String],
    /// What else there is to tell.
    #[schema(value_type = Object)]
    pub details: &'a Map,
    /// The address of the client; `null`: it was the server's own process.
    #[schema(example = "203.0.113.9")]
    pub ip_address: Option<String>,
    /// The request, as in the header `X-Request-Id`; `null`: there was none.
    pub request_id: Option<&'a str>,
}

/// Who did something.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditActor<'a> {
    /// What kind of actor.
    pub r#type: ActorType,
    /// The key, `apk_…`; `null` where it came without one.
    pub id: Option<String>,
    /// What the key was called; else the same as `type`.
    pub name: &'a str,
}

/// What kind of actor did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActorType {
    /// Whoever has an API key.
    ApiKey,
    /// The server itself.
    System,
    /// Whoever works on the data folder with the command line.
    Cli,
    /// Somebody without a key, where the server asks for none.
    Anonymous,
}

/// What something was done to.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditObject<'a> {
    /// `workflow`, `execution`, `schedule`, `webhook`, `api_key` or `workspace`.
    #[schema(example = "workflow")]
    pub r#type: &'static str,
    /// Its id.
    #[schema(example = "wf_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub id: String,
    /// What it was called then; of a webhook, where it points without the path.
    pub name: Option<&'a str>,
}

/// Read the audit log
///
/// Who did what to which object, when, and from which address. Entries are written in the same
/// transaction as what they tell of. Scope `admin`; the log of another workspace is for an admin
/// of the default one.
#[utoipa::path(get, path = "/api/v1/audit_log", tag = "audit",
    params(("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortByCreation>), Query, description = "`created_at`"),
        ("sort_order" = inline(Option<choices::SortOrder>), Query, description = "`desc` (default) or `asc`"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, instead of `page`"),
        ("actor" = Option<String>, Query, description = "The name of a key, or `system`, `cli`, `anonymous`"),
        ("key_id" = Option<String>, Query, description = "`apk_…`"),
        ("action" = Option<String>, Query, description = "Such as `workflow.updated`"),
        ("object_type" = inline(Option<choices::ByObjectType>), Query, description = "A kind of object, such as `workflow`"),
        ("object_id" = Option<String>, Query, description = "In any form"),
        ("start_date" = Option<String>, Query, description = "An RFC 3339 time or a date: not before"),
        ("end_date" = Option<String>, Query, description = "An RFC 3339 time or a date: not after"),
        ("workspace_id" = Option<String>, Query, description = "`ws_…`, default the caller's")),
    responses((status = 200, description = "A page", body = wire::Envelope<wire::Items<AuditEntry>>),
        responses::BadRequest, responses::CommonErrors))]
async fn audit_log(
    State(api): State<Api>,
    Who(caller): Who,
    params: Params,
) -> Result<Response, ApiError> {
    let wanted = Wanted::read(&params)?;
    let query = query(&params, &wanted)?;
    let page = api.app.audit_log(&caller, query).await?;
    let items = page.items.iter().map(entry).collect();
    let pagination = wanted.pagination(&page);
    respond::json(StatusCode::OK, &wire::Envelope::of(wire::Items { items, pagination }))
}

fn query(params: &Params, wanted: &Wanted) -> Result<AuditQuery, ApiError> {
    by_creation(params)?;
    let kind = named(params, "object_type", &ObjectKind::ALL.map(ObjectKind::name))?;
    let (from, until) = period(params)?;
    Ok(AuditQuery {
        workspace: params.one("workspace_id")?.map(workspace_id).transpose()?,
        key: params.one("key_id")?.map(key_id).transpose()?,
        actor: params.one("actor")?.map(str::to_owned),
        action: named(params, "action", &AuditAction::ALL.map(AuditAction::name))?,
        kind,
        object: params.one("object_id")?.map(|text| object_id(text, kind)).transpose()?,
        from,
        until,
        order: wanted.order,
        at: wanted.at.clone(),
        limit: wanted.page_size,
    })
}

/// A parameter that has one of these names.
fn named<T: FromStr>(params: &Params, name: &str, names: &[&str]) -> Result<Option<T>, ApiError> {
    let Some(text) = params.one(name)? else { return Ok(None) };
    let expected = || format!("one of {}", names.join(", "));
    text.parse().map(Some).map_err(|_| wrong(name, &expected(), text))
}

fn workspace_id(text: &str) -> Result<WorkspaceId, ApiError> {
    text.parse().map_err(|_| wrong("workspace_id", "the id of a workspace", text))
}

fn key_id(text: &str) -> Result<KeyId, ApiError> {
    convert::parse_key_id(text).map_err(|_| wrong("key_id", "the id of an API key", text))
}

/// The id of an object of that kind, or of any.
fn object_id(text: &str, kind: Option<ObjectKind>) -> Result<SubjectId, ApiError> {
    let wanted = kind.map_or(ObjectKind::ALL.to_vec(), |kind| vec![kind]);
    let found = wanted.into_iter().find_map(|kind| read_id(text, kind));
    found.ok_or_else(|| {
        let what = kind.map_or("object", ObjectKind::name);
        wrong("object_id", &format!("the id of an {what}"), text)
    })
}

fn read_id(text: &str, kind: ObjectKind) -> Option<SubjectId> {
    match kind {
        // Keys have a form of their own here.
        ObjectKind::Key => convert::parse_key_id(text).ok().map(Into::into),
        kind => AuditedObject::parse(kind, text).map(|object| object.id),
    }
}

/// The id of an object as this dialect writes it.
fn written_id(object: AuditedObject) -> String {
    match object.kind {
        ObjectKind::Key => convert::key_id(KeyId::from_uuid(object.id.uuid())),
        _ => object.abi_id(),
    }
}

fn entry(record: &AuditRecord) -> AuditEntry<'_> {
    let AuditRecord {
        id,
        workspace: _,
        at,
        actor,
        origin: Origin { address, request_id },
        action,
        object,
        object_name,
        changed,
        details,
    } = record;
    let kind = match actor {
        Actor::Key { .. } => ActorType::ApiKey,
        Actor::System => ActorType::System,
        Actor::Cli => ActorType::Cli,
        Actor::Anonymous => ActorType::Anonymous,
    };
    let object = object.map(|object| AuditObject {
        r#type: object.kind.name(),
        id: written_id(object),
        name: object_name.as_deref(),
    });
    AuditEntry {
        id: id.abi(),
        created_at: Time(*at),
        actor: AuditActor {
            r#type: kind,
            id: actor.key().map(convert::key_id),
            name: actor.name(),
        },
        action: action.name(),
        object,
        changed_fields: changed,
        details,
        ip_address: address.map(|address| address.to_string()),
        request_id: request_id.as_deref(),
    }
}

/// The part of the API's description that is about the audit log.
#[derive(OpenApi)]
#[openapi(paths(audit_log), tags((name = "audit", description = "Who did what")))]
pub(crate) struct Doc;
