//! Dry runs: executing a definition in memory, with mocks instead of effects and a simulated clock
//! that skips all waiting. Nothing is stored or sent.

mod driver;
mod mocks;
mod trace;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use stepwell_core::definition::SharedPlan;
use stepwell_core::execution::{AcceptanceInput, Failure, Status};
use stepwell_core::expr::EvalInterrupt;
use stepwell_core::ids::WorkflowId;
use stepwell_core::{MAX_VALUE_DEPTH, Map, Timestamp, nests_deeper};

use super::App;
use super::workflows::KIND;
use crate::caller::Verb;
use crate::memory::Hold;
use crate::runtime::engine::Engine;
use crate::{AppError, Caller};

use driver::DryRunDriver;
use mocks::Mocks;
pub use trace::{BranchTrace, StepTrace};

/// How long a dry run may take, by a real clock.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// How long a dry run waits for a free thread.
const THREAD_WAIT: Duration = Duration::from_secs(5);

/// A dry run was ended because it is too much work.
pub const DRY_RUN_LIMIT: &str = "DRY_RUN_LIMIT";
/// A step that has effects was reached and has no mock.
pub const MOCK_MISSING: &str = "MOCK_MISSING";

/// The definition to run.
#[derive(Debug, Clone)]
pub enum DryRunTarget {
    /// The newest release of a workflow.
    Workflow(WorkflowId),
    /// A definition that is not stored.
    Definition(Value),
}

/// The parameters of a dry run.
#[derive(Debug, Clone)]
pub struct DryRunRequest {
    /// What is run.
    pub target: DryRunTarget,
    /// The input; `None`: an empty object.
    pub input: Option<Value>,
    /// The results of steps, by step id or by step run (`orders[3].charge`).
    pub mocks: Map,
    /// Variables by name, instead of those of the workspace with the same names.
    pub variables: Map,
    /// When the simulated clock begins; `None`: now.
    pub now: Option<Timestamp>,
}

/// The result of a dry run.
#[derive(Debug, Clone)]
pub struct DryRunReport {
    /// How it ended.
    pub status: Status,
    /// Its output, if it completed.
    pub output: Option<Arc<Value>>,
    /// Why it failed or timed out.
    pub error: Option<Failure>,
    /// The time that would have passed.
    pub elapsed: Duration,
    /// The step runs, in the order in which they started or were skipped.
    pub steps: Vec<StepTrace>,
    /// The lists of blocks that ran, each once, in the order of the definition.
    pub branches: Vec<BranchTrace>,
    /// Keeps the memory of the values reserved.
    pub memory: Hold,
}

/// Interrupts the thread of a dry run at its time limit, or when the request is dropped.
#[derive(Default)]
struct InterruptGuard(Arc<AtomicBool>);

impl Drop for InterruptGuard {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl App {
    /// Executes a definition with mocks. Steps with effects do not run: they need a mock. Scope
    /// `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`, `InvalidDefinition`, `InvalidInput`; `InvalidObject` for an invalid mock. A failed
    /// run is a result, not an error.
    pub async fn dry_run(
        &self,
        caller: &Caller,
        request: DryRunRequest,
    ) -> Result<DryRunReport, AppError> {
        let DryRunRequest { target, input, mocks, variables, now } = request;
        let plan = self.dry_run_plan(caller, target).await?;
        let invalid = |problems| AppError::InvalidObject { kind: "dry run", problems };
        let mocks = Mocks::read(&mocks, &plan).map_err(invalid)?;
        let input = input.unwrap_or_else(|| Value::Object(Map::new()));
        let input = self.engine.checked_input(&plan, input).await?;
        let variables = self.dry_run_variables(caller, &plan, variables).await?;
        let input = AcceptanceInput { input: Arc::new(input), variables, ..Default::default() };
        let driver = DryRunDriver::new(plan, mocks, now.unwrap_or_else(|| self.engine.now()));
        Box::pin(run_on_thread(&self.engine, driver, input)).await
    }

    /// The variables that the plan names: the given ones, else those of the workspace.
    async fn dry_run_variables(
        &self,
        caller: &Caller,
        plan: &SharedPlan,
        given: Map,
    ) -> Result<Option<Arc<Value>>, AppError> {
        if plan.variables.is_empty() {
            return Ok(None);
        }
        let given = Value::Object(given);
        if nests_deeper(&given, MAX_VALUE_DEPTH) {
            let message = format!("is nested deeper than {MAX_VALUE_DEPTH} levels");
            return Err(AppError::invalid("vars", message));
        }
        let variables = self.engine.variables_for(caller.workspace, plan, Some(&given)).await?;
        Ok(Some(variables))
    }

    async fn dry_run_plan(
        &self,
        caller: &Caller,
        target: DryRunTarget,
    ) -> Result<SharedPlan, AppError> {
        match target {
            DryRunTarget::Workflow(id) => {
                let workflow = self.find_for(caller, Verb::Execute, id).await?;
                self.engine.plans.plan(id, workflow.release).await
            }
            DryRunTarget::Definition(source) => {
                caller.require(Verb::Execute, KIND)?;
                let (_, plan) = self.validate(Arc::new(source)).await?;
                Ok(plan)
            }
        }
    }
}

/// Runs a driver on one of a bounded number of blocking threads.
async fn run_on_thread(
    engine: &Arc<Engine>,
    driver: DryRunDriver,
    input: AcceptanceInput,
) -> Result<DryRunReport, AppError> {
    let permit = engine.dry_runs.clone().acquire_owned();
    let permit = match tokio::time::timeout(THREAD_WAIT, permit).await {
        Ok(permit) => permit.map_err(|_| AppError::stopping())?,
        Err(_) => {
            let reason = "many dry runs are in progress".into();
            return Err(AppError::Unavailable { reason, retry_after: THREAD_WAIT });
        }
    };
    let guard = InterruptGuard::default();
    let is_interrupted = guard.0.clone();
    let interrupt = EvalInterrupt::new(move || is_interrupted.load(Ordering::Relaxed));
    let thread_engine = engine.clone();
    let mut run = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        driver.run(&thread_engine, input, interrupt)
    });
    let ended = tokio::select! {
        ended = &mut run => ended,
        () = tokio::time::sleep(TIME_LIMIT) => {
            // The thread notices it soon and reports what it has done until now.
            drop(guard);
            run.await
        }
    };
    ended.map_err(|error| AppError::Internal(format!("a dry run stopped: {error}")))?
}
