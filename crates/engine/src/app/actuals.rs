//! Actuals: feedback on the outputs of executions.

use serde_json::Value;
use stepwell_core::execution::Execution;
use stepwell_core::ids::{ActualId, ExecutionId, WorkflowId};
use stepwell_core::json::same_number;
use stepwell_core::{Map, Problem, Timestamp};
use stepwell_store::record::{ActualRecord, ExecutionRecord, QualityRow};

use super::App;
use crate::caller::Verb;
use crate::runtime::engine::new_uuid;
use crate::runtime::journals::JournalRef;
use crate::{AppError, Caller};

/// Feedback on one output.
#[derive(Debug, Clone)]
pub struct NewActual {
    /// Its place in the request: `actuals[0]`.
    pub place: String,
    /// The execution.
    pub execution: ExecutionId,
    /// The output's name.
    pub output: String,
    /// How good it was, 0 to 1.
    pub quality: Option<f64>,
    /// The desired output.
    pub desired: Option<Value>,
    /// The user's own labels.
    pub metadata: Map,
    /// When it was given; `None`: now.
    pub at: Option<Timestamp>,
}

impl App {
    /// Stores feedback, all or none. Scope `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound` for an execution; `InvalidRequest` for one that has no such output.
    pub async fn submit_actuals(
        &self,
        caller: &Caller,
        actuals: Vec<NewActual>,
    ) -> Result<(), AppError> {
        let now = self.engine.now();
        let mut records = Vec::with_capacity(actuals.len());
        let mut known: Option<(JournalRef, Execution)> = None;
        for actual in actuals {
            let found =
                match known.take().filter(|(journal, _)| journal.record.id == actual.execution) {
                    Some(same) => same,
                    None => self.replayed(caller, Verb::Execute, None, actual.execution).await?,
                };
            records.push(actual_record(actual, &found.0.record, &found.1, now)?);
            known = Some(found);
        }
        Ok(self.engine.store.add_actuals(records).await?)
    }

    /// The names of the outputs that an execution has or, if declared, will have.
    /// Scope `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn output_names(
        &self,
        caller: &Caller,
        id: ExecutionId,
    ) -> Result<(WorkflowId, Vec<String>), AppError> {
        let (journal, execution) = self.replayed(caller, Verb::Execute, None, id).await?;
        Ok((journal.record.workflow, output_names(&execution)))
    }

    /// The feedback on an execution, oldest first. Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn actuals(
        &self,
        caller: &Caller,
        id: ExecutionId,
    ) -> Result<Vec<ActualRecord>, AppError> {
        self.record(caller, Verb::Read, None, id).await?;
        Ok(self.engine.store.list_actuals(id).await?)
    }

    /// The feedback on a workflow, aggregated by release and tag. Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn quality(
        &self,
        caller: &Caller,
        id: WorkflowId,
    ) -> Result<Vec<QualityRow>, AppError> {
        self.find_with_history(caller, id).await?;
        Ok(self.engine.store.quality(id).await?)
    }
}

fn actual_record(
    actual: NewActual,
    of: &ExecutionRecord,
    execution: &Execution,
    now: Timestamp,
) -> Result<ActualRecord, AppError> {
    let NewActual { place, execution: id, output, quality, desired, metadata, at } = actual;
    let names = output_names(execution);
    if !names.contains(&output) {
        let message = match names.as_slice() {
            [] => format!("there is no output `{output}`: the execution has none"),
            names => format!("there is no output `{output}`; the outputs are {}", names.join(", ")),
        };
        let problem = Problem::new(format!("{place}.output_key"), message);
        return Err(AppError::InvalidRequest(problem));
    }
    if quality.is_some_and(|quality| !(0.0..=1.0).contains(&quality)) {
        let problem = Problem::new(format!("{place}.quality"), "must be from 0 to 1");
        return Err(AppError::InvalidRequest(problem));
    }
    let actual = execution.output.as_deref().and_then(|all| all.get(&output).or(Some(all)));
    let is_equal = |desired| actual.is_some_and(|actual| values_equal(desired, actual));
    let matched = desired.as_ref().map(is_equal);
    Ok(ActualRecord {
        id: ActualId::from_uuid(new_uuid()),
        execution: id,
        workflow: of.workflow,
        release: of.release,
        tag: execution.tag.clone(),
        output,
        quality,
        desired,
        matched,
        metadata,
        at: at.unwrap_or(now),
        created_at: now,
    })
}

/// The declared outputs; without, the properties of an object, or `output` for any other value.
fn output_names(execution: &Execution) -> Vec<String> {
    let declared = &execution.origin.plan.outputs;
    if !declared.is_empty() {
        return declared.iter().map(|output| output.name.clone()).collect();
    }
    match execution.output.as_deref() {
        Some(Value::Object(fields)) => fields.keys().cloned().collect(),
        Some(_) => vec!["output".to_owned()],
        None => Vec::new(),
    }
}

/// Whether two values are equal; `3` and `3.0` are the same number.
fn values_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => same_number(a, b),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| values_equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(k, a)| b.get(k).is_some_and(|b| values_equal(a, b)))
        }
        _ => one == other,
    }
}
