//! One execution, the node that drives it, its journal, and everything that can go wrong.

mod approvers;
mod attempts;
mod checks;
mod children;
mod files;
mod items;
mod reruns;
mod signals;
mod values;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use stepwell_core::Timestamp;
use stepwell_core::catalog::Effect;
use stepwell_core::definition::SharedPlan;
use stepwell_core::execution::{
    AcceptanceInput, AttemptError, AttemptId, Command, Event, Execution, ExecutionOrigin, Failure,
    GivenInput, RecordedEvent, Status, StepResult, StepRunId, StepState, TransitionContext,
    TransitionError, TransitionInput,
};
use stepwell_core::expr::{EvalBudget, EvalInterrupt};
use stepwell_core::ids::{ExecutionId, WorkflowId};
use uuid::Uuid;

pub use self::approvers::rejection;
use self::attempts::PendingEvaluation;
use self::items::ItemResults;
pub use self::signals::awaited_signal;
use crate::rng::Rng;

/// The most things that happen before the faults stop.
const FAULTY_TURNS: usize = 40;
/// The most things that may happen after that before the end.
const QUIET_TURNS: usize = 4_000;

pub struct World {
    rng: Rng,
    plan: SharedPlan,
    now: Timestamp,
    /// In memory: lost by a crash.
    live: Execution,
    uncommitted: Vec<RecordedEvent>,
    /// Attempts that workers run; their results may come late, twice, or never.
    under_way: Vec<AttemptId>,
    /// Attempts that wait for a place.
    places: Vec<AttemptId>,
    /// Results on their way, also of attempts that are over.
    in_flight: Vec<(AttemptId, Result<StepResult, AttemptError>)>,
    /// Evaluations for the runtime.
    evaluations: Vec<PendingEvaluation>,
    /// Blocks that continue later.
    continued: Vec<StepRunId>,
    /// Blocks whose items the runtime runs, with the first item.
    items: Vec<(StepRunId, u32)>,
    /// Results of items on their way, also of blocks that have ended.
    item_results: Vec<ItemResults>,
    /// The events after which such an evaluation was still to come.
    evaluated_later: BTreeSet<u64>,
    /// Durable.
    journal: Vec<RecordedEvent>,
    /// Steps whose result is durable.
    recorded: BTreeSet<StepRunId>,
    /// The input that a step is given instead of its own.
    given: Option<GivenInput>,
    /// The variables that it was accepted with.
    variables: Option<Arc<Value>>,
    children: children::Children,
    /// The signals that were sent.
    sent: signals::SentSignals,
    /// How often each external attempt was really begun.
    begun: BTreeMap<AttemptId, u32>,
    events: u64,
    /// Whether it was cancelled while `on_failure` ran.
    is_cut_short: bool,
}

impl World {
    pub fn new(plan: SharedPlan, rng: Rng) -> Self {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let live = Self::new_execution(&plan);
        Self {
            rng,
            plan,
            now,
            live,
            uncommitted: Vec::new(),
            under_way: Vec::new(),
            places: Vec::new(),
            in_flight: Vec::new(),
            evaluations: Vec::new(),
            continued: Vec::new(),
            items: Vec::new(),
            item_results: Vec::new(),
            evaluated_later: BTreeSet::new(),
            journal: Vec::new(),
            recorded: BTreeSet::new(),
            given: None,
            variables: None,
            children: children::Children::default(),
            sent: signals::SentSignals::default(),
            begun: BTreeMap::new(),
            events: 0,
            is_cut_short: false,
        }
    }

    fn new_execution(plan: &SharedPlan) -> Execution {
        Execution::new(ExecutionOrigin {
            id: ExecutionId::from_uuid(Uuid::from_u128(1)),
            workflow: WorkflowId::from_uuid(Uuid::from_u128(2)),
            release: 1,
            plan: plan.clone(),
        })
    }

    /// Runs the history to its end and returns the number of its events.
    pub fn run(mut self) -> u64 {
        let n = self.rng.below(11);
        let timeout = self.rng.chance(10).then(|| Duration::from_secs(self.rng.below(40) as u64));
        let first = AcceptanceInput {
            input: Arc::new(json!({"n": n})),
            state: self
                .rng
                .chance(20)
                .then(|| [("seen".to_owned(), json!(-1))].into_iter().collect()),
            timeout,
            variables: self.random_variables(),
            ..AcceptanceInput::default()
        };
        let mut events = self.run_execution(first);
        // What was run again can be run again.
        for _ in 0..3 {
            if self.rng.chance(60) {
                break;
            }
            let Some((next, accepted)) = self.start_rerun() else { break };
            self = next;
            events += self.run_execution(accepted);
        }
        events
    }

