//! Follows an execution through the API's event stream.

use std::ops::ControlFlow;

use serde_json::Value;

use super::execution_text::{describe_duration, describe_task};
use crate::client::{Client, ServerEvent};
use crate::error::CliError;
use crate::terminal::{self, value_text};

/// How events are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventFormat {
    /// Text on stderr, since stdout is for the result.
    StderrLines,
    /// Text on stdout.
    StdoutLines,
    /// One JSON object per line on stdout.
    StdoutJson,
}

/// Prints the events of the execution at `path` until it ends.
pub async fn follow_to_end(
    client: &Client,
    path: &str,
    format: EventFormat,
) -> Result<(), CliError> {
    client
        .follow(&format!("{path}/events"), |event| {
            match format {
                EventFormat::StdoutJson => terminal::print_json_line(&to_json(event)),
                EventFormat::StdoutLines => {
                    print_event(event, terminal::paint_stdout, terminal::print_line)
                }
                EventFormat::StderrLines => {
                    print_event(event, terminal::paint_stderr, terminal::print_stderr)
                }
            }
            let is_done = is_final(event) || terminal::is_stdout_closed();
            Ok(if is_done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
        .await
}

/// Prints the output of an ended execution.
///
/// # Errors
/// `Failed` if it did not complete.
pub fn print_result(execution: &Value, as_json: bool) -> Result<(), CliError> {
    if as_json {
        terminal::print_json(execution);
    } else if !execution["output"].is_null() {
        terminal::print_json(&execution["output"]);
    }
    check_completed(execution)
}

/// # Errors
/// `Failed` with the error of an execution that did not complete.
pub fn check_completed(execution: &Value) -> Result<(), CliError> {
    let status = value_text(&execution["status"]);
    if status == "COMPLETED" {
        return Ok(());
    }
    let error = &execution["error"];
    let cause = if error.is_null() {
        String::new()
    } else {
        format!(": {} ({})", value_text(&error["message"]), value_text(&error["code"]))
    };
    Err(CliError::failed(format!("the execution ended with status {status}{cause}")))
}

/// A log line of the API as text.
pub fn format_log_line(line: &Value) -> String {
    let step = value_text(&line["step_id"]);
    [value_text(&line["timestamp"]), value_text(&line["level"]), step, value_text(&line["message"])]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("  ")
}

fn to_json(event: &ServerEvent) -> Value {
    serde_json::json!({"id": event.id, "event": event.name, "data": event.data})
}

fn is_final(event: &ServerEvent) -> bool {
    let status = event.data["status"].as_str().unwrap_or_default();
    is_about_execution(event) && matches!(status, "COMPLETED" | "FAILED" | "CANCELLED")
}

fn is_about_execution(event: &ServerEvent) -> bool {
    !matches!(event.name.as_str(), "task" | "log" | "progress") && event.data["task"].is_null()
}

fn print_event(event: &ServerEvent, paint: fn(terminal::Colour, &str) -> String, print: fn(&str)) {
    if let Some(line) = format_event(event, paint) {
        print(&line);
    }
}

fn format_event(
    event: &ServerEvent,
    paint: fn(terminal::Colour, &str) -> String,
) -> Option<String> {
    let data = &event.data;
    if event.name == "log" {
        return Some(format!("  {}", format_log_line(data)));
    }
    if event.name == "progress" {
        return None;
    }
    let about_execution = is_about_execution(event);
    let task = if data["task"].is_object() { &data["task"] } else { data };
    let status = value_text(&task["status"]);
    let coloured = paint(terminal::Colour::for_status(&status), &status);
    if about_execution {
        return Some(coloured);
    }
    let attempt = task["attempt"].as_u64().filter(|attempt| *attempt > 1 && is_under_way(task));
    let parts = [
        Some(value_text(&task["step_id"])),
        Some(coloured),
        attempt.map(|attempt| format!("attempt {attempt}")),
        describe_duration(task),
        describe_task(task),
    ];
    Some(format!("  {}", parts.into_iter().flatten().collect::<Vec<_>>().join("  ")))
}

/// Whether an attempt of the task is running.
fn is_under_way(task: &Value) -> bool {
    task["status"] == "RUNNING" && task["waiting"].is_null()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(name: &str, data: Value) -> ServerEvent {
        ServerEvent { id: None, name: name.into(), data }
    }

    #[test]
    fn only_a_final_status_of_the_execution_is_final() {
        for (name, data, end) in [
            ("status", json!({"status": "RUNNING"}), false),
            ("status", json!({"status": "FAILED"}), true),
            ("task", json!({"status": "COMPLETED", "step_id": "a"}), false),
            ("status", json!({"status": "COMPLETED", "task": {"step_id": "a"}}), false),
            ("log", json!({"message": "COMPLETED"}), false),
        ] {
            assert_eq!(is_final(&event(name, data.clone())), end, "{name} {data}");
        }
    }

    #[test]
    fn tasks_have_their_attempts_waits_and_durations() {
        let line = |task: Value| {
            let event = event("task", json!({"task": task}));
            format_event(&event, |_, text| text.to_owned()).unwrap()
        };
        let mut task = json!({"step_id": "a", "status": "RUNNING", "attempt": 1});
        assert_eq!(line(task.clone()), "  a  RUNNING");
        task["attempt"] = json!(2);
        assert_eq!(line(task.clone()), "  a  RUNNING  attempt 2");
        task["waiting"] = json!({"for": "retry", "until": "T"});
        task["attempts"] = json!([{"attempt": 2, "error": {"code": "X", "message": "no"},
            "next_attempt_at": "T"}]);
        assert_eq!(line(task), "  a  RUNNING  attempt 2 failed: X: no; the next one is due at T");
        let failed = json!({"step_id": "a", "status": "FAILED", "attempt": 2,
            "started_at": "2026-01-31T09:00:00Z", "completed_at": "2026-01-31T09:00:02.5Z",
            "error": {"message": "no"}});
        assert_eq!(line(failed), "  a  FAILED  2.5 s  no");
    }

    #[test]
    fn a_failure_has_its_cause() {
        assert_eq!(check_completed(&json!({"status": "COMPLETED"})), Ok(()));
        let failed = json!({"status": "FAILED", "error": {"code": "X", "message": "no"}});
        let message = check_completed(&failed).unwrap_err().message;
        assert_eq!(message, "the execution ended with status FAILED: no (X)");
    }
}
