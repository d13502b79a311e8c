//! `Approval`: waits for the decision of people.

use std::time::Duration;

use serde_json::Value;

use crate::definition::parse_duration;
use crate::definition::plan::PlanStep;
use crate::execution::advance::Transition;
use crate::execution::approval_event::ApprovalEvent;
use crate::execution::approval_wait::{
    ApprovalOutcome, ApprovalTimer, MAX_APPROVERS, MAX_REMINDERS,
};
use crate::execution::bind;
use crate::execution::event::Event;
use crate::execution::failure::{Failure, codes};
use crate::execution::input::AttemptError;
use crate::execution::step_run::StepState;
use crate::execution::step_run_id::{AttemptId, StepRunId};
use crate::names;

/// The longest name of an approver, in bytes.
const MAX_NAME: usize = 200;

/// The settings of an approval.
struct ApprovalSettings {
    approvers: Vec<String>,
    quorum: u32,
    remind_every: Option<Duration>,
    escalate_after: Option<Duration>,
    escalate_to: Vec<String>,
}

pub(super) fn start_approval(
    transition: &mut Transition<'_>,
    planned: &PlanStep,
    id: &StepRunId,
    config: &Value,
) {
    let settings = match read_settings(config) {
        Ok(settings) => settings,
        Err(message) => {
            return transition.settle_failed(id, Failure::new(codes::STEP_INPUT, message));
        }
    };
    let now = transition.moment.now;
    let after = |length: Option<Duration>| length.map(|length| now.after(length));
    let event = ApprovalEvent::Requested {
        approvers: settings.approvers,
        quorum: settings.quorum,
        until: after(planned.timeout),
        remind_at: after(settings.remind_every),
        escalate_at: after(settings.escalate_after),
    };
    transition.record_event(Event::Approval { step: id.clone(), event });
}

/// Requests the approval once more: its time was over.
pub(super) fn repeat_approval(transition: &mut Transition<'_>, id: &StepRunId) {
    let plan = transition.execution.origin.plan.clone();
    let config = bind::bound_config(transition.execution, id);
    start_approval(transition, &plan[id.step], id, &config);
    transition.start_reached();
}

/// Does what is due: a reminder, the escalation, or the end.
pub(super) fn approval_due(transition: &mut Transition<'_>, id: &StepRunId) {
    let StepState::AwaitingApproval(wait) = &transition.execution.steps.run(id).state else {
        return;
    };
    let (reminders, next) = (wait.reminders, wait.next_timer());
    let config = bind::bound_config(transition.execution, id);
    // The settings were valid when the approval was requested.
    let settings = read_settings(&config).ok();
    match next {
        Some((_, ApprovalTimer::Timeout)) => expire_approval(transition, id, &config),
        Some((_, ApprovalTimer::Escalation)) => {
            let to = settings.map(|settings| settings.escalate_to).unwrap_or_default();
            let event = ApprovalEvent::Escalated { to };
            transition.record_event(Event::Approval { step: id.clone(), event });
        }
        Some((_, ApprovalTimer::Reminder)) => {
            let every = settings.and_then(|settings| settings.remind_every);
            let every = every.filter(|_| reminders + 1 < MAX_REMINDERS);
            let next = every.map(|every| transition.moment.now.after(every));
            let event = ApprovalEvent::Reminded { next };
            transition.record_event(Event::Approval { step: id.clone(), event });
        }
        None => {}
    }
}

fn expire_approval(transition: &mut Transition<'_>, id: &StepRunId, config: &Value) {
    let outcome = match config.get("on_timeout").and_then(Value::as_str) {
        Some("approve") => ApprovalOutcome::ExpiredApproved,
        Some("reject") => ApprovalOutcome::ExpiredRejected,
        _ => ApprovalOutcome::Expired,
    };
    transition.end_approval(id, outcome);
    if outcome.port().is_some() {
        return transition.start_reached();
    }
    let timeout = transition.execution.origin.plan[id.step].timeout.unwrap_or_default();
    let message = format!("no approver decided within {timeout:?}");
    let failure = Failure::new(codes::APPROVAL_TIMEOUT, message);
    let fault = AttemptError { failure, retryable: false, retry_after: None };
    let attempt = transition.execution.steps.run(id).attempts;
    transition.attempt_failed(&AttemptId { step_run: id.clone(), attempt }, fault);
}

fn read_settings(config: &Value) -> Result<ApprovalSettings, String> {
    let approvers = read_names("approvers", config.get("approvers"))?;
    let quorum = match config.get("quorum") {
        None => 1,
        Some(quorum) => quorum
            .as_u64()
            .and_then(|quorum| u32::try_from(quorum).ok())
            .filter(|quorum| (1..=MAX_APPROVERS as u32).contains(quorum))
            .ok_or_else(|| format!("config.quorum: it must be 1 to {MAX_APPROVERS}"))?,
    };
    if !approvers.is_empty() && quorum as usize > approvers.len() {
        return Err(format!(
            "config.quorum: {quorum} approvals are needed, but there are only {} approvers",
            approvers.len()
        ));
    }
    let length = |field: &str, value: Option<&Value>| {
        let length = value.map(parse_duration).transpose();
        length.map_err(|message| format!("config.{field}: {message}"))
    };
    let escalate = config.get("escalate");
    let of_escalate = |field: &str| escalate.and_then(|escalate| escalate.get(field));
    Ok(ApprovalSettings {
        approvers,
        quorum,
        remind_every: length("remind_every", config.get("remind_every"))?,
        escalate_after: length("escalate.after", of_escalate("after"))?,
        escalate_to: read_names("escalate.to", of_escalate("to"))?,
    })
}

/// The names of approvers: a text or a list of texts, each once.
fn read_names(field: &str, value: Option<&Value>) -> Result<Vec<String>, String> {
    let given = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(one @ Value::String(_)) => std::slice::from_ref(one),
        Some(Value::Array(all)) => all.as_slice(),
        Some(_) => return Err(format!("config.{field}: it must be a list of names")),
    };
    if given.len() > MAX_APPROVERS {
        return Err(format!("config.{field}: at most {MAX_APPROVERS} names are possible"));
    }
    let mut all: Vec<String> = Vec::new();
    for name in given {
        let Some(name) = name.as_str().filter(|name| !name.is_empty() && name.len() <= MAX_NAME)
        else {
            return Err(format!("config.{field}: a name is a text of 1 to {MAX_NAME} bytes"));
        };
        names::check_visible(name)
            .map_err(|problem| format!("config.{field}: a name {problem}"))?;
        if !all.iter().any(|known| known == name) {
            all.push(name.to_owned());
        }
    }
    Ok(all)
}
