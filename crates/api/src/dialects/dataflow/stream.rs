//! This dialect's server-sent events: `status`, `task`, `progress`, `log`.

use serde::Serialize;
use stepwell_core::ids::ExecutionId;
use stepwell_engine::view::{Notice, NoticeKind};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use super::wire;
use crate::error::ApiError;
use crate::respond::Time;
use crate::sse::{SseMessage, stream_schema};

/// The stream of events, for the API's description.
pub struct EventStream;

impl PartialSchema for EventStream {
    fn schema() -> RefOr<Schema> {
        stream_schema("StreamEvent")
    }
}

impl ToSchema for EventStream {}

/// The data of every event.
#[derive(Debug, Serialize, ToSchema)]
pub struct StreamEvent<'a> {
    /// The execution.
    execution_id: &'a str,
    /// The place in its journal.
    sequence: u64,
    /// When.
    timestamp: Time,
    /// What happened.
    #[serde(flatten)]
    what: Data<'a>,
}

/// What happened, by the event's name.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Data<'a> {
    /// `status`
    #[schema(title = "StatusEvent")]
    Status {
        status: wire::ExecutionStatus,
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Value, required = false)]
        output: Option<&'a serde_json::Value>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<wire::Failure<'a>>,
    },
    /// `task`
    #[schema(title = "TaskEvent")]
    Task { task: Box<wire::Task<'a>> },
    /// `progress`
    Progress(wire::Progress),
    /// `log`
    #[schema(title = "LogEvent")]
    Log { step_id: Option<&'a str>, level: &'a str, message: &'a str },
}

/// The events that a notice amounts to. A settled task is progress, too.
pub fn event_messages(
    execution: ExecutionId,
    notice: &Notice,
) -> Result<Vec<SseMessage>, ApiError> {
    let Notice { seq, at, kind } = notice;
    let execution_id = execution.dataflow();
    let message = |event, what| -> Result<SseMessage, ApiError> {
        let data =
            StreamEvent { execution_id: &execution_id, sequence: *seq, timestamp: Time(*at), what };
        let data = serde_json::to_string(&data).map_err(|error| {
            ApiError::internal(format!("an event could not be written: {error}"))
        })?;
        Ok(SseMessage { event, data })
    };
    match kind {
        NoticeKind::Status { status, output, error } => {
            let what = Data::Status {
                status: (*status).into(),
                output: output.as_deref(),
                error: error.as_ref().map(Into::into),
            };
            Ok(vec![message("status", what)?])
        }
        NoticeKind::Step { step, finished, total } => {
            let task = Box::new((&**step).into());
            let mut messages = vec![message("task", Data::Task { task })?];
            if step.status.is_settled() {
                let progress = wire::Progress { completed: *finished, total: *total };
                messages.push(message("progress", Data::Progress(progress))?);
            }
            Ok(messages)
        }
        NoticeKind::Log(line) => {
            let wire::LogLine { sequence: _, timestamp: _, step_id, level, message: text } =
                line.into();
            Ok(vec![message("log", Data::Log { step_id, level, message: text })?])
        }
        // This dialect's stream can be resumed at any event, which pieces of text are not.
        NoticeKind::Delta { .. } => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use stepwell_core::Timestamp;
    use stepwell_core::execution::Status;
    use stepwell_core::ids::TaskId;
    use stepwell_engine::view::{AttemptView, LogLine, StepStatus, StepView};
    use uuid::Uuid;

    use super::*;

    fn check(kind: NoticeKind, expect: &[(&str, &str)]) {
        let execution = ExecutionId::from_uuid(Uuid::nil());
        let notice = Notice { seq: 7, at: Timestamp::from_millis(1000), kind };
        let messages = event_messages(execution, &notice).unwrap();
        let head = r#"{"execution_id":"ex-00000000000000000000000000","sequence":7,"timestamp":"1970-01-01T00:00:01.000000Z","#;
        let expect: Vec<_> = expect
            .iter()
            .map(|(event, rest)| ((*event).to_owned(), format!("{head}{rest}}}")))
            .collect();
        let found: Vec<_> = messages.into_iter().map(|m| (m.event.to_owned(), m.data)).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn notices_become_events() {
        let output = Some(Arc::new(json!({"a": 1})));
        check(
            NoticeKind::Status { status: Status::Completed, output, error: None },
            &[("status", r#""status":"COMPLETED","output":{"a":1}"#)],
        );
        check(
            NoticeKind::Status { status: Status::Waiting, output: None, error: None },
            &[("status", r#""status":"RUNNING""#)],
        );
        let line = LogLine {
            seq: 7,
            at: Timestamp::from_millis(1000),
            step_id: None,
            level: "warn".into(),
            message: "hm".into(),
        };
        check(NoticeKind::Log(line), &[("log", r#""step_id":null,"level":"warn","message":"hm""#)]);
        let step = StepView {
            step_run: 0.into(),
            run_id: TaskId::from_uuid(Uuid::nil()),
            step_id: "echo".into(),
            type_name: "Echo",
            status: StepStatus::Completed,
            input: Some(Arc::new(json!(1))),
            output: Some(Arc::new(json!(null))),
            error: None,
            attempt_count: 1,
            attempts: vec![AttemptView {
                number: 1,
                status: StepStatus::Completed,
                started_at: Timestamp::from_millis(0),
                ended_at: Some(Timestamp::from_millis(1)),
                error: None,
                next_at: None,
            }],
            waiting: None,
            config: None,
            started_at: Some(Timestamp::from_millis(0)),
            ended_at: Some(Timestamp::from_millis(1)),
            skip_reason: None,
            reused: false,
            parent: None,
            child: None,
            role: stepwell_core::definition::model::StepRole::Regular,
        };
        check(
            NoticeKind::Step { step: Box::new(step), finished: 1, total: 3 },
            &[
                (
                    "task",
                    r#""task":{"task_id":"task-00000000000000000000000000","type":"Echo","status":"COMPLETED","input":1,"output":null,"step_id":"echo","attempt":1,"attempts":[{"attempt":1,"status":"COMPLETED","started_at":"1970-01-01T00:00:00.000000Z","completed_at":"1970-01-01T00:00:00.001000Z","error":null,"next_attempt_at":null}],"started_at":"1970-01-01T00:00:00.000000Z","completed_at":"1970-01-01T00:00:00.001000Z"}"#,
                ),
                ("progress", r#""completed":1,"total":3"#),
            ],
        );
    }
}
