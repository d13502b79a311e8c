//! An application whose clock is that of a paused runtime: hours pass in no time, and every timer
//! fires at its very moment. Only over a store without threads of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};
use stepwell_core::Timestamp;
use stepwell_core::ids::{ScheduleId, WorkflowId, WorkspaceId};
use stepwell_core::schedule::TimingRequest;
use stepwell_engine::app::{CreateWorkflow, ScheduleChange, ScheduleView};
use stepwell_engine::{App, Caller, Clock, EngineConfig};
use stepwell_store::Store;
use stepwell_store::lists::{ExecutionFilter, List, Order};
use stepwell_store::memory::MemoryStore;
use stepwell_store::record::ExecutionRecord;
use tokio::time::Instant;
use uuid::Uuid;

use crate::payloads::TestPayloads;
use crate::support::config;

pub fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap_or_else(|| panic!("{text}"))
}

/// A clock that follows the runtime's time; its wall clock can be set.
pub struct RuntimeClock {
    base: Timestamp,
    since: Instant,
    /// How far the wall clock was set forward, in microseconds.
    set: AtomicI64,
    /// `None`: processes cannot compare what they measure.
    boot: Option<Uuid>,
}

impl RuntimeClock {
    pub fn from(base: Timestamp) -> Arc<Self> {
        Self::of_boot(base, Some(Uuid::from_u128(1)))
    }

    /// Of some start of a machine.
    pub fn of_boot(base: Timestamp, boot: Option<Uuid>) -> Arc<Self> {
        Arc::new(Self { base, since: Instant::now(), set: AtomicI64::new(0), boot })
    }

    /// Sets the wall clock forward by so many seconds, or back.
    pub fn set(&self, seconds: i64) {
        self.set.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        let now = self.base.after(self.since.elapsed()).as_micros();
        Timestamp::from_micros(now + self.set.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    fn boot(&self) -> Option<Uuid> {
        self.boot
    }
}

pub struct Simulated {
    pub app: App,
    pub store: Arc<dyn Store>,
    pub caller: Caller,
    pub clock: Arc<dyn Clock>,
}

impl Simulated {
    pub async fn start(now: &str) -> Self {
        let store = Arc::new(MemoryStore::new());
        Self::over(store, RuntimeClock::from(at(now)), config()).await
    }

    pub async fn over(store: Arc<dyn Store>, clock: Arc<dyn Clock>, config: EngineConfig) -> Self {
        let app =
            App::start(store.clone(), config, clock.clone(), Arc::new(TestPayloads)).await.unwrap();
        Self { app, store, caller: Caller::internal(), clock }
    }

    /// Stops, and starts again when so much time has gone by.
    pub async fn restart_after(self, outage: Duration) -> Self {
        self.app.shutdown().await;
        tokio::time::sleep(outage).await;
        Self::over(self.store, self.clock, config()).await
    }

    /// Lets time go by.
    pub async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    pub async fn workflow(&self, definition: Value) -> WorkflowId {
        let create = CreateWorkflow { source: definition, active: true, idempotency: None };
        self.app.create_workflow(&self.caller, create).await.unwrap()
    }

    /// One that ends at once.
    pub async fn quick(&self) -> WorkflowId {
        let steps = json!([{"type": "StaticTextInput", "input": "x"}]);
        self.workflow(json!({"name": "quick", "steps": steps})).await
    }

    /// One that takes so long.
    pub async fn slow(&self, time: &str) -> WorkflowId {
        let steps = json!([{"id": "wait", "type": "Delay", "config": {"for": time}}]);
        self.workflow(json!({"name": "slow", "steps": steps})).await
    }

    pub async fn schedule(&self, workflow: WorkflowId, change: ScheduleChange) -> ScheduleId {
        let made = self.app.create_schedule(&self.caller, workflow, change).await;
        made.unwrap().record.id
    }

    pub async fn view(&self, id: ScheduleId) -> ScheduleView {
        self.app.schedule(&self.caller, id).await.unwrap()
    }

    /// All executions of a workflow, oldest first.
    pub async fn executions(&self, workflow: WorkflowId) -> Vec<ExecutionRecord> {
        executions(&*self.store, workflow).await
    }

    /// When those were due, as the clock in UTC shows it: `10:01:00`.
    pub async fn fired(&self, workflow: WorkflowId) -> Vec<String> {
        let of = |record: &ExecutionRecord| scheduled_at(record)[11..19].to_owned();
        self.executions(workflow).await.iter().map(of).collect()
    }
}

/// All executions of a workflow, oldest first.
pub async fn executions(store: &dyn Store, workflow: WorkflowId) -> Vec<ExecutionRecord> {
    let filter = ExecutionFilter { workflow: Some(workflow), ..ExecutionFilter::default() };
    let list = List::first_page(filter, usize::MAX).sorted_by((), Order::Ascending);
    store.list_executions(WorkspaceId::DEFAULT, list).await.unwrap().items
}

/// The firing that an execution is of.
pub fn scheduled_at(record: &ExecutionRecord) -> &str {
    record.metadata["scheduled_at"].as_str().unwrap()
}

/// A schedule by a cron expression in UTC.
pub fn cron(expression: &str) -> ScheduleChange {
    ScheduleChange {
        name: Some("test".to_owned()),
        timing: TimingRequest {
            schedule_type: Some("cron".to_owned()),
            cron_expression: Some(expression.to_owned()),
            ..TimingRequest::default()
        },
        ..ScheduleChange::default()
    }
}

/// A schedule by an interval.
pub fn every(value: u32, unit: &str) -> ScheduleChange {
    ScheduleChange {
        timing: TimingRequest {
            schedule_type: Some("interval".to_owned()),
            interval_value: Some(f64::from(value)),
            interval_unit: Some(unit.to_owned()),
            ..TimingRequest::default()
        },
        ..cron("")
    }
}

pub fn with_misfire(policy: &str, change: ScheduleChange) -> ScheduleChange {
    ScheduleChange { misfire_policy: Some(policy.to_owned()), ..change }
}

pub fn with_overlap(policy: &str, change: ScheduleChange) -> ScheduleChange {
    ScheduleChange { overlap_policy: Some(policy.to_owned()), ..change }
}

pub fn parameters(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}
