//! What must be true of an ended execution.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use stepwell_core::Timestamp;
use stepwell_core::definition::plan::InputBinding;
use stepwell_core::definition::plan_block::PlanBlockKind;
use stepwell_core::execution::{
    BodyResult, Event, Execution, Failure, RerunSource, ReusedOutcome, StepRunId, StepState,
};

use super::World;
use super::values::FlowingValues;
use crate::oracle::Oracle;

impl World {
    /// A step gets the given input, and the state is what the steps set in order.
    fn check_values(&self) {
        let mut state = self.plan.state.clone();
        let mut values = FlowingValues::default();
        for recorded in &self.journal {
            match &recorded.event {
                Event::Accepted { state: first, rerun, .. } => {
                    state.extend(first.clone().unwrap_or_default());
                    for reused in rerun.iter().flat_map(|rerun| &rerun.steps) {
                        let sets = self.plan[reused.step.step].type_name == "SetState";
                        if let (true, ReusedOutcome::Completed { output, .. }) = (sets, &reused.how)
                        {
                            state.extend(output.as_object().cloned().unwrap_or_default());
                        }
                    }
                }
                Event::StateSet { values } => state.extend(values.clone()),
                Event::StepStarted { step, attempt: 1, input, config, .. } => {
                    self.check_moments(step, [input, config], recorded.at);
                    self.check_variables(step, [input, config]);
                    if let Some(given) = self.given.as_ref().filter(|given| given.step == *step) {
                        assert_eq!(input.as_ref(), Some(&given.input), "it gets its own input");
                    } else if matches!(self.plan[step.step].input, InputBinding::Feed(_)) {
                        let fed = values.flowing_into(&self.plan, step);
                        assert_eq!(input.as_deref(), Some(&fed), "it gets what comes before it");
                    }
                }
                Event::BodyEnded { output: Some(output), .. } if output.is_string() => {
                    assert_eq!(**output, json!(recorded.at.to_string()), "the moment of its end");
                }
                Event::Completed { output } => {
                    if let [last] = self.plan.top.sinks.as_slice() {
                        let expected = values.last_output(&self.plan, *last);
                        assert_eq!(**output, expected, "the output is that of the last step");
                    }
                }
                _ => {}
            }
            values.read(&self.plan, &recorded.event);
        }
        assert_eq!(self.live.state, state);
        self.check_map_outputs();
    }

    /// What a step reads as `now` is the time of its start, or the item of a `Map` of this name.
    fn check_moments(
        &self,
        step: &StepRunId,
        [input, config]: [&Option<Arc<Value>>; 2],
        at: Timestamp,
    ) {
        let planned = &self.plan[step.step];
        let indexes = step.path.indexes();
        let around = planned.enclosing.iter().zip(indexes).rev();
        let item = around.into_iter().find_map(|(block, index)| {
            match &self.plan[*block].block.as_ref()?.kind {
                PlanBlockKind::Map(map) if map.item_name == "now" => {
                    Some(json!({"item": index, "V": index}))
                }
                _ => None,
            }
        });
        let expected = item.unwrap_or_else(|| json!(at.to_string()));
        let is_given = self.given.as_ref().is_some_and(|given| given.step == *step);
        let is_written = matches!(planned.input, InputBinding::Template { .. }) && !is_given;
        let input = input.as_ref().filter(|_| is_written);
        for value in input.into_iter().chain(config) {
            if let Some(now) = value.get("now") {
                assert_eq!(*now, expected, "the moment of its start");
            }
        }
    }

