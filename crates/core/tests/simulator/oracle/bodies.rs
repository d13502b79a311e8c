//! What must be true of the bodies of blocks.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stepwell_core::definition::Plan;
use stepwell_core::definition::blocks::{BodyRole, ItemCollection};
use stepwell_core::definition::plan_block::{PlanBlockKind, PlanMap};
use stepwell_core::execution::{BodyResult as ItemResult, Event, StepRunId};

use super::{BodyRun, How, Oracle};

impl Oracle {
    pub(super) fn read_body(&mut self, plan: &Plan, event: &Event) {
        match event {
            Event::BodyStarted { step, body, index } => {
                self.body_started(plan, step, (*body, *index));
            }
            Event::BodyEnded { step, body, index, output, error } => {
                let is_failed = error.is_some();
                if let Some(error) = error {
                    self.codes.insert((step.clone(), *body), error.code.clone());
                }
                assert_eq!(output.is_none(), is_failed, "an output or an error");
                self.body_ended(plan, step, (*body, *index), is_failed);
                let result = output.as_ref().map(|output| Value::clone(output));
                self.results.insert((step.clone(), (*body, *index)), result);
            }
            Event::ItemsEnded { step, index, results } => {
                self.items_ended(plan, step, *index, results);
            }
            _ => {}
        }
    }

    /// Items whose steps are not recorded end in order, each once.
    fn items_ended(&mut self, plan: &Plan, block: &StepRunId, first: u32, results: &[ItemResult]) {
        if self.is_taking_over
            && plan.writes_file(block.step)
            && !self.under_way.contains_key(block)
        {
            // Only its file has what it did.
            return;
        }
        assert!(self.under_way.contains_key(block), "only of a block that runs");
        assert!(self.bodies.get(block).is_none_or(BTreeSet::is_empty), "no item has steps");
        assert!(!results.is_empty(), "no event without results");
        let planned = plan[block.step].block.as_ref().unwrap();
        let PlanBlockKind::Map(map) = &planned.kind else { panic!("only a map has items") };
        assert!(map.chunked_from.is_some(), "only where that is allowed");
        let begun = self.iterations.entry(block.clone()).or_default();
        assert_eq!(*begun, first, "in order");
        for (index, result) in (first..).zip(results) {
            let result = match result {
                ItemResult::Completed(output) => Some(Value::clone(output)),
                ItemResult::Failed(_) => None,
            };
            assert!(result.is_some() || map.collect_errors, "only collected failures are results");
            // The other template of the simulator has a time.
            if map.output.is_some() && result.as_ref().is_some_and(Value::is_number) {
                assert_eq!(result, Some(Value::from(index)), "each has its own scope");
            }
            self.results.insert((block.clone(), (0, index)), result);
            *begun += 1;
        }
    }

    /// The block run and body run that a step run is in.
    fn body_of(plan: &Plan, step: &StepRunId) -> Option<(StepRunId, BodyRun)> {
        let parent = plan[step.step].parent?;
        let repeats = plan[parent.block].block.as_ref().unwrap().is_repeating();
        let indexes = step.path.indexes();
        let (path, index) = match indexes.split_last() {
            Some((index, rest)) if repeats => (rest, *index),
            _ => (indexes, 0),
        };
        Some((StepRunId { step: parent.block, path: path.into() }, (parent.body, index)))
    }

    /// Items of which an earlier execution has recorded steps may wait for their turn.
    pub fn is_inside_running(&self, plan: &Plan, step: &StepRunId) -> bool {
        let is_running = |(block, body): (StepRunId, BodyRun)| {
            self.bodies.get(&block).is_some_and(|bodies| bodies.contains(&body))
                && self.is_inside_running(plan, &block)
        };
        self.is_taking_over || Self::body_of(plan, step).is_none_or(is_running)
    }

    /// The direct steps of a body run.
    pub(super) fn steps_in(plan: &Plan, block: &StepRunId, body: BodyRun) -> Vec<StepRunId> {
        let planned = plan[block.step].block.as_ref().unwrap();
        let mut path = block.path.indexes().to_vec();
        path.extend(planned.is_repeating().then_some(body.1));
        let steps = planned.bodies[body.0 as usize].list.steps.iter();
        steps.map(|step| StepRunId { step: *step, path: path.as_slice().into() }).collect()
    }

    fn body_started(&mut self, plan: &Plan, block: &StepRunId, body: BodyRun) {
        assert!(!self.paused, "nothing starts while paused");
        assert!(self.under_way.contains_key(block), "only of a block that runs");
        if let Some(until) = self.resting_until.remove(block) {
            assert!(self.last_at >= until, "not before the pause is over");
        }
        let planned = plan[block.step].block.as_ref().unwrap();
        if let BodyRole::Catch(codes) = &planned.bodies[body.0 as usize].role {
            let code = self.codes.get(&(block.clone(), 0)).expect("only after an error");
            assert!(codes.is_empty() || codes.contains(code), "it catches this code: {code}");
        }
        let bodies = self.bodies.entry(block.clone()).or_default();
        assert!(bodies.insert(body), "each body run begins once");
        let most = match &planned.kind {
            PlanBlockKind::Map(map) => map.max_concurrency as usize,
            PlanBlockKind::Parallel { .. } => planned.bodies.len(),
            _ => 1,
        };
        assert!(bodies.len() <= most, "not too many at once");
        let begun = self.iterations.entry(block.clone()).or_default();
        // A rerun has the results of some items, so others may be missing anywhere.
        match planned.kind {
            PlanBlockKind::Map(_) => {
                assert!(!self.results.contains_key(&(block.clone(), body)), "each item is run once")
            }
            _ if planned.is_repeating() => {
                assert_eq!(body, (0, *begun), "iterations are counted one by one");
            }
            _ => {}
        }
        *begun += 1;
        if let PlanBlockKind::Loop(planned) = &planned.kind {
            assert!(*begun <= planned.max_iterations, "no iteration too many");
        }
    }