    /// The history of one execution, to its end.
    fn run_execution(&mut self, acceptance: AcceptanceInput) -> u64 {
        self.variables.clone_from(&acceptance.variables);
        self.apply_input(TransitionInput::Accept(acceptance)).expect("accepted");
        self.commit();
        self.apply_input(TransitionInput::Start).expect("started");
        for _ in 0..FAULTY_TURNS {
            if self.live.status().is_final() && self.uncommitted.is_empty() {
                break;
            }
            self.random_action();
        }
        self.make_progress();
        self.check_history();
        self.events
    }

    /// One thing that can happen, good or bad.
    fn random_action(&mut self) {
        match self.rng.below(100) {
            0..5 => self.evaluate_some(),
            5..8 => self.take_some_place(),
            8..12 => self.run_some_items(),
            12..18 => self.do_something_with_children(),
            18..21 => self.store_checkpoint(),
            21..26 => self.send_some_signal(),
            26..31 => self.decide_some(),
            31..42 => self.finish_some_attempt(),
            42..60 => self.deliver_some_result(),
            60..75 => self.let_time_pass(),
            75..82 => self.commit(),
            82..88 => self.crash(),
            88..92 => self.try_input(TransitionInput::Pause),
            92..97 => self.try_input(TransitionInput::Resume),
            97 => self.cancel(),
            98 => self.try_input(TransitionInput::Timer),
            _ => self.try_input(TransitionInput::Start),
        }
    }

    fn cancel(&mut self) {
        let is_ending = self.live.ending.is_some();
        let result = self.apply_input(TransitionInput::Cancel { reason: None });
        self.is_cut_short |= is_ending && result.is_ok();
    }

    /// Applies an input and executes the commands as the runtime does.
    fn apply_input(&mut self, input: TransitionInput) -> Result<(), TransitionError> {
        let before = self.live.seq;
        let moment = TransitionContext {
            now: self.now,
            elapsed: self.now.since(Timestamp::default()),
            entropy: self.rng.next(),
        };
        // Some evaluations do not fit in the budget of a decision and are done by themselves.
        let budget = match (&input, self.rng.chance(30)) {
            (TransitionInput::Evaluate { .. }, true) => {
                // At once, or in a later evaluation of the same transition.
                let left = AtomicUsize::new(self.rng.below(4));
                let is_over = move || {
                    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                        .is_err()
                };
                EvalBudget::full_with_interrupt(EvalInterrupt::new(is_over))
            }
            (TransitionInput::Evaluate { .. }, false) | (_, false) => EvalBudget::full(),
            (_, true) => EvalBudget::inline_of(0),
        };
        let decision = match self.live.advance_within(input, moment, budget) {
            Ok(decision) => decision,
            Err(refused) => {
                assert_eq!(self.live.seq, before, "a refusal changes nothing");
                return Err(refused);
            }
        };
        if std::env::var_os("STEPWELL_SIM_TRACE").is_some() {
            decision.events.iter().for_each(|recorded| println!("live {recorded:?}"));
            decision.commands.iter().for_each(|command| println!("live {command:?}"));
        }
        self.events += decision.events.len() as u64;
        self.uncommitted.extend(decision.events);
        self.children.send(decision.messages);
        for command in decision.commands {
            match command {
                Command::Stop { step } => {
                    self.under_way.retain(|under_way| under_way.step_run != step);
                    self.places.retain(|waiting| waiting.step_run != step);
                    self.items.retain(|(block, _)| *block != step);
                    self.children.forget_demand(&step);
                }
                Command::Run(attempt) => self.begin(attempt),
                Command::TakePlace(attempt) if self.places.contains(&attempt) => {}
                Command::TakePlace(attempt) => self.places.push(attempt),
                Command::RunItems { step, first } => self.begin_items(step, first),
                Command::StartChild(attempt) => self.children.demand(attempt),
                Command::Evaluate { step } => self.begin_evaluation(step),
                Command::Continue { step } => self.continued.push(step),
            }
        }
        if !self.evaluations.is_empty() || !self.continued.is_empty() {
            self.evaluated_later.insert(self.live.seq);
        }
        Ok(())
    }

    /// As `apply_input`; an error is allowed.
    fn try_input(&mut self, input: TransitionInput) {
        let _ = self.apply_input(input);
    }

