//! The bodies that this dialect's topics share, and those of keys and workspaces, named as its
//! clients name them.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use stepwell_core::Timestamp;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::respond::Time;

/// What every successful answer is wrapped in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Envelope<T> {
    /// Always `success`.
    #[schema(example = "success")]
    pub status: &'static str,
    /// The answer.
    pub data: T,
    /// Where there is something to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'static str>,
}

impl<T> Envelope<T> {
    /// A successful answer.
    pub const fn of(data: T) -> Self {
        Self { status: "success", data, message: None }
    }

    /// A successful answer with something to say.
    pub const fn saying(data: T, message: &'static str) -> Self {
        Self { status: "success", data, message: Some(message) }
    }
}

/// A successful answer, written, so that it can be kept under an idempotency key.
///
/// # Errors
/// `Internal` where it cannot be written.
pub fn written(status: StatusCode, data: impl Serialize) -> Result<(StatusCode, String), ApiError> {
    let text = serde_json::to_string(&Envelope::of(data));
    let text = text
        .map_err(|error| ApiError::internal(format!("an answer could not be written: {error}")))?;
    Ok((status, text))
}

/// What every error is wrapped in.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorEnvelope<'a> {
    /// Always `error`.
    #[schema(example = "error")]
    pub status: &'static str,
    /// Always `null`.
    #[schema(value_type = Option<Object>)]
    pub data: Value,
    /// What is wrong and what to change.
    pub message: &'a str,
    /// Every problem that was found; at least one.
    pub errors: Vec<ErrorItem<'a>>,
    /// The request's id, as in the header `X-Request-Id` and in the server's log.
    pub request_id: &'a str,
}

/// One problem.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorItem<'a> {
    /// A stable code.
    pub code: &'a str,
    /// What is wrong.
    #[schema(value_type = String)]
    pub detail: Cow<'a, str>,
    /// The field; `null` where it is about the request as a whole.
    pub field: Option<&'a str>,
    /// With `WORKFLOW_EXECUTION_ERROR` and `EXECUTION_TIMEOUT`: the execution.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = FailedExecutionFields)]
    pub of: Option<FailedExecution<'a>>,
}

/// What a problem has beside its code where an execution was waited for and did not complete.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the API's description")]
#[schema(as = abi::FailedExecution)]
pub struct FailedExecutionFields {
    /// The execution.
    #[schema(example = "exec_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub execution_id: Option<String>,
    /// The step that failed; `null` where it was the execution as a whole.
    pub step: Option<String>,
    /// Why.
    pub cause: Option<Failure<'static>>,
}

/// An execution that was waited for and did not complete.
#[derive(Debug, Serialize)]
pub struct FailedExecution<'a> {
    /// Its id.
    pub execution_id: String,
    /// The step that failed; `null` where it was the execution as a whole.
    pub step: Option<&'a str>,
    /// Why.
    pub cause: Option<Failure<'a>>,
}

/// Why a step or an execution failed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::Failure)]
pub struct Failure<'a> {
    /// A stable code.
    #[schema(example = "STEP_TIMEOUT")]
    pub code: &'a str,
    /// What happened.
    pub message: &'a str,
    /// The step; `null` where it was the execution as a whole.
    pub step: Option<&'a str>,
    /// The attempt that failed.
    pub attempt: Option<u32>,
    /// More for a machine.
    pub details: &'a Value,
}

impl<'a> From<&'a stepwell_core::execution::Failure> for Failure<'a> {
    fn from(failure: &'a stepwell_core::execution::Failure) -> Self {
        let stepwell_core::execution::Failure { code, message, step, attempt, details } = failure;
        Self { code, message, step: step.as_deref(), attempt: *attempt, details }
    }
}

/// Asks for a key. `scopes`, `role`, or both.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the API's description")]
#[schema(example = json!({"name": "ci", "scopes": ["read:workflows", "execute:workflows"]}))]
pub struct CreateKeyRequest {
    /// What people will call it, 1 to 100 characters.
    pub name: String,
    /// What it may do: `admin`, or `read:`, `write:`, `execute:` and a kind of object.
    pub scopes: Option<Vec<String>>,
    /// A name for a set of scopes: `admin`, `developer`, `analyst`, `user`.
    pub role: Option<String>,
    /// When it stops being accepted; left out: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// A preset of limits: `standard` (5 executions per second) or `enterprise` (those of
    /// `rate_limits`).
    pub tier: Option<String>,
    /// What it may use; left out: as much as it likes.
    pub rate_limits: Option<RateLimits>,
    /// The workspace whose objects it opens; another one than that of the caller's key only for an
    /// admin of the default workspace.
    pub workspace_id: Option<String>,
}

/// How much may be used; `null`: as much as one likes.
#[derive(Debug, Serialize, ToSchema)]
pub struct RateLimits {
    /// Executions started in a second, by whatever call.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub executions_per_second: Option<u32>,
    /// Requests in a minute.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub requests_per_minute: Option<u32>,
    /// Executions that are accepted and not ended.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub concurrent_executions: Option<u32>,
}

