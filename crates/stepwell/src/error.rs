//! The error of a command, and its exit code.

use std::process::ExitCode;

use serde_json::{Value, json};
use stepwell_core::{Problem, Problems};
use stepwell_engine::AppError;
use stepwell_store::StoreError;

/// The kind of an error. Its number is the exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CliErrorKind {
    /// The operation failed: a failed execution, an invalid definition, a rejected request.
    Failed = 1,
    /// The command line, the configuration or a file named in it is wrong.
    Usage = 2,
    /// There is no such object.
    NotFound = 3,
    /// The server or the store cannot be reached.
    Unreachable = 4,
}

/// The error of a command.
#[derive(Debug, Clone, PartialEq)]
pub struct CliError {
    pub kind: CliErrorKind,
    /// For users: what is wrong and how to fix it.
    pub message: String,
    /// For scripts: the API's error code.
    pub code: String,
    /// Every problem with its path, if known.
    pub problems: Vec<Problem>,
}

impl CliError {
    fn new(kind: CliErrorKind, code: &str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), code: code.into(), problems: Vec::new() }
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(CliErrorKind::Failed, "FAILED", message)
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(CliErrorKind::Usage, "USAGE", message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(CliErrorKind::NotFound, "NOT_FOUND", message)
    }

    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(CliErrorKind::Unreachable, "UNREACHABLE", message)
    }

    /// An error about a document with these problems.
    pub fn invalid(kind: CliErrorKind, message: impl Into<String>, problems: Problems) -> Self {
        Self { problems: problems.0, ..Self::new(kind, "INVALID", message) }
    }

    /// Reads an error response of either API, or that of `/readyz`.
    pub fn from_response(status: u16, body: &Value) -> Self {
        let kind = match status {
            404 => CliErrorKind::NotFound,
            502..=504 => CliErrorKind::Unreachable,
            _ => CliErrorKind::Failed,
        };
        let (error, details) = match &body["errors"] {
            Value::Array(items) => (body, items.as_slice()),
            _ => (&body["error"], list(&body["error"]["details"])),
        };
        let code = error["code"].as_str().or_else(|| details.first()?["code"].as_str());
        let message = match (error["message"].as_str(), body["reason"].as_str()) {
            (Some(message), _) => message.to_owned(),
            (None, Some(reason)) => format!("the server does not accept work: {reason}"),
            (None, None) => format!("the server returned status {status}"),
        };
        let problems = Problems(details.iter().filter_map(problem).collect());
        // The problems are printed below the message, so it need not repeat them.
        let short = message.strip_suffix(&format!(": {problems}")).unwrap_or(&message);
        let error = Self::new(kind, code.unwrap_or("FAILED"), short);
        let problems = problems.0.into_iter();
        let problems = problems
            .filter(|p| p.message != error.message && p.to_string() != error.message)
            .collect();
        Self { problems, ..error }
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind as u8)
    }

    pub fn to_json(&self) -> Value {
        json!({"error": {"code": self.code, "message": self.message, "details": self.problems}})
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn problem(item: &Value) -> Option<Problem> {
    if let Some(detail) = item["detail"].as_str() {
        return Some(Problem::new(item["field"].as_str().unwrap_or_default(), detail));
    }
    serde_json::from_value(item.clone()).ok()
}

impl From<AppError> for CliError {
    fn from(error: AppError) -> Self {
        match error {
            AppError::NotFound { .. } => Self::not_found(error.to_string()),
            AppError::Unavailable { .. } => Self::unreachable(error.to_string()),
            AppError::InvalidDefinition(problems) => {
                Self::invalid(CliErrorKind::Failed, "the definition is invalid", problems)
            }
            AppError::InvalidInput(problems) => Self::invalid(
                CliErrorKind::Failed,
                "the input does not match the workflow's input schema",
                problems,
            ),
            other => Self::failed(other.to_string()),
        }
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        Self::unreachable(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_become_exit_codes() {
        for (status, kind) in [
            (400, CliErrorKind::Failed),
            (401, CliErrorKind::Failed),
            (404, CliErrorKind::NotFound),
            (409, CliErrorKind::Failed),
            (503, CliErrorKind::Unreachable),
        ] {
            assert_eq!(CliError::from_response(status, &Value::Null).kind, kind, "{status}");
        }
        let body = json!({"error": {"code": "INVALID_WORKFLOW", "message": "no: steps[0]: bad",
            "details": [{"path": "steps[0]", "message": "bad"}]}});
        let error = CliError::from_response(400, &body);
        assert_eq!(error.problems, [Problem::new("steps[0]", "bad")]);
        assert_eq!((error.code.as_str(), error.message.as_str()), ("INVALID_WORKFLOW", "no"));
        let body = json!({"error": {"code": "INVALID_REQUEST", "message": "limit: too many",
            "details": [{"path": "limit", "message": "too many"}]}});
        assert_eq!(
            CliError::from_response(400, &body).problems,
            [],
            "the message already contains it"
        );
        let body = json!({"status": "error", "message": "two are wrong", "errors": [
            {"code": "INVALID_REQUEST", "detail": "is empty", "field": "name"}]});
        let error = CliError::from_response(400, &body);
        assert_eq!(error.problems, [Problem::new("name", "is empty")]);
        assert_eq!(error.code, "INVALID_REQUEST");
        let body = json!({"status": "unavailable", "reason": "the disk is full"});
        let error = CliError::from_response(503, &body);
        assert_eq!(error.message, "the server does not accept work: the disk is full");
        assert_eq!(error.kind, CliErrorKind::Unreachable);
    }
}
