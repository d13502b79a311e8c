//! Sub-workflows: steps that start executions and wait for their ends.

use std::time::Duration;

use serde_json::{Value, json};
use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_core::rate::RateLimits;
use stepwell_engine::app::{CreateWorkspace, Deletion, Expected, Start};
use stepwell_engine::view::{ExecutionView, Notice, NoticeKind, WaitReason};
use stepwell_engine::{Caller, EngineConfig};
use stepwell_store::lists::{ExecutionFilter, List};
use stepwell_store::record::ExecutionRecord;

use crate::support::{Bench, PATIENCE, config};

/// Executions leave memory at once.
pub fn without_stay() -> EngineConfig {
    EngineConfig { keep_in_memory_millis: 0, ..config() }
}

impl Bench {
    /// A workflow of that name.
    pub async fn named(&self, name: &str, steps: Value) -> WorkflowId {
        self.create(json!({"name": name, "steps": steps})).await
    }

    /// The executions that steps of an execution started, oldest first.
    pub async fn children(&self, parent: ExecutionId) -> Vec<ExecutionRecord> {
        let filter = ExecutionFilter { parent: Some(parent), ..ExecutionFilter::default() };
        let list = List::first_page(filter, 10_000);
        let workspace = self.caller.workspace;
        let mut found = self.store.list_executions(workspace, list).await.unwrap().items;
        found.reverse();
        found
    }

    /// Waits until an execution waits for so many sub-workflows.
    pub async fn awaiting(&self, id: ExecutionId, count: usize) -> ExecutionView {
        let all_started = async {
            loop {
                let view = self.app.execution(&self.caller, None, id).await.unwrap();
                let waits = |reason| reason == Some(WaitReason::SubWorkflow);
                let waiting =
                    view.steps.iter().filter(|s| waits(s.waiting.as_ref().map(|w| w.reason)));
                if waiting.count() == count {
                    return view;
                }
                let mut follow =
                    self.app.follow(&self.caller, None, id, view.record.seq).await.unwrap();
                assert!(follow.next().await.unwrap().is_some(), "it ended: {:?}", view.error);
            }
        };
        tokio::time::timeout(PATIENCE, all_started).await.expect("in time")
    }

