//! What happens to an execution, as lines of its stream. Knows nothing of sockets and of time.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use stepwell_core::definition::SharedPlan;
use stepwell_core::execution::{Failure, Status, StepRunId};
use stepwell_core::ids::{ExecutionId, TaskId, WorkflowId};
use stepwell_engine::events::Follow;
use stepwell_engine::view::{Notice, NoticeKind, StepStatus, StepView};
use uuid::Uuid;

use super::meta::ExpandMeta;
use super::node_events::{NodeData, NodeDetails, outputs_by_name, value_id};
use super::outputs::{self, WorkflowOutput};
use super::request::EventTypes;
use super::stream::WriteLines;
use super::sub_workflows::node_data;
use super::types::ValueType;
use super::wire::{StreamEvent, StreamedOutput, WorkflowData};
use super::{convert, ndjson};
use crate::respond::Time;

/// The field of a step's output that its pieces of text make.
const TEXT: &str = "text";

/// Turns what happens into lines.
pub struct EventLines {
    id: ExecutionId,
    workflow: WorkflowId,
    external_id: Option<String>,
    plan: SharedPlan,
    events: EventTypes,
    meta: ExpandMeta,
    thinking: bool,
    outputs: Vec<WorkflowOutput>,
    nodes: BTreeMap<StepRunId, NodeLine>,
    /// The names of the outputs that were sent whole.
    sent: BTreeSet<String>,
    /// The steps whose begin was sent.
    begun: BTreeSet<StepRunId>,
    initiated: bool,
}

/// What is the same in all events of a step. Made once: hashing it anew for each piece of text
/// costs more than the rest of the line.
struct NodeLine {
    id: Uuid,
    run: Uuid,
    /// Its id in the definition, with its iterations.
    name: String,
    /// The ids of the steps before it.
    after: Vec<String>,
    /// The id of its output `text`.
    text: Uuid,
    /// The outputs of the workflow that are exactly its text, with their ids.
    streams: Vec<(usize, Uuid)>,
}

impl NodeLine {
    fn new(
        follow: &Follow,
        workflow: WorkflowId,
        outputs: &[WorkflowOutput],
        step: &StepRunId,
    ) -> Self {
        let plan = follow.plan();
        let name = step.display_in(plan).to_string();
        let id = outputs::output_id(workflow, &name);
        let streams = outputs.iter().enumerate().filter(|(_, output)| output.is_text_of(step));
        let before = plan.step(step.step).map(|step| plan.previous_steps(step));
        Self {
            id,
            run: TaskId::for_step_run(follow.id(), &name).uuid(),
            after: before.into_iter().flatten().map(str::to_owned).collect(),
            name,
            text: value_id(id, TEXT),
            streams: streams
                .map(|(at, output)| (at, outputs::output_id(workflow, &output.name)))
                .collect(),
        }
    }
}

impl WriteLines for EventLines {
    fn write(&mut self, follow: &Follow, notice: &Notice, to: &mut Vec<u8>) -> io::Result<()> {
        let at = Time(notice.at);
        match &notice.kind {
            NoticeKind::Status { status, output, error } => {
                if !self.initiated {
                    self.initiated = true;
                    let input = &follow.execution().input;
                    let inputs =
                        outputs::typed_inputs(self.workflow, &self.plan, input, self.thinking);
                    let data = self.data("INITIATED", at);
                    self.workflow_event(to, WorkflowData { inputs: Some(&inputs), ..data })?;
                }
                if status.is_final() {
                    let end = ExecutionEnd {
                        status: *status,
                        output: output.as_deref(),
                        error: error.as_ref(),
                    };
                    self.end(to, at, end)?;
                }
                Ok(())
            }
            NoticeKind::Step { step, .. } => {
                self.add_node(follow, &step.step_run);
                self.step(to, follow, notice)
            }
            NoticeKind::Delta { number, step, text } => {
                self.add_node(follow, step);
                let place = &format!("piece {number}");
                let event = NodeEvent { step, place, at, view: None };
                self.delta(to, event, text)
            }
            NoticeKind::Log(_) => Ok(()),
        }
    }
}

