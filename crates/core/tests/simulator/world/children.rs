//! The sub-workflows of the simulated execution, as the store has them: they exist, get messages
//! and report their ends by what is committed, and by nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;
use stepwell_core::execution::{
    AttemptId, ChildLink, ChildResult, Event, ExecutionMessage, Failure, OutgoingMessage, Status,
    StepRunId, TransitionInput,
};
use stepwell_core::ids::{ExecutionId, WorkflowId};
use uuid::Uuid;

use super::World;

/// The sub-workflows, and what is not committed about them.
#[derive(Default)]
pub struct Children {
    /// Those that were started, durably.
    stored: BTreeMap<ExecutionId, Child>,
    /// Messages about their ends that are not handled yet, durably.
    inbox: Vec<Report>,
    /// Attempts whose sub-workflows are to be started.
    demanded: Vec<AttemptId>,
    /// Started, not committed.
    started: Vec<(ExecutionId, Child)>,
    /// Sent, not committed.
    sent: Vec<OutgoingMessage>,
    /// The numbers of messages whose handling is not committed.
    handled: BTreeSet<u64>,
    /// How many ids and messages there were.
    count: u64,
}

#[derive(Debug, Clone)]
struct Child {
    step: StepRunId,
    waits: bool,
    is_paused: bool,
    is_cancelled: bool,
    has_ended: bool,
    result: Option<ChildResult>,
}

#[derive(Debug, Clone)]
struct Report {
    number: u64,
    step: StepRunId,
    child: ExecutionId,
    result: ChildResult,
}

impl Children {
    pub fn demand(&mut self, attempt: AttemptId) {
        assert!(!self.demanded.contains(&attempt), "one demand at a time");
        self.demanded.push(attempt);
    }

    pub fn forget_demand(&mut self, step: &StepRunId) {
        self.demanded.retain(|attempt| attempt.step_run != *step);
    }

    pub fn send(&mut self, messages: Vec<OutgoingMessage>) {
        self.sent.extend(messages);
    }

    /// The node dies: what was not committed never was.
    pub fn crash(&mut self) {
        self.demanded.clear();
        self.started.clear();
        self.sent.clear();
        self.handled.clear();
    }

    fn next_number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn store(&mut self) {
        self.stored.append(&mut std::mem::take(&mut self.started).into_iter().collect());
        for OutgoingMessage { to, message } in std::mem::take(&mut self.sent) {
            let child = self.stored.get_mut(&to).expect("messages go to what was started");
            match message {
                ExecutionMessage::Pause => child.is_paused = true,
                ExecutionMessage::Resume => child.is_paused = false,
                ExecutionMessage::Cancel { .. } => child.is_cancelled = true,
                ExecutionMessage::ChildEnded { .. } => panic!("there is no parent"),
            }
        }
        let handled = std::mem::take(&mut self.handled);
        self.inbox.retain(|report| !handled.contains(&report.number));
    }
}

impl World {
    /// Something that can happen with sub-workflows.
    pub(super) fn do_something_with_children(&mut self) {
        match self.rng.below(3) {
            0 => self.start_some_child(),
            1 => self.end_some_child(),
            _ => self.deliver_some_report(),
        }
    }

    /// The runtime starts a sub-workflow, or cannot.
    fn start_some_child(&mut self) {
        if self.children.demanded.is_empty() {
            return;
        }
        let at = self.rng.below(self.children.demanded.len());
        let attempt = self.children.demanded.remove(at);
        if self.rng.chance(10) {
            let result = Err(self.fault());
            return self.try_input(TransitionInput::StepEnded { attempt, result });
        }
        let number = u128::from(self.children.next_number());
        let execution = ExecutionId::from_uuid(Uuid::from_u128(1_000 + number));
        let workflow = WorkflowId::from_uuid(Uuid::from_u128(3));
        let link = ChildLink { execution, workflow, release: 1 };
        let (step, waits) = (attempt.step_run.clone(), self.rng.chance(80));
        // Before the transition: a step that it starts may commit.
        let child = Child {
            step,
            waits,
            is_paused: false,
            is_cancelled: false,
            has_ended: false,
            result: None,
        };
        self.children.started.push((execution, child));
        let input = TransitionInput::ChildStarted { attempt, child: link, waits };
        if self.apply_input(input).is_err() {
            self.children.started.retain(|(started, _)| *started != execution);
        }
    }

