//! Maps of pure steps: many items at a time on blocking threads, each with a copy of the execution.
//! Only their results are recorded; a crash repeats the items whose results were not.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use stepwell_core::execution::{
    AttemptError, AttemptId, BodyResult, Execution, Failure, ItemsRun, StepResult, StepRunId,
    TransitionInput, codes,
};
use stepwell_core::expr::{EvalBudget, EvalInterrupt};
use stepwell_core::faults;
use stepwell_core::memory::json_size;
use stepwell_steps::WorkingMemory;

use super::{Runner, StopReason};
use crate::memory::{MemoryShortage, PATIENCE, Reservation, SMALL};
use crate::runtime::commands::{StepAttempt, timed_out};
use crate::runtime::engine::Engine;
use crate::runtime::item_results::ItemResults;
use crate::runtime::registry::Message;
use crate::runtime::secrets::Secrets;
use crate::runtime::step_memory::StepMemory;

/// The number of items of the first chunk of an execution.
pub(super) const FIRST_CHUNK: u32 = 64;

/// The most items of a chunk.
const MAX_CHUNK: u32 = 4_000;

/// The time after which a thread runs no further items of its chunk, so that controls take effect
/// and results become durable.
const MAX_CHUNK_TIME: Duration = Duration::from_millis(50);

/// The size of results, as JSON text, after which a thread runs no further items of its chunk.
const MAX_CHUNK_BYTES: usize = 1 << 20;

/// Consecutive items that one thread runs.
struct ItemRange {
    copy: ItemsRun,
    first: u32,
    end: u32,
    engine: Arc<Engine>,
    secrets: Secrets,
    /// The memory reserved for the values of the execution.
    held: usize,
    /// Set when the results are not needed any more.
    stop: Arc<AtomicBool>,
}

/// The time limit of the step that a thread runs.
#[derive(Clone)]
struct StepDeadline {
    engine: Arc<Engine>,
    stop: Arc<AtomicBool>,
    /// When the step's timeout ends, in milliseconds of the monotonic clock.
    due: Arc<AtomicU64>,
}

/// Stops the threads of a chunk when its task ends or is aborted.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Runner {
    /// Starts a chunk of items, from `first` on.
    pub(super) async fn run_items(
        &mut self,
        step: StepRunId,
        first: u32,
    ) -> Result<(), StopReason> {
        let count = self.execution.chunked_items(&step).unwrap_or_default();
        // Those that were running while the execution was paused will report their results.
        if self.under_way.contains_key(&step) || first >= count {
            return Ok(());
        }
        if self.record.seq == 0 {
            self.commit().await?;
        }
        let wanted = self.chunk_length.min(count - first);
        let stop = Arc::new(AtomicBool::new(false));
        let ranges = self.item_ranges(&step, first, wanted, &stop);
        let sender = self.sender.clone();
        let engine = self.engine.clone();
        let block = step.clone();
        let task = tokio::spawn(async move {
            let _stop = StopOnDrop(stop);
            let began = engine.clocks().1;
            let ended = join_all(ranges.into_iter().map(ItemRange::run)).await;
            let took = engine.clocks().1.saturating_sub(began);
            let (mut results, mut memory) = (Vec::new(), Vec::new());
            for (range, wanted) in ended {
                let is_whole = range.results.len() == wanted;
                results.extend(range.results);
                memory.extend(range.memory);
                // Items behind a gap are run again.
                if !is_whole {
                    break;
                }
            }
            let message = ItemResults { step: block, first, wanted, results, took, memory };
            // If the runner has ended, the results are not needed.
            let _ = sender.send(Message::ItemsEnded(Box::new(message))).await;
        });
        self.under_way.insert(step, task.abort_handle());
        Ok(())
    }

    /// Divides a chunk among as many threads as are free, with a copy of the execution each.
    fn item_ranges(
        &self,
        step: &StepRunId,
        first: u32,
        count: u32,
        stop: &Arc<AtomicBool>,
    ) -> Vec<ItemRange> {
        let free = u32::try_from(self.engine.step_places.available_permits()).unwrap_or(1);
        let length = count.div_ceil(free.clamp(1, count.max(1)));
        let moment = self.engine.moment();
        let starts = (first..first + count).step_by(length as usize);
        let range = |start: u32| ItemRange {
            copy: self.execution.copy_for_items(step, moment),
            first: start,
            end: start.saturating_add(length).min(first + count),
            engine: self.engine.clone(),
            secrets: self.secrets.clone(),
            held: self.retained.bytes(),
            stop: stop.clone(),
        };
        starts.map(range).collect()
    }

    /// Takes the results of a chunk.
    pub(super) fn items_ended(&mut self, ended: ItemResults) {
        let ItemResults { step, first, wanted, mut results, took, memory } = ended;
        self.under_way.remove(&step);
        for reserved in memory {
            self.feed.memory().absorb(reserved);
        }
        let done = u32::try_from(results.len()).unwrap_or(u32::MAX);
        if done < wanted {
            self.chunk_length = done.max(1);
        } else if took < MAX_CHUNK_TIME / 4 {
            self.chunk_length = wanted.saturating_mul(2).clamp(FIRST_CHUNK, MAX_CHUNK);
        }
        let is_file = self.execution.origin.plan.writes_file(step.step);
        for result in &mut results {
            let BodyResult::Completed(output) = result else { continue };
            let bytes = json_size(output, usize::MAX);
            let exceeded = match is_file {
                true => self.exceeded_value_size(bytes),
                false => {
                    self.bytes += bytes;
                    self.exceeded_size()
                }
            };
            if let Some(text) = exceeded {
                *result = BodyResult::Failed(Failure::new(codes::VALUE_TOO_LARGE, text));
            }
        }
        self.apply_input(TransitionInput::ItemsEnded { step, first, results });
        self.resize_memory();
    }

    /// The error message if a result of a file is larger than a value may be.
    fn exceeded_value_size(&self, bytes: usize) -> Option<String> {
        let limit = self.engine.config().max_value_bytes;
        (bytes > limit).then(|| {
            format!("output: the result has {bytes} bytes, a value may have at most {limit}")
        })
    }
}

