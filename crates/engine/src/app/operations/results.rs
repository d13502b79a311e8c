//! The results of a batch, and what an operation is after it. Nothing here stores anything.

use std::time::Duration;

use stepwell_core::Timestamp;
use stepwell_core::execution::Status;

use crate::AppError;
use crate::bulk_operation::{
    BulkAction, BulkCounts, BulkFailure, BulkItem, BulkOperation, BulkPosition, OperationStatus,
};

/// How long an operation belongs to a node without a step.
pub(super) const LEASE: Duration = Duration::from_secs(15);
/// How long operations are kept after their end.
const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 3600);
/// The most failures that an operation shows.
const MAX_FAILURES: usize = 10;

/// What became of one execution of a batch.
pub(super) enum ItemOutcome {
    Done,
    Skipped,
    Failed(String),
}

/// The results of a batch.
#[derive(Default)]
pub(super) struct BatchResults {
    pub done: u64,
    pub skipped: u64,
    pub failures: Vec<BulkFailure>,
}

impl BatchResults {
    pub(super) fn add(&mut self, item: BulkItem, outcome: ItemOutcome) {
        match outcome {
            ItemOutcome::Done => self.done += 1,
            ItemOutcome::Skipped => self.skipped += 1,
            ItemOutcome::Failed(message) => {
                self.failures.push(BulkFailure { execution: item.execution, message });
            }
        }
    }

    /// The operation with these results counted.
    pub(super) fn add_to(&self, operation: &BulkOperation) -> BulkOperation {
        let mut counted = operation.clone();
        let counts = &mut counted.counts;
        counts.done += self.done;
        counts.skipped += self.skipped;
        counts.failed += self.failures.len() as u64;
        counts.matched = counts.matched.max(counts.done + counts.skipped + counts.failed);
        let room = MAX_FAILURES.saturating_sub(counted.failures.len());
        counted.failures.extend(self.failures.iter().take(room).cloned());
        counted
    }
}

/// What became of an execution that rejected the action.
pub(super) fn item_outcome(action: BulkAction, error: &AppError) -> ItemOutcome {
    match (action, error) {
        (BulkAction::Cancel, AppError::AlreadyEnded(Status::Cancelled)) => ItemOutcome::Done,
        // It is paused already, or is not paused any more.
        (BulkAction::Pause | BulkAction::Resume, AppError::WrongState { .. }) => ItemOutcome::Done,
        (_, AppError::AlreadyEnded(_) | AppError::NotFound { .. }) => ItemOutcome::Skipped,
        (_, error) => ItemOutcome::Failed(error.to_string()),
    }
}

/// The operation after all executions of the list. Those that are to be cancelled are listed again
/// until there are none: an execution that was accepted shortly before can be stored later.
pub(super) fn finish_pass(counted: BulkOperation, now: Timestamp) -> BulkOperation {
    let BulkCounts { matched, done, failed, .. } = counted.counts;
    let is_repeated = counted.action == BulkAction::Cancel && done > counted.position.done_before;
    if is_repeated {
        // What still fails is counted again.
        let counts = BulkCounts { failed: 0, ..counted.counts };
        let position = BulkPosition {
            done_before: done,
            node: counted.position.node,
            ..BulkPosition::default()
        };
        let due_at = now.after(LEASE);
        return BulkOperation { counts, position, due_at, failures: Vec::new(), ..counted };
    }
    let skipped = matched.saturating_sub(done + failed);
    let counts = BulkCounts { skipped, ..counted.counts };
    let position = BulkPosition { batch: Vec::new(), node: None, ..counted.position.clone() };
    let status = if failed > 0 { OperationStatus::Failed } else { OperationStatus::Completed };
    end_operation(&BulkOperation { counts, position, ..counted }, status, now)
}

