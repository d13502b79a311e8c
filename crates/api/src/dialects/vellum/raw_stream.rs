//! Executing a deployment by plain values, followed by the events of this dialect's own kit.

use std::collections::BTreeSet;
use std::io;

use axum::Extension;
use axum::extract::{RawPathParams, State};
use axum::response::Response;
use serde_json::{Value, json};
use stepwell_core::execution::{Status, StepRunId};
use stepwell_core::ids::ExecutionId;
use stepwell_core::{Map, Problem, Timestamp};
use stepwell_engine::app::{Choose, Start, Target, TrafficKey, WorkflowRef};
use stepwell_engine::events::Follow;
use stepwell_engine::view::{Notice, NoticeKind, StepStatus, StepView};
use stepwell_engine::{App, AppError, Caller};

use super::deployments::path_part;
use super::outputs::{self, WorkflowOutput};
use super::raw::{self, RawEvents};
use super::stream::{WriteLines, stream_of};
use super::{convert, execute, inputs, ndjson, request, responses, wire};
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::error::{ApiError, Kind, shorten_text};
use crate::fields::{Fields, FromFields as _};
use crate::secrets;
use crate::state::{Api, Stopping};

/// A request to execute a deployment.
struct RawExecute {
    inputs: Map,
    release_tag: Option<String>,
    traffic_key: Option<String>,
    external_id: Option<String>,
    metadata: Map,
    previous: Option<ExecutionId>,
}

impl TryFrom<Fields> for RawExecute {
    type Error = ApiError;

    fn try_from(mut fields: Fields) -> Result<Self, ApiError> {
        let wire::ExecuteDeploymentRequest {
            inputs,
            trigger,
            release_tag,
            traffic_key,
            external_id,
            metadata,
            previous_execution_id,
        } = wire::ExecuteDeploymentRequest::read(&mut fields);
        let release_tag = request::non_empty(&mut fields, "release_tag", release_tag);
        let external_id = request::external_id(&mut fields, external_id);
        let previous =
            request::read_id(&mut fields, "previous_execution_id", previous_execution_id);
        if let Some(trigger) = trigger {
            let shown = shorten_text(&trigger);
            let message = format!("there is no trigger `{shown}`; omit it");
            fields.push(Problem::new("trigger", message));
        }
        fields.finish_open()?;
        let (inputs, metadata) = (inputs.unwrap_or_default(), metadata.unwrap_or_default());
        Ok(Self { inputs, release_tag, traffic_key, external_id, metadata, previous })
    }
}

