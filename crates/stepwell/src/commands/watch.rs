//! Following an execution over the API's event stream.

use serde_json::Value;

use super::workflows::text;
use crate::client::{Client, Event, Seen};
use crate::fault::Fault;
use crate::ui;

/// How what happens is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Lines on stderr: the result comes on stdout.
    Progress,
    /// Lines on stdout.
    Lines,
    /// One JSON object a line on stdout.
    Json,
}

/// Follows the execution at `path` until it has ended.
pub async fn until_end(client: &Client, path: &str, show: Show) -> Result<(), Fault> {
    client
        .follow(&format!("{path}/events"), |event| {
            match show {
                Show::Json => ui::json_line(&as_json(event)),
                Show::Lines => with_line(event, ui::out_paint, ui::line),
                Show::Progress => with_line(event, ui::err_paint, ui::note),
            }
            Ok(if is_end(event) || ui::is_output_closed() { Seen::Enough } else { Seen::More })
        })
        .await
}

/// Prints the result of an execution that has ended, and tells whether it went well.
pub fn result(execution: &Value, as_json: bool) -> Result<(), Fault> {
    if as_json {
        ui::json(execution);
    } else if !execution["output"].is_null() {
        ui::json(&execution["output"]);
    }
    verdict(execution)
}

/// Whether an execution went well.
pub fn verdict(execution: &Value) -> Result<(), Fault> {
    let status = text(&execution["status"]);
    if status == "COMPLETED" {
        return Ok(());
    }
    let error = &execution["error"];
    let why = if error.is_null() {
        String::new()
    } else {
        format!(": {} ({})", text(&error["message"]), text(&error["code"]))
    };
    Err(Fault::failed(format!("the execution ended as {status}{why}")))
}

/// A log line of the API as people read it.
pub fn log_line(line: &Value) -> String {
    let step = text(&line["step_id"]);
    [text(&line["timestamp"]), text(&line["level"]), step, text(&line["message"])]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("  ")
}

fn as_json(event: &Event) -> Value {
    serde_json::json!({"id": event.id, "event": event.name, "data": event.data})
}

fn is_end(event: &Event) -> bool {
    let status = event.data["status"].as_str().unwrap_or_default();
    is_about_execution(event) && matches!(status, "COMPLETED" | "FAILED" | "CANCELLED")
}

fn is_about_execution(event: &Event) -> bool {
    !matches!(event.name.as_str(), "task" | "log" | "progress") && event.data["task"].is_null()
}

fn with_line(event: &Event, paint: fn(ui::Colour, &str) -> String, print: fn(&str)) {
    if let Some(line) = line(event, paint) {
        print(&line);
    }
}

fn line(event: &Event, paint: fn(ui::Colour, &str) -> String) -> Option<String> {
    let data = &event.data;
    if event.name == "log" {
        return Some(format!("  {}", log_line(data)));
    }
    if event.name == "progress" {
        return None;
    }
    let about_execution = is_about_execution(event);
    let task = if data["task"].is_object() { &data["task"] } else { data };
    let status = text(&task["status"]);
    let coloured = paint(ui::Colour::of_status(&status), &status);
    if about_execution {
        return Some(coloured);
    }
    let error = text(&task["error"]["message"]);
    Some(format!("  {}  {coloured}  {error}", text(&task["step_id"])).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(name: &str, data: Value) -> Event {
        Event { id: None, name: name.into(), data }
    }

    #[test]
    fn only_the_executions_own_end_is_the_end() {
        for (name, data, end) in [
            ("status", json!({"status": "RUNNING"}), false),
            ("status", json!({"status": "FAILED"}), true),
            ("task", json!({"status": "COMPLETED", "step_id": "a"}), false),
            ("status", json!({"status": "COMPLETED", "task": {"step_id": "a"}}), false),
            ("log", json!({"message": "COMPLETED"}), false),
        ] {
            assert_eq!(is_end(&event(name, data.clone())), end, "{name} {data}");
        }
    }

    #[test]
    fn the_verdict_says_why() {
        assert_eq!(verdict(&json!({"status": "COMPLETED"})), Ok(()));
        let failed = json!({"status": "FAILED", "error": {"code": "X", "message": "no"}});
        let message = verdict(&failed).unwrap_err().message;
        assert_eq!(message, "the execution ended as FAILED: no (X)");
    }
}
