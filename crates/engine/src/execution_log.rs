//! The log of an execution: the lines that its steps logged, and lines derived from its journal.
//!
//! The lines are derived from the journal when they are read, so they cost a running execution
//! nothing and there are at most as many as the journal has events.

use std::collections::BTreeMap;

use stepwell_core::Timestamp;
use stepwell_core::execution::{
    ApprovalEvent, ApprovalOutcome, BodyResult, ConcurrencyPlace, Event, Execution, Failure,
    RecordedEvent, SkipReason, StepRunId, Verdict,
};

use crate::view::LogLine;

/// The lines of an execution, in order. `execution` is the one at the beginning of the journal.
pub fn log_lines(execution: &Execution, journal: &[RecordedEvent]) -> Vec<LogLine> {
    let mut started = BTreeMap::new();
    journal.iter().filter_map(|recorded| journal_line(execution, recorded, &mut started)).collect()
}

/// The wait for a place under a concurrency limit.
fn describe_place(place: &ConcurrencyPlace) -> String {
    let ConcurrencyPlace { key, limit } = place;
    let key = if key.is_empty() { String::new() } else { format!(" with the key `{key}`") };
    format!("waits for a concurrency place{key} (limit {limit})")
}

fn journal_line(
    execution: &Execution,
    recorded: &RecordedEvent,
    started: &mut BTreeMap<StepRunId, Timestamp>,
) -> Option<LogLine> {
    let RecordedEvent { seq, at, event, .. } = recorded;
    if let Event::StepStarted { step, .. } | Event::StepWaiting { step, .. } = event {
        started.insert(step.clone(), *at);
    }
    let (level, message) = match event {
        Event::StepStarted { attempt, .. } => ("info", format!("attempt {attempt} started")),
        Event::StepWaiting { until, .. } => ("info", format!("waits until {until}")),
        Event::PlaceAwaited { place, .. } => ("info", describe_place(place)),
        Event::SignalAwaited { signal, key, until, .. } => {
            ("info", describe_wait(signal, key.as_deref(), *until))
        }
        Event::Approval { event, .. } => describe_approval(event),
        Event::SignalReceived { signal, .. } => ("info", format!("received the signal `{signal}`")),
        Event::StepCompleted { step, port, .. } => {
            ("info", describe_completed(*at, started.get(step).copied(), port.as_deref()))
        }
        Event::StepRetrying { error, until, .. } => {
            ("warn", format!("{}; the next attempt is due at {until}", describe_failed(error)))
        }
        Event::StepFailed { error, handled, .. } => {
            let end = if *handled { "; the definition handles the failure" } else { "" };
            (if *handled { "warn" } else { "error" }, format!("{}{end}", describe_failed(error)))
        }
        Event::StepSkipped { reason, .. } => ("info", describe_skipped(*reason).to_owned()),
        Event::BodyEnded { step, index, error: Some(error), .. } => {
            let step_id = step_run_name(execution, step);
            let planned = execution.origin.plan.step(step.step);
            let is_repeating = planned
                .and_then(|planned| planned.block.as_ref())
                .is_some_and(|block| block.is_repeating());
            let iteration =
                if is_repeating { format!("iteration {index} ") } else { String::new() };
            let message = format!("{iteration}{}", describe_failed(error));
            return Some(LogLine { seq: *seq, at: *at, step_id, level: "warn".into(), message });
        }
        Event::ItemsEnded { step, index, results } => {
            let step_id = step_run_name(execution, step);
            let (level, message) = describe_items(*index, results);
            return Some(LogLine { seq: *seq, at: *at, step_id, level: level.into(), message });
        }
        Event::Recovered => {
            ("warn", "a node took the execution over; steps under way run again".to_owned())
        }
        Event::Ending { outcome } => {
            let Failure { code, message, .. } = outcome.to_failure();
            ("warn", format!("the execution is about to end: {code}: {message}"))
        }
        Event::Failed { error } | Event::TimedOut { error } => {
            ("error", format!("the execution ended: {}: {}", error.code, error.message))
        }
        Event::StepCheckpoint { .. } => ("info", "stored a checkpoint".to_owned()),
        _ => return log_line(execution, recorded),
    };
    let step_id = event.step_run().and_then(|step| step_run_name(execution, step));
    Some(LogLine { seq: *seq, at: *at, step_id, level: level.into(), message })
}