/// Execute a deployment and follow it
///
/// One JSON object a line, of the execution and of its steps, distinguished by `name`. The execution
/// continues when the client disconnects.
#[utoipa::path(post, path = "/v1/workflow-deployments/{id}/execute-stream", tag = "vellum",
    security(("key" = ["execute:workflows"])),
    params(("id" = String, Path, description = "The deployment's id or name"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat follows the same execution")),
    request_body = wire::ExecuteDeploymentRequest,
    responses((status = 200, description = "Events, from `workflow.execution.initiated` to the end", body = String, content_type = "application/x-ndjson"),
        responses::BadRequest, responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub async fn execute_deployment_stream(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    stopping: Option<Extension<Stopping>>,
    path: RawPathParams,
    request_body: RequestBody,
) -> Result<Response, ApiError> {
    let request = RawExecute::try_from(request_body.fields()?)?;
    let target = find_target(&api.app, &caller, path_part(&path, "id"), &request).await?;
    let RawExecute { inputs, release_tag: _, traffic_key: _, external_id, metadata, previous } =
        request;
    let input = inputs::read_named(&target.plan, inputs).map_err(|problems| {
        ApiError::with_problems(Kind::InvalidInput, "the inputs do not fit", problems)
    })?;
    let start = Start {
        input: Some(input),
        external_id,
        metadata,
        release: Some(target.release),
        release_tag: target.tag,
        previous,
        secrets: secrets::from_headers(&request_body.headers)?,
        idempotency: request_body.key,
        memory: Some(request_body.memory),
        ..Start::default()
    };
    let follow = api.app.execute(&caller, target.workflow.id, start).follow().await?;
    let lines = Lines::new(&follow);
    Ok(stream_of(follow, lines, execute::heartbeat_pace(&api, stopping)))
}

/// What a path names by id or name, and the request by tag.
async fn find_target(
    app: &App,
    caller: &Caller,
    text: &str,
    request: &RawExecute,
) -> Result<Target, ApiError> {
    let by = |workflow| Choose {
        workflow,
        tag: request.release_tag.as_deref(),
        key: TrafficKey::of_execution(
            request.traffic_key.as_deref(),
            &request.metadata,
            request.external_id.as_deref(),
        ),
    };
    let mut found = Err(AppError::not_found("workflow", text));
    if let Ok(id) = text.parse() {
        found = app.target(caller, by(WorkflowRef::Id(id))).await;
    }
    if matches!(found, Err(AppError::NotFound { kind: "workflow", .. })) {
        found = app.target(caller, by(WorkflowRef::Name(text))).await;
    }
    found.map_err(|error| match error {
        AppError::NotFound { kind: "release tag", .. } => {
            let problem = Problem::new("release_tag", ApiError::from(error).message());
            let intro = "the request names what is not there";
            ApiError::with_problems(Kind::NoObject, intro, vec![problem])
        }
        other => other.into(),
    })
}

/// Turns what happens into lines.
struct Lines {
    raw: RawEvents,
    outputs: Vec<WorkflowOutput>,
    /// The names of the outputs that were sent whole.
    sent: BTreeSet<String>,
    /// The steps whose begin was sent.
    begun: BTreeSet<String>,
    initiated: bool,
    /// How many `streaming` events there were.
    pieces: u64,
}

impl Lines {
    fn new(follow: &Follow) -> Self {
        let plan = follow.plan().clone();
        Self {
            outputs: outputs::plan_outputs(&plan),
            raw: RawEvents { id: follow.id(), workflow: follow.execution().origin.workflow, plan },
            sent: BTreeSet::new(),
            begun: BTreeSet::new(),
            initiated: false,
            pieces: 0,
        }
    }

    fn status(
        &mut self,
        follow: &Follow,
        status: Status,
        at: Timestamp,
        to: &mut Vec<u8>,
    ) -> io::Result<()> {
        let execution = follow.execution();
        if !self.initiated {
            self.initiated = true;
            let inputs = json!({ "inputs": raw::by_name(&execution.input) });
            ndjson::write_line(to, &self.raw.of_workflow("initiated", at, 0, inputs))?;
        }
        if !status.is_final() {
            return Ok(());
        }
        let event = match (status, &execution.output) {
            (Status::Completed, Some(output)) => {
                let made = raw::by_name(output);
                for (name, value) in &made {
                    self.output_whole(at, name, value, to)?;
                }
                let more = json!({ "outputs": made, "final_state": execution.state });
                self.raw.of_workflow("fulfilled", at, 0, more)
            }
            (status, _) => {
                let failure = execution.error.as_ref();
                let of_fail_step = convert::is_fail_of(&self.raw.plan, failure);
                let rejection = convert::rejection_error(status, failure, of_fail_step);
                self.raw.of_workflow(
                    "rejected",
                    at,
                    0,
                    json!({ "error": raw::error_body(&rejection) }),
                )
            }
        };
        Ok(ndjson::write_line(to, &event)?)
    }

    fn output_whole(
        &mut self,
        at: Timestamp,
        name: &str,
        value: &Value,
        to: &mut Vec<u8>,
    ) -> io::Result<()> {
        if !self.sent.insert(name.to_owned()) {
            return Ok(());
        }
        let output = json!({ "output": { "name": name, "value": value } });
        let count = self.next();
        Ok(ndjson::write_line(to, &self.raw.of_workflow("streaming", at, count, output))?)
    }

    const fn next(&mut self) -> u64 {
        self.pieces += 1;
        self.pieces
    }

    fn step(&mut self, at: Timestamp, step: &StepView, to: &mut Vec<u8>) -> io::Result<()> {
        let begins = step.status == StepStatus::Running;
        if begins && self.begun.insert(step.step_id.clone()) {
            return Ok(ndjson::write_line(to, &self.raw.node_initiated(step, at))?);
        }
        let Some(ended) = self.raw.node_ended(step, at) else { return Ok(()) };
        ndjson::write_line(to, &ended)?;
        let Some(made) = &step.output else { return Ok(()) };
        let whole: Vec<_> = self
            .outputs
            .iter()
            .filter_map(|output| {
                Some((output.name.clone(), output.value_of_step(&step.step_run, made)?))
            })
            .collect();
        whole.iter().try_for_each(|(name, value)| self.output_whole(at, name, value, to))
    }

    fn delta(
        &mut self,
        at: Timestamp,
        step: &StepRunId,
        text: &str,
        to: &mut Vec<u8>,
    ) -> io::Result<()> {
        let node = step.display_in(&self.raw.plan).to_string();
        let output = json!({ "output": { "name": "text", "delta": text } });
        let count = self.next();
        ndjson::write_line(to, &self.raw.of_node_streaming(&node, at, count, output))?;
        let names: Vec<_> = self
            .outputs
            .iter()
            .filter(|output| output.is_text_of(step))
            .map(|output| output.name.clone())
            .collect();
        names.iter().try_for_each(|name| {
            let output = json!({ "output": { "name": name, "delta": text } });
            let count = self.next();
            Ok(ndjson::write_line(to, &self.raw.of_workflow("streaming", at, count, output))?)
        })
    }
}

impl WriteLines for Lines {
    fn write(&mut self, follow: &Follow, notice: &Notice, to: &mut Vec<u8>) -> io::Result<()> {
        let at = notice.at;
        match &notice.kind {
            NoticeKind::Status { status, .. } => self.status(follow, *status, at, to),
            NoticeKind::Step { step, .. } => self.step(at, step, to),
            NoticeKind::Delta { step, text, .. } => self.delta(at, step, text, to),
            NoticeKind::Log(_) => Ok(()),
        }
    }
}
