//! The bodies that all nouns of this dialect share: the envelope of responses and errors, pages, and
//! failures.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::error::ApiError;

/// The envelope of every successful response.
#[derive(Debug, Serialize, ToSchema)]
pub struct Envelope<T> {
    /// Always `success`.
    #[schema(example = "success")]
    pub status: &'static str,
    /// The content of the response.
    pub data: T,
    /// Where there is something to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'static str>,
}

impl<T> Envelope<T> {
    /// A successful response.
    pub const fn of(data: T) -> Self {
        Self { status: "success", data, message: None }
    }

    /// A successful response with a message.
    pub const fn with_message(data: T, message: &'static str) -> Self {
        Self { status: "success", data, message: Some(message) }
    }
}

/// A successful response as text, so that it can be stored under an idempotency key.
///
/// # Errors
/// `Internal` where it cannot be written.
pub fn data_text(
    status: StatusCode,
    data: impl Serialize,
) -> Result<(StatusCode, String), ApiError> {
    let text = serde_json::to_string(&Envelope::of(data));
    let text = text
        .map_err(|error| ApiError::internal(format!("a response could not be written: {error}")))?;
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
    /// The line in the body, from 1, where it is about the definition in it; of a missing field,
    /// that of what encloses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column in that line, from 1, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// With `WORKFLOW_EXECUTION_ERROR` and `EXECUTION_TIMEOUT`: the execution.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = FailedExecutionFields)]
    pub execution: Option<FailedExecution<'a>>,
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
    /// From 1; `null` if the page was requested by `cursor`.
    pub page: Option<usize>,
    /// The most items of a page.
    pub page_size: usize,
    /// All items of the list.
    pub total_items: u64,
    /// All pages of the list.
    pub total_pages: u64,
    /// What to send as `cursor` for the next page, which then costs the same however far it is;
    /// `null` on the last one. Absent if the list has no cursors, so that a client that follows
    /// them does not take its first page for its last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, required = false)]
    pub next_cursor: Option<Option<String>>,
}