    fn body_ended(&mut self, plan: &Plan, block: &StepRunId, body: BodyRun, is_failed: bool) {
        let bodies = self.bodies.get_mut(block).expect("a block that runs");
        assert!(bodies.remove(&body), "only a body that runs ends");
        let mut failed = false;
        for step in Self::steps_in(plan, block, body) {
            let how = self.settled.get(&step);
            failed |= how == Some(&How::Failed { handled: false });
            let is_known = how.is_some() || self.is_taking_over;
            assert!(is_failed || is_known, "all steps of an ended body are settled: {step:?}");
            assert!(!self.under_way.contains_key(&step), "nothing is left under way in it");
        }
        assert_eq!(failed, is_failed, "it fails if and only if a step in it did");
    }

    pub(super) fn no_steps_inside(&mut self, plan: &Plan, block: &StepRunId) {
        let Some(planned) = &plan[block.step].block else { return };
        for body in self.bodies.remove(block).unwrap_or_default() {
            for step in Self::steps_in(plan, block, body) {
                assert!(!self.under_way.contains_key(&step), "nothing is left under way in it");
                assert!(!self.resting_until.contains_key(&step), "nothing is left waiting in it");
            }
        }
        self.resting_until.remove(block);
        let _ = planned;
    }

    /// The output of a map that keeps no outputs has the numbers of its items, and their errors.
    fn check_counts(&self, block: &StepRunId, map: &PlanMap, output: &Value) {
        let (collection, has_template) = (map.collection, map.output.is_some());
        let results = self.results.iter().filter(|((of, _), _)| of == block);
        let is_file = collection == ItemCollection::File;
        let (mut errors, mut completed) = (Vec::new(), 0);
        for ((_, (_, index)), result) in results {
            match result {
                Some(kept) => {
                    assert!(is_file || kept.is_null(), "no outputs are recorded");
                    assert!(!is_file || !has_template || !kept.is_null(), "outputs are recorded");
                    completed += 1;
                }
                None => errors.push(*index),
            }
        }
        let begun = self.iterations.get(block).copied().unwrap_or_default();
        assert_eq!(output["count"], begun, "each item is counted once");
        assert_eq!(
            (&output["completed"], &output["failed"]),
            (&json!(completed), &json!(errors.len()))
        );
        let listed = output.get("errors").map(|listed| {
            let listed = listed.as_array().expect("a list").iter();
            listed.map(|entry| entry["index"].as_u64().unwrap() as u32).collect::<Vec<u32>>()
        });
        assert_eq!(listed, (collection == ItemCollection::Errors).then_some(errors), "in order");
    }

    /// A block completes when what it needs has ended, and its output is built from that.
    pub(super) fn block_completed(&mut self, plan: &Plan, block: &StepRunId, output: &Value) {
        let Some(planned) = &plan[block.step].block else { return };
        let result = |body: u32, index: u32| self.results.get(&(block.clone(), (body, index)));
        let begun = self.iterations.get(block).copied().unwrap_or_default();
        let running = self.bodies.get(block).map_or(0, BTreeSet::len);
        match &planned.kind {
            PlanBlockKind::Map(map) => {
                assert_eq!(running, 0, "all items have ended");
                if map.collection != ItemCollection::All {
                    self.check_counts(block, map, output);
                    self.bodies.remove(block);
                    return;
                }
                let items = output.as_array().expect("a list");
                assert_eq!(items.len(), begun as usize);
                for (index, item) in (0..).zip(items) {
                    match result(0, index).expect("a result of each item") {
                        Some(output) => assert_eq!(item, output, "in order"),
                        None => assert!(map.collect_errors && item.get("error").is_some()),
                    }
                }
            }
            PlanBlockKind::Loop(planned) => {
                assert_eq!(running, 0);
                if planned.collect {
                    assert_eq!(output.as_array().expect("a list").len(), begun as usize);
                } else if begun > 0 {
                    assert_eq!(result(0, begun - 1), Some(&Some(output.clone())));
                }
            }
            PlanBlockKind::Parallel { needed, cancel_rest } => {
                let completed = (0..planned.bodies.len() as u32)
                    .filter(|body| result(*body, 0).is_some_and(Option::is_some));
                let needed = needed.unwrap_or(self.computed_join);
                assert!(completed.count() >= needed, "enough have completed");
                assert!(*cancel_rest || running == 0, "all have ended");
            }
            PlanBlockKind::Branch | PlanBlockKind::Switch => {
                let body = self.bodies.get(block).and_then(|bodies| bodies.first().copied());
                let body = body.expect("its body runs until the end");
                for step in Self::steps_in(plan, block, body) {
                    assert!(self.settled.contains_key(&step), "all steps in it are settled");
                }
            }
            PlanBlockKind::Try => {}
        }
        self.bodies.remove(block);
        // The steps in it are settled: it is not waiting any more.
        self.resting_until.remove(block);
    }
}
