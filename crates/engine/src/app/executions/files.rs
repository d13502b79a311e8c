//! The files of executions: the results of maps with `collect: file`, read from the journal.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use stepwell_core::definition::SharedPlan;
use stepwell_core::execution::named_step_run::NamedStepRun;
use stepwell_core::execution::{BodyResult, ItemFile, ItemFiles, ItemLine, StepRunId};
use stepwell_core::ids::ExecutionId;
use stepwell_core::memory::value_bytes;

use crate::app::App;
use crate::caller::Verb;
use crate::memory::{PATIENCE, Reservation};
use crate::runtime::engine::Engine;
use crate::runtime::stored::{JournalParts, PART_MEMORY};
use crate::{AppError, Caller};

/// A file of an execution as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    /// Its name: the step that wrote it, with the iterations that it is in.
    pub name: String,
    /// What it has.
    pub file: ItemFile,
}

/// The results of items in one part of a journal, by the position of the item.
type PartResults = BTreeMap<u32, BodyResult>;

/// The parts whose results are kept while a file is read: items end nearly in their order.
const KEPT_PARTS: usize = 8;

/// The size of the text that is returned at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// In no part.
const NO_PART: u32 = u32::MAX;

/// Reads a file, in the order of the items, with bounded memory.
pub struct FileReader {
    engine: Arc<Engine>,
    execution: ExecutionId,
    plan: SharedPlan,
    block: StepRunId,
    /// The sequence numbers with which the parts of the journal begin.
    parts: Vec<u64>,
    /// In which part the result of each item is.
    part_of: Vec<u32>,
    /// The next item.
    next: usize,
    /// The results that were read and not returned yet, of the parts that were read last.
    results: VecDeque<(u32, PartResults)>,
    memory: Reservation,
}

impl App {
    /// The files of an execution, in the order of their steps. Scope `read:workflows` or
    /// `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn execution_files(
        &self,
        caller: &Caller,
        id: ExecutionId,
    ) -> Result<Vec<ListedFile>, AppError> {
        let record = self.record(caller, Verb::Read, None, id).await?;
        let plan = self.plan_of(&record).await?;
        if !plan.writes_files {
            return Ok(Vec::new());
        }
        let _memory = self.engine.memory.reserve(PART_MEMORY, PATIENCE).await?;
        let mut files = ItemFiles::new(&plan);
        let mut parts = JournalParts::new(&self.engine, id, 1);
        while let Some(part) = parts.next().await? {
            part.events.iter().for_each(|event| files.read_event(&event.event, &mut |_| {}));
        }
        Ok(files.list().map(|(name, file)| ListedFile { name, file: file.clone() }).collect())
    }

    /// Opens a file of an execution. Scope `read:workflows` or `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if the step that writes it has not ended.
    pub async fn open_file(
        &self,
        caller: &Caller,
        id: ExecutionId,
        name: &str,
    ) -> Result<FileReader, AppError> {
        let record = self.record(caller, Verb::Read, None, id).await?;
        let plan = self.plan_of(&record).await?;
        let block = plan.writes_files.then(|| NamedStepRun::find(&plan, name).ok()).flatten();
        let block = block
            .filter(|named| named.iteration.is_none() && plan.writes_file(named.step_run.step));
        let Some(NamedStepRun { step_run: block, .. }) = block else {
            return Err(AppError::not_found("file", name));
        };
        let memory = self.engine.memory.reserve(PART_MEMORY, PATIENCE).await?;
        let mut reader = FileReader {
            engine: self.engine.clone(),
            execution: id,
            plan,
            block,
            parts: Vec::new(),
            part_of: Vec::new(),
            next: 0,
            results: VecDeque::new(),
            memory,
        };
        match reader.find_items().await? {
            Some(file) if file.is_closed => Ok(reader),
            None if record.status.is_final() => Err(AppError::not_found("file", name)),
            // Its step may not have started yet.
            Some(_) | None => Err(AppError::Conflict(format!(
                "the file `{name}` is not complete; read it when its step has ended"
            ))),
        }
    }
}

impl FileReader {
    /// Finds the part of the journal in which the result of each item is.
    async fn find_items(&mut self) -> Result<Option<ItemFile>, AppError> {
        let (plan, block) = (self.plan.clone(), self.block.clone());
        let mut files = ItemFiles::new(&plan);
        let mut parts = JournalParts::new(&self.engine, self.execution, 1);
        loop {
            let first = parts.first();
            let Some(part) = parts.next().await? else { break };
            let number = u32::try_from(self.parts.len()).unwrap_or(NO_PART);
            self.parts.push(first);
            for recorded in &part.events {
                files.read_event(&recorded.event, &mut |found| {
                    if *found.block != block {
                        return;
                    }
                    let index = found.index as usize;
                    if self.part_of.len() <= index {
                        self.part_of.resize(index + 1, NO_PART);
                    }
                    self.part_of[index] = number;
                });
            }
        }
        Ok(files.find(&block).cloned())
    }

    /// The next lines; `None` after the last one.
    ///
    /// # Errors
    /// The store could not be read, or the execution was deleted meanwhile.
    pub async fn next_chunk(&mut self) -> Result<Option<String>, AppError> {
        let mut text = String::new();
        while text.len() < CHUNK_BYTES && self.next < self.part_of.len() {
            let index = u32::try_from(self.next).unwrap_or(u32::MAX);
            let part = self.part_of[self.next];
            self.next += 1;
            if part == NO_PART {
                continue;
            }
            let result = match self.take_result(part, index) {
                Some(result) => result,
                None => {
                    self.load_part(part).await?;
                    self.take_result(part, index).ok_or_else(|| {
                        AppError::not_found("execution", self.execution.dataflow())
                    })?
                }
            };
            text.push_str(&ItemLine::new(index, &result).text());
        }
        Ok((!text.is_empty()).then_some(text))
    }

    fn take_result(&mut self, part: u32, index: u32) -> Option<BodyResult> {
        let kept = self.results.iter_mut().find(|(number, _)| *number == part);
        kept.and_then(|(_, results)| results.remove(&index))
    }

    /// Reads the results of a part that were not returned yet.
    async fn load_part(&mut self, number: u32) -> Result<(), AppError> {
        self.results.retain(|(kept, results)| *kept != number && !results.is_empty());
        if self.results.len() >= KEPT_PARTS {
            self.results.pop_front();
        }
        let Some(&first) = self.parts.get(number as usize) else { return Ok(()) };
        let part = JournalParts::new(&self.engine, self.execution, first).next().await?;
        let (plan, block) = (self.plan.clone(), self.block.clone());
        let mut files = ItemFiles::new(&plan);
        let mut results = PartResults::new();
        for recorded in part.iter().flat_map(|part| &part.events) {
            files.read_event(&recorded.event, &mut |found| {
                let is_due = found.index as usize + 1 >= self.next;
                if *found.block == block && is_due {
                    results.insert(found.index, found.result.clone().into_owned());
                }
            });
        }
        self.results.push_back((number, results));
        let kept = self.results.iter().flat_map(|(_, results)| results.values());
        let bytes: usize = kept.map(result_bytes).sum();
        self.memory.resize(PART_MEMORY.max(bytes + size_of_val(&*self.part_of)));
        Ok(())
    }
}

fn result_bytes(result: &BodyResult) -> usize {
    match result {
        BodyResult::Completed(output) => value_bytes(output),
        BodyResult::Failed(error) => error.message.len() + value_bytes(&error.details),
    }
}