    /// Every failure that was handled is listed, and nothing else.
    fn check_handled_failures(&self) {
        let mut expected = BTreeSet::new();
        for recorded in &self.journal {
            match &recorded.event {
                Event::Ending { .. } => break,
                Event::Accepted { rerun: Some(rerun), .. } => {
                    expected.extend(rerun.events.iter().flat_map(handled_by));
                    expected.extend(
                        rerun
                            .steps
                            .iter()
                            .filter_map(|reused| match &reused.how {
                                ReusedOutcome::Failed { error } => Some(error),
                                _ => None,
                            })
                            .map(step_and_code),
                    );
                }
                event => expected.extend(handled_by(event)),
            }
        }
        let listed: Vec<_> =
            self.live.handled_failures.listed().iter().map(step_and_code).collect();
        assert_eq!(listed.len(), expected.len(), "each once: {listed:?} {expected:?}");
        assert_eq!(BTreeSet::from_iter(listed), expected);
    }

    pub(super) fn check_history(&mut self) {
        self.check_values();
        self.check_children();
        let replayed = self.replayed();
        assert_eq!(replayed.seq, self.live.seq);
        assert_eq!(replayed.status(), self.live.status());
        assert_eq!(replayed.steps, self.live.steps, "replay shows what was");
        assert_eq!(replayed.state, self.live.state);
        assert_eq!(replayed.variables, self.variables, "those of its start");
        assert_eq!(replayed.output, self.live.output);
        assert_eq!(replayed.error, self.live.error);
        assert_eq!(replayed.ending, self.live.ending);
        self.check_handled_failures();
        self.check_files();
        if std::env::var("STEPWELL_SIM_SHOW").is_ok() {
            self.journal.iter().for_each(|event| println!("{} {:?}", event.seq, event.event));
        }
        let mut oracle = Oracle::new();
        oracle.ending.is_cut_short = self.is_cut_short;
        for (i, event) in self.journal.iter().enumerate() {
            oracle.read(&self.plan, event);
            // Between two events of the same decision a step may still be pending.
            let together = self.journal.get(i + 1).is_some_and(|next| next.at == event.at);
            let later = together || self.evaluated_later.contains(&event.seq);
            let forgotten = oracle.forgotten(&self.plan);
            assert!(together || !oracle.is_signal_forgotten(), "forgotten signal: {event:?}");
            assert!(later || forgotten.is_empty(), "forgotten: {forgotten:?} after {event:?}");
        }
        for signal in &self.sent.acknowledged {
            let id = (signal.name.clone(), signal.id.clone().unwrap_or_default());
            assert!(oracle.signals.has_received(&id), "a confirmed signal is not lost: {signal:?}");
        }
        assert_eq!(oracle.signals.kept(), self.live.kept_signals(), "the rest is kept");
    }
}

fn step_and_code(failure: &Failure) -> (Option<String>, String) {
    (failure.step.clone(), failure.code.clone())
}

/// The failures that an event reports as handled.
fn handled_by(event: &Event) -> Vec<(Option<String>, String)> {
    match event {
        Event::StepFailed { error, handled: true, .. }
        | Event::BodyEnded { error: Some(error), .. } => vec![step_and_code(error)],
        Event::ItemsEnded { results, .. } => {
            let failures = results.iter().filter_map(|result| match result {
                BodyResult::Failed(error) => Some(step_and_code(error)),
                BodyResult::Completed(_) => None,
            });
            failures.collect()
        }
        _ => Vec::new(),
    }
}

/// A rerun remembers which steps were bypassed: the steps after those continue.
pub(super) fn check_reused(ended: &Execution, rerun: &RerunSource) {
    for (id, run) in ended.steps.iter() {
        let Some(compensated) = ended.compensated_run(&id) else { continue };
        if !matches!(run.state, StepState::Completed { .. }) {
            continue;
        }
        let inside = rerun.events.iter().any(|event| match event {
            Event::StepCompleted { step, .. } => *step == compensated,
            _ => false,
        });
        let is_reused = inside || rerun.steps.iter().any(|reused| reused.step == compensated);
        assert!(!is_reused, "what was undone is done again: {compensated:?}");
    }
    for reused in &rerun.steps {
        let is_bypassed = ended.steps.run(&reused.step).state.is_bypassed();
        let how = &reused.how;
        assert_eq!(is_bypassed, *how == ReusedOutcome::Bypassed, "as it was: {reused:?}");
    }
}
