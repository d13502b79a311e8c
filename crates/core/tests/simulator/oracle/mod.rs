//! What must be true of every journal, implemented a second time and in another way than the code.

mod bodies;
mod joins;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stepwell_core::Timestamp;
use stepwell_core::definition::Plan;
use stepwell_core::definition::model::{OnError, StepRole};
use stepwell_core::execution::{
    Event, Failure, RecordedEvent, RerunSource, ReusedOutcome, ReusedStep, SkipReason, StepRunId,
    codes,
};

use crate::approval_oracle::ApprovalOracle;
use crate::ending_oracle::EndingOracle;
use crate::graph::computed_join;
use crate::place_oracle::PlaceOracle;
use crate::signal_oracle::SignalOracle;

/// Reads a journal event by event and panics where it breaks a rule.
pub struct Oracle {
    started: bool,
    /// The number of edges or branches that computed joins need.
    computed_join: usize,
    /// Whether the events of an earlier execution are read.
    is_taking_over: bool,
    ended: bool,
    paused: bool,
    last_seq: u64,
    last_at: Timestamp,
    under_way: BTreeMap<StepRunId, u32>,
    attempts: BTreeMap<StepRunId, u32>,
    /// How many attempts each retry policy has repeated.
    failures: BTreeMap<(StepRunId, u32), u32>,
    /// When the blocks that run have to end.
    deadlines: BTreeMap<StepRunId, Timestamp>,
    resting_until: BTreeMap<StepRunId, Timestamp>,
    /// The step runs that wait for a sub-workflow, with the end of their timeout.
    awaiting: BTreeMap<StepRunId, Option<Timestamp>>,
    settled: BTreeMap<StepRunId, How>,
    /// The bodies that run, by block run.
    bodies: BTreeMap<StepRunId, BTreeSet<BodyRun>>,
    /// How many iterations of each block have begun.
    iterations: BTreeMap<StepRunId, u32>,
    /// The codes of the errors of failed bodies of `Try`, by block run and body.
    codes: BTreeMap<(StepRunId, u32), String>,
    /// The results of ended bodies, by block run, body and iteration.
    results: BTreeMap<(StepRunId, BodyRun), BodyResult>,
    pub ending: EndingOracle,
    pub signals: SignalOracle,
    approvals: ApprovalOracle,
    places: PlaceOracle,
}

/// Which body, which iteration.
type BodyRun = (u32, u32);

/// The output; `None`: it failed.
type BodyResult = Option<Value>;

