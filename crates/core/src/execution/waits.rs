//! Durations (a delay's `for`, the pause before a retry, timeouts), measured by the monotonic
//! clock.
//!
//! The journal has the begin and the end of a wait, by the wall clock; their difference is its
//! duration. While an execution is in memory, the end of a duration is a reading of the monotonic
//! clock, so a change of the wall clock neither shortens nor prolongs it. When an execution is
//! loaded, its waits have the rest by the wall clock, at most the whole duration. A point in time
//! that a user specified (`until`) always follows the wall clock.

use std::time::Duration;

use super::bind;
use super::event::{Event, RecordedEvent};
use super::state::{Execution, Status};
use super::step_run::StepState;
use super::step_run_id::StepRunId;
use super::wait_end;
use super::wait_timers::{WaitTimer, WaitTimers};
use crate::Timestamp;

impl Execution {
    /// Measures the wait that a new event begins.
    pub(super) fn measure_wait(&mut self, recorded: &RecordedEvent, elapsed: Duration) {
        match &recorded.event {
            Event::Accepted { .. } => self.limit_timeout(self.timeout, elapsed),
            Event::Started => self.limit_timeout(self.origin.plan.timeout, elapsed),
            Event::StepWaiting { step, .. }
            | Event::ChildStarted { step, .. }
            | Event::SignalAwaited { step, .. }
            | Event::Approval { step, .. }
            | Event::StepRetrying { step, .. } => {
                self.measure_step(step, recorded.at, elapsed, Duration::ZERO);
            }
            Event::StepStarted { step, .. } => {
                let timeout = self.timed_block(step).map(|(_, timeout)| timeout);
                let due = timeout.map(|timeout| elapsed.saturating_add(timeout));
                self.waits.blocks.extend(due.map(|due| (step.clone(), due)));
            }
            Event::StepCompleted { step, .. }
            | Event::StepFailed { step, .. }
            | Event::StepCancelled { step } => {
                self.waits.blocks.remove(step);
            }
            Event::Ending { .. } => self.waits.timeout = None,
            _ => {}
        }
    }

    /// Measures the waits of an execution that was loaded. `wake_at` is the wake-up time of its
    /// row: if it is earlier than that of the journal, the clock was set back meanwhile.
    pub fn resume_waits(&mut self, now: Timestamp, elapsed: Duration, wake_at: Option<Timestamp>) {
        let set_back = wake_at.zip(self.next_wake()).map(|(row, journal)| journal.since(row));
        let set_back = set_back.unwrap_or_default();
        self.waits = WaitTimers::default();
        let left = self
            .active_timeouts()
            .map(|(since, timeout)| since.after(timeout).before(set_back).since(now).min(timeout));
        self.waits.timeout = left.min().map(|left| elapsed.saturating_add(left));
        let steps: Vec<StepRunId> = self.steps.iter_current().map(|(id, _)| id).collect();
        for step in steps {
            self.measure_step(&step, now, elapsed, set_back);
            if let Some((since, timeout)) = self.timed_block(&step) {
                let left = since.after(timeout).before(set_back).since(now).min(timeout);
                self.waits.blocks.insert(step, elapsed.saturating_add(left));
            }
        }
    }

    /// When a block that has a timeout started, and its timeout; `None`: it does not run, or has
    /// none. A block in an item that a rerun continues runs when it is the item's turn.
    pub(super) fn timed_block(&self, id: &StepRunId) -> Option<(Timestamp, Duration)> {
        let timed = (self.steps.block(id)?.since, self.origin.plan.step(id.step)?.timeout?);
        self.has_turn(id).then_some(timed)
    }

    /// Whether a step run is in no item that a rerun continues and that waits for its turn.
    pub(super) fn has_turn(&self, id: &StepRunId) -> bool {
        self.rerun_of.is_none() || self.steps.is_reachable(&self.origin.plan, id)
    }

    /// The rest of a block's timeout; `None`: it has none, or does not run.
    fn block_left(&self, id: &StepRunId, now: Timestamp, elapsed: Duration) -> Option<Duration> {
        let (since, timeout) = self.timed_block(id)?;
        let due = self.waits.blocks.get(id);
        Some(due.map_or_else(|| since.after(timeout).since(now), |due| due.saturating_sub(elapsed)))
    }

