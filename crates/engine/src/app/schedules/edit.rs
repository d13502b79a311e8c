//! The schedule after a change. Nothing here stores anything.

use stepwell_core::ids::{KeyId, WorkflowId};
use stepwell_core::schedule::{FiringRule, Misfire, Overlap, SchedulePolicies, ScheduleProgress};
use stepwell_core::{Problem, Problems, Timestamp, names};

use super::ScheduleChange;
use crate::AppError;
use crate::schedule::{PausedWith, Schedule};

/// The longest name, in characters.
const MAX_NAME: usize = 100;
/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 10_000;

impl ScheduleChange {
    /// The requested schedule.
    pub(super) fn create(
        &self,
        workflow: WorkflowId,
        by: Option<KeyId>,
        now: Timestamp,
    ) -> Result<Schedule, AppError> {
        let mut problems = Problems::default();
        self.check_texts(&mut problems);
        let policies = self.policies(SchedulePolicies::default(), &mut problems);
        let timing = self.timing.merge_with(None, now);
        let (timing, timezone) = timing.unwrap_or_refuse(problems)?;
        let schedule = Schedule {
            workflow,
            name: self.name.clone().unwrap_or_else(|| timing.default_name()),
            description: self.description.clone().flatten(),
            timing,
            timezone,
            parameters: self.parameters.clone().unwrap_or_default(),
            release_tag: self.release_tag.clone().flatten(),
            enabled: self.enabled.unwrap_or(true),
            paused_with: None,
            policies,
            anchor: now,
            progress: ScheduleProgress::default(),
            due_at: None,
            last_execution: None,
            created_by: by,
        };
        restart_schedule(schedule, now)
    }

    /// The schedule after the change. Its next firing changes only if its timing does.
    pub(super) fn update(&self, before: &Schedule, now: Timestamp) -> Result<Schedule, AppError> {
        let mut problems = Problems::default();
        self.check_texts(&mut problems);
        let policies = self.policies(before.policies, &mut problems);
        let timing = self.timing.merge_with(Some((&before.timing, &before.timezone)), now);
        let (timing, timezone) = timing.unwrap_or_refuse(problems)?;
        let retimed = timing != before.timing || timezone != before.timezone;
        // A new time for a schedule that has fired at its only one is meant to fire.
        let is_revived = retimed && !before.enabled && before.timing.is_over(now);
        let enabled = self.enabled.or(is_revived.then_some(true));
        let after = Schedule {
            name: self.name.clone().unwrap_or_else(|| before.name.clone()),
            description: self.description.clone().unwrap_or_else(|| before.description.clone()),
            timing,
            timezone,
            parameters: self.parameters.clone().unwrap_or_else(|| before.parameters.clone()),
            release_tag: self.release_tag.clone().unwrap_or_else(|| before.release_tag.clone()),
            policies,
            ..before.clone()
        };
        let after = match enabled {
            Some(enabled) => set_enabled(&after, enabled, now)?,
            None => after,
        };
        if retimed && after.enabled { restart_schedule(after, now) } else { Ok(after) }
    }

    fn policies(&self, before: SchedulePolicies, problems: &mut Problems) -> SchedulePolicies {
        let misfire = self.misfire_policy.as_deref();
        let misfire = misfire.map(|text| Misfire::read("misfire_policy", text)).transpose();
        let overlap = self.overlap_policy.as_deref();
        let overlap = overlap.map(|text| Overlap::read("overlap_policy", text)).transpose();
        let mut policies = before;
        match misfire {
            Ok(misfire) => policies.misfire = misfire.unwrap_or(before.misfire),
            Err(problem) => problems.push(problem),
        }
        match overlap {
            Ok(overlap) => policies.overlap = overlap.unwrap_or(before.overlap),
            Err(problem) => problems.push(problem),
        }
        policies
    }

