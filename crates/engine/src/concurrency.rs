//! The concurrency limits of workflows: the place that an execution needs, and what its acceptance
//! means for the others with its key. The store grants the places.

use std::sync::Arc;

use serde_json::Value;
use stepwell_core::Problem;
use stepwell_core::definition::concurrency::ConcurrencyPolicy;
use stepwell_core::definition::plan::Plan;
use stepwell_core::execution::{ConcurrencyPlace, Execution, ExecutionMessage};
use stepwell_store::commit::{Admission, Displaced};
use stepwell_store::record::PlaceRecord;

use crate::AppError;

/// The last position in the queue of a concurrency key that is shown.
pub(crate) const MAX_POSITION: usize = 10_000;

/// The place that an execution with this input needs; `None`: the workflow has no limit.
///
/// # Errors
/// `InvalidConcurrencyKey`.
pub(crate) fn required_place(
    plan: &Plan,
    input: &Arc<Value>,
) -> Result<Option<Box<ConcurrencyPlace>>, AppError> {
    let Some(concurrency) = &plan.concurrency else { return Ok(None) };
    match concurrency.place_for(input) {
        Ok(place) => Ok(Some(Box::new(place))),
        Err(message) => Err(AppError::InvalidConcurrencyKey(Problem::new("input", message))),
    }
}

/// The place of an accepted execution, as it is stored.
pub(crate) fn place_record(execution: &Execution) -> Option<Box<PlaceRecord>> {
    let needed = execution.concurrency.as_deref()?;
    Some(Box::new(PlaceRecord::waiting(needed.clone())))
}

/// What the acceptance of an execution means for the others with its key.
pub(crate) fn admission_of(execution: &Execution) -> Admission {
    let Some(concurrency) = &execution.origin.plan.concurrency else { return Admission::Wait };
    let displace = |displaced| {
        let id = execution.origin.id.dataflow();
        let reason = format!("the execution {id} with the same concurrency key replaces it");
        Admission::Displace(displaced, ExecutionMessage::Cancel { reason })
    };
    match concurrency.policy {
        ConcurrencyPolicy::Queue => Admission::Wait,
        ConcurrencyPolicy::Reject => Admission::RequirePlace,
        ConcurrencyPolicy::CancelRunning => displace(Displaced::Oldest),
        ConcurrencyPolicy::ReplaceQueued => displace(Displaced::Waiting),
    }
}
