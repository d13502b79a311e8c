//! The attempts of steps: they begin, take their places, end, and their results arrive.

use stepwell_core::execution::BlockProgress;

use super::*;

/// An evaluation that the runtime has begun.
pub struct PendingEvaluation {
    step: Option<StepRunId>,
    progress: Option<BlockProgress>,
    /// The number of events of its block until then.
    events: usize,
}

impl World {
    pub(super) fn begin(&mut self, attempt: AttemptId) {
        let step = &attempt.step_run;
        let stored = self.journal.iter().chain(&self.uncommitted).rev();
        let mut last = stored.filter_map(|recorded| match &recorded.event {
            Event::StepCheckpoint { step: of, value } if of == step => Some(value),
            _ => None,
        });
        let run = self.live.steps.run(step);
        // The rest of the transition may have cancelled it already.
        if run.state == (StepState::Running { attempt: attempt.attempt }) {
            assert_eq!(run.checkpoint.as_ref(), last.next(), "it continues from its checkpoint");
        }
        assert!(!self.recorded.contains(step), "a step with a recorded result runs again");
        assert!(!self.under_way.contains(&attempt), "one attempt at a time");
        let planned = &self.plan[step.step];
        let repeatable = planned.repeat_after_crash;
        if planned.effect == Effect::External {
            // The barrier: what was decided is durable before an external effect.
            self.commit();
            let times = self.begun.entry(attempt.clone()).or_default();
            *times += 1;
            assert!(repeatable || *times == 1, "an attempt that must not be repeated was");
        }
        self.under_way.push(attempt);
    }

    /// A worker stores its progress; of one that is over, it is refused.
    pub(super) fn store_checkpoint(&mut self) {
        let over = self.in_flight.iter().map(|(attempt, _)| attempt.clone());
        let attempts: Vec<AttemptId> = self.under_way.iter().cloned().chain(over).collect();
        if attempts.is_empty() {
            return;
        }
        let attempt = self.rng.pick(&attempts).clone();
        let value = Arc::new(json!(self.events));
        self.try_input(TransitionInput::StepCheckpoint { attempt, value });
    }

    /// A place is free: an attempt gets it, or does not want it any more.
    pub(super) fn take_some_place(&mut self) {
        if !self.places.is_empty() {
            let attempt = self.places.remove(self.rng.below(self.places.len()));
            self.try_input(TransitionInput::PlaceTaken(attempt));
        }
    }

    pub(super) fn finish_some_attempt(&mut self) {
        if self.under_way.is_empty() {
            return;
        }
        let attempt = self.under_way.remove(self.rng.below(self.under_way.len()));
        let result = if self.rng.chance(60) { Ok(self.done(&attempt)) } else { Err(self.fault()) };
        self.in_flight.push((attempt, result));
    }

    pub(super) fn done(&mut self, attempt: &AttemptId) -> StepResult {
        let ports = [None, None, None, Some("left".to_owned()), Some("right".to_owned())];
        StepResult {
            output: Arc::new(json!({"output_of": attempt.step_run})),
            port: self.rng.pick(&ports).clone(),
        }
    }

    pub(super) fn fault(&mut self) -> AttemptError {
        let code = *self.rng.pick(&["SIMULATED", "SIMULATED", "BUSY"]);
        AttemptError {
            failure: Failure::new(code, "simulated"),
            retryable: self.rng.chance(80),
            retry_after: self.rng.chance(20).then_some(Duration::from_secs(7)),
        }
    }

    /// A result arrives: any, in any order, maybe not for the last time.
    pub(super) fn deliver_some_result(&mut self) {
        if self.in_flight.is_empty() {
            return;
        }
        let index = self.rng.below(self.in_flight.len());
        let (attempt, result) = match self.rng.chance(20) {
            true => self.in_flight[index].clone(),
            false => self.in_flight.remove(index),
        };
        // After a crash the same attempt may be worked on anew; whichever result comes first counts.
        if self.apply_input(TransitionInput::StepEnded { attempt: attempt.clone(), result }).is_ok()
        {
            self.under_way.retain(|under_way| *under_way != attempt);
        }
    }

    /// The runtime evaluates what was left to it, or gives that up.
    pub(super) fn evaluate_some(&mut self) {
        if let Some(step) = self.continued.pop() {
            return self.try_input(TransitionInput::Continue { step });
        }
        if self.evaluations.is_empty() {
            return;
        }
        let index = self.rng.below(self.evaluations.len());
        let PendingEvaluation { step, progress, events } = self.evaluations.remove(index);
        if self.rng.chance(10) {
            let failure = Failure::new("SIMULATED", "given up");
            let input = TransitionInput::EvaluationFailed { step: step.clone(), progress, failure };
            let before = self.count_events(step.as_ref());
            let is_block = self.live.block_progress(step.as_ref()).is_some();
            if self.apply_input(input).is_ok() && is_block {
                assert_eq!(before, events, "a block fails for an evaluation that is over");
            }
            return;
        }
        if self.apply_input(TransitionInput::Evaluate { step: step.clone() })
            == Err(TransitionError::Interrupted)
        {
            self.begin_evaluation(step);
        }
    }

    /// The runtime begins to evaluate something.
    pub(super) fn begin_evaluation(&mut self, step: Option<StepRunId>) {
        let progress = self.live.block_progress(step.as_ref());
        let events = self.count_events(step.as_ref());
        self.evaluations.push(PendingEvaluation { step, progress, events });
    }

    /// The number of events by which a block started or a body of it ended.
    fn count_events(&self, block: Option<&StepRunId>) -> usize {
        let is_about_it = |recorded: &&RecordedEvent| match &recorded.event {
            Event::StepStarted { step, .. }
            | Event::BodyEnded { step, .. }
            | Event::ItemsEnded { step, .. } => Some(step) == block,
            _ => false,
        };
        self.journal.iter().chain(&self.uncommitted).filter(is_about_it).count()
    }
}