/// What one thread has done.
struct RangeEnd {
    results: Vec<BodyResult>,
    memory: Option<Reservation>,
}

impl ItemRange {
    /// Runs the items on a blocking thread, and returns their number too.
    async fn run(self) -> (RangeEnd, usize) {
        let wanted = (self.end - self.first) as usize;
        let budget = self.engine.memory.clone();
        let mut reserved = budget.empty_with_held(self.held);
        let place = self.engine.step_places.clone().acquire_owned().await;
        let grown = reserved.grow_to(SMALL, PATIENCE).await;
        let (Ok(place), Ok(())) = (place, &grown) else {
            let results = grown.err().map(|shortage| no_memory(&shortage)).into_iter().collect();
            return (RangeEnd { results, memory: None }, wanted);
        };
        let (memory, _attempt) = StepMemory::new(&budget, reserved);
        let work = tokio::task::spawn_blocking(move || {
            let _place = place;
            let given: Arc<dyn WorkingMemory> = memory.clone();
            let results = self.run_blocking(&given);
            RangeEnd { results, memory: Some(memory.take()) }
        });
        let ended =
            work.await.unwrap_or_else(|_| RangeEnd { results: vec![panicked()], memory: None });
        (ended, wanted)
    }

    fn run_blocking(mut self, memory: &Arc<dyn WorkingMemory>) -> Vec<BodyResult> {
        let deadline = StepDeadline {
            engine: self.engine.clone(),
            stop: self.stop.clone(),
            due: Arc::new(AtomicU64::new(0)),
        };
        let interrupt = deadline.interrupt();
        let began = self.engine.clocks().1;
        let mut bytes = 0;
        let mut results = Vec::new();
        for index in self.first..self.end {
            let is_late = self.engine.clocks().1.saturating_sub(began) > MAX_CHUNK_TIME;
            let is_enough = is_late || bytes > MAX_CHUNK_BYTES;
            if deadline.is_stopped() || is_enough && !results.is_empty() {
                break;
            }
            let limit = self.engine.config().step_timeout();
            deadline.begin(limit);
            let budget = EvalBudget::full_with_interrupt(interrupt.clone());
            let (engine, secrets, held) = (&self.engine, &self.secrets, self.held);
            let mut run_step = |execution: &Execution, id: &AttemptId| {
                let attempt = StepAttempt::prepare(engine, execution, secrets, id, held)?;
                run_attempt(&attempt, memory, &deadline, &interrupt)
            };
            let copy = &mut self.copy;
            let ended = catch_unwind(AssertUnwindSafe(|| {
                faults::hit("item");
                copy.run_item(index, budget, &mut run_step)
            }));
            let result = match ended {
                Ok(Ok(result)) => result,
                Ok(Err(_)) if deadline.is_stopped() => break,
                Ok(Err(_)) => BodyResult::Failed(timed_out(limit).failure),
                Err(_) => {
                    // The copy may be inconsistent after the panic.
                    results.push(panicked());
                    break;
                }
            };
            if let BodyResult::Completed(output) = &result {
                bytes += json_size(output, MAX_CHUNK_BYTES);
            }
            results.push(result);
        }
        results
    }
}

fn run_attempt(
    attempt: &StepAttempt,
    memory: &Arc<dyn WorkingMemory>,
    deadline: &StepDeadline,
    interrupt: &EvalInterrupt,
) -> Result<StepResult, AttemptError> {
    deadline.begin(attempt.timeout());
    let result = attempt.run_blocking(memory, interrupt);
    match deadline.is_over() {
        true if result.is_err() => Err(timed_out(attempt.timeout())),
        _ => result,
    }
}

impl StepDeadline {
    fn interrupt(&self) -> EvalInterrupt {
        let deadline = self.clone();
        EvalInterrupt::new(move || deadline.is_stopped() || deadline.is_over())
    }

    fn begin(&self, limit: Duration) {
        let due = self.engine.clocks().1.saturating_add(limit);
        self.due.store(u64::try_from(due.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.engine.clocks().1.as_millis() > u128::from(self.due.load(Ordering::Relaxed))
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

fn no_memory(shortage: &MemoryShortage) -> BodyResult {
    BodyResult::Failed(Failure::new(codes::MEMORY_SHORTAGE, shortage.to_string()))
}

fn panicked() -> BodyResult {
    let text = "the steps of an item panicked; this is a bug in Stepwell";
    BodyResult::Failed(Failure::new(codes::INTERNAL, text))
}
