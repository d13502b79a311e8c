//! The engine's metrics, registered when it starts, so that each is there with 0 before its first
//! event. What an execution records on its way are atomic additions through handles.

mod operations;
mod places;
mod pools;

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Unit, counter, gauge, histogram};
use stepwell_core::Timestamp;
use stepwell_core::execution::{Event, Execution, RecordedEvent, Status};
use stepwell_core::ids::WorkflowId;
use stepwell_store::record::DeliveryStatus;
use stepwell_store::traits::StoreGauges;

pub(crate) use operations::OperationMetrics;
use places::PlaceGauges;
pub(crate) use pools::MemoryPools;
pub use pools::show_memory_pool;

/// How many workflows have series of their own; all others share one.
const MAX_WORKFLOWS: usize = 100;
/// The label of those that share one.
const OTHER: &str = "other";

/// Final statuses, as labels.
const STATUSES: [&str; 4] = ["completed", "failed", "timed_out", "cancelled"];

/// The metrics of one engine.
pub(crate) struct EngineMetrics {
    pub(crate) accepted: Counter,
    pub(crate) firings: Counter,
    /// How late schedules fired.
    pub(crate) lateness: Histogram,
    ended: [Counter; 4],
    ended_of_others: [Counter; 4],
    // Look-ups and at most `MAX_WORKFLOWS` insertions under it, nothing awaits.
    ended_by_workflow: RwLock<HashMap<WorkflowId, [Counter; 4]>>,
    steps: HashMap<&'static str, StepMetrics>,
    delivered: Counter,
    retried: Counter,
    exhausted: Counter,
    plans_compiled: Counter,
    pub(crate) operations: OperationMetrics,
    /// The places under the limits of workflows.
    workflow_places: PlaceGauges,
    /// The places under the limits of steps.
    pub(crate) step_places: PlaceGauges,
    gauges: Gauges,
}

/// The metrics of one step type.
struct StepMetrics {
    completed: Counter,
    failed: Counter,
    retries: Counter,
    duration: Histogram,
}

/// How an attempt of a step ended.
#[derive(Clone, Copy)]
enum StepOutcome {
    Completed,
    Failed,
    /// It failed and another attempt will follow.
    Retried,
}

/// What is read when the metrics are.
struct Gauges {
    active: Gauge,
    max_active: Gauge,
    queued: Gauge,
    max_queued: Gauge,
    oldest_queued: Gauge,
    /// In the order of `Status::ALL`.
    by_status: [Gauge; Status::ALL.len()],
    pending_deliveries: Gauge,
    oldest_delivery: Gauge,
    disabled_webhooks: Gauge,
    overdue_schedule: Gauge,
    database_bytes: Gauge,
    free_bytes: Gauge,
    oldest_execution: Gauge,
    log_bytes: Gauge,
}

/// What the engine itself knows when the metrics are read.
pub(crate) struct LoadGauges {
    pub(crate) active: usize,
    pub(crate) max_active: usize,
    pub(crate) max_queued: usize,
    pub(crate) disabled_webhooks: usize,
}

impl EngineMetrics {
    pub(crate) fn register() -> Self {
        describe();
        let delivery =
            |status: &'static str| counter!("stepwell_deliveries_total", "status" => status);
        let types = stepwell_steps::ALL.iter().map(|step_type| step_type.type_spec().name);
        Self {
            accepted: counter!("stepwell_executions_accepted_total"),
            firings: counter!("stepwell_schedule_firings_total"),
            lateness: histogram!("stepwell_schedule_lateness_seconds"),
            ended: STATUSES
                .map(|status| counter!("stepwell_executions_ended_total", "status" => status)),
            ended_of_others: ended_of(OTHER),
            ended_by_workflow: RwLock::default(),
            steps: types.map(|name| (name, StepMetrics::register(name))).collect(),
            delivered: delivery("delivered"),
            retried: delivery("retry"),
            exhausted: delivery("exhausted"),
            plans_compiled: counter!("stepwell_plans_compiled_total"),
            operations: OperationMetrics::register(),
            workflow_places: PlaceGauges::register("workflow"),
            step_places: PlaceGauges::register("step"),
            gauges: Gauges::register(),
        }
    }

