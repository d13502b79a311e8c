//! An execution with its sub-workflows and theirs, each a state machine with a node of its own that
//! can crash at any time. They know of each other only what the store has: first events that were
//! committed with the event of a start, and messages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stepwell_core::Timestamp;
use stepwell_core::definition::SharedPlan;
use stepwell_core::execution::{
    AcceptanceInput, AttemptError, AttemptId, ChildLink, Command, Event, Execution,
    ExecutionMessage, ExecutionOrigin, Failure, OutgoingMessage, ParentLink, RecordedEvent, Status,
    StepResult, StepRunId, TransitionContext, TransitionInput,
};
use stepwell_core::expr::EvalBudget;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use uuid::Uuid;

use crate::oracle::Oracle;
use crate::rng::Rng;
use crate::world::{awaited_signal, rejection};

/// The most things that happen before the faults stop.
const FAULTY_TURNS: usize = 150;
/// The most rounds over all executions after that.
const QUIET_ROUNDS: usize = 3_000;
/// How many executions can be above one.
const MAX_DEPTH: u32 = 2;
/// The most executions of a history.
const MAX_EXECUTIONS: usize = 40;

/// One execution: what the store has of it, and what its node has in memory.
struct Machine {
    plan: SharedPlan,
    journal: Vec<RecordedEvent>,
    live: Execution,
    uncommitted: Vec<RecordedEvent>,
    sent: Vec<OutgoingMessage>,
    started: Vec<(ExecutionId, Machine)>,
    handled: BTreeSet<u64>,
    commands: Vec<Command>,
}

impl Machine {
    fn new(id: ExecutionId, plan: SharedPlan) -> Self {
        let workflow = WorkflowId::from_uuid(Uuid::from_u128(2));
        let origin = ExecutionOrigin { id, workflow, release: 1, plan: plan.clone() };
        Self {
            plan,
            journal: Vec::new(),
            live: Execution::new(origin),
            uncommitted: Vec::new(),
            sent: Vec::new(),
            started: Vec::new(),
            handled: BTreeSet::new(),
            commands: Vec::new(),
        }
    }

    fn apply(&mut self, input: TransitionInput, context: TransitionContext) -> bool {
        match self.live.advance_within(input, context, EvalBudget::full()) {
            Ok(decision) => {
                self.uncommitted.extend(decision.events);
                self.sent.extend(decision.messages);
                for command in decision.commands {
                    if let Command::Stop { step } = &command {
                        self.commands.retain(|command| attempt_of(command) != Some(step));
                    } else {
                        self.commands.push(command);
                    }
                }
                true
            }
            Err(_) => false,
        }
    }

    fn replayed(&self) -> Execution {
        let mut execution = Execution::new(self.live.origin.clone());
        self.journal.iter().for_each(|event| execution.apply_event(event));
        execution
    }

    fn is_settled(&self) -> bool {
        self.live.status().is_final() && self.uncommitted.is_empty() && self.handled.is_empty()
    }
}

fn attempt_of(command: &Command) -> Option<&StepRunId> {
    match command {
        Command::Run(attempt) | Command::TakePlace(attempt) | Command::StartChild(attempt) => {
            Some(&attempt.step_run)
        }
        Command::RunItems { step, .. } => Some(step),
        _ => None,
    }
}

/// All executions of a history and the messages between them.
pub struct Family {
    rng: Rng,
    plans: Vec<SharedPlan>,
    now: Timestamp,
    root: ExecutionId,
    machines: BTreeMap<ExecutionId, Machine>,
    inbox: BTreeMap<u64, OutgoingMessage>,
    count: u64,
}

impl Family {
    /// `plans`: for the root and each depth below it.
    pub fn new(plans: Vec<SharedPlan>, rng: Rng) -> Self {
        let root = ExecutionId::from_uuid(Uuid::from_u128(1));
        let mut family = Self {
            rng,
            now: Timestamp::from_millis(1_800_000_000_000),
            root,
            machines: BTreeMap::new(),
            inbox: BTreeMap::new(),
            count: 1,
            plans,
        };
        let accepted = family.accepted(root, None);
        family.machines.insert(root, accepted);
        family.commit(root);
        family
    }