    /// Waits until so many sub-workflows of an execution are stored.
    pub async fn stored_children(&self, parent: ExecutionId, count: usize) -> Vec<ExecutionRecord> {
        let all_stored = async {
            loop {
                let children = self.children(parent).await;
                if children.len() == count {
                    return children;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, all_stored).await.expect("in time")
    }

    async fn failure(&self, steps: Value) -> (String, Value) {
        let workflow = self.steps(steps).await;
        let view = self.wait(workflow, json!({})).await.unwrap();
        let error = view.error.expect("it fails");
        (error.code, error.details)
    }
}

pub fn slow() -> Value {
    json!([{"type": "Delay", "config": {"for": "1h"}}])
}

pub fn call(name: &str) -> Value {
    json!([{"id": "call", "type": "SubWorkflow", "workflow": name}])
}

#[tokio::test]
async fn the_output_of_a_sub_workflow_is_that_of_the_step() {
    let bench = Bench::new().await;
    let upper =
        json!([{"id": "up", "type": "TextOperation.Uppercase", "input": "{{ inputs.text }}"}]);
    let child = bench.named("upper", upper).await;
    let workflow = bench
        .steps(json!([
            {"id": "call", "type": "SubWorkflow", "workflow": "upper", "input": {"text": "{{ inputs.t }}"}},
            {"id": "after", "type": "TextOperation.Reverse", "input": "{{ steps.call.output.text }}"},
        ]))
        .await;
    let view = bench.wait(workflow, json!({"t": "abc"})).await.unwrap();
    assert_eq!(*view.output.unwrap(), json!({"text": "CBA"}));
    let link = view.steps[0].child.clone().unwrap();
    assert_eq!((link.workflow, link.release), (child, 1));
    let children = bench.children(view.record.id).await;
    assert_eq!(children.len(), 1);
    let parent = children[0].parent.clone().unwrap();
    assert_eq!((parent.execution, parent.step.as_str()), (view.record.id, "call"));
    assert_eq!(children[0].id, link.execution);
    assert_eq!(children[0].status, Status::Completed);
    assert_eq!(bench.store.list_messages(view.record.id, 9).await.unwrap(), []);
}

#[tokio::test]
async fn a_sub_workflow_by_id_release_or_tag() {
    let bench = Bench::new().await;
    let text = |text: &str| json!({"name": "child", "steps": [{"type": "StaticTextInput", "input": text}]});
    let child = bench.create(text("one")).await;
    let tags = ["stable".to_owned()];
    bench.app.add_release(&bench.caller, child, text("two"), &tags).await.unwrap();
    bench.app.add_release(&bench.caller, child, text("three"), &[]).await.unwrap();
    for (fields, expected) in [
        (json!({"workflow": "child"}), "three"),
        (json!({"workflow": child.dataflow()}), "three"),
        (json!({"workflow": child.abi(), "release": 1}), "one"),
        (json!({"workflow": "{{ 'child' }}", "release_tag": "stable"}), "two"),
        (json!({"workflow": "child", "release_tag": "LATEST"}), "three"),
    ] {
        let mut step = fields.clone();
        step["type"] = json!("SubWorkflow");
        let workflow = bench.steps(json!([step])).await;
        let view = bench.wait(workflow, json!({})).await.unwrap();
        assert_eq!(view.output.as_deref(), Some(&json!({"text": expected})), "{fields}");
    }
}

#[tokio::test]
async fn why_a_sub_workflow_cannot_start() {
    let bench = Bench::new().await;
    let needs = json!({"name": "needs", "inputs": {"n": "integer"}, "steps": [{"type": "Echo"}]});
    bench.create(needs).await;
    let idle = bench.named("idle", json!([{"type": "Echo"}])).await;
    bench.app.set_active(&bench.caller, idle, false, Expected::Any).await.unwrap();
    let gone = bench.named("gone", json!([{"type": "Echo"}])).await;
    bench.app.delete_workflow(&bench.caller, gone, Deletion::default()).await.unwrap();
    for (fields, expected) in [
        (json!({"workflow": "nothing"}), "SUB_WORKFLOW_NOT_FOUND"),
        (json!({"workflow": "gone"}), "SUB_WORKFLOW_NOT_FOUND"),
        (json!({"workflow": gone.dataflow()}), "SUB_WORKFLOW_NOT_FOUND"),
        (json!({"workflow": "idle"}), "SUB_WORKFLOW_INACTIVE"),
        (json!({"workflow": "needs", "release": 7}), "SUB_WORKFLOW_RELEASE_NOT_FOUND"),
        (json!({"workflow": "needs", "release_tag": "x"}), "SUB_WORKFLOW_RELEASE_NOT_FOUND"),
        (json!({"workflow": "needs", "input": {"n": "x"}}), "INVALID_STEP_INPUT"),
    ] {
        let mut step = fields.clone();
        step["type"] = json!("SubWorkflow");
        let (code, _) = bench.failure(json!([step])).await;
        assert_eq!(code, expected, "{fields}");
    }
}

#[tokio::test]
async fn only_workflows_of_the_same_workspace_are_found() {
    let bench = Bench::new().await;
    let limits = RateLimits::NONE;
    let workspace = CreateWorkspace { name: "other".into(), limits, idempotency: None };
    let other = bench.app.create_workspace(&bench.caller, workspace).await.unwrap();
    let child = bench.named("private", json!([{"type": "Echo"}])).await;
    let caller = Caller { workspace: other, ..bench.caller.clone() };
    let bench = Bench { caller, ..bench };
    for name in ["private".to_owned(), child.dataflow(), child.to_string()] {
        let (code, _) = bench.failure(call(&name)).await;
        assert_eq!(code, "SUB_WORKFLOW_NOT_FOUND", "{name}");
    }
}

#[tokio::test]
async fn a_failed_sub_workflow_fails_the_step_with_its_code() {
    let bench = Bench::new().await;
    let fails = json!([{"id": "no", "type": "Fail", "config": {"code": "NO_STOCK", "message": "sold out"}}]);
    bench.named("fails", fails).await;
    let workflow = bench
        .steps(json!([{"id": "call", "type": "SubWorkflow", "workflow": "fails",
            "retry": {"max_attempts": 2, "initial": 0.01}}]))
        .await;
    let view = bench.wait(workflow, json!({})).await.unwrap();
    let error = view.error.unwrap();
    assert_eq!(error.code, "NO_STOCK");
    assert_eq!(error.message, "the sub-workflow failed: sold out");
    let children = bench.children(view.record.id).await;
    assert_eq!(children.len(), 2, "each attempt has its own");
    let last = children[1].id.dataflow();
    assert_eq!(error.details, json!({"execution_id": last, "step": "no"}));

    bench.named("slow", slow()).await;
    let workflow = bench.steps(call("slow")).await;
    let id = bench.execute(workflow, json!({})).await;
    bench.awaiting(id, 1).await;
    let child = bench.stored_children(id, 1).await[0].id;
    bench.app.cancel(&bench.caller, None, child, Some("not needed".into())).await.unwrap();
    let error = bench.ended(id).await.error.unwrap();
    assert_eq!(error.code, "SUB_WORKFLOW_CANCELLED");
    assert!(error.message.ends_with("cancelled: not needed"), "{}", error.message);
}

#[tokio::test]
async fn a_step_that_does_not_wait_completes_at_once() {
    let bench = Bench::new().await;
    bench.named("slow", slow()).await;
    let workflow =
        bench.steps(json!([{"type": "SubWorkflow", "workflow": "slow", "wait": false}])).await;
    let view = bench.wait(workflow, json!({})).await.unwrap();
    let child = &bench.children(view.record.id).await[0];
    let expected = json!({"execution_id": child.id.dataflow(),
        "workflow_id": child.workflow.abi(), "release": 1});
    assert_eq!(*view.output.unwrap(), expected);
    assert!(!child.status.is_final(), "it continues alone");
    bench.app.cancel(&bench.caller, None, child.id, None).await.unwrap();
}

#[tokio::test]
async fn a_timeout_of_the_step_cancels_its_sub_workflow() {
    let bench = Bench::new().await;
    bench.named("slow", slow()).await;
    let steps = json!([{"id": "call", "type": "SubWorkflow", "workflow": "slow", "timeout": 0.05}]);
    let workflow = bench.steps(steps).await;
    let view = bench.wait(workflow, json!({})).await.unwrap();
    assert_eq!(view.error.unwrap().code, "STEP_TIMEOUT");
    let child = bench.children(view.record.id).await[0].id;
    assert_eq!(bench.ended(child).await.record.status, Status::Cancelled);

    // The same by the timeout of the execution.
    let workflow = bench.steps(call("slow")).await;
    let start = bench.app.execute(&bench.caller, workflow, Start::default());
    let view = start.wait_within(Duration::from_millis(300)).await.unwrap();
    assert_eq!(view.record.status, Status::TimedOut);
    let child = bench.children(view.record.id).await[0].id;
    assert_eq!(bench.ended(child).await.record.status, Status::Cancelled);
}

#[tokio::test]
async fn what_is_not_needed_any_more_is_cancelled() {
    let bench = Bench::new().await;
    bench.named("slow", slow()).await;
    let workflow = bench
        .steps(json!([{"type": "Parallel", "join": "any", "cancel_rest": true, "branches": {
            "quick": [{"type": "Delay", "config": {"for": 0.2}}], "slow": call("slow")}}]))
        .await;
    let view = bench.wait(workflow, json!({})).await.unwrap();
    assert_eq!(view.record.status, Status::Completed);
    let child = bench.children(view.record.id).await[0].id;
    assert_eq!(bench.ended(child).await.record.status, Status::Cancelled);
}

#[tokio::test]
async fn pause_and_resume_flow_down() {
    let bench = Bench::with(without_stay()).await;
    bench.named("leaf", json!([{"type": "Delay", "config": {"for": 0.4}}])).await;
    bench.named("middle", call("leaf")).await;
    let workflow = bench.steps(call("middle")).await;
    let id = bench.execute(workflow, json!({})).await;
    bench.awaiting(id, 1).await;
    let middle = bench.stored_children(id, 1).await[0].id;
    bench.awaiting(middle, 1).await;
    let leaf = bench.stored_children(middle, 1).await[0].id;
    bench.app.pause(&bench.caller, None, id).await.unwrap();
    let is = |wanted| move |n: &Notice| matches!(n.kind, NoticeKind::Status { status, .. } if status == wanted);
    bench.until(middle, is(Status::Paused)).await;
    bench.until(leaf, is(Status::Paused)).await;
    bench.app.resume(&bench.caller, None, id).await.unwrap();
    assert_eq!(bench.ended(id).await.record.status, Status::Completed);
    assert_eq!(bench.ended(leaf).await.record.status, Status::Completed);
}

#[tokio::test]
async fn a_workflow_that_starts_itself_ends_with_a_clear_code() {
    let bench = Bench::with(EngineConfig { max_active: 3, ..without_stay() }).await;
    let workflow = bench.named("endless", call("endless")).await;
    let view = bench.wait(workflow, json!({})).await.unwrap();
    let error = view.error.unwrap();
    assert_eq!(error.code, "SUB_WORKFLOW_DEPTH");
    let list = List::first_page(ExecutionFilter::default(), 100);
    let all = bench.store.list_executions(bench.caller.workspace, list).await.unwrap().items;
    assert_eq!(all.len(), 17, "16 are below the first");
    assert!(all.iter().all(|record| record.status == Status::Failed));
}

/// Executions that wait give up their places, so those below them can run.
#[tokio::test]
async fn waiting_executions_take_no_places() {
    let bench = Bench::with(EngineConfig { max_active: 1, ..config() }).await;
    bench.named("leaf", json!([{"type": "Echo", "input": "{{ inputs.n }}"}])).await;
    let inner = json!([{"id": "call", "type": "SubWorkflow", "workflow": "leaf", "input": {"n": "{{ inputs.n }}"}}]);
    bench.named("middle", inner).await;
    let map = json!([{"type": "Map", "over": [1, 2, 3], "steps": [
        {"id": "call", "type": "SubWorkflow", "workflow": "middle", "input": {"n": "{{ item }}"}}]}]);
    let workflow = bench.steps(map).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(bench.execute(workflow, json!({})).await);
    }
    for id in ids {
        let view = bench.ended(id).await;
        assert_eq!(view.output.as_deref(), Some(&json!([1, 2, 3])), "{:?}", view.error);
    }
}

#[tokio::test]
async fn a_map_over_sub_workflows_respects_its_concurrency() {
    let bench = Bench::new().await;
    let child = json!([{"type": "Delay", "config": {"for": 0.05}, "input": "{{ inputs.n }}"}]);
    bench.named("child", child).await;
    let map = json!([{"id": "all", "type": "Map", "over": "{{ inputs.list }}", "max_concurrency": 4,
        "steps": [{"id": "call", "type": "SubWorkflow", "workflow": "child", "input": {"n": "{{ item }}"}}]}]);
    let workflow = bench.steps(map).await;
    let list: Vec<u32> = (0..20).collect();
    let view = bench.wait(workflow, json!({"list": list})).await.unwrap();
    assert_eq!(*view.output.unwrap(), json!(list), "in the order of the items");
    let mut times = Vec::new();
    for child in bench.children(view.record.id).await {
        let name = child.parent.unwrap().step;
        assert!(name.starts_with("all[") && name.ends_with("].call"), "{name}");
        times.push((child.created_at, 1));
        times.push((child.ended_at.unwrap(), -1));
    }
    times.sort_unstable();
    let running = times.iter().scan(0, |running, (_, change)| {
        *running += change;
        Some(*running)
    });
    assert_eq!(running.max(), Some(4));
}