    /// Counts an execution whose end is durable.
    pub(crate) fn execution_ended(&self, workflow: WorkflowId, status: Status) {
        let Some(index) = ended_index(status) else { return };
        self.ended[index].increment(1);
        let known = self.ended_by_workflow.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_workflow) = known.get(&workflow) {
            return of_workflow[index].increment(1);
        }
        let is_full = known.len() >= MAX_WORKFLOWS;
        drop(known);
        if is_full {
            return self.ended_of_others[index].increment(1);
        }
        let mut known = self.ended_by_workflow.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have taken the last place meanwhile.
        if known.len() >= MAX_WORKFLOWS && !known.contains_key(&workflow) {
            return self.ended_of_others[index].increment(1);
        }
        let of_workflow = known.entry(workflow).or_insert_with(|| ended_of(&workflow.dataflow()));
        of_workflow[index].increment(1);
    }

    /// Counts what became of steps. The execution is the one after these events.
    pub(crate) fn steps_changed(&self, execution: &Execution, events: &[RecordedEvent]) {
        for event in events {
            let (step, outcome) = match &event.event {
                Event::StepCompleted { step, .. } => (step, StepOutcome::Completed),
                Event::StepFailed { step, .. } => (step, StepOutcome::Failed),
                Event::StepRetrying { step, .. } => (step, StepOutcome::Retried),
                _ => continue,
            };
            let planned = execution.origin.plan.step(step.step);
            let Some(metrics) = planned.and_then(|planned| self.steps.get(planned.type_name))
            else {
                continue;
            };
            let started_at = execution.steps.get(step).and_then(|run| run.started_at);
            metrics.count(outcome, started_at.map(|started_at| event.at.since(started_at)));
        }
    }

    /// Counts an attempt to deliver.
    pub(crate) fn delivery_attempted(&self, status: DeliveryStatus) {
        match status {
            DeliveryStatus::Pending => &self.retried,
            DeliveryStatus::Delivered => &self.delivered,
            DeliveryStatus::Exhausted => &self.exhausted,
        }
        .increment(1);
    }

    /// Shows how many releases were compiled to be executed.
    pub(crate) fn set_plans_compiled(&self, compiled: u64) {
        self.plans_compiled.absolute(compiled);
    }

    pub(crate) fn set_load(&self, load: &LoadGauges) {
        self.gauges.active.set(load.active as f64);
        self.gauges.max_active.set(load.max_active as f64);
        self.gauges.max_queued.set(load.max_queued as f64);
        self.gauges.disabled_webhooks.set(load.disabled_webhooks as f64);
    }

    /// Sets the gauges of the store and of the next schedule.
    pub(crate) fn set_stored(
        &self,
        stored: &StoreGauges,
        next_schedule: Option<Timestamp>,
        now: Timestamp,
    ) {
        let age = |at: Option<Timestamp>| at.map_or(Duration::ZERO, |at| now.since(at));
        let gauges = &self.gauges;
        for (gauge, count) in gauges.by_status.iter().zip(stored.by_status) {
            gauge.set(count as f64);
        }
        gauges.queued.set(stored.queued as f64);
        gauges.oldest_queued.set(age(stored.oldest_queued));
        gauges.pending_deliveries.set(stored.pending_deliveries as f64);
        gauges.oldest_delivery.set(age(stored.oldest_delivery));
        gauges.overdue_schedule.set(age(next_schedule));
        gauges.database_bytes.set(stored.database_bytes as f64);
        gauges.free_bytes.set(stored.free_bytes as f64);
        gauges.oldest_execution.set(age(stored.oldest_execution));
        gauges.log_bytes.set(stored.log_bytes as f64);
        self.workflow_places.set(&stored.places);
    }
}

impl StepMetrics {
    /// Counts an attempt that ended so long after the step's first one began.
    fn count(&self, outcome: StepOutcome, duration: Option<Duration>) {
        match outcome {
            StepOutcome::Completed => self.completed.increment(1),
            StepOutcome::Failed => self.failed.increment(1),
            StepOutcome::Retried => {
                self.failed.increment(1);
                return self.retries.increment(1);
            }
        }
        if let Some(duration) = duration {
            self.duration.record(duration);
        }
    }

    fn register(name: &'static str) -> Self {
        let attempts = |outcome| counter!("stepwell_step_attempts_total", "type" => name, "outcome" => outcome);
        Self {
            completed: attempts("completed"),
            failed: attempts("failed"),
            retries: counter!("stepwell_step_retries_total", "type" => name),
            duration: histogram!("stepwell_step_duration_seconds", "type" => name),
        }
    }
}