impl EventLines {
    /// For the execution that `follow` follows.
    pub fn new(
        follow: &Follow,
        external_id: Option<String>,
        events: EventTypes,
        meta: ExpandMeta,
        thinking: bool,
    ) -> Self {
        let plan = Arc::clone(follow.plan());
        let workflow = follow.execution().origin.workflow;
        let outputs = outputs::plan_outputs(&plan);
        Self {
            id: follow.id(),
            workflow,
            external_id,
            nodes: BTreeMap::new(),
            outputs,
            plan,
            events,
            meta,
            thinking,
            sent: BTreeSet::new(),
            begun: BTreeSet::new(),
            initiated: false,
        }
    }

    fn add_node(&mut self, follow: &Follow, step: &StepRunId) {
        if !self.nodes.contains_key(step) {
            let node = NodeLine::new(follow, self.workflow, &self.outputs, step);
            self.nodes.insert(step.clone(), node);
        }
    }

    fn line(&self, to: &mut Vec<u8>, kind: &'static str, data: impl Serialize) -> io::Result<()> {
        let external_id = self.external_id.as_deref();
        let event = StreamEvent { execution_id: self.id, run_id: None, external_id, kind, data };
        Ok(ndjson::write_line(to, &event)?)
    }

    fn workflow_event(&self, to: &mut Vec<u8>, data: WorkflowData<'_>) -> io::Result<()> {
        if self.events.workflow { self.line(to, "WORKFLOW", data) } else { Ok(()) }
    }

