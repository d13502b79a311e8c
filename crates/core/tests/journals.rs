//! Old journals are replayed for ever: each file of `journals/` is one as it was stored, and what
//! it must fold to. A file is never changed; new events get new files.
//!
//! The files of `recorded_journals/` were written by a server: a line with the definition, a line
//! for each event, byte for byte, and a line with the state that they fold to.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use stepwell_core::catalog::{Effect, StepAction, StepCatalog, StepSpec};
use stepwell_core::definition::{self, DefinitionLimits};
use stepwell_core::execution::{
    Execution, ExecutionOrigin, RecordedEvent, StepRun, StepState, TransitionContext,
    TransitionInput,
};
use stepwell_core::ids::{ExecutionId, WorkflowId};

struct Types(Vec<StepSpec>);

impl StepCatalog for Types {
    fn find_type(&self, name: &str) -> Option<&StepSpec> {
        self.0.iter().find(|spec| spec.name == name)
    }

    fn all_types(&self) -> Vec<&StepSpec> {
        self.0.iter().collect()
    }
}

fn types() -> Types {
    let spec = |name, action| StepSpec {
        name,
        aliases: &[],
        summary: "",
        doc: "",
        category: "Test",
        config: json!({}),
        input: json!({}),
        output: json!({}),
        default_input: None,
        default_output: None,
        check: None,
        check_input: None,
        is_source: false,
        effect: Effect::Pure,
        effect_of: None,
        action,
        block: None,
        sensitive: &["config"],
        ports: &["right"],
        examples: Vec::new(),
    };
    Types(vec![
        spec("Approval", StepAction::Approval),
        spec("Delay", StepAction::Delay),
        spec("Echo", StepAction::Run),
        spec("Fail", StepAction::Fail),
        spec("HttpRequest", StepAction::Run),
        spec("Run", StepAction::Run),
        spec("SetState", StepAction::SetState),
        spec("SubWorkflow", StepAction::SubWorkflow),
        spec("WaitForSignal", StepAction::WaitForSignal),
    ])
}

fn empty_execution(definition: &Value) -> Execution {
    let plan = definition::plan_source(definition, &types(), &DefinitionLimits::default());
    let (_, plan) = plan.unwrap_or_else(|problems| panic!("{problems}"));
    Execution::new(ExecutionOrigin {
        id: ExecutionId::from_uuid(uuid::Uuid::from_u128(1)),
        workflow: WorkflowId::from_uuid(uuid::Uuid::from_u128(2)),
        release: 1,
        plan: Arc::new(plan),
    })
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn replay(fixture: &Value) -> Execution {
    let mut execution = empty_execution(&fixture["definition"]);
    for stored in fixture["journal"].as_array().unwrap() {
        let recorded: RecordedEvent = serde_json::from_value(stored.clone()).unwrap();
        // What is written today reads as what was written then.
        let written = serde_json::to_value(&recorded).unwrap();
        assert_eq!(&written, stored);
        execution.apply_event(&recorded);
    }
    execution
}

fn run_summary(run: &StepRun) -> Value {
    let list = |value: &Option<Arc<Value>>| Value::from_iter(value.iter().map(|v| (**v).clone()));
    let mut summary = json!({
        "state": run.state.name(),
        "attempts": run.attempts,
        "input": list(&run.input),
        "config": list(&run.config),
    });
    if let Some(secrets) = &run.secrets {
        summary["secrets"] = json!(secrets);
    }
    match &run.state {
        StepState::Completed { output, port } => {
            summary["output"] = (**output).clone();
            if let Some(port) = port {
                summary["port"] = json!(port);
            }
        }
        StepState::Failed { error, .. } => summary["error"] = json!(error.code),
        _ => {}
    }
    summary
}

#[test]
fn stored_journals_fold_to_what_they_meant() {
    for file in files("journals") {
        let fixture: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let execution = replay(&fixture);
        let plan = &execution.origin.plan;
        let steps = plan.steps.iter().zip(execution.steps.iter());
        let mut found = json!({
            "status": execution.status().name(),
            "input": *execution.input,
            "output": execution.output.as_deref(),
            "error": execution.error,
            "state": execution.state,
            "steps": Value::from_iter(steps.map(|(step, (_, run))| (step.id.clone(), run_summary(run)))),
        });
        if let Some(variables) = &execution.variables {
            found["variables"] = Value::clone(variables);
        }
        assert_eq!(found, fixture["expect"], "{}", file.display());
    }
}

/// Everything that follows from an execution's journal.
fn whole_state(execution: &Execution) -> Value {
    let steps = execution.steps.iter().map(|(id, run)| {
        let more = match &run.state {
            StepState::Waiting { since, until } => json!({"since": since, "until": until}),
            StepState::Backoff { since, until, error, .. } => {
                json!({"since": since, "until": until, "error": error})
            }
            StepState::Failed { error, handled } => json!({"error": error, "handled": handled}),
            _ => Value::Null,
        };
        json!({
            "id": id.display_in(&execution.origin.plan).to_string(), "run": run_summary(run), "more": more, "started_at": run.started_at,
            "ended_at": run.ended_at, "reused": run.reused,
        })
    });
    json!({
        "status": execution.status().name(),
        "seq": execution.seq,
        "input": execution.input,
        "output": execution.output,
        "error": execution.error,
        "state": execution.state,
        "rerun_of": execution.rerun_of,
        "times": [execution.created_at, execution.next_wake()],
        "started_at": execution.started_at,
        "ended_at": execution.ended_at,
        "steps": Value::from_iter(steps),
    })
}

#[test]
fn recorded_journals_give_the_same_states_and_the_same_bytes() {
    for file in files("recorded_journals") {
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let [header, journal @ .., expected] = lines.as_slice() else { panic!("{file:?}") };
        let header: Value = serde_json::from_str(header).unwrap();
        let mut execution = empty_execution(&header["definition"]);
        for line in journal {
            let recorded: RecordedEvent = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&recorded).unwrap(), *line, "{}", file.display());
            execution.apply_event(&recorded);
        }
        let found = serde_json::to_string(&whole_state(&execution)).unwrap();
        assert_eq!(found, *expected, "{}", file.display());
    }
}

/// A journal of a version in which every step after a false condition was skipped, without its
/// end: the execution continues as it was decided then.
#[test]
fn an_old_execution_under_way_continues() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded_journals/skipped.jsonl");
    let text = fs::read_to_string(file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let header: Value = serde_json::from_str(lines[0]).unwrap();
    let mut execution = empty_execution(&header["definition"]);
    // Without the final event, and without the state that it folds to.
    for line in &lines[1..lines.len() - 2] {
        execution.apply_event(&serde_json::from_str(line).unwrap());
    }
    assert_eq!(execution.status().name(), "running");
    let now = execution.started_at.unwrap();
    let moment = TransitionContext { now, elapsed: std::time::Duration::ZERO, entropy: 0 };
    let decision = execution.advance(TransitionInput::Recover, moment).unwrap();
    let events: Vec<Value> =
        decision.events.iter().map(|event| serde_json::to_value(&event.event).unwrap()).collect();
    assert_eq!(events, [json!({"e": "recovered"}), json!({"e": "completed", "out": null})]);
}