    /// A sub-workflow ends, and reports that in the same transaction.
    fn end_some_child(&mut self) {
        let is_open = |child: &&Child| !child.has_ended && !child.is_paused;
        let open = self.children.stored.iter().filter(|(_, child)| is_open(child));
        let open: Vec<ExecutionId> = open.map(|(id, _)| *id).collect();
        if open.is_empty() {
            return;
        }
        let id = *self.rng.pick(&open);
        let outcome = self.rng.below(10);
        let number = self.children.next_number();
        let Some(child) = self.children.stored.get_mut(&id) else { return };
        child.has_ended = true;
        let result = match outcome {
            _ if child.is_cancelled => ChildResult::Cancelled(Some("by its parent".into())),
            0 => ChildResult::Cancelled(None),
            1 if child.waits => {
                ChildResult::Rejected(Failure::new("CONCURRENCY_LIMIT", "no place is free"))
            }
            1..4 => ChildResult::Failed(Failure::new("SIMULATED", "simulated")),
            _ => ChildResult::Completed(Arc::new(json!({"output_of": id}))),
        };
        child.result = Some(result.clone());
        let has_parent_ended = self.journal.last().is_some_and(|last| last.event.is_final());
        if child.waits && !has_parent_ended {
            let step = child.step.clone();
            self.children.inbox.push(Report { number, step, child: id, result });
        }
    }

    /// The runtime reads a message, in any order; one that it has handled means nothing.
    fn deliver_some_report(&mut self) {
        if self.children.inbox.is_empty() {
            return;
        }
        let at = self.rng.below(self.children.inbox.len());
        let Report { number, step, child, result } = self.children.inbox[at].clone();
        let is_handled = !self.children.handled.insert(number);
        let refused =
            self.apply_input(TransitionInput::ChildEnded { step, child, result }).is_err();
        assert!(refused || !is_handled, "an end counts once");
    }

    /// Does one thing that must happen; `false`: there is none.
    pub(super) fn settle_children(&mut self) -> bool {
        if let Some(report) = self
            .children
            .inbox
            .iter()
            .find(|report| !self.children.handled.contains(&report.number))
        {
            let Report { number, step, child, result } = report.clone();
            self.children.handled.insert(number);
            self.try_input(TransitionInput::ChildEnded { step, child, result });
        } else if !self.children.demanded.is_empty() {
            self.start_some_child();
        } else if !self.children.started.is_empty() || !self.children.sent.is_empty() {
            self.commit();
        } else if self.children.stored.values().any(|child| !child.has_ended && !child.is_paused) {
            self.end_some_child();
        } else {
            return false;
        }
        true
    }

    /// Makes what was decided about sub-workflows durable, and checks what the store has then.
    pub(super) fn commit_children(&mut self) {
        self.children.store();
        let is_final = self.live.status().is_final();
        if is_final {
            self.children.inbox.clear();
        }
        let awaited: BTreeSet<ExecutionId> = self.live.active_children().into_iter().collect();
        for (id, child) in &self.children.stored {
            let is_awaited = awaited.contains(id);
            if is_awaited {
                assert!(child.waits && !child.is_cancelled, "one that is awaited continues");
                let is_paused = self.live.status() == Status::Paused;
                assert!(child.has_ended || child.is_paused == is_paused, "paused as its parent");
            } else if child.waits && !child.has_ended {
                assert!(child.is_cancelled, "one that nothing waits for is cancelled");
            }
            assert!(child.waits || !child.is_cancelled, "only what is awaited is cancelled");
        }
        assert!(awaited.iter().all(|id| self.children.stored.contains_key(id)), "all are stored");
    }

    /// Every event of a start has its execution, and every execution its event.
    pub(super) fn check_children(&self) {
        let started = self.journal.iter().filter_map(|recorded| match &recorded.event {
            Event::ChildStarted { child, step, .. } => Some((child.execution, step.clone())),
            _ => None,
        });
        let stored = self.children.stored.iter().map(|(id, child)| (*id, child.step.clone()));
        let (mut started, stored): (Vec<_>, Vec<_>) = (started.collect(), stored.collect());
        started.sort();
        assert_eq!(started, stored, "none is lost, none is there twice");
        let mut awaited: BTreeMap<StepRunId, &Child> = BTreeMap::new();
        for recorded in &self.journal {
            let result = |step| Some(awaited.get(step)?.result.as_ref());
            match &recorded.event {
                Event::ChildStarted { child, step, .. } => {
                    let child = &self.children.stored[&child.execution];
                    if child.waits {
                        awaited.insert(step.clone(), child);
                    }
                }
                Event::StepCompleted { step, output, .. } => {
                    if let Some(result) = result(step) {
                        let expected = ChildResult::Completed(output.clone());
                        assert_eq!(result, Some(&expected), "the output of the sub-workflow");
                    }
                }
                Event::StepRetrying { step, error, .. } | Event::StepFailed { step, error, .. } => {
                    let is_right = match (result(step), error.code.as_str()) {
                        (None, _) | (Some(_), "STEP_TIMEOUT") => true,
                        (Some(result), "SUB_WORKFLOW_CANCELLED") => {
                            matches!(result, Some(ChildResult::Cancelled(_)))
                        }
                        (Some(Some(ChildResult::Rejected(failure))), _) => {
                            failure.code == error.code
                        }
                        (Some(result), _) => matches!(result, Some(ChildResult::Failed(_))),
                    };
                    assert!(is_right, "the error of the sub-workflow: {recorded:?}");
                    awaited.remove(step);
                }
                _ => {}
            }
        }
    }
}
