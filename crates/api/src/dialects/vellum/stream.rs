//! The stream of an execution: one JSON object a line, from the live run, flushed as it happens.
//!
//! A line is whole or not there; a quiet stream sends empty lines, which its clients pass over.
//! A reader that falls too far behind is cut off, and the execution goes on without it.

use std::collections::BTreeSet;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use stepwell_core::Timestamp;
use stepwell_core::definition::SharedPlan;
use stepwell_core::execution::{Failure, Status};
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_engine::events::Follow;
use stepwell_engine::view::{Notice, StepStatus, StepView, What};
use uuid::Uuid;

use super::meta::ExpandMeta;
use super::outputs::{self, Output};
use super::request::EventTypes;
use super::types::ValueType;
use super::{convert, ndjson};
use crate::respond;
use crate::server::Stopping;

/// Lines that are ready go out together, up to about so many bytes.
const CHUNK: usize = 32 << 10;

/// How a stream is to be.
pub struct Options {
    /// Which events.
    pub events: EventTypes,
    /// What the ends of nodes tell beside their outputs.
    pub meta: ExpandMeta,
    /// Whether the client knows the type `THINKING`.
    pub thinking: bool,
    /// How it keeps going.
    pub pace: Pace,
}

/// How a stream keeps going, and when it stops.
pub struct Pace {
    /// How often a quiet stream sends an empty line.
    pub heartbeat: Duration,
    /// Tells that the server stops.
    pub stopping: Option<Stopping>,
}

/// Turns what happens into lines of a stream.
pub trait WriteLines: Send {
    /// Appends the lines, or none, that tell of `notice`.
    ///
    /// # Errors
    /// A value cannot be written.
    fn write(&mut self, follow: &Follow, notice: &Notice, to: &mut Vec<u8>) -> io::Result<()>;
}

/// The answer: the events of the execution that `follow` follows, from its beginning to its end.
pub fn answer(follow: Follow, external_id: Option<String>, options: Options) -> Response {
    let Options { events, meta, thinking, pace } = options;
    let lines = Lines { meta, ..Lines::new(&follow, external_id, events, thinking) };
    stream_of(follow, lines, pace)
}

