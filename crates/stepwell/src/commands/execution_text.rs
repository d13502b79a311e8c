//! Executions as text: their waits, attempts and durations, from the bodies of the API.

use serde_json::Value;
use stepwell_core::Timestamp;

use crate::terminal::{self, TableCell, value_text};

/// Prints an execution and its tasks.
pub fn print_execution(execution: &Value) {
    let status = value_text(&execution["status"]);
    terminal::print_line(&format!(
        "{} {}",
        value_text(&execution["execution_id"]),
        terminal::paint_stdout(terminal::Colour::for_status(&status), &status)
    ));
    print_field("waits for", describe_execution_wait(execution));
    print_field("workflow_id", non_empty(value_text(&execution["workflow_id"])));
    print_field("release", describe_release(execution));
    print_field("rerun of", non_empty(value_text(&execution["rerun_of"])));
    print_field("started by", describe_parent(execution));
    for field in ["created_at", "started_at", "completed_at"] {
        print_field(field, non_empty(value_text(&execution[field])));
    }
    print_field("duration", describe_duration(execution));
    for field in ["input", "output"] {
        print_field(field, json_text(&execution[field]));
    }
    print_field("error", describe_failure(&execution["error"]));
    for warning in array_items(&execution["warnings"]) {
        print_field("handled", describe_warning(warning));
    }
    let tasks = array_items(&execution["tasks"]);
    terminal::print_line("");
    let headers = ["step", "type", "status", "attempt", "duration", "note"];
    terminal::print_table(&headers, &tasks.iter().map(task_row).collect::<Vec<_>>());
    print_compensations(tasks);
    let attempts: Vec<_> = tasks.iter().filter(is_repeated).flat_map(rows).collect();
    if !attempts.is_empty() {
        terminal::print_line("");
        let headers = ["step", "attempt", "status", "started", "duration", "note"];
        terminal::print_table(&headers, &attempts);
    }
    tasks.iter().filter(|task| task["status"] == "FAILED").for_each(print_failed_task);
}

/// A failure over which the execution continued.
fn describe_warning(warning: &Value) -> Option<String> {
    let message = non_empty(value_text(&warning["message"]))?;
    Some(match value_text(&warning["path"]).strip_prefix("steps.") {
        Some(step) => format!("{message} (step `{step}`)"),
        None => message,
    })
}

/// Prints what became of the compensations, also of steps inside blocks.
fn print_compensations(tasks: &[Value]) {
    let mut found = Vec::new();
    collect_compensations(tasks, &mut found);
    if found.is_empty() {
        return;
    }
    terminal::print_line("");
    let rows: Vec<_> = found.into_iter().map(compensation_row).collect();
    terminal::print_table(&["compensated", "status", "attempt", "duration", "note"], &rows);
}

fn collect_compensations<'t>(tasks: &'t [Value], found: &mut Vec<&'t Value>) {
    for task in tasks {
        if task["compensates"].is_string() {
            found.push(task);
        }
        collect_compensations(array_items(&task["children"]), found);
    }
}

fn compensation_row(task: &Value) -> Vec<TableCell> {
    vec![
        value_text(&task["compensates"]).into(),
        TableCell::status(&value_text(&task["status"])),
        value_text(&task["attempt"]).into(),
        describe_duration(task).unwrap_or_default().into(),
        describe_task(task).unwrap_or_default().into(),
    ]
}

/// Prints why a task failed, and with which configuration and input, such as the URL of a request.
fn print_failed_task(task: &Value) {
    terminal::print_line(&format!("\nfailed step `{}`", value_text(&task["step_id"])));
    print_field("error", describe_failure(&task["error"]));
    print_field("details", json_text(&task["error"]["details"]));
    for field in ["config", "input"] {
        print_field(field, json_text(&task[field]));
    }
}

/// The code, message and place of an error.
fn describe_failure(error: &Value) -> Option<String> {
    let failure =
        format!("{}: {}", non_empty(value_text(&error["code"]))?, value_text(&error["message"]));
    Some(match (value_text(&error["step_id"]), value_text(&error["attempt"])) {
        (step, _) if step.is_empty() => failure,
        (step, attempt) if attempt.is_empty() => format!("{failure} (step `{step}`)"),
        (step, attempt) => format!("{failure} (step `{step}`, attempt {attempt})"),
    })
}

/// A value as JSON; `None`: `null` or an empty object.
fn json_text(value: &Value) -> Option<String> {
    let is_empty = value.is_null() || value.as_object().is_some_and(|fields| fields.is_empty());
    (!is_empty).then(|| value.to_string())
}

