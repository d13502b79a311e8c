//! Runs an execution with the runtime's work done at once.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use stepwell_core::Timestamp;
use stepwell_core::catalog::{Effect, SAME_AS_INPUT, StepAction, StepCatalog, StepSpec};
use stepwell_core::definition::{self, DefinitionLimits, SharedPlan};
use stepwell_core::execution::{
    AcceptanceInput, AttemptError, AttemptId, Command, Event, Execution, ExecutionOrigin, Failure,
    RecordedEvent, RerunFrom, Status, StepResult, StepRunId, TransitionContext, TransitionError,
    TransitionInput,
};
use stepwell_core::expr::EvalBudget;
use stepwell_core::ids::{ExecutionId, WorkflowId};

pub struct Types(Vec<StepSpec>);

impl StepCatalog for Types {
    fn find_type(&self, name: &str) -> Option<&StepSpec> {
        self.0.iter().find(|spec| spec.name == name)
    }

    fn all_types(&self) -> Vec<&StepSpec> {
        self.0.iter().collect()
    }
}

/// The step types of the tests.
pub fn types() -> Types {
    let spec = |name, action, input: Value| StepSpec {
        name,
        aliases: &[],
        summary: "",
        doc: "",
        category: "Test",
        config: json!({}),
        input,
        output: json!({SAME_AS_INPUT: true}),
        default_input: None,
        default_output: None,
        check: None,
        check_input: None,
        is_source: false,
        effect: Effect::Pure,
        effect_of: None,
        action,
        block: None,
        sensitive: &[],
        ports: &[],
        examples: Vec::new(),
    };
    let blocks = ["Branch", "Switch", "Parallel", "Loop", "Try"];
    let mut all: Vec<StepSpec> =
        blocks.iter().map(|name| spec(name, StepAction::Block, json!({}))).collect();
    all.push(spec("Map", StepAction::Block, json!({"type": "array"})));
    all.push(spec("Delay", StepAction::Delay, json!({})));
    all.push(spec("Run", StepAction::Run, json!({})));
    all.push(spec("SetState", StepAction::SetState, json!({"type": "object"})));
    all.push(spec("Stop", StepAction::Stop, json!({})));
    all.push(StepSpec { output: json!({}), ..spec("Merge", StepAction::Merge, json!({})) });
    all.push(StepSpec { output: json!({}), ..spec("WaitUntil", StepAction::WaitUntil, json!({})) });
    Types(all)
}

/// An execution with the runtime's work done at once, one attempt after the other.
pub struct Driver {
    pub execution: Execution,
    pub journal: Vec<RecordedEvent>,
    pub now: Timestamp,
    pub attempts: VecDeque<AttemptId>,
    /// The most attempts that were running at once.
    pub most_running: usize,
    /// Blocks that continue later.
    pub continued: usize,
}

impl Driver {
    pub fn new(definition: Value, input: Value) -> Self {
        let plan = definition::plan_source(&definition, &types(), &DefinitionLimits::default());
        let (_, plan) = plan.unwrap_or_else(|problems| panic!("{problems}"));
        let input = Arc::new(input);
        Self::begin(Arc::new(plan), AcceptanceInput { input, ..Default::default() })
    }

    /// An execution that continues this one, which has ended.
    pub fn rerun(&self, from: RerunFrom) -> Self {
        let rerun = self.execution.prepare_rerun(&self.journal, from).unwrap();
        let (input, rerun) = (self.execution.input.clone(), Some(Box::new(rerun)));
        let plan = self.execution.origin.plan.clone();
        Self::begin(plan, AcceptanceInput { input, rerun, ..Default::default() })
    }

    fn begin(plan: SharedPlan, accepted: AcceptanceInput) -> Self {
        let execution = Execution::new(ExecutionOrigin {
            id: ExecutionId::from_uuid(uuid::Uuid::from_u128(1)),
            workflow: WorkflowId::from_uuid(uuid::Uuid::from_u128(2)),
            release: 1,
            plan,
        });
        let mut driver = Self {
            execution,
            journal: Vec::new(),
            now: Timestamp::from_millis(1_800_000_000_000),
            attempts: VecDeque::new(),
            most_running: 0,
            continued: 0,
        };
        driver.apply(TransitionInput::Accept(accepted));
        driver.apply(TransitionInput::Start);
        driver
    }