/// The answer: what `lines` makes of all that `follow` tells.
pub fn stream_of(follow: Follow, lines: impl WriteLines + 'static, pace: Pace) -> Response {
    let Pace { heartbeat, stopping } = pace;
    let stop: Stop = match stopping {
        Some(stopping) => Box::pin(stopping.wait()),
        None => Box::pin(std::future::pending()),
    };
    let state = State { follow, lines, stop, heartbeat, over: false };
    let chunks = stream::unfold(state, |mut state| async move {
        let chunk = state.chunk().await?;
        Some((chunk, state))
    });
    let mut response = respond::json_text(StatusCode::OK, Body::from_stream(chunks));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Asks a proxy in between not to hold lines back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

struct State<L> {
    follow: Follow,
    lines: L,
    stop: Stop,
    heartbeat: Duration,
    over: bool,
}

impl<L: WriteLines> State<L> {
    /// The next lines; `None` after the last. An error cuts the connection, so that the client
    /// knows that it has not seen the end.
    async fn chunk(&mut self) -> Option<io::Result<Bytes>> {
        if self.over {
            return None;
        }
        let chunk = self.read().await;
        match &chunk {
            Ok(chunk) => self.over = chunk.is_empty(),
            Err(error) => {
                self.over = true;
                tracing::warn!(%error, "a stream broke off");
            }
        }
        if matches!(&chunk, Ok(chunk) if chunk.is_empty()) { None } else { Some(chunk) }
    }

    /// Waits for something to send; empty: there is nothing more.
    async fn read(&mut self) -> io::Result<Bytes> {
        let mut buffer = Vec::new();
        loop {
            let notice = tokio::select! {
                biased;
                notice = self.follow.next() => notice.map_err(io::Error::other)?,
                () = &mut self.stop => return Err(io::Error::other("the server is stopping")),
                () = tokio::time::sleep(self.heartbeat) => return Ok(Bytes::from_static(b"\n")),
            };
            let Some(notice) = notice else { return Ok(buffer.into()) };
            self.lines.write(&self.follow, &notice, &mut buffer)?;
            while buffer.len() < CHUNK
                && let Some(notice) = self.follow.try_next().map_err(io::Error::other)?
            {
                self.lines.write(&self.follow, &notice, &mut buffer)?;
            }
            if !buffer.is_empty() {
                return Ok(buffer.into());
            }
        }
    }
}

/// Turns what happens into lines.
struct Lines {
    id: ExecutionId,
    workflow: WorkflowId,
    external_id: Option<String>,
    plan: SharedPlan,
    events: EventTypes,
    meta: ExpandMeta,
    thinking: bool,
    outputs: Vec<Output>,
    /// The names of the outputs that were told whole.
    told: BTreeSet<String>,
    /// The steps that were told to have begun.
    begun: BTreeSet<usize>,
    initiated: bool,
}

impl WriteLines for Lines {
    fn write(&mut self, follow: &Follow, notice: &Notice, to: &mut Vec<u8>) -> io::Result<()> {
        let at = notice.at;
        match &notice.what {
            What::Status { status, output, error } => {
                if !self.initiated {
                    self.initiated = true;
                    let input = &follow.execution().input;
                    let inputs = outputs::inputs(self.workflow, &self.plan, input, self.thinking);
                    self.workflow_event(to, "INITIATED", at, json!({ "inputs": inputs }))?;
                }
                if status.is_final() {
                    self.end(to, (*status, at), output.as_deref(), error.as_ref())?;
                }
                Ok(())
            }
            What::Step { step, .. } => self.step(to, at, step),
            What::Delta { step, text } => self.delta(to, at, *step, text),
            What::Log(_) => Ok(()),
        }
    }
}

impl Lines {
    fn new(
        follow: &Follow,
        external_id: Option<String>,
        events: EventTypes,
        thinking: bool,
    ) -> Self {
        let plan = Arc::clone(follow.plan());
        Self {
            id: follow.id(),
            workflow: follow.execution().origin.workflow,
            external_id,
            outputs: outputs::of(&plan),
            plan,
            events,
            meta: ExpandMeta::default(),
            thinking,
            told: BTreeSet::new(),
            begun: BTreeSet::new(),
            initiated: false,
        }
    }

    fn envelope(&self, kind: &str, data: Value) -> Value {
        json!({
            "execution_id": self.id,
            "run_id": null,
            "external_id": self.external_id,
            "type": kind,
            "data": data,
        })
    }

    fn workflow_event(
        &self,
        to: &mut Vec<u8>,
        state: &str,
        at: Timestamp,
        with: Value,
    ) -> io::Result<()> {
        if !self.events.workflow {
            return Ok(());
        }
        let mut data = json!({
            "id": self.id, "state": state, "ts": at.to_string(),
            "output": null, "error": null, "outputs": null, "inputs": null,
        });
        fill(&mut data, with);
        Ok(ndjson::line(to, &self.envelope("WORKFLOW", data))?)
    }

    fn end(
        &mut self,
        to: &mut Vec<u8>,
        (status, at): (Status, Timestamp),
        output: Option<&Value>,
        error: Option<&Failure>,
    ) -> io::Result<()> {
        if let (Status::Completed, Some(output)) = (status, output) {
            let all = outputs::typed(self.workflow, &self.outputs, output, self.thinking);
            for one in &all {
                if self.told.insert(one.name.to_owned()) {
                    self.output_whole(to, at, one.name, &one.value)?;
                }
            }
            return self.workflow_event(to, "FULFILLED", at, json!({ "outputs": all }));
        }
        let error = convert::rejection(status, error, convert::is_fail_of(&self.plan, error));
        self.workflow_event(to, "REJECTED", at, json!({ "error": error }))
    }

    /// One output of the workflow is known whole.
    fn output_whole(
        &self,
        to: &mut Vec<u8>,
        at: Timestamp,
        name: &str,
        value: &Value,
    ) -> io::Result<()> {
        let known = self.outputs.iter().find(|output| output.name == name);
        let wanted = known.and_then(|output| output.value_type);
        let id = outputs::id(self.workflow, name);
        let one = outputs::one(id, name, wanted, value, self.thinking);
        // Clients know no such events of media: those are in the outputs at the end.
        if one.value_type.is_media() {
            return Ok(());
        }
        // Clients want a node for each: an output that no step makes alone is one by itself.
        let node = known.and_then(|output| self.node_id(output.source.as_ref()?.0)).unwrap_or(id);
        let output = json!({
            "id": one.id, "name": name, "state": "FULFILLED", "node_id": node, "delta": null,
            "type": one.value_type, "value": one.value,
        });
        self.workflow_event(to, "STREAMING", at, json!({ "output": output }))
    }

    fn delta(&self, to: &mut Vec<u8>, at: Timestamp, step: usize, text: &str) -> io::Result<()> {
        let Some(node) = self.node_id(step) else { return Ok(()) };
        if self.events.node {
            let output = json!({
                "type": ValueType::String, "value": text,
                "node_output_id": node_output_id(node, "text"), "state": "STREAMING",
            });
            let with = json!({ "data": null, "output": output, "output_index": 0 });
            self.node_event(to, (step, "STREAMING"), at, with)?;
        }
        for output in &self.outputs {
            if output.is_text_of(step) {
                let streamed = json!({
                    "id": outputs::id(self.workflow, &output.name), "name": output.name,
                    "state": "STREAMING", "node_id": node, "delta": text,
                    "type": ValueType::String, "value": null,
                });
                self.workflow_event(to, "STREAMING", at, json!({ "output": streamed }))?;
            }
        }
        Ok(())
    }

    fn step(&mut self, to: &mut Vec<u8>, at: Timestamp, view: &StepView) -> io::Result<()> {
        let Some(step) = self.plan.by_id.get(&view.step_id).copied() else { return Ok(()) };
        match view.status {
            StepStatus::Running if self.begun.insert(step) => {
                let inputs = values(view.input.as_deref(), |key, value| {
                    json!({
                        "node_input_id": node_output_id(view.run_id.uuid(), key), "key": key,
                        "type": ValueType::of_value(value), "value": value,
                    })
                });
                let with = json!({ "input_values": inputs });
                self.node_event(to, (step, "INITIATED"), at, with)
            }
            StepStatus::Completed => {
                let node = self.node_id(step).unwrap_or_default();
                let made = values(view.output.as_deref(), |key, value| {
                    json!({
                        "type": ValueType::of_value(value), "value": value,
                        "node_output_id": node_output_id(node, key), "state": "FULFILLED",
                    })
                });
                let type_name = self.plan.steps[step].type_name;
                let data =
                    self.meta.told(type_name, node_output_id(node, "text"), view.output.as_deref());
                let with = json!({ "data": data, "output_values": made, "mocked": null });
                self.node_event(to, (step, "FULFILLED"), at, with)?;
                self.outputs_of(to, at, step, view.output.as_deref().unwrap_or(&Value::Null))
            }
            StepStatus::Failed => {
                let is_fail = convert::is_fail_of(&self.plan, view.error.as_ref());
                let error = view.error.as_ref().map(|error| convert::told(error, is_fail));
                self.node_event(to, (step, "REJECTED"), at, json!({ "error": error }))
            }
            StepStatus::Cancelled if self.begun.contains(&step) => {
                let with = json!({ "error": convert::stopped() });
                self.node_event(to, (step, "REJECTED"), at, with)
            }
            _ => Ok(()),
        }
    }

    /// The outputs of the workflow that are exactly what a step made.
    fn outputs_of(
        &mut self,
        to: &mut Vec<u8>,
        at: Timestamp,
        step: usize,
        made: &Value,
    ) -> io::Result<()> {
        let mut whole = Vec::new();
        for output in &self.outputs {
            if let Some(value) = output.made_by(step, made)
                && self.told.insert(output.name.clone())
            {
                whole.push((output.name.clone(), value));
            }
        }
        whole.iter().try_for_each(|(name, value)| self.output_whole(to, at, name, value))
    }

    fn node_id(&self, step: usize) -> Option<Uuid> {
        Some(outputs::id(self.workflow, &self.plan.steps.get(step)?.id))
    }

    fn node_event(
        &self,
        to: &mut Vec<u8>,
        (step, state): (usize, &str),
        at: Timestamp,
        with: Value,
    ) -> io::Result<()> {
        let (true, Some(planned)) = (self.events.node, self.plan.steps.get(step)) else {
            return Ok(());
        };
        let run = stepwell_core::ids::StepRunId::of(self.id, &planned.id);
        let mut data = json!({
            "id": run, "node_id": self.node_id(step), "node_result_id": run, "state": state,
            "ts": at.to_string(), "data": null, "source_execution_id": null,
        });
        fill(&mut data, with);
        Ok(ndjson::line(to, &self.envelope("NODE", data))?)
    }
}

/// Puts further fields into an object.
fn fill(data: &mut Value, with: Value) {
    if let (Value::Object(data), Value::Object(with)) = (data, with) {
        data.extend(with);
    }
}

/// The id of what a node takes or makes under a name.
fn node_output_id(node: Uuid, key: &str) -> Uuid {
    Uuid::new_v5(&node, key.as_bytes())
}

/// One entry for each named value.
fn values(value: Option<&Value>, entry: impl Fn(&str, &Value) -> Value) -> Vec<Value> {
    let named = value.map(outputs::named).unwrap_or_default();
    named.into_iter().map(|(key, value)| entry(key, value)).collect()
}