    /// Whether a timeout is over, of the execution or of a block that was measured.
    pub fn is_timeout_over(&self, now: Timestamp, elapsed: Duration) -> bool {
        self.timeout_left(now, elapsed) == Some(Duration::ZERO)
            || self.waits.blocks.values().any(|due| *due <= elapsed)
    }

    /// The blocks whose timeout is over, each before those inside it.
    pub(super) fn overdue_blocks(&self, now: Timestamp, elapsed: Duration) -> Vec<StepRunId> {
        let is_overdue = |id: &StepRunId| self.block_left(id, now, elapsed) == Some(Duration::ZERO);
        self.steps.iter_current().map(|(id, _)| id).filter(is_overdue).collect()
    }

    /// The rest of the earliest timeout of the execution and of the blocks around a step; of a
    /// block its own too.
    pub fn enclosing_timeout_left(
        &self,
        step: Option<&StepRunId>,
        now: Timestamp,
        elapsed: Duration,
    ) -> Option<Duration> {
        let around = std::iter::successors(step.cloned(), |id| self.enclosing_block(id));
        let blocks = around.filter_map(|block| self.block_left(&block, now, elapsed));
        blocks.chain(self.timeout_left(now, elapsed)).min()
    }

    fn limit_timeout(&mut self, timeout: Option<Duration>, elapsed: Duration) {
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
        let Some((since, until)) = self.wait_bounds(step) else { return };
        let for_moment = self.is_for_moment(step, until);
        let (end, length) = if for_moment {
            // A delay until a point in time may have a timeout as well.
            let timeout = self.origin.plan[step.step].timeout;
            (timeout.map(|timeout| since.after(timeout)), timeout.unwrap_or_default())
        } else {
            (Some(until), until.since(since))
        };
        let left = end.map(|end| end.before(set_back).since(now).min(length));
        let due = left.map(|left| elapsed.saturating_add(left));
        self.waits.steps.insert(step.clone(), WaitTimer { due, for_moment });
    }

    /// The begin and the end of a step's wait.
    fn wait_bounds(&self, step: &StepRunId) -> Option<(Timestamp, Timestamp)> {
        self.steps.get(step)?.state.wait_bounds()
    }

    /// Whether a step waits for the point in time that its configuration names.
    fn is_for_moment(&self, step: &StepRunId, until: Timestamp) -> bool {
        if !matches!(self.steps.run(step).state, StepState::Waiting { .. }) {
            return false;
        }
        wait_end::is_for_moment(&bind::bound_config(self, step), until)
    }

    /// The rest of a step's wait; `None`: it does not wait.
    pub(super) fn wait_left(
        &self,
        step: &StepRunId,
        now: Timestamp,
        elapsed: Duration,
    ) -> Option<Duration> {
        let (_, until) = self.wait_bounds(step)?;
        let by_wall_clock = until.since(now);
        let wait = self.waits.steps.get(step).copied().unwrap_or_default();
        let Some(due) = wait.due else { return Some(by_wall_clock) };
        let left = due.saturating_sub(elapsed);
        Some(if wait.for_moment { left.min(by_wall_clock) } else { left })
    }

    /// The rest of the earlier timeout of the execution.
    pub fn timeout_left(&self, now: Timestamp, elapsed: Duration) -> Option<Duration> {
        let by_wall_clock = || self.deadline().map(|deadline| deadline.since(now));
        self.waits.timeout.map(|due| due.saturating_sub(elapsed)).or_else(by_wall_clock)
    }

    /// The time until the next timer fires.
    pub fn wakes_in(&self, now: Timestamp, elapsed: Duration) -> Option<Duration> {
        if self.phase.is_final() || self.phase == Status::Queued {
            return None;
        }
        // A paused execution starts nothing, so only its timeout can wake it.
        let is_paused = self.phase == Status::Paused;
        let steps = self.steps.iter_current();
        let steps = steps.filter(|(step, run)| {
            let is_block = matches!(run.state, StepState::Block(_));
            !is_paused && (is_block || run.state.wait_bounds().is_some()) && self.has_turn(step)
        });
        let waits = steps.flat_map(|(step, _)| {
            let block = self.block_left(&step, now, elapsed);
            [self.wait_left(&step, now, elapsed), block].into_iter().flatten()
        });
        waits.chain(self.timeout_left(now, elapsed)).min()
    }
}
