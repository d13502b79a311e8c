//! This dialect's bodies, named as its clients name them.

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
    pub of: Option<FailedExecution<'a>>,
}

/// An execution that was waited for and did not complete.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::FailedExecution)]
pub struct FailedExecution<'a> {
    /// Its id.
    #[schema(example = "exec_01k9x7m2q4e5rb8tz3v6w1y0ac")]
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

/// Asks for a key.
#[derive(Debug, PartialEq, ToSchema)]
#[schema(example = json!({"name": "ci", "scopes": ["read:workflows", "execute:workflows"]}))]
pub struct CreateKeyRequest {
    /// What people will call it, 1 to 100 characters.
    pub name: String,
    /// What it may do: `admin`, or `read:`, `write:`, `execute:` and a kind of object.
    pub scopes: Vec<String>,
    /// When it stops being accepted; left out: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
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
    /// `active`, `expired` or `revoked`.
    pub status: KeyStatus,
    /// When it was made.
    pub created_at: Time,
    /// When it stops being accepted; `null`: never.
    pub expires_at: Option<Time>,
    /// When it was last accepted, to about a minute; `null`: not yet.
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
    /// `null` where this is the last one, or where the list has no cursors.
    pub next_cursor: Option<String>,
}

/// Who a key is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// The key; `null` where the server asks for none.
    pub key_id: Option<String>,
    /// The workspace whose objects it sees.
    pub workspace_id: String,
    /// What it may do.
    pub scopes: Vec<String>,
}

/// The secret with which webhooks are signed.
#[derive(Debug, Serialize, ToSchema)]
pub struct SigningSecret {
    /// `whsec_…`, as the libraries of Standard Webhooks take it.
    pub secret: String,
}
