//! Mocks: the results that steps have in a dry run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stepwell_core::catalog::StepAction;
use stepwell_core::definition::plan::{Plan, PlanStep};
use stepwell_core::definition::{did_you_mean, parse_duration};
use stepwell_core::execution::{AttemptError, ERROR_PORT, Failure, StepResult};
use stepwell_core::{MAX_VALUE_DEPTH, Map, Problem, Problems, nests_deeper};
use stepwell_steps::step_registry;

/// The most results of one mock.
const MAX_OUTCOMES: usize = 1_000;
/// The longest error code.
const MAX_CODE: usize = 100;

/// The mocks of a dry run, by step id or step run.
#[derive(Debug, Default)]
pub(super) struct Mocks(BTreeMap<String, StepMock>);

/// The results of a step, one for each call in order; the last one is repeated.
#[derive(Debug)]
struct StepMock {
    outcomes: Vec<MockOutcome>,
    /// How many calls there were.
    calls: usize,
}

/// The result of one call.
#[derive(Debug, Clone)]
pub(super) struct MockOutcome {
    /// Its result.
    pub(super) result: Result<StepResult, AttemptError>,
    /// How long it takes by the simulated clock.
    pub(super) duration: Duration,
}

impl Mocks {
    /// Reads mocks: `{STEP: {output}}`, `{STEP: {error: {code, message}}}`, or a list of these.
    ///
    /// # Errors
    /// Every problem, with its path from `mocks`.
    pub(super) fn read(mocks: &Map, plan: &Plan) -> Result<Self, Problems> {
        let mut reader = MockReader { plan, problems: Problems::default() };
        let mut read = BTreeMap::new();
        for (name, value) in mocks {
            let path = format!("mocks.{name}");
            if let Some(step) = reader.find_step(name, &path)
                && let Some(outcomes) = reader.read_outcomes(value, &path, step)
            {
                read.insert(name.clone(), StepMock { outcomes, calls: 0 });
            }
        }
        reader.problems.or_ok(Self(read))
    }

    /// The result of the next call of a step run: that of its mock, or of the mock of its step.
    pub(super) fn next_outcome(&mut self, run: &str, step: &str) -> Option<MockOutcome> {
        let name = if self.0.contains_key(run) { run } else { step };
        let mock = self.0.get_mut(name)?;
        let at = mock.calls.min(mock.outcomes.len().saturating_sub(1));
        mock.calls = mock.calls.saturating_add(1);
        mock.outcomes.get(at).cloned()
    }
}

struct MockReader<'p> {
    plan: &'p Plan,
    problems: Problems,
}

