//! Waits that are lengths of time (a delay's `for`, the pause before a retry, time-outs), measured
//! by the monotonic clock.
//!
//! The journal has the moments at which a wait began and at which it is over, by the wall clock.
//! Their difference is its length. While an execution is in memory, the end of a length is kept as
//! a reading of the monotonic clock, so a change of the wall clock neither shortens nor prolongs
//! it. An execution that is loaded gets what is left by the wall clock, at most the length. A
//! moment that a user named (`until`) is a moment of the wall clock, whatever happens to it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::bind;
use super::event::{Event, Recorded};
use super::state::{Execution, Status};
use super::step_run_id::StepRunId;
use super::step_runs::StepState;
use super::wait_end;
use crate::Timestamp;

/// What is left of an execution's waits. Not part of the journal.
#[derive(Debug, Clone, Default)]
pub(super) struct Waits {
    /// Those of step runs that wait or have waited.
    steps: BTreeMap<StepRunId, Wait>,
    /// When the earlier time-out is over.
    timeout: Option<Duration>,
}

/// One wait.
#[derive(Debug, Clone, Copy, Default)]
struct Wait {
    /// When its length is over, by the monotonic clock; `None`: the wall clock alone decides.
    due: Option<Duration>,
    /// Whether it is over when the wall clock reaches its moment.
    for_moment: bool,
}

impl Waits {
    /// Whether the step waits for a moment of the wall clock.
    pub(super) fn is_for_moment(&self, step: &StepRunId) -> bool {
        self.steps.get(step).is_some_and(|wait| wait.for_moment)
    }
}

impl Execution {
    /// Measures the wait that begins with an event of just now.
    pub(super) fn measure(&mut self, recorded: &Recorded, elapsed: Duration) {
        match &recorded.event {
            Event::Accepted { .. } => self.limit(self.timeout, elapsed),
            Event::Started => self.limit(self.origin.plan.timeout, elapsed),
            Event::StepWaiting { step, .. } | Event::StepRetrying { step, .. } => {
                self.measure_step(step, recorded.at, elapsed, Duration::ZERO);
            }
            _ => {}
        }
    }

    /// Measures the waits of an execution that was folded from its journal. `wake_at` is when its
    /// row was to be woken: where that is earlier than the journal says, the clock was set back
    /// while it slept.
    pub fn resume_waits(&mut self, now: Timestamp, elapsed: Duration, wake_at: Option<Timestamp>) {
        let set_back = wake_at.zip(self.next_wake()).map(|(row, journal)| journal.since(row));
        let set_back = set_back.unwrap_or_default();
        self.waits = Waits::default();
        let left = self
            .timeouts()
            .map(|(since, timeout)| since.after(timeout).before(set_back).since(now).min(timeout));
        self.waits.timeout = left.min().map(|left| elapsed.saturating_add(left));
        for step in self.steps.ids() {
            self.measure_step(&step, now, elapsed, set_back);
        }
    }

    fn limit(&mut self, timeout: Option<Duration>, elapsed: Duration) {
        let due = timeout.map(|timeout| elapsed.saturating_add(timeout));
        self.waits.timeout = self.waits.timeout.into_iter().chain(due).min();
    }

    fn measure_step(
        &mut self,
        step: &StepRunId,
        now: Timestamp,
        elapsed: Duration,
        set_back: Duration,
    ) {
        let Some((since, until)) = self.waiting(step) else { return };
        let for_moment = self.is_for_moment(step, until);
        let (end, length) = if for_moment {
            // A delay up to a moment may have a time-out as well.
            let timeout = self.origin.plan[step.step].timeout;
            (timeout.map(|timeout| since.after(timeout)), timeout.unwrap_or_default())
        } else {
            (Some(until), until.since(since))
        };
        let left = end.map(|end| end.before(set_back).since(now).min(length));
        let due = left.map(|left| elapsed.saturating_add(left));
        self.waits.steps.insert(step.clone(), Wait { due, for_moment });
    }

    /// Since when and up to when a step waits.
    fn waiting(&self, step: &StepRunId) -> Option<(Timestamp, Timestamp)> {
        match self.steps.get(step)?.state {
            StepState::Waiting { since, until } | StepState::Backoff { since, until, .. } => {
                Some((since, until))
            }
            _ => None,
        }
    }

    /// Whether a step waits for the very moment that its configuration names.
    fn is_for_moment(&self, step: &StepRunId, until: Timestamp) -> bool {
        if !matches!(self.steps.run(step).state, StepState::Waiting { .. }) {
            return false;
        }
        wait_end::is_for_moment(&bind::config(self, step), until)
    }

    /// How long a step still waits; `None`: it does not wait.
    pub(super) fn wait_left(
        &self,
        step: &StepRunId,
        now: Timestamp,
        elapsed: Duration,
    ) -> Option<Duration> {
        let (_, until) = self.waiting(step)?;
        let by_wall_clock = until.since(now);
        let wait = self.waits.steps.get(step).copied().unwrap_or_default();
        let Some(due) = wait.due else { return Some(by_wall_clock) };
        let left = due.saturating_sub(elapsed);
        Some(if wait.for_moment { left.min(by_wall_clock) } else { left })
    }

    /// How much is left of the earlier of its time-outs.
    pub fn timeout_left(&self, now: Timestamp, elapsed: Duration) -> Option<Duration> {
        let by_wall_clock = || self.deadline().map(|deadline| deadline.since(now));
        self.waits.timeout.map(|due| due.saturating_sub(elapsed)).or_else(by_wall_clock)
    }

    /// How long until it must be looked at next, if nothing else happens.
    pub fn wakes_in(&self, now: Timestamp, elapsed: Duration) -> Option<Duration> {
        if self.phase.is_final() || self.phase == Status::Queued {
            return None;
        }
        // A paused execution starts nothing, so only its time-out can wake it.
        let steps = self.steps.ids().filter(|_| self.phase != Status::Paused);
        let waits = steps.filter_map(|step| self.wait_left(&step, now, elapsed));
        waits.chain(self.timeout_left(now, elapsed)).min()
    }
}
