//! The metrics of bulk operations.

use metrics::{Counter, Gauge, counter, gauge};

use crate::bulk_operation::BulkAction;

/// The outcomes of executions, as labels.
const OUTCOMES: [&str; 3] = ["done", "skipped", "failed"];

/// The metrics of the bulk operations of a node.
pub(crate) struct OperationMetrics {
    active: Gauge,
    /// By action and outcome.
    executions: [[Counter; 3]; 4],
}

impl OperationMetrics {
    pub(crate) fn register() -> Self {
        metrics::describe_gauge!(
            "stepwell_operations_active",
            "Bulk operations that this node works on."
        );
        metrics::describe_counter!(
            "stepwell_operation_executions_total",
            "Executions that bulk operations are done with, by action and outcome."
        );
        let counters = |action: BulkAction| {
            OUTCOMES.map(|outcome| {
                counter!("stepwell_operation_executions_total",
                    "action" => action.name(), "outcome" => outcome)
            })
        };
        Self {
            active: gauge!("stepwell_operations_active"),
            executions: BulkAction::ALL.map(counters),
        }
    }

    /// Shows how many operations this node works on.
    pub(crate) fn set_active(&self, active: usize) {
        self.active.set(active as f64);
    }

    /// Counts executions that were changed, needed nothing, or could not be changed.
    pub(crate) fn count(&self, action: BulkAction, outcomes: [u64; 3]) {
        let of_action = BulkAction::ALL.iter().position(|known| *known == action);
        let Some(counters) = of_action.and_then(|index| self.executions.get(index)) else { return };
        for (counter, executions) in counters.iter().zip(outcomes) {
            counter.increment(executions);
        }
    }
}