/// What a task waits for, why it failed or was skipped, or that its result is reused; `None`: nothing
/// of these.
pub fn describe_task(task: &Value) -> Option<String> {
    let until = value_text(&task["waiting"]["until"]);
    let child = value_text(&task["child_execution_id"]);
    match value_text(&task["waiting"]["for"]).as_str() {
        "sub_workflow" => Some(format!("waits for the sub-workflow {child}")),
        "" if task["reused"] == true => Some("reused".to_owned()),
        "" if task["skip_reason"] == "condition" => Some("its condition is false".to_owned()),
        "" if task["skip_reason"] == "not_taken" => Some("no edge led to it".to_owned()),
        "" => match non_empty(value_text(&task["error"]["message"])) {
            Some(error) => Some(error),
            None if child.is_empty() => None,
            None => Some(format!("sub-workflow {child}")),
        },
        "retry" => {
            let last = array_items(&task["attempts"]).last()?;
            let number = value_text(&last["attempt"]);
            Some(format!("attempt {number} {}", describe_attempt(last)))
        }
        "signal" => Some(format!("waits for {}", describe_signal(&task["waiting"]))),
        "approval" => Some("waits for an approval".to_owned()),
        "concurrency" => Some(format!("waits for {}", describe_place(&task["waiting"]))),
        _ => Some(format!("waits until {until}")),
    }
}

/// How long an execution, task or attempt took; `None`: it has not ended.
pub fn describe_duration(body: &Value) -> Option<String> {
    let time = |field: &str| body[field].as_str().and_then(Timestamp::parse);
    let (started, completed) = (time("started_at")?, time("completed_at")?);
    Some(terminal::format_duration(completed.since(started)))
}

/// The step that started a sub-workflow.
fn describe_parent(execution: &Value) -> Option<String> {
    let parent = non_empty(value_text(&execution["parent_execution_id"]))?;
    let step = value_text(&execution["parent_step_id"]);
    Some(format!("step `{step}` of {parent}"))
}

/// The release and the tag that selected it.
fn describe_release(execution: &Value) -> Option<String> {
    let release = non_empty(value_text(&execution["release"]))?;
    Some(match non_empty(value_text(&execution["release_tag"])) {
        Some(tag) => format!("{release}, selected by the tag `{tag}`"),
        None => release,
    })
}

fn describe_execution_wait(execution: &Value) -> Option<String> {
    let waiting = &execution["waiting"];
    let (step, until) = (value_text(&waiting["step_id"]), value_text(&waiting["until"]));
    match value_text(&waiting["for"]).as_str() {
        "" => None,
        "timer" => Some(format!("the delay of step `{step}`, until {until}")),
        "retry" => Some(format!("the next attempt of step `{step}`, due at {until}")),
        "sub_workflow" => Some(format!("the sub-workflow of step `{step}`")),
        "signal" => Some(format!("{} (step `{step}`)", describe_signal(waiting))),
        "approval" => Some(format!("an approval (step `{step}`)")),
        "capacity" => Some("other executions to end".to_owned()),
        "concurrency" => Some(describe_place(waiting)),
        other => Some(other.to_owned()),
    }
}

/// The place under a concurrency limit that an execution waits for.
fn describe_place(waiting: &Value) -> String {
    let part = |field: &str, before: &str, after: &str| {
        non_empty(value_text(&waiting[field]))
            .map_or_else(String::new, |value| format!("{before}{value}{after}"))
    };
    let (limit, key) = (part("limit", " (limit ", ")"), part("key", " with the key ", ""));
    format!("a concurrency place{key}{limit}{}", part("position", ", position ", ""))
}

/// The signal that a step waits for.
fn describe_signal(waiting: &Value) -> String {
    let part = |field: &str, text: &str| {
        non_empty(value_text(&waiting[field]))
            .map_or_else(String::new, |value| format!("{text}{value}"))
    };
    let (key, until) = (part("key", " with the key "), part("until", ", until "));
    format!("the signal {}{key}{until}", value_text(&waiting["signal"]))
}

/// Why an attempt failed, and when the next one is due.
fn describe_attempt(attempt: &Value) -> String {
    let error = &attempt["error"];
    if error.is_null() {
        return String::new();
    }
    let failure =
        format!("failed: {}: {}", value_text(&error["code"]), value_text(&error["message"]));
    match value_text(&attempt["next_attempt_at"]) {
        next if next.is_empty() => failure,
        next => format!("{failure}; the next one is due at {next}"),
    }
}

/// Whether the attempts of a task say more than the task.
fn is_repeated(task: &&Value) -> bool {
    array_items(&task["attempts"]).iter().any(|attempt| !attempt["next_attempt_at"].is_null())
}

fn task_row(task: &Value) -> Vec<TableCell> {
    vec![
        value_text(&task["step_id"]).into(),
        value_text(&task["type"]).into(),
        TableCell::status(&value_text(&task["status"])),
        value_text(&task["attempt"]).into(),
        describe_duration(task).unwrap_or_default().into(),
        describe_task(task).unwrap_or_default().into(),
    ]
}