fn describe_approval(event: &ApprovalEvent) -> (&'static str, String) {
    let message = match event {
        ApprovalEvent::Requested { .. } => "waits for an approval".to_owned(),
        ApprovalEvent::Voted { approver, verdict, comment, .. } => {
            describe_vote(approver, *verdict, comment.as_deref())
        }
        ApprovalEvent::Delegated { approver, to, .. } => {
            format!("`{approver}` delegates the approval to `{to}`")
        }
        ApprovalEvent::Reminded { .. } => "reminds the approvers".to_owned(),
        ApprovalEvent::Escalated { to } => {
            return ("warn", format!("adds approvers: {}", to.join(", ")));
        }
        ApprovalEvent::Ended { outcome } => describe_outcome(*outcome).to_owned(),
    };
    ("info", message)
}

fn describe_vote(approver: &str, verdict: Verdict, comment: Option<&str>) -> String {
    let verb = match verdict {
        Verdict::Approve => "approves",
        Verdict::Reject => "rejects",
    };
    let comment = comment.map(|comment| format!(": {comment}")).unwrap_or_default();
    format!("`{approver}` {verb}{comment}")
}

const fn describe_outcome(outcome: ApprovalOutcome) -> &'static str {
    match outcome {
        ApprovalOutcome::Approved => "approved",
        ApprovalOutcome::Rejected => "rejected",
        ApprovalOutcome::ExpiredApproved => "approved by the timeout",
        ApprovalOutcome::ExpiredRejected => "rejected by the timeout",
        ApprovalOutcome::Expired => "the approval's time is over",
    }
}

fn describe_wait(signal: &str, key: Option<&str>, until: Option<Timestamp>) -> String {
    let key = key.map(|key| format!(" with the key `{key}`")).unwrap_or_default();
    let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
    format!("waits for the signal `{signal}`{key}{until}")
}

fn describe_completed(at: Timestamp, started: Option<Timestamp>, port: Option<&str>) -> String {
    let took = match started {
        Some(started) => format!(" after {} ms", at.since(started).as_millis()),
        None => String::new(),
    };
    let port = port.map(|port| format!(" by port `{port}`")).unwrap_or_default();
    format!("completed{took}{port}")
}

fn describe_items(first: u32, results: &[BodyResult]) -> (&'static str, String) {
    let indexed = || (u64::from(first)..).zip(results);
    let last = indexed().last().map_or(u64::from(first), |(index, _)| index);
    let ended = format!("items {first} to {last} ended");
    let mut failures = indexed().filter_map(|(index, result)| match result {
        BodyResult::Failed(error) => Some((index, error)),
        BodyResult::Completed(_) => None,
    });
    match failures.next() {
        None => ("info", ended),
        Some((index, error)) => {
            let count = 1 + failures.count();
            let error = describe_failed(error);
            ("warn", format!("{ended}, {count} of them failed; the first, item {index}, {error}"))
        }
    }
}

fn describe_failed(error: &Failure) -> String {
    let attempt = error.attempt.map(|attempt| format!("attempt {attempt} ")).unwrap_or_default();
    format!("{attempt}failed: {}: {}", error.code, error.message)
}

const fn describe_skipped(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::Condition => "skipped: its condition `when` is false",
        SkipReason::NotTaken => "skipped: no edge that leads to it was followed",
    }
}

/// The written form of a step run; `None`: the plan has no such step.
pub(crate) fn step_run_name(execution: &Execution, id: &StepRunId) -> Option<String> {
    let plan = &execution.origin.plan;
    plan.step(id.step).map(|_| id.display_in(plan).to_string())
}

/// The log line of an event, if it has one.
pub fn log_line(execution: &Execution, recorded: &RecordedEvent) -> Option<LogLine> {
    let RecordedEvent { seq, at, event, .. } = recorded;
    let (step_id, level, message) = match event {
        Event::StepLogged { step, level, message } => {
            (step_run_name(execution, step), level.clone(), message.clone())
        }
        Event::Cancelled { reason: Some(reason) } => {
            (None, "info".into(), format!("cancelled: {reason}"))
        }
        _ => return None,
    };
    Some(LogLine { seq: *seq, at: *at, step_id, level, message })
}