/// The operation after its end.
pub(super) fn end_operation(
    operation: &BulkOperation,
    status: OperationStatus,
    now: Timestamp,
) -> BulkOperation {
    let finished_at = Some(now);
    BulkOperation { status, finished_at, due_at: now.after(KEPT_FOR), ..operation.clone() }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::Caller;
    use crate::bulk_operation::{BulkFilter, Creator};

    fn operation(action: BulkAction, counts: BulkCounts, done_before: u64) -> BulkOperation {
        let at = Timestamp::from_micros(0);
        BulkOperation {
            action,
            filter: BulkFilter::default(),
            reason: None,
            status: OperationStatus::Running,
            counts,
            failures: Vec::new(),
            creator: Creator::of(&Caller::internal()),
            started_at: Some(at),
            finished_at: None,
            position: BulkPosition { done_before, ..BulkPosition::default() },
            due_at: at,
        }
    }

    fn counts(matched: u64, done: u64, failed: u64, skipped: u64) -> BulkCounts {
        BulkCounts { matched, done, failed, skipped }
    }

    #[test]
    fn an_end_accounts_for_every_execution() {
        let now = Timestamp::from_micros(9);
        for (before, status, after) in [
            (counts(5, 5, 0, 0), OperationStatus::Completed, counts(5, 5, 0, 0)),
            (counts(5, 2, 0, 1), OperationStatus::Completed, counts(5, 2, 0, 3)),
            (counts(5, 2, 1, 0), OperationStatus::Failed, counts(5, 2, 1, 2)),
            (counts(0, 0, 0, 0), OperationStatus::Completed, counts(0, 0, 0, 0)),
        ] {
            let ended = finish_pass(operation(BulkAction::Pause, before, 0), now);
            assert_eq!((ended.status, ended.counts), (status, after), "{before:?}");
            assert_eq!(ended.finished_at, Some(now));
        }
    }

    #[test]
    fn cancelling_ends_with_a_pass_that_finds_nothing() {
        let now = Timestamp::from_micros(9);
        let again = finish_pass(operation(BulkAction::Cancel, counts(5, 4, 1, 0), 0), now);
        assert_eq!(again.status, OperationStatus::Running);
        assert_eq!(again.counts, counts(5, 4, 0, 0), "what fails again is counted again");
        assert_eq!((again.position.cursor, again.position.done_before), (None, 4));
        let ended = finish_pass(operation(BulkAction::Cancel, counts(5, 4, 1, 0), 4), now);
        assert_eq!((ended.status, ended.counts), (OperationStatus::Failed, counts(5, 4, 1, 0)));
    }

    #[test]
    fn results_show_the_first_failures() {
        let mut results = BatchResults::default();
        let item = BulkItem {
            execution: stepwell_core::ids::ExecutionId::from_uuid(Uuid::from_u128(1)),
            workflow: stepwell_core::ids::WorkflowId::from_uuid(Uuid::from_u128(2)),
        };
        for outcome in [ItemOutcome::Done, ItemOutcome::Skipped] {
            results.add(item, outcome);
        }
        for n in 0..12 {
            results.add(item, ItemOutcome::Failed(n.to_string()));
        }
        let counted = results.add_to(&operation(BulkAction::Pause, counts(3, 1, 0, 0), 0));
        assert_eq!(counted.counts, counts(15, 2, 12, 1));
        assert_eq!(counted.failures.len(), MAX_FAILURES);
        assert_eq!(counted.failures[9].message, "9");
    }

    #[test]
    fn executions_that_are_as_intended_are_done() {
        use AppError::{AlreadyEnded, WrongState};
        let paused = || WrongState { status: Status::Paused, reason: "x" };
        for (action, error, expect) in [
            (BulkAction::Cancel, AlreadyEnded(Status::Cancelled), "done"),
            (BulkAction::Cancel, AlreadyEnded(Status::Completed), "skipped"),
            (BulkAction::Pause, paused(), "done"),
            (BulkAction::Pause, AlreadyEnded(Status::Cancelled), "skipped"),
            (BulkAction::Resume, paused(), "done"),
            (BulkAction::Cancel, AppError::not_found("execution", "x"), "skipped"),
            (BulkAction::Cancel, AppError::stopping(), "failed"),
        ] {
            let outcome = match item_outcome(action, &error) {
                ItemOutcome::Done => "done",
                ItemOutcome::Skipped => "skipped",
                ItemOutcome::Failed(_) => "failed",
            };
            assert_eq!(outcome, expect, "{action:?} {error}");
        }
    }
}