    pub fn apply(&mut self, input: TransitionInput) {
        self.try_apply(input).unwrap();
    }

    pub fn try_apply(&mut self, input: TransitionInput) -> Result<(), TransitionError> {
        let moment = TransitionContext {
            now: self.now,
            elapsed: self.now.since(Timestamp::default()),
            entropy: 0,
        };
        let budget = match input {
            TransitionInput::Evaluate { .. } => EvalBudget::full(),
            _ => EvalBudget::inline(),
        };
        let decision = self.execution.advance_within(input, moment, budget)?;
        self.journal.extend(decision.events);
        for command in decision.commands {
            match command {
                Command::Run(attempt) | Command::StartChild(attempt) => {
                    self.attempts.push_back(attempt);
                }
                Command::TakePlace(attempt) => self.apply(TransitionInput::PlaceTaken(attempt)),
                Command::RunItems { step, first } => self.run_items(step, first),
                Command::Stop { step } => self.attempts.retain(|attempt| attempt.step_run != step),
                Command::Evaluate { step } => self.apply(TransitionInput::Evaluate { step }),
                Command::Continue { step } => {
                    self.continued += 1;
                    self.apply(TransitionInput::Continue { step });
                }
            }
        }
        self.most_running = self.most_running.max(self.attempts.len());
        Ok(())
    }

    /// Runs up to 1,000 items of a map.
    fn run_items(&mut self, step: StepRunId, first: u32) {
        let moment =
            TransitionContext { now: self.now, elapsed: Duration::from_secs(1), entropy: 0 };
        let mut copy = self.execution.copy_for_items(&step, moment);
        let count = self.execution.chunked_items(&step).unwrap();
        let items = (first..count).take(1_000);
        let run = |index| copy.run_item(index, EvalBudget::full(), &mut run_attempt).unwrap();
        let results = items.map(run).collect();
        self.apply(TransitionInput::ItemsEnded { step, first, results });
    }

    /// Ends the oldest running attempt; `false`: there is none.
    pub fn end_attempt(&mut self) -> bool {
        let Some(attempt) = self.attempts.pop_front() else { return false };
        let result = run_attempt(&self.execution, &attempt);
        self.apply(TransitionInput::StepEnded { attempt, result });
        true
    }

    /// Runs to the end; time passes where nothing else happens.
    pub fn run(mut self) -> Self {
        while !self.execution.status().is_final() {
            if !self.end_attempt() {
                let wake = self.execution.next_wake().unwrap();
                self.now = self.now.max(wake);
                self.apply(TransitionInput::Timer);
            }
        }
        self
    }

    pub fn output(&self) -> Value {
        assert_eq!(self.execution.status(), Status::Completed, "{:?}", self.execution.error);
        Value::clone(self.execution.output.as_ref().unwrap())
    }

    /// The code and the step of the error.
    pub fn error(&self) -> (String, String) {
        assert_eq!(self.execution.status(), Status::Failed, "{:?}", self.execution.output);
        let error = self.execution.error.clone().unwrap();
        (error.code, error.step.unwrap_or_default())
    }

    /// The written step runs of these events.
    pub fn steps(&self, is_meant: impl Fn(&Event) -> bool) -> Vec<String> {
        let plan = &self.execution.origin.plan;
        let meant = self.journal.iter().filter(|recorded| is_meant(&recorded.event));
        meant
            .filter_map(|recorded| recorded.event.step_run())
            .map(|id| id.display_in(plan).to_string())
            .collect()
    }
}

/// Fails as the input demands, or outputs the input.
fn run_attempt(execution: &Execution, attempt: &AttemptId) -> Result<StepResult, AttemptError> {
    let input = execution.steps.run(&attempt.step_run).input.clone().unwrap();
    match input["fail"].as_str() {
        Some(code) => Err(AttemptError {
            failure: Failure::new(code, "as its input demands"),
            retryable: false,
            retry_after: None,
        }),
        None => Ok(StepResult { output: input, port: None }),
    }
}

/// Runs a workflow with one step and the inputs `n`, `list` and `any`.
pub fn run(steps: Value, input: Value) -> Driver {
    let inputs = json!({"n": "number?", "list": "array?", "any": "any?"});
    Driver::new(json!({"name": "n", "inputs": inputs, "steps": steps}), input).run()
}