    /// Runs the history to its end and returns the number of its events.
    pub fn run(mut self) -> u64 {
        for _ in 0..FAULTY_TURNS {
            let ids: Vec<ExecutionId> = self.machines.keys().copied().collect();
            let id = *self.rng.pick(&ids);
            match self.rng.below(100) {
                0..45 => self.carry_out_command(id),
                45..65 => self.deliver_message(id),
                65..75 => self.commit(id),
                75..83 => self.crash(id),
                83..90 => self.let_time_pass(id),
                90..93 => self.try_apply(self.root, TransitionInput::Pause),
                93..97 => self.try_apply(self.root, TransitionInput::Resume),
                97 => self.try_apply(self.root, TransitionInput::Cancel { reason: None }),
                98 => self.reply(id),
                _ => self.try_apply(id, TransitionInput::Start),
            }
        }
        self.check_pauses();
        self.make_progress();
        self.check_all();
        self.machines.values().map(|machine| machine.journal.len() as u64).sum()
    }

    fn context(&mut self) -> TransitionContext {
        let elapsed = self.now.since(Timestamp::default());
        TransitionContext { now: self.now, elapsed, entropy: self.rng.next() }
    }

    fn apply(&mut self, id: ExecutionId, input: TransitionInput) -> bool {
        let context = self.context();
        self.machines.get_mut(&id).unwrap().apply(input, context)
    }

    /// As `apply`; a refusal is allowed.
    fn try_apply(&mut self, id: ExecutionId, input: TransitionInput) {
        let _ = self.apply(id, input);
    }

    fn accepted(&mut self, id: ExecutionId, parent: Option<Box<ParentLink>>) -> Machine {
        let depth = parent.as_ref().map_or(0, |parent| parent.depth);
        let mut machine = Machine::new(id, self.plans[depth as usize].clone());
        let n = self.rng.below(11);
        let input = Arc::new(json!({"n": n}));
        let variables = Some(Arc::new(json!({"V": 1})));
        let acceptance = AcceptanceInput { input, parent, variables, ..AcceptanceInput::default() };
        let context = self.context();
        assert!(machine.apply(TransitionInput::Accept(acceptance), context));
        machine
    }

    /// One transaction: events, sub-workflows, messages, and the messages that were handled.
    fn commit(&mut self, id: ExecutionId) {
        let machine = self.machines.get_mut(&id).unwrap();
        machine.journal.append(&mut machine.uncommitted);
        let started = std::mem::take(&mut machine.started);
        let (sent, handled) =
            (std::mem::take(&mut machine.sent), std::mem::take(&mut machine.handled));
        let is_final = machine.live.status().is_final();
        for (child, mut machine) in started {
            machine.journal.append(&mut machine.uncommitted);
            let before = self.machines.insert(child, machine);
            assert!(before.is_none(), "each id is started once");
        }
        self.inbox
            .retain(|number, message| !(handled.contains(number) || is_final && message.to == id));
        for message in sent {
            let receiver = self.machines.get(&message.to).expect("it was started");
            let has_ended = receiver.journal.last().is_some_and(|last| last.event.is_final());
            if !has_ended {
                self.count += 1;
                self.inbox.insert(self.count, message);
            }
        }
    }

    /// The node of one execution dies.
    fn crash(&mut self, id: ExecutionId) {
        let now = self.now;
        let machine = self.machines.get_mut(&id).unwrap();
        machine.live = machine.replayed();
        machine.live.resume_waits(now, now.since(Timestamp::default()), None);
        machine.uncommitted.clear();
        machine.sent.clear();
        machine.started.clear();
        machine.handled.clear();
        machine.commands.clear();
        let is_queued = machine.live.status() == Status::Queued;
        let first = if is_queued { TransitionInput::Start } else { TransitionInput::Recover };
        self.apply(id, first);
    }

    fn carry_out_command(&mut self, id: ExecutionId) {
        let machine = self.machines.get_mut(&id).unwrap();
        if machine.commands.is_empty() {
            return;
        }
        let at = self.rng.below(machine.commands.len());
        let command = machine.commands.remove(at);
        match command {
            Command::Run(attempt) => {
                let output = Arc::new(json!({"by": id, "step": attempt.step_run}));
                let failure = Failure::new("SIMULATED", "simulated");
                let error = AttemptError { failure, retryable: true, retry_after: None };
                let result = match self.rng.chance(85) {
                    true => Ok(StepResult { output, port: None }),
                    false => Err(error),
                };
                self.apply(id, TransitionInput::StepEnded { attempt, result });
            }
            Command::RunItems { step, first } => self.run_items(id, step, first),
            Command::StartChild(attempt) => self.start_child(id, attempt),
            Command::TakePlace(attempt) => self.try_apply(id, TransitionInput::PlaceTaken(attempt)),
            Command::Evaluate { step } => self.try_apply(id, TransitionInput::Evaluate { step }),
            Command::Continue { step } => self.try_apply(id, TransitionInput::Continue { step }),
            Command::Stop { .. } => {}
        }
    }