impl Gauges {
    fn register() -> Self {
        Self {
            active: gauge!("stepwell_executions_active"),
            max_active: gauge!("stepwell_executions_active_limit"),
            queued: gauge!("stepwell_executions_queued"),
            max_queued: gauge!("stepwell_executions_queued_limit"),
            oldest_queued: gauge!("stepwell_executions_oldest_queued_age_seconds"),
            by_status: Status::ALL
                .map(|status| gauge!("stepwell_executions", "status" => status.name())),
            pending_deliveries: gauge!("stepwell_deliveries_pending"),
            oldest_delivery: gauge!("stepwell_deliveries_oldest_pending_age_seconds"),
            disabled_webhooks: gauge!("stepwell_webhooks_disabled"),
            overdue_schedule: gauge!("stepwell_schedules_overdue_seconds"),
            database_bytes: gauge!("stepwell_store_database_bytes"),
            free_bytes: gauge!("stepwell_store_free_bytes"),
            oldest_execution: gauge!("stepwell_executions_oldest_age_seconds"),
            log_bytes: gauge!("stepwell_store_wal_bytes"),
        }
    }
}

const fn ended_index(status: Status) -> Option<usize> {
    match status {
        Status::Completed => Some(0),
        Status::Failed => Some(1),
        Status::TimedOut => Some(2),
        Status::Cancelled => Some(3),
        Status::Queued | Status::Running | Status::Waiting | Status::Paused => None,
    }
}

fn ended_of(workflow: &str) -> [Counter; 4] {
    STATUSES.map(|status| {
        let workflow = workflow.to_owned();
        counter!("stepwell_workflow_executions_ended_total",
            "workflow_id" => workflow, "status" => status)
    })
}

/// The help texts.
fn describe() {
    use metrics::{
        describe_counter as count, describe_gauge as level, describe_histogram as times,
    };
    count!("stepwell_executions_accepted_total", "Executions accepted.");
    count!("stepwell_executions_ended_total", "Executions ended, by final status.");
    count!(
        "stepwell_workflow_executions_ended_total",
        "Executions ended, by final status and workflow: the first 100 workflows since the start, others together."
    );
    level!("stepwell_executions", "Stored executions, by their present status.");
    level!("stepwell_executions_active", "Executions in memory on this node.");
    level!("stepwell_executions_active_limit", "The most of them (engine.max_active).");
    level!("stepwell_executions_queued", "Accepted executions that wait for a place in memory.");
    level!("stepwell_executions_queued_limit", "The most of them (engine.max_queued).");
    level!(
        "stepwell_executions_oldest_queued_age_seconds",
        Unit::Seconds,
        "Age of the oldest queued execution; 0 where none is queued."
    );
    count!(
        "stepwell_plans_compiled_total",
        "Releases compiled to be executed because their plan was not in memory."
    );
    count!("stepwell_step_attempts_total", "Attempts of steps, by step type and outcome.");
    count!("stepwell_step_retries_total", "Failed attempts that are tried again, by step type.");
    times!(
        "stepwell_step_duration_seconds",
        Unit::Seconds,
        "Time from a step's first attempt to its completion or failure, by step type."
    );
    count!("stepwell_deliveries_total", "Attempts of webhook deliveries, by resulting status.");
    level!("stepwell_deliveries_pending", "Webhook deliveries to be sent, counted up to 100000.");
    level!(
        "stepwell_deliveries_oldest_pending_age_seconds",
        Unit::Seconds,
        "Age of the oldest pending delivery; 0 where none is pending."
    );
    level!("stepwell_webhooks_disabled", "Webhooks that the server has disabled.");
    count!("stepwell_schedule_firings_total", "Executions started by schedules.");
    times!(
        "stepwell_schedule_lateness_seconds",
        Unit::Seconds,
        "Time from the moment a schedule was due to its execution."
    );
    level!(
        "stepwell_schedules_overdue_seconds",
        Unit::Seconds,
        "How long the earliest due schedule has waited to be fired; 0 where none is due."
    );
    level!("stepwell_store_database_bytes", Unit::Bytes, "Size of the database file.");
    level!(
        "stepwell_store_free_bytes",
        Unit::Bytes,
        "The part of the database file that is free for new data."
    );
    level!(
        "stepwell_executions_oldest_age_seconds",
        Unit::Seconds,
        "Age of the oldest execution that is stored; 0 where there is none."
    );
    level!("stepwell_store_wal_bytes", Unit::Bytes, "Size of its write-ahead log.");
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_number_of_workflows_with_series_of_their_own_is_bounded() {
        let metrics = EngineMetrics::register();
        for n in 0..500_u128 {
            metrics.execution_ended(WorkflowId::from_uuid(Uuid::from_u128(n)), Status::Failed);
        }
        assert_eq!(metrics.ended_by_workflow.read().unwrap().len(), MAX_WORKFLOWS);
    }
}
