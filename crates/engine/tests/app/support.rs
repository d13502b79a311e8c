//! An application on a store, with helpers for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use stepwell_core::Timestamp;
use stepwell_core::ids::{ExecutionId, SubjectId, WorkflowId};
use stepwell_engine::app::{CreateWorkflow, Start};
use stepwell_engine::view::{ExecutionView, Notice};
use stepwell_engine::{App, AppError, Caller, Clock, EngineConfig, SystemClock};
use stepwell_store::Store;
use stepwell_store::lists::List;
use stepwell_store::memory::MemoryStore;
use stepwell_store::record::DeliveryRecord;
use stepwell_store::traits::{DeliveriesOf, DeliveryFilter};

use crate::payloads::TestPayloads;

/// Long enough for anything that is going to happen at all.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Bench {
    pub app: App,
    pub store: Arc<dyn Store>,
    pub caller: Caller,
}

pub fn config() -> EngineConfig {
    EngineConfig {
        allow_private_egress: Some(true),
        shutdown_grace_seconds: 1,
        ..EngineConfig::default()
    }
}

/// All deliveries about an object.
pub async fn deliveries_about(
    store: &Arc<dyn Store>,
    subject: impl Into<SubjectId>,
) -> Vec<DeliveryRecord> {
    let list = List::first_page(DeliveryFilter::default(), usize::MAX);
    let found =
        store.list_deliveries(DeliveriesOf::Subject(subject.into()), list).await.unwrap().items;
    found.into_iter().map(|delivery| delivery.record).collect()
}

impl Bench {
    pub async fn new() -> Self {
        Self::with(config()).await
    }

    pub async fn with(config: EngineConfig) -> Self {
        Self::over(Arc::new(MemoryStore::default()), config).await
    }

    pub async fn over(store: Arc<dyn Store>, config: EngineConfig) -> Self {
        Self::at(store, config, Arc::new(SystemClock)).await
    }

    /// With a clock of the test's own.
    pub async fn at(store: Arc<dyn Store>, config: EngineConfig, clock: Arc<dyn Clock>) -> Self {
        let app = App::start(store.clone(), config, clock, Arc::new(TestPayloads)).await.unwrap();
        Self { app, store, caller: Caller::internal() }
    }

    /// Stops this application and starts another one over the same store.
    pub async fn restart(self) -> Self {
        self.app.shutdown().await;
        Self::over(self.store, config()).await
    }

    pub fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    pub async fn create(&self, source: Value) -> WorkflowId {
        let create = CreateWorkflow { source, active: true, idempotency: None };
        self.app.create_workflow(&self.caller, create).await.unwrap()
    }

    pub async fn steps(&self, steps: Value) -> WorkflowId {
        self.create(json!({"name": "test", "steps": steps})).await
    }

    pub async fn execute(&self, workflow: WorkflowId, input: Value) -> ExecutionId {
        self.app.execute(&self.caller, workflow, with_input(input)).durable().await.unwrap()
    }

    pub async fn wait(
        &self,
        workflow: WorkflowId,
        input: Value,
    ) -> Result<ExecutionView, AppError> {
        self.app.execute(&self.caller, workflow, with_input(input)).wait(PATIENCE).await
    }

    pub async fn ended(&self, id: ExecutionId) -> ExecutionView {
        self.app.wait_for(&self.caller, id, PATIENCE).await.unwrap()
    }

    /// Follows an execution until a notice is as wanted.
    pub async fn until(&self, id: ExecutionId, wanted: impl Fn(&Notice) -> bool) -> Notice {
        let mut follow = self.app.follow(&self.caller, None, id, 0).await.unwrap();
        let found = async {
            while let Some(notice) = follow.next().await.unwrap() {
                if wanted(&notice) {
                    return notice;
                }
            }
            panic!("it ended before that");
        };
        tokio::time::timeout(PATIENCE, found).await.expect("in time")
    }
}

pub fn with_input(input: Value) -> Start {
    Start { input: Some(input), ..Start::default() }
}

/// A clock that moves only when it is advanced.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// It begins at the moment that it is.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(SystemClock.now().as_micros())))
    }

    pub fn at(now: Timestamp) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(now.as_micros())))
    }

    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_micros() as i64, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::SeqCst) as u64)
    }
}