#[derive(Debug, Clone, PartialEq)]
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
            computed_join: 0,
            is_taking_over: false,
            ended: false,
            paused: false,
            last_seq: 0,
            last_at: Timestamp::default(),
            under_way: BTreeMap::new(),
            attempts: BTreeMap::new(),
            failures: BTreeMap::new(),
            deadlines: BTreeMap::new(),
            resting_until: BTreeMap::new(),
            awaiting: BTreeMap::new(),
            settled: BTreeMap::new(),
            bodies: BTreeMap::new(),
            iterations: BTreeMap::new(),
            codes: BTreeMap::new(),
            results: BTreeMap::new(),
            ending: EndingOracle::default(),
            signals: SignalOracle::default(),
            approvals: ApprovalOracle::default(),
            places: PlaceOracle::default(),
        }
    }

    pub fn read(&mut self, plan: &Plan, recorded: &RecordedEvent) {
        if std::env::var_os("STEPWELL_SIM_TRACE").is_some() {
            println!("{} {:?}", recorded.seq, recorded.event);
        }
        assert!(!self.ended, "nothing follows the final event: {recorded:?}");
        assert_eq!(recorded.seq, self.last_seq + 1, "no gaps");
        assert!(recorded.at >= self.last_at, "time does not go back");
        (self.last_seq, self.last_at) = (recorded.seq, recorded.at);
        self.signals.read(plan, recorded);
        self.approvals.read(plan, recorded);
        self.places.read(plan, &recorded.event, self.paused);
        self.read_event(plan, &recorded.event);
    }

    fn read_event(&mut self, plan: &Plan, event: &Event) {
        if let Some(step) = event.step_run() {
            assert!(!self.settled.contains_key(step), "a settled step is left alone: {event:?}");
            assert!(self.started || self.is_taking_over, "no step before the start");
        }
        match event {
            Event::Accepted { rerun, input, .. } => {
                assert_eq!(self.last_seq, 1);
                self.computed_join = input["n"].as_u64().map_or(1, computed_join);
                if let Some(rerun) = rerun {
                    self.taken_over(plan, rerun);
                }
            }
            Event::Started => self.started = true,
            Event::Paused => assert!(!std::mem::replace(&mut self.paused, true)),
            Event::Resumed => assert!(std::mem::replace(&mut self.paused, false)),
            Event::Ending { outcome } => {
                assert!(self.under_way.is_empty(), "nothing is left under way");
                assert!(self.resting_until.is_empty(), "nothing is left waiting");
                self.ending.began(plan, outcome);
                self.paused = false;
            }
            Event::Completed { .. } => self.completed(plan),
            Event::Failed { .. } | Event::TimedOut { .. } | Event::Cancelled { .. } => {
                let handler = plan.failure_handler.map(StepRunId::from);
                let is_handled = handler.is_none_or(|id| self.settled.contains_key(&id));
                self.ending.ended(event, self.started, is_handled);
                assert!(self.under_way.is_empty(), "nothing is left under way");
                assert!(self.resting_until.is_empty(), "nothing is left waiting");
                assert!(self.awaiting.is_empty(), "nothing is awaited");
                self.ended = true;
            }
            Event::BodyStarted { .. } | Event::BodyEnded { .. } | Event::ItemsEnded { .. } => {
                self.read_body(plan, event);
            }
            Event::StepLogged { .. } | Event::StateSet { .. } | Event::Recovered => {}
            event => self.read_step_event(plan, event),
        }
    }

    /// Reads an event about a step run.
    fn read_step_event(&mut self, plan: &Plan, event: &Event) {
        match event {
            Event::StepStarted { step, attempt, .. } => self.step_started(plan, step, *attempt),
            Event::StepWaiting { step, until } if plan[step.step].block.is_some() => {
                assert!(self.bodies.get(step).is_none_or(BTreeSet::is_empty), "between iterations");
                self.resting_until.insert(step.clone(), *until);
            }
            Event::StepWaiting { step, until } => {
                assert!(self.under_way.remove(step).is_some());
                self.resting_until.insert(step.clone(), *until);
            }
            Event::ChildStarted { step, until, .. } => {
                assert!(self.under_way.contains_key(step), "only by an attempt under way");
                let before = self.awaiting.insert(step.clone(), *until);
                assert!(before.is_none(), "one sub-workflow for each attempt");
            }
            Event::StepRetrying { step, error, until, policy } => {
                self.end_await(step, Some(error));
                assert!(self.under_way.remove(step).is_some(), "only an attempt under way fails");
                self.retried(plan, step, &error.code, *policy);
                assert!(*until >= self.last_at);
                self.resting_until.insert(step.clone(), *until);
            }
            Event::StepCompleted { step, port, output } => {
                self.ending.settled(plan, step, true);
                self.block_completed(plan, step, output);
                self.check_merge(plan, step, output);
                self.step_completed(step, port.clone());
            }
            Event::StepFailed { step, handled, error } => {
                self.end_await(step, Some(error));
                self.ending.settled(plan, step, false);
                self.no_steps_inside(plan, step);
                let is_own = error.step == Some(step.display_in(plan).to_string());
                if plan[step.step].block.is_some() && error.code == codes::STEP_TIMEOUT && is_own {
                    let deadline = self.deadlines.get(step).expect("a block with a timeout");
                    let is_over = self.is_taking_over || self.last_at >= *deadline;
                    assert!(is_over, "not before its timeout");
                }
                let is_handler = plan[step.step].role != StepRole::Regular;
                assert_eq!(*handled, is_handler || plan[step.step].on_error != OnError::Fail);
                self.under_way.remove(step);
                self.settled.insert(step.clone(), How::Failed { handled: *handled });
            }
            Event::StepSkipped { step, reason } => {
                assert!(!self.paused, "nothing is decided while paused");
                let (how, is_right) = match reason {
                    SkipReason::Condition => (How::Bypassed, self.may_start(plan, step)),
                    SkipReason::NotTaken => {
                        let is_over = self.must_skip(plan, step) || self.is_unneeded(plan, step);
                        (How::Skipped, is_over)
                    }
                };
                assert!(is_right, "skipped too early");
                self.settled.insert(step.clone(), how);
            }
            Event::StepCancelled { step } => self.step_cancelled(step),
            Event::StepCheckpoint { step, .. } => {
                assert!(self.under_way.contains_key(step), "only of a running attempt");
            }
            Event::PlaceAwaited { step, .. } | Event::PlaceTaken { step } => {
                assert!(self.under_way.contains_key(step), "only of an attempt under way");
            }
            Event::SignalAwaited { step, .. } | Event::SignalConsumed { step, .. } => {
                self.decided_outside(step);
            }
            Event::Approval { step, event } if event.is_own_decision() => {
                self.decided_outside(step);
            }
            // Of these, the oracles of signals and approvals know the rules.
            _ => {}
        }
    }

    /// An execution begins and ends waits for the outside only while it runs.
    fn decided_outside(&self, step: &StepRunId) {
        assert!(!self.paused, "nothing is decided while paused");
        assert!(self.under_way.contains_key(step), "only by a step under way");
    }

    /// Another attempt follows by the first policy that fits the error; each counts for itself.
    fn retried(&mut self, plan: &Plan, step: &StepRunId, code: &String, policy: u32) {
        let policies = &plan[step.step].retry;
        let (earlier, rest) = policies.split_at(policy as usize);
        assert!(!earlier.iter().any(|policy| policy.on.contains(code)), "the first that fits");
        assert!(rest[0].on.is_empty() || rest[0].on.contains(code), "one that fits");
        let failures = self.failures.entry((step.clone(), policy)).or_default();
        *failures += 1;
        assert!(*failures < rest[0].max_attempts, "no attempt too many");
    }

    fn completed(&mut self, plan: &Plan) {
        for step in &plan.top.steps {
            let how = self.settled.get(&(*step).into());
            let is_right = match how {
                Some(How::Cancelled) => self.has_enough_after(plan, *step),
                None | Some(How::Failed { handled: false }) => false,
                Some(_) => true,
            };
            assert!(is_right, "all steps are settled well: {step:?} {how:?}");
        }
        assert!(self.under_way.is_empty(), "nothing is left under way: {:?}", self.under_way);
        self.ended = true;
    }

    /// A step run does not wait for its sub-workflow any more, because of this error.
    fn end_await(&mut self, step: &StepRunId, error: Option<&Failure>) {
        let until = self.awaiting.remove(step).flatten();
        // A sub-workflow that fails gives its own code to the step.
        let is_timeout = |error: &Failure| {
            error.code == codes::STEP_TIMEOUT && error.message.starts_with("the sub-workflow took")
        };
        if let (Some(until), Some(true)) = (until, error.map(is_timeout)) {
            assert!(self.last_at >= until, "a timeout takes its time");
        }
    }

    fn step_cancelled(&mut self, step: &StepRunId) {
        self.end_await(step, None);
        let was = self.under_way.remove(step).is_some();
        let rested = self.resting_until.remove(step).is_some();
        assert!(was || rested, "only what was begun is cancelled");
        self.bodies.remove(step);
        self.settled.insert(step.clone(), How::Cancelled);
    }

    /// What an earlier execution has recorded of blocks that continue must obey the rules too, but
    /// for items that are missing. Then nothing is under way in them.
    fn taken_over(&mut self, plan: &Plan, rerun: &RerunSource) {
        let continues = |step: &StepRunId| {
            rerun.events.iter().filter_map(Event::step_run).any(|inside| inside == step)
        };
        let whole = rerun.steps.iter().filter(|reused| !continues(&reused.step));
        whole.for_each(|reused| self.reused(plan, reused));
        self.is_taking_over = true;
        for event in &rerun.events {
            self.read_event(plan, event);
        }
        self.is_taking_over = false;
        // What an earlier execution did is not compensated by this one.
        self.ending.forget_completed();
        let is_block = |step: &StepRunId| plan[step.step].block.is_some();
        assert!(self.under_way.keys().all(is_block), "only blocks continue");
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
            self.check_rest(plan, step);
            self.ending.started(plan, step);
            if !matches!(plan[step.step].role, StepRole::Compensation(_)) {
                assert!(self.may_start(plan, step), "started too early");
                assert!(self.is_inside_running(plan, step), "started in a body that does not run");
            }
        } else {
            let until = self.resting_until.remove(step).expect("a retry follows its pause");
            assert!(self.last_at >= until, "not before the pause is over");
        }
        assert!(self.under_way.insert(step.clone(), attempt).is_none(), "one attempt at a time");
        if let (Some(_), Some(timeout)) = (&plan[step.step].block, plan[step.step].timeout) {
            self.deadlines.insert(step.clone(), self.last_at.after(timeout));
        }
    }

    fn step_completed(&mut self, step: &StepRunId, port: Option<String>) {
        self.end_await(step, None);
        if let Some(until) = self.resting_until.remove(step) {
            assert!(self.last_at >= until, "a delay takes its time");
        } else {
            assert!(self.under_way.remove(step).is_some(), "only what is under way completes");
        }
        self.settled.insert(step.clone(), How::Completed(port));
    }

    /// Whether a step waits for a signal that has arrived, or for an approval that is decided.
    pub fn is_signal_forgotten(&self) -> bool {
        let is_left = self.signals.is_undelivered() || self.approvals.is_undecided();
        !self.paused && !self.ended && self.started && is_left
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
        let top = plan.top.steps.iter().map(|step| StepRunId::from(*step));
        let top = top.filter(|_| !self.ending.has_begun());
        let next = self.ending.next_compensation(plan).filter(|id| open(id));
        let reachable = self.bodies.iter().filter(|(block, _)| self.is_inside_running(plan, block));
        let bodies = reachable.flat_map(|(block, bodies)| {
            bodies.iter().flat_map(|body| Self::steps_in(plan, block, *body))
        });
        top.chain(bodies).filter(open).filter(ready).chain(next).collect()
    }
}