impl<'p> MockReader<'p> {
    fn refuse(&mut self, path: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(path, message));
    }

    /// The step that a name refers to: its id, or the written form of a step run.
    fn find_step(&mut self, name: &str, path: &str) -> Option<&'p PlanStep> {
        let plan = self.plan;
        let (around, id) = name.rsplit_once('.').unwrap_or(("", name));
        let Some(step) = plan.by_id.get(id).map(|index| &plan[*index]) else {
            let hint = did_you_mean(id, plan.by_id.keys().map(String::as_str));
            self.refuse(path, format!("there is no step `{}`{hint}", shorten(id)));
            return None;
        };
        if !around.is_empty() && !is_run_of(around, step, plan) {
            let mut form = String::new();
            for block in &step.enclosing {
                form.push_str(&format!("{}[0].", plan[*block].id));
            }
            let message = format!("is no run of the step; write `{id}` or `{form}{id}`");
            self.refuse(path, message);
            return None;
        }
        match step.action {
            StepAction::Run
            | StepAction::SubWorkflow
            | StepAction::WaitForSignal
            | StepAction::Approval => Some(step),
            StepAction::Block => {
                self.refuse(path, "is a block and runs without a mock; mock the steps in it");
                None
            }
            StepAction::Delay | StepAction::WaitUntil => {
                self.refuse(path, "needs no mock: the time of a dry run is simulated");
                None
            }
            StepAction::SetState | StepAction::Merge | StepAction::Fail | StepAction::Stop => {
                self.refuse(path, "is control flow, which runs as it is; it needs no mock");
                None
            }
        }
    }

    fn read_outcomes(
        &mut self,
        value: &Value,
        path: &str,
        step: &PlanStep,
    ) -> Option<Vec<MockOutcome>> {
        let Value::Array(items) = value else {
            return Some(vec![self.read_outcome(value, path, step)?]);
        };
        if items.is_empty() || items.len() > MAX_OUTCOMES {
            let message = format!("a list of results must have 1 to {MAX_OUTCOMES}");
            self.refuse(path, message);
            return None;
        }
        let read = |(at, item)| self.read_outcome(item, &format!("{path}[{at}]"), step);
        items.iter().enumerate().map(read).collect()
    }

    fn read_outcome(&mut self, value: &Value, path: &str, step: &PlanStep) -> Option<MockOutcome> {
        const FORM: &str = "write {\"output\": …} or {\"error\": {\"code\": …, \"message\": …}}";
        let Value::Object(fields) = value else {
            self.refuse(path, format!("must be an object or a list of objects; {FORM}"));
            return None;
        };
        let known = ["output", "port", "error", "duration"];
        for field in fields.keys().filter(|field| !known.contains(&field.as_str())) {
            let hint = did_you_mean(field, known);
            let field = shorten(field);
            self.refuse(&format!("{path}.{field}"), format!("there is no field `{field}`{hint}"));
        }
        let duration = self.read_duration(fields, path)?;
        let result = match (fields.get("output"), fields.get("error")) {
            (Some(output), None) => Ok(self.read_output(output, fields, path, step)?),
            (None, Some(error)) => Err(self.read_error(error, &format!("{path}.error"))?),
            (None, None) | (Some(_), Some(_)) => {
                self.refuse(path, format!("needs either `output` or `error`; {FORM}"));
                return None;
            }
        };
        Some(MockOutcome { result, duration })
    }

    fn read_duration(&mut self, fields: &Map, path: &str) -> Option<Duration> {
        match fields.get("duration").map(parse_duration) {
            None => Some(Duration::ZERO),
            Some(Ok(duration)) => Some(duration),
            Some(Err(message)) => {
                self.refuse(&format!("{path}.duration"), message);
                None
            }
        }
    }

    fn read_output(
        &mut self,
        output: &Value,
        fields: &Map,
        path: &str,
        step: &PlanStep,
    ) -> Option<StepResult> {
        if nests_deeper(output, MAX_VALUE_DEPTH) {
            let message = format!("is nested deeper than {MAX_VALUE_DEPTH} levels");
            self.refuse(&format!("{path}.output"), message);
            return None;
        }
        let port = match fields.get("port") {
            None | Some(Value::Null) if step.action == StepAction::Approval => {
                self.refuse(path, "needs a `port`, `approved` or `rejected`: the decision");
                return None;
            }
            None | Some(Value::Null) => None,
            Some(port) => Some(self.read_port(port, &format!("{path}.port"), step)?),
        };
        Some(StepResult { output: Arc::new(output.clone()), port })
    }

    fn read_port(&mut self, port: &Value, path: &str, step: &PlanStep) -> Option<String> {
        use stepwell_core::catalog::StepCatalog as _;
        let spec = step_registry().find_type(step.type_name);
        let ports = spec.map_or(&[][..], |spec| spec.ports);
        match port.as_str() {
            Some(name) if ports.contains(&name) => Some(name.to_owned()),
            Some(ERROR_PORT) => {
                self.refuse(path, "the port `error` is left by an `error`, not by an `output`");
                None
            }
            _ if ports.is_empty() => {
                self.refuse(path, format!("`{}` has no such port; omit it", step.type_name));
                None
            }
            _ => {
                self.refuse(path, format!("must be one of {}", ports.join(", ")));
                None
            }
        }
    }

    fn read_error(&mut self, error: &Value, path: &str) -> Option<AttemptError> {
        let Value::Object(fields) = error else {
            self.refuse(path, "must be an object with `code` and `message`");
            return None;
        };
        let known = ["code", "message", "details", "retryable"];
        for field in fields.keys().filter(|field| !known.contains(&field.as_str())) {
            let hint = did_you_mean(field, known);
            let field = shorten(field);
            self.refuse(&format!("{path}.{field}"), format!("there is no field `{field}`{hint}"));
        }
        let code = fields.get("code").and_then(Value::as_str);
        let Some(code) = code.filter(|code| (1..=MAX_CODE).contains(&code.len())) else {
            let message = format!("must be a text of 1 to {MAX_CODE} bytes, such as HTTP_STATUS");
            self.refuse(&format!("{path}.code"), message);
            return None;
        };
        let message = match fields.get("message") {
            None | Some(Value::Null) => "failed by a mock",
            Some(Value::String(message)) => message,
            Some(_) => {
                self.refuse(&format!("{path}.message"), "must be a text");
                return None;
            }
        };
        let retryable = match fields.get("retryable") {
            None | Some(Value::Null) => true,
            Some(Value::Bool(retryable)) => *retryable,
            Some(_) => {
                self.refuse(&format!("{path}.retryable"), "must be true or false");
                return None;
            }
        };
        let details = fields.get("details").cloned().unwrap_or_default();
        let failure = Failure { details, ..Failure::new(code, message) };
        Some(AttemptError { failure, retryable, retry_after: None })
    }
}

/// Whether `orders[3].lines[0]` are iterations of the blocks that repeat the step.
fn is_run_of(around: &str, step: &PlanStep, plan: &Plan) -> bool {
    let mut parts = around.split('.');
    let fits = step.enclosing.iter().all(|block| {
        let part = parts.next().and_then(|part| part.strip_suffix(']')?.split_once('['));
        part.is_some_and(|(id, index)| id == plan[*block].id && index.parse::<u32>().is_ok())
    });
    fits && parts.next().is_none()
}

fn shorten(text: &str) -> String {
    text.chars().take(64).collect()
}