    fn run_items(&mut self, id: ExecutionId, step: StepRunId, first: u32) {
        let context = self.context();
        let live = &self.machines[&id].live;
        let Some(count) = live.chunked_items(&step) else { return };
        let mut copy = live.copy_for_items(&step, context);
        let mut run_step = |_: &Execution, attempt: &AttemptId| {
            let output = Arc::new(json!({"step": attempt.step_run}));
            Ok(StepResult { output, port: None })
        };
        let results = (first..count)
            .map(|index| copy.run_item(index, EvalBudget::full(), &mut run_step).expect("a result"))
            .collect();
        self.apply(id, TransitionInput::ItemsEnded { step, first, results });
    }

    fn start_child(&mut self, id: ExecutionId, attempt: AttemptId) {
        let machine = &self.machines[&id];
        let depth = machine.live.depth() + 1;
        if depth > MAX_DEPTH || self.machines.len() > MAX_EXECUTIONS {
            let failure = Failure::new("SUB_WORKFLOW_DEPTH", "too deep");
            let result = Err(AttemptError { failure, retryable: false, retry_after: None });
            self.apply(id, TransitionInput::StepEnded { attempt, result });
            return;
        }
        let (step, waits) = (attempt.step_run.clone(), self.rng.chance(85));
        let step_name = step.display_in(&machine.plan).to_string();
        let parent = ParentLink { execution: id, step, step_name, depth, waits, held: Vec::new() };
        self.count += 1;
        let execution = ExecutionId::from_uuid(Uuid::from_u128(u128::from(self.count) + 100));
        let child = self.accepted(execution, Some(Box::new(parent)));
        let workflow = WorkflowId::from_uuid(Uuid::from_u128(3));
        let link = ChildLink { execution, workflow, release: 1 };
        if self.apply(id, TransitionInput::ChildStarted { attempt, child: link, waits }) {
            self.machines.get_mut(&id).unwrap().started.push((execution, child));
        }
    }

    /// A message arrives; those to one execution in any order.
    fn deliver_message(&mut self, id: ExecutionId) {
        let handled = &self.machines[&id].handled;
        let to = self.inbox.iter().filter(|(n, sent)| sent.to == id && !handled.contains(n));
        let numbers: Vec<u64> = to.map(|(number, _)| *number).collect();
        if numbers.is_empty() {
            return;
        }
        // What the parent sends is in order; ends of sub-workflows come in any order.
        let is_end =
            |n: &&u64| matches!(self.inbox[n].message, ExecutionMessage::ChildEnded { .. });
        let number = match self.rng.chance(50) {
            true => numbers.iter().find(is_end).unwrap_or(&numbers[0]),
            false => numbers.iter().find(|n| !is_end(n)).unwrap_or(&numbers[0]),
        };
        self.handle(id, *number);
    }

    fn handle(&mut self, id: ExecutionId, number: u64) {
        let input = match self.inbox[&number].message.clone() {
            ExecutionMessage::ChildEnded { step, child, result } => {
                TransitionInput::ChildEnded { step, child, result }
            }
            ExecutionMessage::Cancel { reason } => TransitionInput::Cancel { reason: Some(reason) },
            ExecutionMessage::Pause => TransitionInput::Pause,
            ExecutionMessage::Resume => TransitionInput::Resume,
        };
        let is_resumed = matches!(input, TransitionInput::Resume);
        if self.apply(id, input) && is_resumed {
            self.apply(id, TransitionInput::Start);
        }
        self.machines.get_mut(&id).unwrap().handled.insert(number);
    }

    fn let_time_pass(&mut self, id: ExecutionId) {
        self.now = self.now.after(Duration::from_millis(self.rng.below(3_000) as u64));
        self.apply(id, TransitionInput::Timer);
    }

