//! The next step of a schedule at a given time.
//!
//! Each step is stored before the next one is decided, so every firing is settled exactly once, also
//! after a crash.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::named::{Misfire, Overlap};
use super::rule::FiringRule;
use crate::Timestamp;

/// A firing that is later than this was missed, also without an outage; up to it, the server was
/// only busy.
pub const MISFIRE_GRACE: Duration = Duration::from_secs(5);
/// The most missed firings for which executions are started later.
pub const MAX_CATCH_UP: usize = 100;
/// The most firings that wait for the end of the one before.
pub const MAX_QUEUED: usize = 100;
/// The finest step of time.
const TICK: Duration = Duration::from_micros(1);
/// How often to check whether the last execution has ended, in case the notification is lost.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// What a schedule does with missed and overlapping firings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SchedulePolicies {
    /// For firings during an outage.
    pub misfire: Misfire,
    /// For a firing while the last execution still runs.
    pub overlap: Overlap,
}

/// The progress of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScheduleProgress {
    /// The next firing; `None`: there is none.
    pub next_at: Option<Timestamp>,
    /// Firings that wait for the end of the last execution, in order.
    pub queued: Vec<Timestamp>,
    /// The last firing that started nothing.
    pub skipped: Option<SkippedFiring>,
}

/// A firing that started nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedFiring {
    /// When it was due.
    pub scheduled_at: Timestamp,
    /// When that was decided.
    pub at: Timestamp,
    /// Why: a stable code.
    pub code: String,
    /// Why, for a person.
    pub message: String,
}

/// The circumstances of a step of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchedulerContext {
    /// The time.
    pub now: Timestamp,
    /// Since when a scheduler runs: firings that were due before fell into an outage. The beginning
    /// of time if other nodes may have run before.
    pub up_since: Timestamp,
    /// Whether the schedule's last execution still runs.
    pub busy: bool,
}

impl SchedulerContext {
    /// Up to when a firing that is not settled yet was missed.
    fn missed_until(&self) -> Timestamp {
        self.now.before(MISFIRE_GRACE).max(self.up_since).before(TICK)
    }
}

/// A step of a schedule: the firing to start, and the progress after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchedulerStep {
    /// The firing for which an execution starts; `None`: none does.
    pub fire: Option<Timestamp>,
    /// The progress after the step.
    pub progress: ScheduleProgress,
}

impl ScheduleProgress {
    /// When the next step is due, as of `now`; `None`: not before a change.
    pub fn look_at(&self, now: Timestamp) -> Option<Timestamp> {
        let waiting = (!self.queued.is_empty()).then(|| now.after(LOOK_EVERY));
        [self.next_at, waiting].into_iter().flatten().min()
    }

    /// Records a firing that started nothing.
    pub fn skip_firing(
        &mut self,
        scheduled_at: Timestamp,
        at: Timestamp,
        code: &str,
        message: &str,
    ) {
        let (code, message) = (code.to_owned(), message.to_owned());
        self.skipped = Some(SkippedFiring { scheduled_at, at, code, message });
    }
}

impl SchedulePolicies {
    /// The next step of a schedule. If there is nothing to do, the progress is unchanged.
    pub fn next_step(
        self,
        rule: &FiringRule,
        progress: &ScheduleProgress,
        context: SchedulerContext,
    ) -> SchedulerStep {
        let SchedulerContext { now, up_since: _, busy } = context;
        let mut progress = progress.clone();
        let mut fire = self.take_due(rule, &mut progress, context);
        if let Some(at) = fire {
            let waits = busy || !progress.queued.is_empty();
            match self.overlap {
                Overlap::Skip if busy => {
                    fire = None;
                    progress.skip_firing(
                        at,
                        now,
                        "OVERLAPPED",
                        "the last execution was still running",
                    );
                }
                Overlap::Queue if waits && progress.queued.len() < MAX_QUEUED => {
                    fire = None;
                    progress.queued.push(at);
                }
                Overlap::Queue if waits => {
                    fire = None;
                    progress.skip_firing(
                        at,
                        now,
                        "QUEUE_FULL",
                        "too many firings were waiting already",
                    );
                }
                Overlap::Allow | Overlap::Skip | Overlap::Queue => {}
            }
        }
        // Firings that wait under a policy that was changed since do not wait any longer.
        if fire.is_none()
            && !progress.queued.is_empty()
            && !(busy && self.overlap == Overlap::Queue)
        {
            fire = Some(progress.queued.remove(0));
        }
        SchedulerStep { fire, progress }
    }

    /// The firing that is to be settled now, if any; advances `progress` past it.
    fn take_due(
        self,
        rule: &FiringRule,
        progress: &mut ScheduleProgress,
        context: SchedulerContext,
    ) -> Option<Timestamp> {
        let now = context.now;
        let first = progress.next_at.filter(|at| *at <= now)?;
        let last_until = |end| rule.at_or_before(end).filter(|at| *at > first).unwrap_or(first);
        let fire = match self.misfire {
            _ if first > context.missed_until() => first,
            Misfire::RunOnce => last_until(now),
            Misfire::RunAll => {
                let oldest = oldest_to_make_up(rule, first, last_until(now));
                if oldest > first {
                    let message = format!(
                        "more than {MAX_CATCH_UP} firings were missed; those before {oldest} are \
                         not made up for"
                    );
                    progress.skip_firing(first, now, "MISFIRED", &message);
                }
                oldest
            }
            Misfire::Skip => {
                let last = last_until(context.missed_until());
                let message = "it was missed, and misfire_policy is `skip`";
                progress.skip_firing(last, now, "MISFIRED", message);
                progress.next_at = rule.next_after(last);
                progress.next_at.filter(|at| *at <= now)?
            }
        };
        progress.next_at = rule.next_after(fire);
        Some(fire)
    }
}

fn firing_before(rule: &FiringRule, firing: Timestamp) -> Option<Timestamp> {
    rule.at_or_before(firing.before(TICK))
}

/// The oldest of the last [`MAX_CATCH_UP`] firings from `first` to `latest`.
fn oldest_to_make_up(rule: &FiringRule, first: Timestamp, latest: Timestamp) -> Timestamp {
    let mut oldest = latest;
    for _ in 1..MAX_CATCH_UP {
        match firing_before(rule, oldest).filter(|at| *at > first) {
            Some(at) => oldest = at,
            None => return first,
        }
    }
    // One more before it would be one too many, unless that is the first itself and fits.
    oldest
}
