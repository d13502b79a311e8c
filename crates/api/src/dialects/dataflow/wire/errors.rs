//! The body of errors.

use serde::Serialize;
use utoipa::ToSchema;

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody<'a> {
    /// What is wrong.
    pub error: Error<'a>,
}

/// An error.
#[derive(Debug, Serialize, ToSchema)]
pub struct Error<'a> {
    /// A stable code.
    #[schema(example = "INVALID_WORKFLOW")]
    pub code: &'a str,
    /// What is wrong and what to change.
    pub message: &'a str,
    /// Every problem that was found, with its place.
    pub details: Vec<Detail<'a>>,
    /// The request's id, as in the header `X-Request-Id` and in the server's log.
    pub request_id: &'a str,
}

/// What is accepted, but probably not what was meant.
#[derive(Debug, Serialize, ToSchema)]
pub struct Warning<'a> {
    /// A stable code.
    #[schema(example = "UNUSED_INPUT")]
    pub code: &'static str,
    /// The field, or the place in the definition; empty: the whole.
    #[schema(example = "input.txet")]
    pub path: &'a str,
    /// What is probably wrong, and what to change.
    pub message: &'a str,
}

/// One thing that is wrong at one place.
#[derive(Debug, Serialize, ToSchema)]
pub struct Detail<'a> {
    /// Where.
    #[schema(example = "steps[1].input.text")]
    pub path: &'a str,
    /// The line in the body, from 1, if the place is known; of a missing field, that of what
    /// encloses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 7)]
    pub line: Option<usize>,
    /// The column in that line, from 1, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 12)]
    pub column: Option<usize>,
    /// What is wrong.
    pub message: &'a str,
    /// What was expected there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "string")]
    pub expected: Option<&'a str>,
    /// What was found instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "number")]
    pub found: Option<&'a str>,
}
