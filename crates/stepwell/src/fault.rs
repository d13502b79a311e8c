//! Why a command did not do what it was asked, and the exit code that says so.

use std::process::ExitCode;

use serde_json::{Value, json};
use stepwell_core::{Problem, Problems};
use stepwell_engine::AppError;
use stepwell_store::StoreError;

use crate::ui;

/// What kind of failure it is: its number is the process's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What was asked for was tried and failed: a failed execution, a refused definition.
    Failed = 1,
    /// The command line, the configuration or a file named in it is wrong.
    Usage = 2,
    /// There is no such object.
    NotFound = 3,
    /// The server or the store cannot be reached.
    Unreachable = 4,
}

/// Why a command did not do what it was asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Decides the exit code.
    pub kind: Kind,
    /// For a person; says what to change.
    pub message: String,
    /// For a machine: the API's error code.
    pub code: String,
    /// What is wrong at which place, where that is known.
    pub problems: Vec<Problem>,
}

impl Fault {
    fn new(kind: Kind, code: &str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), code: code.into(), problems: Vec::new() }
    }

    /// It was tried and failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, "FAILED", message)
    }

    /// The command line or a file named in it is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, "USAGE", message)
    }

    /// There is no such object.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, "NOT_FOUND", message)
    }

    /// The server or the store cannot be reached.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unreachable, "UNREACHABLE", message)
    }

    /// A document is wrong in these places.
    pub fn invalid(kind: Kind, message: impl Into<String>, problems: Problems) -> Self {
        Self { problems: problems.0, ..Self::new(kind, "INVALID", message) }
    }

    /// Reads an answer of the API that is not a success, in either dialect's shape.
    pub fn from_answer(status: u16, body: &Value) -> Self {
        let kind = match status {
            404 => Kind::NotFound,
            502..=504 => Kind::Unreachable,
            _ => Kind::Failed,
        };
        let (error, details) = match &body["errors"] {
            Value::Array(items) => (body, items.as_slice()),
            _ => (&body["error"], list(&body["error"]["details"])),
        };
        let code = error["code"].as_str().or_else(|| details.first()?["code"].as_str());
        let message = match error["message"].as_str() {
            Some(message) => message.to_owned(),
            None => format!("the server answered {status}"),
        };
        let problems = Problems(details.iter().filter_map(problem).collect());
        // The problems are told one by one below the message.
        let short = message.strip_suffix(&format!(": {problems}")).unwrap_or(&message);
        let fault = Self::new(kind, code.unwrap_or("FAILED"), short);
        let problems = problems.0.into_iter();
        let problems = problems
            .filter(|p| p.message != fault.message && p.to_string() != fault.message)
            .collect();
        Self { problems, ..fault }
    }

    /// The exit code that tells it.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind as u8)
    }

    /// Tells it on stderr.
    pub fn report(&self, as_json: bool) {
        if as_json {
            ui::note(&self.to_json().to_string());
            return;
        }
        ui::note(&format!("{} {}", ui::err_paint(ui::Colour::Red, "error:"), self.message));
        for problem in &self.problems {
            ui::note(&format!("  {problem}"));
        }
    }

    fn to_json(&self) -> Value {
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

impl From<AppError> for Fault {
    fn from(error: AppError) -> Self {
        match error {
            AppError::NotFound { .. } => Self::not_found(error.to_string()),
            AppError::Unavailable { .. } => Self::unreachable(error.to_string()),
            AppError::InvalidDefinition(problems) => {
                Self::invalid(Kind::Failed, "the definition is not valid", problems)
            }
            AppError::InvalidInput(problems) => Self::invalid(
                Kind::Failed,
                "the input does not fit the workflow's input schema",
                problems,
            ),
            other => Self::failed(other.to_string()),
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::unreachable(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_become_exit_codes() {
        for (status, kind) in [
            (400, Kind::Failed),
            (401, Kind::Failed),
            (404, Kind::NotFound),
            (409, Kind::Failed),
            (503, Kind::Unreachable),
        ] {
            assert_eq!(Fault::from_answer(status, &Value::Null).kind, kind, "{status}");
        }
        let body = json!({"error": {"code": "INVALID_WORKFLOW", "message": "no: steps[0]: bad",
            "details": [{"path": "steps[0]", "message": "bad"}]}});
        let fault = Fault::from_answer(400, &body);
        assert_eq!(fault.problems, [Problem::new("steps[0]", "bad")]);
        assert_eq!((fault.code.as_str(), fault.message.as_str()), ("INVALID_WORKFLOW", "no"));
        let body = json!({"error": {"code": "INVALID_REQUEST", "message": "limit: too many",
            "details": [{"path": "limit", "message": "too many"}]}});
        assert_eq!(Fault::from_answer(400, &body).problems, [], "it is told once");
        let body = json!({"status": "error", "message": "two are wrong", "errors": [
            {"code": "INVALID_REQUEST", "detail": "is empty", "field": "name"}]});
        let fault = Fault::from_answer(400, &body);
        assert_eq!(fault.problems, [Problem::new("name", "is empty")]);
        assert_eq!(fault.code, "INVALID_REQUEST");
    }
}