/// An API key.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKey<'a> {
    /// Its id.
    #[schema(example = "apk_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub id: String,
    /// What people call it.
    pub name: &'a str,
    /// The first characters of its secret.
    #[schema(example = "sk_live_4fJx")]
    pub hint: &'a str,
    /// What it may do.
    pub scopes: &'a [String],
    /// The role that has exactly these scopes, if one has.
    #[schema(example = "developer")]
    pub role: Option<&'static str>,
    /// The workspace whose objects it opens.
    #[schema(example = "ws_00000000000000000000000001")]
    pub workspace_id: String,
    /// The preset of its limits: `standard` or `enterprise`.
    pub tier: Option<&'static str>,
    /// What it may use.
    pub rate_limits: RateLimits,
    /// `active`, `expired` or `revoked`.
    pub status: KeyStatus,
    /// When it was made.
    pub created_at: Time,
    /// When it stops being accepted; `null`: never.
    pub expires_at: Option<Time>,
    /// When it was last accepted, to about a minute where there are several servers; `null`: not yet.
    pub last_used_at: Option<Time>,
    /// When it was revoked; `null`: it was not.
    pub revoked_at: Option<Time>,
}

/// Whether a key is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyStatus {
    /// It is.
    Active,
    /// It is past its time.
    Expired,
    /// It was revoked.
    Revoked,
}

/// A key just made.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewApiKey<'a> {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKey<'a>,
    /// Send it as `X-API-KEY` or `Authorization: Bearer`. Shown this once and not stored.
    #[schema(example = "sk_live_…")]
    pub secret: &'a str,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Items<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where in the list they are.
    pub pagination: Pagination,
}

/// Where in a list a page is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Pagination {
    /// From 1; `null` where the page was asked for by `cursor`.
    pub page: Option<usize>,
    /// The most items of a page.
    pub page_size: usize,
    /// All items of the list.
    pub total_items: u64,
    /// All pages of the list.
    pub total_pages: u64,
    /// What to send as `cursor` for the next page, which then costs the same however far it is;
    /// `null` where this is the last one. Not there where the list has no cursors, so that nobody
    /// who follows them takes its first page for its last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, required = false)]
    pub next_cursor: Option<Option<String>>,
}

impl Pagination {
    /// Of a list without cursors.
    pub fn numbered(page: usize, page_size: usize, total_items: u64) -> Self {
        let total_pages = total_items.div_ceil(page_size as u64);
        Self { page: Some(page), page_size, total_items, total_pages, next_cursor: None }
    }
}

/// Who a key is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// The key; `null` where the server asks for none.
    pub key_id: Option<String>,
    /// The user that the key stands for: the `created_by` of what is made with it.
    #[schema(example = "usr_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub user_id: String,
    /// What people call the key.
    pub key_name: Option<String>,
    /// The workspace whose objects it sees.
    pub workspace_id: String,
    /// The same, with its limits, which hold for all of its keys together.
    pub workspace: Workspace,
    /// What it may do.
    pub scopes: Vec<String>,
    /// The role that has exactly these scopes, if one has.
    pub role: Option<&'static str>,
    /// The preset of the key's limits: `standard` or `enterprise`.
    pub tier: Option<&'static str>,
    /// What the key may use.
    pub rate_limits: RateLimits,
    /// When the key stops being accepted; `null`: never.
    pub expires_at: Option<Time>,
}

/// A workspace: the tenant that every object belongs to.
#[derive(Debug, Serialize, ToSchema)]
pub struct Workspace {
    /// Its id.
    #[schema(example = "ws_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub id: String,
    /// What people call it; need not be unique.
    pub name: String,
    /// The preset of its limits: `standard` or `enterprise`.
    pub tier: Option<&'static str>,
    /// What all of its keys may use together.
    pub rate_limits: RateLimits,
    /// When it was made.
    pub created_at: Time,
    /// When its name or limits last changed.
    pub updated_at: Time,
}

/// Asks for a workspace.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the API's description")]
#[schema(example = json!({"name": "Acme", "rate_limits": {"executions_per_second": 50}}))]
pub struct CreateWorkspaceRequest {
    /// What people will call it, 1 to 100 characters; need not be unique.
    pub name: String,
    /// A preset of limits: `standard` (5 executions per second) or `enterprise` (those of
    /// `rate_limits`).
    pub tier: Option<String>,
    /// What all of its keys may use together; left out: as much as they like.
    pub rate_limits: Option<RateLimits>,
}

/// Changes a workspace; what is left out stays.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the API's description")]
#[schema(example = json!({"name": "Acme"}))]
pub struct ChangeWorkspaceRequest {
    /// What people will call it, 1 to 100 characters.
    pub name: Option<String>,
    /// A preset of limits. For an admin of the default workspace only, as are `rate_limits`.
    pub tier: Option<String>,
    /// All of its limits from now on; `{}`: none.
    pub rate_limits: Option<RateLimits>,
}

/// What is to change of a key. Only for the API's description, as `CreateKeyRequest`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the API's description")]
#[schema(example = json!({"rate_limits": {"requests_per_minute": 600}}))]
pub struct ChangeKeyRequest {
    /// What people will call it, 1 to 100 characters.
    pub name: Option<String>,
    /// A preset of limits: `standard`, or `enterprise` with its own `rate_limits`.
    pub tier: Option<String>,
    /// All of its limits from now on; `{}`: none.
    pub rate_limits: Option<RateLimits>,
}

/// The secret with which webhooks are signed.
#[derive(Debug, Serialize, ToSchema)]
pub struct SigningSecret {
    /// `whsec_…`, as the libraries of Standard Webhooks take it.
    pub secret: String,
}