    fn data(&self, state: &'static str, ts: Time) -> WorkflowData<'static> {
        WorkflowData {
            id: self.id,
            state,
            ts,
            output: None,
            error: None,
            outputs: &[],
            inputs: None,
        }
    }

    fn end(&mut self, to: &mut Vec<u8>, at: Time, end: ExecutionEnd<'_>) -> io::Result<()> {
        let ExecutionEnd { status, output, error } = end;
        if let (Status::Completed, Some(output)) = (status, output) {
            let all = outputs::typed_outputs(self.workflow, &self.outputs, output, self.thinking);
            for one in &all {
                if self.sent.insert(one.name.to_owned()) {
                    self.output_whole(to, at, one.name, &one.value)?;
                }
            }
            let data = self.data("FULFILLED", at);
            return self.workflow_event(to, WorkflowData { outputs: &all, ..data });
        }
        let error = convert::rejection_error(status, error, convert::is_fail_of(&self.plan, error));
        let data = self.data("REJECTED", at);
        self.workflow_event(to, WorkflowData { error: Some(error), ..data })
    }

    /// One output of the workflow is known whole.
    fn output_whole(
        &self,
        to: &mut Vec<u8>,
        at: Time,
        name: &str,
        value: &Value,
    ) -> io::Result<()> {
        let known = self.outputs.iter().find(|output| output.name == name);
        let wanted = known.and_then(|output| output.value_type);
        let id = outputs::output_id(self.workflow, name);
        let one = outputs::typed_output(id, name, wanted, value, self.thinking);
        // Clients know no such events of media: those are in the outputs at the end.
        if one.value_type.is_media() {
            return Ok(());
        }
        // Clients want a node for each: an output that no step makes alone is one by itself.
        let source = known.and_then(|output| output.source.as_ref());
        let node = source.and_then(|(step, _)| self.plan.step(*step));
        let node = node.map(|step| outputs::output_id(self.workflow, &step.id));
        let output = StreamedOutput {
            id,
            name,
            state: "FULFILLED",
            node_id: Some(node.unwrap_or(id)),
            delta: None,
            value_type: one.value_type,
            value: Some(&one.value),
        };
        let data = self.data("STREAMING", at);
        self.workflow_event(to, WorkflowData { output: Some(output), ..data })
    }

    fn delta(&self, to: &mut Vec<u8>, event: NodeEvent<'_>, text: &str) -> io::Result<()> {
        let Some(node) = self.nodes.get(event.step) else { return Ok(()) };
        if self.events.node {
            self.node_event(to, event, "STREAMING", NodeDetails::streaming(text, node.text))?;
        }
        for (output, id) in &node.streams {
            let output = StreamedOutput {
                id: *id,
                name: &self.outputs[*output].name,
                state: "STREAMING",
                node_id: Some(node.id),
                delta: Some(text),
                value_type: ValueType::String,
                value: None,
            };
            let data = self.data("STREAMING", event.at);
            self.workflow_event(to, WorkflowData { output: Some(output), ..data })?;
        }
        Ok(())
    }

    fn step(&mut self, to: &mut Vec<u8>, follow: &Follow, notice: &Notice) -> io::Result<()> {
        let NoticeKind::Step { step: view, .. } = &notice.kind else { return Ok(()) };
        let view: &StepView = view;
        let node_data = |state| node_data(follow.execution(), view, state);
        let step = &view.step_run;
        let at = Time(notice.at);
        let place = format!("event {}", notice.seq);
        let node = self.nodes.get(step).map(|node| node.id).unwrap_or_default();
        let (state, details) = match view.status {
            StepStatus::Running if self.begun.insert(step.clone()) => {
                ("INITIATED", NodeDetails::initiated(view, node_data("INITIATED")))
            }
            StepStatus::Completed => {
                let text = value_id(node, TEXT);
                let data = match self.meta.node_end(view.type_name, text, view.output.as_deref()) {
                    Value::Null => node_data("FULFILLED"),
                    data => data,
                };
                ("FULFILLED", NodeDetails::fulfilled(view, node, data))
            }
            StepStatus::Failed => {
                let is_fail = convert::is_fail_of(&self.plan, view.error.as_ref());
                let error = view.error.as_ref().map(|error| convert::failure_event(error, is_fail));
                ("REJECTED", NodeDetails::rejected(error, node_data("REJECTED")))
            }
            StepStatus::Cancelled if self.begun.contains(step) => {
                let error = Some(convert::stopped_error());
                ("REJECTED", NodeDetails::rejected(error, node_data("REJECTED")))
            }
            _ => return Ok(()),
        };
        let event = NodeEvent { step, place: &place, at, view: Some(view) };
        self.node_event(to, event, state, details)?;
        if view.status == StepStatus::Completed {
            self.outputs_of(to, at, step, view.output.as_deref().unwrap_or(&Value::Null))?;
        }
        Ok(())
    }

    /// The outputs of the workflow that are exactly what a step made.
    fn outputs_of(
        &mut self,
        to: &mut Vec<u8>,
        at: Time,
        step: &StepRunId,
        made: &Value,
    ) -> io::Result<()> {
        let mut whole = Vec::new();
        for output in &self.outputs {
            if let Some(value) = output.value_of_step(step, made)
                && self.sent.insert(output.name.clone())
            {
                whole.push((output.name.clone(), value));
            }
        }
        whole.iter().try_for_each(|(name, value)| self.output_whole(to, at, name, value))
    }

    fn node_event(
        &self,
        to: &mut Vec<u8>,
        event: NodeEvent<'_>,
        state: &'static str,
        details: NodeDetails<'_>,
    ) -> io::Result<()> {
        let NodeEvent { step, place, at: ts, view } = event;
        let (true, Some(node)) = (self.events.node, self.nodes.get(step)) else { return Ok(()) };
        let data = NodeData {
            id: Uuid::new_v5(&node.run, place.as_bytes()),
            node_id: node.id,
            node_result_id: node.run,
            name: &node.name,
            after: &node.after,
            state,
            ts,
            source_execution_id: None,
            outputs: outputs_by_name(view),
            details,
        };
        self.line(to, "NODE", data)
    }
}

/// How an execution ended.
struct ExecutionEnd<'a> {
    status: Status,
    output: Option<&'a Value>,
    error: Option<&'a Failure>,
}

/// An event of a node.
#[derive(Clone, Copy)]
struct NodeEvent<'a> {
    step: &'a StepRunId,
    /// Distinguishes the event from all others of the step.
    place: &'a str,
    at: Time,
    /// The step, unless the event is about a piece of its text.
    view: Option<&'a StepView>,
}
