//! What must be true of edges and joins.

use std::collections::BTreeSet;

use serde_json::Value;
use stepwell_core::definition::Plan;
use stepwell_core::definition::StepIndex;
use stepwell_core::definition::model::{JoinRule, OnError};
use stepwell_core::definition::plan::PlanEdge;
use stepwell_core::execution::StepRunId;

use super::{How, Oracle};

impl Oracle {
    /// The output of a `Merge` has the steps whose edges were taken.
    pub(super) fn check_merge(&self, plan: &Plan, step: &StepRunId, output: &Value) {
        if plan[step.step].type_name != "Merge" || self.is_taking_over {
            return;
        }
        let fields = output.as_object().expect("an object").keys();
        let taken: BTreeSet<&str> = plan[step.step]
            .after
            .iter()
            .filter(|edge| self.is_taken(plan, step, edge))
            .map(|edge| plan[edge.from].id.as_str())
            .collect();
        assert_eq!(fields.map(String::as_str).collect::<BTreeSet<_>>(), taken);
    }

    /// Whether an edge into a step was taken.
    pub(super) fn is_taken(&self, plan: &Plan, step: &StepRunId, edge: &PlanEdge) -> bool {
        match self.settled.get(&step.sibling(edge.from)) {
            Some(How::Completed(port)) => *port == edge.port,
            Some(How::Bypassed) => edge.is_implicit,
            Some(How::Failed { handled: true }) => match plan[edge.from].on_error {
                OnError::Port => edge.port.as_deref() == Some("error"),
                _ => edge.port.is_none(),
            },
            _ => false,
        }
    }

    /// How many edges into the step are open, and how many were taken.
    pub(super) fn edges(&self, plan: &Plan, step: &StepRunId) -> (usize, usize) {
        let (mut open, mut taken) = (0, 0);
        for edge in &plan[step.step].after {
            let error = edge.port.as_deref() == Some("error");
            match self.settled.get(&step.sibling(edge.from)) {
                None => open += 1,
                Some(How::Completed(port)) if *port == edge.port => taken += 1,
                Some(How::Bypassed) if edge.is_implicit => taken += 1,
                Some(How::Failed { handled: true }) => {
                    let by_port = plan[edge.from].on_error == OnError::Port;
                    taken += usize::from((by_port && error) || (!by_port && edge.port.is_none()));
                }
                Some(_) => {}
            }
        }
        (open, taken)
    }

    pub(super) fn may_start(&self, plan: &Plan, step: &StepRunId) -> bool {
        let (open, taken) = self.edges(plan, step);
        match plan[step.step].join {
            _ if plan[step.step].after.is_empty() => true,
            JoinRule::All => open == 0 && taken > 0,
            JoinRule::Any => taken > 0,
            JoinRule::Count(n) => taken >= n,
            JoinRule::Computed if self.computed_join > plan[step.step].after.len() => {
                // Then it fails.
                open < plan[step.step].after.len()
            }
            JoinRule::Computed => taken >= self.computed_join,
        }
    }

    /// Whether every way from a step leads into a join that has enough and cancels the rest.
    pub(super) fn is_unneeded(&self, plan: &Plan, step: &StepRunId) -> bool {
        let joins = plan.indexed_steps().filter(|(_, s)| !s.cancelled_rest.is_empty());
        joins.map(|(index, _)| step.sibling(index)).any(|join| {
            plan[join.step].parent == plan[step.step].parent
                && leads_only_to(plan, step.step, join.step)
                && self.may_start(plan, &join)
        })
    }

    /// Whether a step of the outermost list led only to a join that has started.
    pub(super) fn has_enough_after(&self, plan: &Plan, step: StepIndex) -> bool {
        let mut joins = plan.indexed_steps().filter(|(_, s)| !s.cancelled_rest.is_empty());
        joins.any(|(join, _)| {
            self.settled.contains_key(&join.into()) && leads_only_to(plan, step, join)
        })
    }

    /// When a join starts that cancels the rest, nothing is left that leads only to it.
    pub(super) fn check_rest(&self, plan: &Plan, join: &StepRunId) {
        if plan[join.step].cancelled_rest.is_empty() || self.is_taking_over {
            return;
        }
        for (index, step) in plan.indexed_steps() {
            let other = join.sibling(index);
            let is_sibling = step.parent == plan[join.step].parent && step.role.is_regular();
            if is_sibling && leads_only_to(plan, index, join.step) {
                assert!(self.settled.contains_key(&other), "nothing is left of it: {other:?}");
            }
        }
    }

    pub(super) fn must_skip(&self, plan: &Plan, step: &StepRunId) -> bool {
        let (open, taken) = self.edges(plan, step);
        match plan[step.step].join {
            JoinRule::All | JoinRule::Any => open == 0 && taken == 0,
            JoinRule::Count(n) => taken + open < n,
            JoinRule::Computed if self.computed_join > plan[step.step].after.len() => false,
            JoinRule::Computed => taken + open < self.computed_join,
        }
    }
}

/// Whether every way from a step leads into another one.
fn leads_only_to(plan: &Plan, step: StepIndex, join: StepIndex) -> bool {
    let next = &plan[step].dependents;
    let leads = |next: &StepIndex| *next == join || leads_only_to(plan, *next, join);
    step != join && !next.is_empty() && next.iter().all(leads)
}