fn rows(task: &Value) -> impl Iterator<Item = Vec<TableCell>> {
    array_items(&task["attempts"]).iter().map(|attempt| {
        vec![
            value_text(&task["step_id"]).into(),
            value_text(&attempt["attempt"]).into(),
            TableCell::status(&value_text(&attempt["status"])),
            value_text(&attempt["started_at"]).into(),
            describe_duration(attempt).unwrap_or_default().into(),
            describe_attempt(attempt).into(),
        ]
    })
}

fn print_field(name: &str, text: Option<String>) {
    if let Some(text) = text {
        terminal::print_line(&format!("{name:<13} {text}"));
    }
}

fn array_items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn waits_and_failures_are_described() {
        let failed = json!({"attempt": 2, "status": "FAILED", "started_at": "2026-01-31T09:00:00Z",
            "error": {"code": "HTTP_STATUS", "message": "503"},
            "next_attempt_at": "2026-01-31T09:00:05Z"});
        for (task, expected) in [
            (json!({"status": "RUNNING", "attempts": []}), None),
            (json!({"status": "FAILED", "error": {"message": "no"}}), Some("no")),
            (json!({"status": "COMPLETED", "reused": true}), Some("reused")),
            (
                json!({"status": "SKIPPED", "skip_reason": "condition"}),
                Some("its condition is false"),
            ),
            (json!({"status": "SKIPPED", "skip_reason": "not_taken"}), Some("no edge led to it")),
            (json!({"waiting": {"for": "timer", "until": "T"}}), Some("waits until T")),
            (
                json!({"waiting": {"for": "sub_workflow"}, "child_execution_id": "ex-1"}),
                Some("waits for the sub-workflow ex-1"),
            ),
            (json!({"child_execution_id": "ex-1"}), Some("sub-workflow ex-1")),
            (json!({"child_execution_id": "ex-1", "error": {"message": "no"}}), Some("no")),
            (
                json!({"waiting": {"for": "signal", "until": null, "signal": "paid"}}),
                Some("waits for the signal paid"),
            ),
            (
                json!({"waiting": {"for": "retry", "until": "T"}, "attempts": [failed]}),
                Some(
                    "attempt 2 failed: HTTP_STATUS: 503; the next one is due at 2026-01-31T09:00:05Z",
                ),
            ),
        ] {
            assert_eq!(describe_task(&task).as_deref(), expected, "{task}");
        }
        for (waiting, expected) in [
            (json!(null), None),
            (json!({"for": "capacity"}), Some("other executions to end")),
            (
                json!({"for": "concurrency", "limit": 2, "key": "acme", "position": 3}),
                Some("a concurrency place with the key acme (limit 2), position 3"),
            ),
            (
                json!({"for": "concurrency", "limit": 1, "position": 1}),
                Some("a concurrency place (limit 1), position 1"),
            ),
            (
                json!({"for": "sub_workflow", "step_id": "a", "until": null}),
                Some("the sub-workflow of step `a`"),
            ),
            (
                json!({"for": "retry", "step_id": "a", "until": "T"}),
                Some("the next attempt of step `a`, due at T"),
            ),
            (
                json!({"for": "signal", "step_id": "a", "until": "T", "signal": "paid", "key": "7"}),
                Some("the signal paid with the key 7, until T (step `a`)"),
            ),
        ] {
            let execution = json!({"waiting": waiting});
            assert_eq!(describe_execution_wait(&execution).as_deref(), expected);
        }
        let ended =
            json!({"started_at": "2026-01-31T09:00:00Z", "completed_at": "2026-01-31T09:00:02.5Z"});
        assert_eq!(describe_duration(&ended).as_deref(), Some("2.5 s"));
        assert_eq!(describe_duration(&json!({"started_at": "2026-01-31T09:00:00Z"})), None);
    }

    #[test]
    fn errors_have_a_code_and_a_place() {
        for (error, expected) in [
            (json!(null), None),
            (json!({"code": "X", "message": "no"}), Some("X: no")),
            (json!({"code": "X", "message": "no", "step_id": "a"}), Some("X: no (step `a`)")),
            (
                json!({"code": "X", "message": "no", "step_id": "a", "attempt": 2}),
                Some("X: no (step `a`, attempt 2)"),
            ),
        ] {
            assert_eq!(describe_failure(&error).as_deref(), expected, "{error}");
        }
    }

    #[test]
    fn a_release_is_shown_with_its_tag() {
        for (execution, expected) in [
            (json!({}), None),
            (json!({"release": 2}), Some("2")),
            (json!({"release": 2, "release_tag": "prod"}), Some("2, selected by the tag `prod`")),
        ] {
            assert_eq!(describe_release(&execution).as_deref(), expected, "{execution}");
        }
    }
}