    fn let_time_pass(&mut self) {
        let wake = self.live.next_wake().filter(|_| self.rng.chance(50));
        self.now = match wake {
            Some(wake) => self.now.max(wake),
            None => self.now.after(Duration::from_millis(self.rng.below(3000) as u64)),
        };
        self.try_input(TransitionInput::Timer);
        self.check_timeouts();
    }

    /// A block does not run longer than its timeout, once the time was noticed. One in an item that
    /// waits for its turn does not run.
    fn check_timeouts(&self) {
        if !matches!(self.live.status(), Status::Running | Status::Waiting) {
            return;
        }
        for (id, run) in self.live.steps.iter() {
            let timeout = self.plan[id.step].timeout;
            let runs = self.has_turn(&id);
            if let (StepState::Block(block), Some(timeout), true) = (&run.state, timeout, runs) {
                assert!(block.since.after(timeout) > self.now, "a block outlives its timeout");
            }
        }
    }

    /// Whether the items around a step run have begun in this execution.
    fn has_turn(&self, id: &StepRunId) -> bool {
        let Some(block) = self.live.enclosing_block(id) else { return true };
        let (around, inside) = (block.path.indexes().len(), id.path.indexes());
        let begins = |recorded: &RecordedEvent| match &recorded.event {
            Event::BodyStarted { step, index, .. } => {
                *step == block && inside.get(around).is_none_or(|inside| inside == index)
            }
            _ => false,
        };
        let mut events = self.journal.iter().chain(&self.uncommitted);
        let is_map = self.plan[block.step].type_name == "Map";
        (!is_map || events.any(begins)) && self.has_turn(&block)
    }

    fn commit(&mut self) {
        for event in self.uncommitted.drain(..) {
            if let Event::StepCompleted { step, .. } = &event.event {
                self.recorded.insert(step.clone());
            }
            self.journal.push(event);
        }
        self.commit_children();
        self.sent.acknowledge();
    }

    /// The node dies: its memory is lost, another node replays the journal. Workers may continue.
    fn crash(&mut self) {
        for attempt in std::mem::take(&mut self.under_way) {
            if self.rng.chance(50) {
                let result = Ok(self.done(&attempt));
                self.in_flight.push((attempt, result));
            }
        }
        self.uncommitted.clear();
        self.children.crash();
        self.sent.lose();
        self.evaluations.clear();
        self.continued.clear();
        self.items.clear();
        self.places.clear();
        let durable = self.journal.len() as u64;
        self.evaluated_later.retain(|seq| *seq <= durable);
        self.live = self.replayed();
        let elapsed = self.now.since(Timestamp::default());
        self.live.resume_waits(self.now, elapsed, None);
        let queued = self.live.status() == Status::Queued;
        self.try_input(if queued { TransitionInput::Start } else { TransitionInput::Recover });
    }

    fn replayed(&self) -> Execution {
        let mut execution = Self::new_execution(&self.plan);
        for event in &self.journal {
            execution.apply_event(event);
        }
        execution
    }

    /// No more faults: all running attempts succeed, time passes, and the execution must end.
    fn make_progress(&mut self) {
        for _ in 0..QUIET_TURNS {
            if self.live.status().is_final() {
                self.commit();
                return;
            }
            self.try_input(TransitionInput::Resume);
            if self.live.status() == Status::Queued {
                self.try_input(TransitionInput::Start);
            }
            if !self.evaluations.is_empty() || !self.continued.is_empty() {
                self.evaluate_some();
            } else if !self.item_results.is_empty() || !self.items.is_empty() {
                self.run_some_items();
            } else if !self.places.is_empty() {
                self.take_some_place();
            } else if let Some((attempt, result)) = self.in_flight.pop() {
                // Maybe late: then it is refused.
                self.try_input(TransitionInput::StepEnded { attempt: attempt.clone(), result });
                self.under_way.retain(|under_way| *under_way != attempt);
            } else if let Some(attempt) = self.under_way.pop() {
                let result =
                    Ok(StepResult { output: Arc::new(json!(attempt.attempt)), port: None });
                self.apply_input(TransitionInput::StepEnded { attempt, result })
                    .expect("its result is wanted");
            } else if !self.settle_children() {
                let wake = self.live.next_wake();
                if wake.is_none() && (self.send_awaited_signal() || self.decide_pending()) {
                    continue;
                }
                assert!(
                    wake.is_some() || self.live.status().is_final(),
                    "stuck: {:#?}",
                    self.live.steps
                );
                self.now = self.now.max(wake.unwrap_or(self.now));
                self.try_input(TransitionInput::Timer);
            }
        }
        panic!("no end in sight: {:?}", self.live.status());
    }
}
