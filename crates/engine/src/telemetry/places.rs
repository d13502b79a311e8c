//! The places under concurrency limits, by workflow.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use metrics::{Gauge, gauge};
use stepwell_core::ids::WorkflowId;
use stepwell_store::traits::WorkflowPlaces;

use super::{MAX_WORKFLOWS, OTHER};

/// The places under limits of one kind.
pub(crate) struct PlaceGauges {
    /// Whose limits: `workflow` or `step`.
    limit: &'static str,
    /// Of the workflows that share a series.
    others: [Gauge; 2],
    // At most `MAX_WORKFLOWS` assignments under it, nothing awaits.
    by_workflow: Mutex<HashMap<WorkflowId, [Gauge; 2]>>,
}

impl PlaceGauges {
    pub(super) fn register(limit: &'static str) -> Self {
        metrics::describe_gauge!(
            "stepwell_concurrency_places",
            "Places under concurrency limits, by state and workflow: the first 100 workflows since the start, others together."
        );
        let others = Self::gauges_of(limit, OTHER);
        others.iter().for_each(|gauge| gauge.set(0.0));
        Self { limit, others, by_workflow: Mutex::default() }
    }

    fn gauges_of(limit: &'static str, workflow: &str) -> [Gauge; 2] {
        ["taken", "waiting"].map(|state| {
            let workflow = workflow.to_owned();
            gauge!("stepwell_concurrency_places",
                "workflow_id" => workflow, "limit" => limit, "state" => state)
        })
    }

    /// Shows the places of these workflows; all others have none.
    pub(crate) fn set(&self, found: &[WorkflowPlaces]) {
        let mut known = self.by_workflow.lock().unwrap_or_else(PoisonError::into_inner);
        let mut places: HashMap<WorkflowId, [u64; 2]> =
            found.iter().map(|places| (places.workflow, [places.taken, places.waiting])).collect();
        for workflow in found.iter().map(|places| places.workflow) {
            if known.len() < MAX_WORKFLOWS {
                let register = || Self::gauges_of(self.limit, &workflow.dataflow());
                known.entry(workflow).or_insert_with(register);
            }
        }
        for (workflow, gauges) in known.iter() {
            let counts = places.remove(workflow).unwrap_or_default();
            set_gauges(gauges, counts);
        }
        let [taken, waiting] = places
            .values()
            .fold([0, 0], |[taken, waiting], more| [taken + more[0], waiting + more[1]]);
        set_gauges(&self.others, [taken, waiting]);
    }
}

fn set_gauges(gauges: &[Gauge; 2], counts: [u64; 2]) {
    for (gauge, count) in gauges.iter().zip(counts) {
        gauge.set(count as f64);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_number_of_workflows_with_series_of_their_own_is_bounded() {
        let gauges = PlaceGauges::register("workflow");
        let places = |n| WorkflowPlaces {
            workflow: WorkflowId::from_uuid(Uuid::from_u128(n)),
            taken: 1,
            waiting: 2,
        };
        gauges.set(&(0..500).map(places).collect::<Vec<_>>());
        gauges.set(&(400..600).map(places).collect::<Vec<_>>());
        assert_eq!(gauges.by_workflow.lock().unwrap().len(), MAX_WORKFLOWS);
    }
}
