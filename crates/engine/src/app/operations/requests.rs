//! Parameters of the services for bulk operations.

use std::time::Duration;

use stepwell_core::ids::WorkflowId;
use stepwell_core::{Problem, Problems, Timestamp};
use stepwell_store::lists::ListFilter;
use stepwell_store::objects::{ObjectCursor, ObjectFilter, ObjectSort, StoredObject};

use crate::AppError;
use crate::app::Idempotency;
use crate::bulk_operation::{
    ACTION_LABEL, BulkAction, BulkCounts, BulkFilter, BulkOperation, OperationStatus,
};
use crate::objects::Document;

/// The longest reason, in characters.
const MAX_REASON: usize = 1_000;

/// A bulk operation to be started.
#[derive(Debug, Clone)]
pub struct NewOperation {
    /// What is done.
    pub action: BulkAction,
    /// To which executions; at least one condition.
    pub filter: BulkFilter,
    /// Only to those accepted at least so long ago.
    pub older_than: Option<Duration>,
    /// Why; shown in the log of each execution that is cancelled.
    pub reason: Option<String>,
    /// The idempotency key, if any.
    pub idempotency: Option<Idempotency>,
}

/// What a bulk operation would be about.
#[derive(Debug, Clone, PartialEq)]
pub struct DryRun {
    /// Its filter, with fixed times.
    pub filter: BulkFilter,
    /// How many executions match.
    pub counts: BulkCounts,
}

/// Which bulk operations are listed.
#[derive(Debug, Clone, Copy, Default)]
pub struct OperationFilter {
    /// Only those with this status.
    pub status: Option<OperationStatus>,
    /// Only those with this action.
    pub action: Option<BulkAction>,
    /// Only those about the executions of this workflow alone.
    pub workflow: Option<WorkflowId>,
}

impl NewOperation {
    /// The filter, with fixed times. Executions that are accepted after `now` are not meant, so
    /// that it ends.
    pub(super) fn fixed_filter(&self, now: Timestamp) -> BulkFilter {
        let oldest = self.older_than.map_or(now, |age| now.before(age));
        let until = self.filter.until.map_or(oldest, |until| until.min(oldest));
        BulkFilter { until: Some(until), ..self.filter.clone() }
    }

    /// Checks what is independent of the store.
    ///
    /// # Errors
    /// `InvalidObject` with every problem.
    pub(super) fn check(&self) -> Result<(), AppError> {
        let Self { action, filter, older_than, reason, idempotency: _ } = self;
        let mut problems = Problems::default();
        if filter.is_empty() && older_than.is_none() {
            let all: Vec<_> = action.statuses().map(|status| status.name()).collect();
            let message = format!(
                "needs at least one condition; to select all executions, list their statuses: {}",
                all.join(", ")
            );
            problems.push(Problem::new("filter", message));
        }
        if let Some(status) = filter.statuses.iter().find(|status| !action.applies_to(**status)) {
            let all: Vec<_> = action.statuses().map(|status| status.name()).collect();
            let message = format!(
                "`{}` does not apply to executions that are `{}`; the statuses are {}",
                action.name(),
                status.name(),
                all.join(", ")
            );
            problems.push(Problem::new("filter.status", message));
        }
        if let (Some(from), Some(until)) = (filter.from, filter.until)
            && from > until
        {
            problems.push(Problem::new("filter.end_date", "must not be before start_date"));
        }
        if reason.is_some() && *action != BulkAction::Cancel {
            let message = format!("is only for `cancel`; omit it for `{}`", action.name());
            problems.push(Problem::new("reason", message));
        }
        if reason.as_ref().is_some_and(|text| text.chars().count() > MAX_REASON) {
            let message = format!("must be at most {MAX_REASON} characters long");
            problems.push(Problem::new("reason", message));
        }
        let kind = BulkOperation::KIND;
        problems.or_ok(()).map_err(|problems| AppError::InvalidObject { kind, problems })
    }
}

impl ListFilter for OperationFilter {
    type Item = StoredObject;
    type SortKey = ObjectSort;
    type Cursor = ObjectCursor;

    fn cursor_of(operation: &StoredObject, sort: ObjectSort) -> ObjectCursor {
        ObjectFilter::cursor_of(operation, sort)
    }
}

impl From<OperationFilter> for ObjectFilter {
    fn from(filter: OperationFilter) -> Self {
        let OperationFilter { status, action, workflow } = filter;
        let label = |action: BulkAction| (ACTION_LABEL.to_owned(), action.name().to_owned());
        Self {
            name: None,
            parent: workflow.map(Into::into),
            status: status.map(|status| status.name().to_owned()),
            labels: action.map(label).into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use stepwell_core::execution::Status;

    use super::*;

    fn new(action: BulkAction) -> NewOperation {
        let filter = BulkFilter { labels: vec![("a".into(), "b".into())], ..BulkFilter::default() };
        NewOperation { action, filter, older_than: None, reason: None, idempotency: None }
    }

    #[test]
    fn problems_name_the_field_and_what_to_write() {
        let at = Timestamp::from_micros;
        let filter = |filter: BulkFilter| NewOperation { filter, ..new(BulkAction::Pause) };
        let long = Some("x".repeat(1_001));
        for (new, path, part) in [
            (filter(BulkFilter::default()), "filter", "list their statuses: queued, running"),
            (
                filter(BulkFilter { statuses: vec![Status::Failed], ..BulkFilter::default() }),
                "filter.status",
                "`pause` does not apply to executions that are `failed`; the statuses are queued",
            ),
            (
                filter(BulkFilter {
                    from: Some(at(2)),
                    until: Some(at(1)),
                    ..BulkFilter::default()
                }),
                "filter.end_date",
                "start_date",
            ),
            (
                NewOperation { reason: Some("r".into()), ..new(BulkAction::Purge) },
                "reason",
                "only for `cancel`",
            ),
            (NewOperation { reason: long, ..new(BulkAction::Cancel) }, "reason", "1000 characters"),
        ] {
            let Err(AppError::InvalidObject { problems, .. }) = new.check() else {
                panic!("{path}: nothing was found");
            };
            assert_eq!(problems.0.len(), 1, "{problems}");
            assert_eq!(problems.0[0].path, path);
            assert!(problems.0[0].message.contains(part), "{problems}");
        }
        assert!(new(BulkAction::Cancel).check().is_ok());
        let old = NewOperation {
            filter: BulkFilter::default(),
            older_than: Some(Duration::from_secs(1)),
            ..new(BulkAction::Purge)
        };
        assert!(old.check().is_ok());
    }

    #[test]
    fn later_executions_are_not_meant() {
        let now = Timestamp::from_micros(10_000_000);
        let until = |until: Option<i64>, age: Option<u64>| {
            let mut new = new(BulkAction::Cancel);
            new.filter.until = until.map(Timestamp::from_micros);
            new.older_than = age.map(Duration::from_secs);
            new.fixed_filter(now).until.unwrap().as_micros()
        };
        assert_eq!(until(None, None), 10_000_000);
        assert_eq!(until(Some(3), None), 3);
        assert_eq!(until(Some(99_000_000), None), 10_000_000);
        assert_eq!(until(None, Some(4)), 6_000_000);
        assert_eq!(until(Some(5_000_000), Some(4)), 5_000_000);
    }
}