    /// Someone sends a signal and votes about an approval that an execution waits for.
    fn reply(&mut self, id: ExecutionId) {
        let live = &self.machines[&id].live;
        let signal = live.signal_waits().next().map(|(_, wait)| awaited_signal(wait));
        // One vote decides it, even if a paused execution ends it later.
        let undecided = live.approval_waits().find(|(_, wait)| wait.votes.is_empty());
        let vote = undecided.map(|(step_run, wait)| {
            let attempt = live.steps.run(&step_run).attempts;
            rejection(AttemptId { step_run, attempt }, wait)
        });
        if let Some(signal) = signal {
            self.try_apply(id, TransitionInput::Signal(signal));
        }
        if let Some(vote) = vote {
            self.try_apply(id, TransitionInput::Decide(vote));
        }
    }

    /// Delivers everything there is, and commits, until there is nothing more.
    fn deliver_all(&mut self) {
        loop {
            let ids: Vec<ExecutionId> = self.machines.keys().copied().collect();
            ids.iter().for_each(|id| self.commit(*id));
            let Some((number, to)) = self.inbox.iter().map(|(n, sent)| (*n, sent.to)).next() else {
                return;
            };
            self.handle(to, number);
        }
    }

    /// Once all messages are handled, whatever a paused execution waits for is paused as well.
    fn check_pauses(&mut self) {
        self.deliver_all();
        for machine in self.machines.values() {
            for child in machine.live.active_children() {
                let child = &self.machines[&child].live;
                // Its failure ends its pause.
                let is_exempt = child.status().is_final() || child.ending.is_some();
                let are_paused = [child, &machine.live].map(|live| live.status() == Status::Paused);
                assert!(is_exempt || are_paused[0] == are_paused[1], "{are_paused:?}");
            }
        }
    }

    /// No more faults: everything must end.
    fn make_progress(&mut self) {
        for _ in 0..QUIET_ROUNDS {
            self.apply(self.root, TransitionInput::Resume);
            self.deliver_all();
            if self.inbox.is_empty() && self.machines.values().all(Machine::is_settled) {
                return;
            }
            let ids: Vec<ExecutionId> = self.machines.keys().copied().collect();
            let mut has_work = false;
            for id in &ids {
                if self.machines[id].live.status() == Status::Queued {
                    has_work |= self.apply(*id, TransitionInput::Start);
                }
                has_work |= !self.machines[id].commands.is_empty();
                self.carry_out_command(*id);
            }
            if has_work {
                continue;
            }
            let wakes = self.machines.values().filter_map(|machine| machine.live.next_wake());
            let wake = wakes.min();
            if let Some(wake) = wake.filter(|_| self.rng.chance(70)) {
                self.now = self.now.max(wake);
                ids.iter().for_each(|id| self.try_apply(*id, TransitionInput::Timer));
            } else {
                ids.iter().for_each(|id| self.reply(*id));
            }
        }
        let open = self.machines.iter().filter(|(_, machine)| !machine.is_settled());
        let open: Vec<_> = open.map(|(id, machine)| (id, machine.live.status())).collect();
        panic!("no end in sight: {open:?}, {:?}", self.inbox);
    }

    fn check_all(&self) {
        let mut started = BTreeSet::from([self.root]);
        for (id, machine) in &self.machines {
            let replayed = machine.replayed();
            assert_eq!(replayed.status(), machine.live.status());
            assert_eq!(replayed.steps, machine.live.steps, "replay shows what was");
            let mut oracle = Oracle::new();
            // A message may have cancelled it while `on_failure` ran.
            oracle.ending.is_cut_short = true;
            machine.journal.iter().for_each(|event| oracle.read(&machine.plan, event));
            let mut awaited: BTreeMap<&StepRunId, &Execution> = BTreeMap::new();
            for recorded in &machine.journal {
                match &recorded.event {
                    Event::ChildStarted { step, child, .. } => {
                        assert!(started.insert(child.execution), "each is started once");
                        let child = &self.machines[&child.execution].live;
                        let link = child.parent.as_ref().expect("it knows its parent");
                        assert_eq!((link.execution, &link.step), (*id, step));
                        if link.waits {
                            awaited.insert(step, child);
                        }
                    }
                    Event::StepCompleted { step, output, .. } => {
                        if let Some(child) = awaited.remove(step) {
                            assert_eq!(child.output.as_ref(), Some(output));
                        }
                    }
                    Event::StepFailed { step, error, .. }
                    | Event::StepRetrying { step, error, .. } => {
                        if let Some(child) = awaited.remove(step) {
                            crate::ending_oracle::check_failure(child, error);
                        }
                    }
                    _ => {}
                }
            }
        }
        let stored: BTreeSet<ExecutionId> = self.machines.keys().copied().collect();
        assert_eq!(started, stored, "every execution has the event of its start");
    }
}
