//! What must be true of every journal, implemented a second time and in another way than the code.

use std::collections::{BTreeMap, BTreeSet};

use stepwell_core::Timestamp;
use stepwell_core::definition::Plan;
use stepwell_core::definition::model::{JoinRule, OnError};
use stepwell_core::execution::{
    Event, RecordedEvent, ReusedOutcome, ReusedStep, SkipReason, StepRunId,
};

/// Reads a journal event by event and panics where it breaks a rule.
pub struct Oracle {
    started: bool,
    ended: bool,
    paused: bool,
    last_seq: u64,
    last_at: Timestamp,
    under_way: BTreeMap<StepRunId, u32>,
    attempts: BTreeMap<StepRunId, u32>,
    resting_until: BTreeMap<StepRunId, Timestamp>,
    settled: BTreeMap<StepRunId, How>,
}

#[derive(Clone, PartialEq)]
enum How {
    Completed(Option<String>),
    Failed { handled: bool },
    Bypassed,
    Skipped,
    Cancelled,
}

impl Oracle {
    pub fn new() -> Self {
        Self {
            started: false,
            ended: false,
            paused: false,
            last_seq: 0,
            last_at: Timestamp::default(),
            under_way: BTreeMap::new(),
            attempts: BTreeMap::new(),
            resting_until: BTreeMap::new(),
            settled: BTreeMap::new(),
        }
    }

    pub fn read(&mut self, plan: &Plan, recorded: &RecordedEvent) {
        assert!(!self.ended, "nothing follows the final event: {recorded:?}");
        assert_eq!(recorded.seq, self.last_seq + 1, "no gaps");
        assert!(recorded.at >= self.last_at, "time does not go back");
        (self.last_seq, self.last_at) = (recorded.seq, recorded.at);
        if let Some(step) = recorded.event.step_run() {
            assert!(!self.settled.contains_key(step), "a settled step is left alone: {recorded:?}");
            assert!(self.started, "no step before the start");
        }
        match &recorded.event {
            Event::Accepted { rerun, .. } => {
                assert_eq!(recorded.seq, 1);
                for reused in rerun.iter().flat_map(|rerun| &rerun.steps) {
                    self.reused(plan, reused);
                }
            }
            Event::Started => self.started = true,
            Event::StepStarted { step, attempt, .. } => self.step_started(plan, step, *attempt),
            Event::StepWaiting { step, until } => {
                assert!(self.under_way.remove(step).is_some());
                self.resting_until.insert(step.clone(), *until);
            }
            Event::StepRetrying { step, until, .. } => {
                let attempt = self.under_way.remove(step).expect("only an attempt under way fails");
                assert!(attempt < plan[step.step].retry.max_attempts, "no attempt too many");
                assert!(*until >= recorded.at);
                self.resting_until.insert(step.clone(), *until);
            }
            Event::StepCompleted { step, port, .. } => self.step_completed(step, port.clone()),
            Event::StepFailed { step, handled, .. } => {
                assert_eq!(*handled, plan[step.step].on_error != OnError::Fail);
                self.under_way.remove(step);
                self.settled.insert(step.clone(), How::Failed { handled: *handled });
            }
            Event::StepSkipped { step, reason } => {
                assert!(!self.paused, "nothing is decided while paused");
                let (how, is_right) = match reason {
                    SkipReason::Condition => (How::Bypassed, self.may_start(plan, step)),
                    SkipReason::NotTaken => (How::Skipped, self.must_skip(plan, step)),
                };
                assert!(is_right, "skipped too early");
                self.settled.insert(step.clone(), how);
            }
            Event::StepCancelled { step } => {
                let was = self.under_way.remove(step).is_some();
                assert!(
                    was || self.resting_until.remove(step).is_some(),
                    "only what was begun is cancelled"
                );
                self.settled.insert(step.clone(), How::Cancelled);
            }
            Event::Paused => assert!(!std::mem::replace(&mut self.paused, true)),
            Event::Resumed => assert!(std::mem::replace(&mut self.paused, false)),
            Event::Completed { .. } => {
                assert_eq!(self.settled.len(), plan.steps.len(), "all steps are settled");
                let unhandled = How::Failed { handled: false };
                assert!(
                    !self.settled.values().any(|how| *how == unhandled || *how == How::Cancelled)
                );
                self.ended = true;
            }
            Event::Failed { .. } | Event::TimedOut { .. } | Event::Cancelled { .. } => {
                assert!(self.under_way.is_empty(), "nothing is left under way");
                assert!(self.resting_until.is_empty(), "nothing is left waiting");
                self.ended = true;
            }
            Event::StepLogged { .. } | Event::StateSet { .. } | Event::Recovered => {}
        }
    }