    fn check_texts(&self, problems: &mut Problems) {
        if let Some(name) = &self.name
            && (name.trim().is_empty() || name.chars().count() > MAX_NAME)
        {
            let message = format!("must be 1 to {MAX_NAME} characters long and not blank");
            problems.push(Problem::new("name", message));
        }
        if let Some(Err(message)) = self.name.as_deref().map(names::check_visible) {
            problems.push(Problem::new("name", message));
        }
        if let Some(Some(text)) = &self.description
            && text.chars().count() > MAX_DESCRIPTION
        {
            let message = format!("must be at most {MAX_DESCRIPTION} characters long");
            problems.push(Problem::new("description", message));
        }
    }
}

/// Combines problems into one error.
trait Refuse<T> {
    fn unwrap_or_refuse(self, others: Problems) -> Result<T, AppError>;
}

impl<T> Refuse<T> for Result<T, Problems> {
    fn unwrap_or_refuse(self, mut others: Problems) -> Result<T, AppError> {
        match self {
            Ok(value) => others.or_ok(value).map_err(AppError::InvalidSchedule),
            Err(problems) => {
                others.0.extend(problems.0);
                Err(AppError::InvalidSchedule(others))
            }
        }
    }
}

/// The names of the fields in which they differ.
pub(super) fn changed_fields(
    before: &Schedule,
    after: &Schedule,
) -> impl Iterator<Item = &'static str> {
    let fields = [
        ("name", before.name != after.name),
        ("description", before.description != after.description),
        ("timing", before.timing != after.timing),
        ("timezone", before.timezone != after.timezone),
        ("parameters", before.parameters != after.parameters),
        ("release_tag", before.release_tag != after.release_tag),
        ("enabled", before.enabled != after.enabled),
        ("misfire_policy", before.policies.misfire != after.policies.misfire),
        ("overlap_policy", before.policies.overlap != after.policies.overlap),
    ];
    fields.into_iter().filter_map(|(name, differs)| differs.then_some(name))
}

/// Enables or disables a schedule; unchanged if it is so already. One that is paused by itself is
/// not resumed together with others.
pub(super) fn set_enabled(
    schedule: &Schedule,
    enabled: bool,
    now: Timestamp,
) -> Result<Schedule, AppError> {
    let after = Schedule { paused_with: None, ..schedule.clone() };
    switch_schedule(after, enabled, now)
}

/// The same for one of all schedules of a workflow or a workspace: pauses those that are enabled,
/// and resumes those that were paused together, or together with more.
pub(super) fn set_enabled_with(
    schedule: &Schedule,
    all: PausedWith,
    enabled: bool,
    now: Timestamp,
) -> Result<Schedule, AppError> {
    let is_among = match all {
        PausedWith::Workflow => schedule.paused_with.is_some(),
        PausedWith::Workspace => schedule.paused_with == Some(PausedWith::Workspace),
    };
    match (enabled, schedule.enabled) {
        (false, true) => {
            let after = Schedule { paused_with: Some(all), ..schedule.clone() };
            switch_schedule(after, false, now)
        }
        // A fixed time that has passed while the schedule was paused cannot fire any more.
        (true, false) if is_among && schedule.timing.is_over(now) => {
            Ok(Schedule { paused_with: None, ..schedule.clone() })
        }
        (true, false) if is_among => set_enabled(schedule, true, now),
        _ => Ok(schedule.clone()),
    }
}

fn switch_schedule(
    schedule: Schedule,
    enabled: bool,
    now: Timestamp,
) -> Result<Schedule, AppError> {
    if enabled == schedule.enabled {
        return Ok(schedule);
    }
    if enabled && schedule.timing.is_over(now) {
        let message = "is in the past: set a later time to enable the schedule";
        return Err(AppError::InvalidSchedule(Problem::new("execution_time", message).into()));
    }
    restart_schedule(Schedule { enabled, ..schedule }, now)
}

/// Firings start over: the next one is the first after now, and none waits.
fn restart_schedule(mut schedule: Schedule, now: Timestamp) -> Result<Schedule, AppError> {
    let rule = FiringRule::new(&schedule.timing, &schedule.timezone, now)
        .map_err(|problem| AppError::InvalidSchedule(problem.into()))?;
    schedule.anchor = now;
    schedule.progress.queued.clear();
    schedule.progress.next_at = rule.next_after(now).filter(|_| schedule.enabled);
    schedule.due_at = schedule.progress.look_at(now);
    Ok(schedule)
}