    /// Settled from the first event on: whatever else happens to it breaks a rule.
    fn reused(&mut self, plan: &Plan, reused: &ReusedStep) {
        let step = &reused.step;
        let how = match &reused.how {
            ReusedOutcome::Completed { port, .. } => How::Completed(port.clone()),
            ReusedOutcome::Failed { .. } => {
                assert!(plan[step.step].on_error != OnError::Fail);
                How::Failed { handled: true }
            }
            ReusedOutcome::Skipped => How::Skipped,
            ReusedOutcome::Bypassed => How::Bypassed,
        };
        assert!(self.settled.insert(step.clone(), how).is_none(), "each is taken over once");
    }

    fn step_started(&mut self, plan: &Plan, step: &StepRunId, attempt: u32) {
        assert!(!self.paused, "nothing starts while paused");
        let before = self.attempts.insert(step.clone(), attempt).unwrap_or(0);
        assert_eq!(attempt, before + 1, "attempts are counted one by one");
        if attempt == 1 {
            assert!(self.may_start(plan, step), "started too early");
        } else {
            let until = self.resting_until.remove(step).expect("a retry follows its pause");
            assert!(self.last_at >= until, "not before the pause is over");
        }
        assert!(self.under_way.insert(step.clone(), attempt).is_none(), "one attempt at a time");
    }

    fn step_completed(&mut self, step: &StepRunId, port: Option<String>) {
        if let Some(until) = self.resting_until.remove(step) {
            assert!(self.last_at >= until, "a delay takes its time");
        } else {
            assert!(self.under_way.remove(step).is_some(), "only what is under way completes");
        }
        self.settled.insert(step.clone(), How::Completed(port));
    }

    /// How many edges into the step are open, and how many were taken.
    fn edges(&self, plan: &Plan, step: &StepRunId) -> (usize, usize) {
        let (mut open, mut taken) = (0, 0);
        for edge in &plan[step.step].after {
            let error = edge.port.as_deref() == Some("error");
            match self.settled.get(&step.sibling(edge.from)) {
                None => open += 1,
                Some(How::Completed(port)) if *port == edge.port => taken += 1,
                Some(How::Bypassed) if edge.is_implicit => taken += 1,
                Some(How::Failed { handled: true }) => {
                    let by_port = plan[edge.from].on_error == OnError::Port;
                    taken += usize::from((by_port && error) || (!by_port && edge.port.is_none()));
                }
                Some(_) => {}
            }
        }
        (open, taken)
    }

    fn may_start(&self, plan: &Plan, step: &StepRunId) -> bool {
        let (open, taken) = self.edges(plan, step);
        match plan[step.step].join {
            _ if plan[step.step].after.is_empty() => true,
            JoinRule::All => open == 0 && taken > 0,
            JoinRule::Any => taken > 0,
            JoinRule::Count(n) => taken >= n,
        }
    }

    fn must_skip(&self, plan: &Plan, step: &StepRunId) -> bool {
        let (open, taken) = self.edges(plan, step);
        match plan[step.step].join {
            JoinRule::All | JoinRule::Any => open == 0 && taken == 0,
            JoinRule::Count(n) => taken + open < n,
        }
    }

    /// Steps that must have been started or skipped by now: ready, not settled, not started.
    pub fn forgotten(&self, plan: &Plan) -> BTreeSet<StepRunId> {
        if self.paused || self.ended || !self.started {
            return BTreeSet::new();
        }
        let open = |step: &StepRunId| {
            !self.settled.contains_key(step) && !self.attempts.contains_key(step)
        };
        let ready = |step: &StepRunId| self.may_start(plan, step) || self.must_skip(plan, step);
        plan.indexed_steps().map(|(step, _)| step.into()).filter(open).filter(ready).collect()
    }
}
