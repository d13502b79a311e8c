//! Approvals: durable waits for the decisions of people.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use stepwell_core::execution::{Status, Verdict};
use stepwell_core::ids::ExecutionId;
use stepwell_engine::AppError;
use stepwell_engine::app::{ApprovalFilter, Delegation, NewApprovalLink, NewVote};
use stepwell_engine::approval::{Approval, ApprovalStatus};
use stepwell_engine::objects::Object;
use stepwell_engine::view::{NoticeKind, StepStatus};
use stepwell_store::lists::List;
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};

use crate::support::{Bench, PATIENCE, config};

fn vote(approver: &str, verdict: Verdict) -> NewVote {
    let data = Arc::new(json!({"by": approver}));
    NewVote { approver: Some(approver.into()), verdict, comment: None, data }
}

fn approval(config: &Value) -> Value {
    let mut settings = json!({"title": "Refund {{ inputs.amount }} EUR"});
    for (name, value) in config.as_object().unwrap() {
        settings[name] = value.clone();
    }
    json!([
        {"id": "check", "type": "Approval", "config": settings},
        {"id": "pay", "type": "Echo", "after": ["check.approved"], "input": "paid"},
        {"id": "report", "type": "Echo", "after": ["check.rejected"], "input": "refused"},
    ])
}

impl Bench {
    /// The approvals of an execution, when there are as many.
    async fn approvals_of(&self, id: ExecutionId) -> Vec<Object<Approval>> {
        let filter = ApprovalFilter { execution: Some(id), ..ApprovalFilter::default() };
        let list = List::first_page(filter, 10);
        self.app.approvals(&self.caller, list).await.unwrap().items
    }

    /// Starts an execution and returns it with its approval, once it is stored.
    async fn requested(&self, steps: Value) -> (ExecutionId, Object<Approval>) {
        let source = json!({"name": "refund", "inputs": {"amount": "number"}, "steps": steps});
        let workflow = self.create(source).await;
        let id = self.execute(workflow, json!({"amount": 25})).await;
        self.until(id, |notice| {
            matches!(&notice.kind, NoticeKind::Step { step, .. } if step.status == StepStatus::Waiting)
        })
        .await;
        let found = async {
            loop {
                if let Some(approval) = self.approvals_of(id).await.pop() {
                    return approval;
                }
                tokio::task::yield_now().await;
            }
        };
        (id, tokio::time::timeout(PATIENCE, found).await.expect("in time"))
    }

    async fn output_of(&self, id: ExecutionId) -> Value {
        let view = self.ended(id).await;
        assert_eq!(view.record.status, Status::Completed, "{:?}", view.error);
        Value::clone(&view.output.unwrap())
    }
}

#[tokio::test]
async fn a_quorum_of_approvers_approves() {
    let bench = Bench::new().await;
    let config = json!({"approvers": ["ada", "bob", "eve"], "quorum": 2});
    let (id, requested) = bench.requested(approval(&config)).await;
    assert_eq!(requested.document.title, "Refund 25 EUR");
    assert_eq!(requested.document.status, ApprovalStatus::Pending);
    let (app, caller, approval) = (&bench.app, &bench.caller, requested.id);
    let stranger = app.vote(caller, approval, vote("zoe", Verdict::Approve)).await;
    assert!(matches!(stranger, Err(AppError::NotPermitted(_))), "{stranger:?}");
    let first = app.vote(caller, approval, vote("ada", Verdict::Approve)).await.unwrap();
    assert_eq!(first.document.status, ApprovalStatus::Pending);
    let again = app.vote(caller, approval, vote("ada", Verdict::Approve)).await;
    assert!(matches!(again, Err(AppError::Conflict(_))), "{again:?}");
    let unnamed = NewVote { approver: None, ..vote("ada", Verdict::Approve) };
    let unnamed = app.vote(caller, approval, unnamed).await;
    assert!(matches!(unnamed, Err(AppError::InvalidRequest(_))), "{unnamed:?}");
    let delegation = Delegation { approver: Some("bob".into()), to: "zoe".into(), comment: None };
    let delegated = app.delegate_approval(caller, approval, delegation).await.unwrap();
    assert_eq!(delegated.document.approvers, ["ada", "zoe", "eve"]);
    let last = app.vote(caller, approval, vote("zoe", Verdict::Approve)).await.unwrap();
    assert_eq!(last.document.status, ApprovalStatus::Approved);
    assert_eq!(last.document.votes.len(), 2);
    assert_eq!(bench.output_of(id).await, json!({"pay": "paid"}));
    let view = app.execution(caller, None, id).await.unwrap();
    let output = view.steps[0].output.clone().unwrap();
    assert_eq!((&output["decision"], &output["timed_out"]), (&json!("approved"), &json!(false)));
    assert_eq!(output["data"], json!({"by": "zoe"}));
    let late = app.vote(caller, approval, vote("eve", Verdict::Reject)).await;
    assert!(matches!(late, Err(AppError::Conflict(_))), "{late:?}");
}

#[tokio::test]
async fn one_rejection_rejects_and_a_pause_delays_what_follows() {
    let bench = Bench::new().await;
    let (id, requested) = bench.requested(approval(&json!({"quorum": 2}))).await;
    let (app, caller) = (&bench.app, &bench.caller);
    app.pause(caller, None, id).await.unwrap();
    let voted = app.vote(caller, requested.id, vote("anyone", Verdict::Reject)).await.unwrap();
    assert_eq!(voted.document.status, ApprovalStatus::Pending, "until it is resumed");
    let other = app.vote(caller, requested.id, vote("other", Verdict::Approve)).await;
    assert!(matches!(other, Err(AppError::Conflict(_))), "{other:?}");
    app.resume(caller, None, id).await.unwrap();
    assert_eq!(bench.output_of(id).await, json!({"report": "refused"}));
    let now = app.approval(caller, requested.id).await.unwrap();
    assert_eq!(now.document.status, ApprovalStatus::Rejected);
}

#[tokio::test]
async fn a_cancelled_execution_cancels_its_approval() {
    let bench = Bench::new().await;
    let (id, requested) = bench.requested(approval(&json!({}))).await;
    bench.app.cancel(&bench.caller, None, id, None).await.unwrap();
    let now = bench.app.approval(&bench.caller, requested.id).await.unwrap();
    assert_eq!(now.document.status, ApprovalStatus::Cancelled);
    let late = bench.app.vote(&bench.caller, requested.id, vote("x", Verdict::Approve)).await;
    assert!(matches!(late, Err(AppError::Conflict(_))), "{late:?}");
}

#[tokio::test]
async fn the_timeout_decides_or_fails() {
    let bench = Bench::new().await;
    for (on_timeout, status, output) in [
        ("approve", Status::Completed, json!({"pay": "paid"})),
        ("reject", Status::Completed, json!({"report": "refused"})),
        ("fail", Status::Failed, json!(null)),
    ] {
        let mut steps = approval(&json!({"on_timeout": on_timeout}));
        steps[0]["timeout"] = json!("1s");
        let (id, requested) = bench.requested(steps).await;
        let view = bench.ended(id).await;
        assert_eq!(view.record.status, status, "{on_timeout}");
        assert_eq!(view.output.as_deref().cloned().unwrap_or_default(), output, "{on_timeout}");
        let now = bench.app.approval(&bench.caller, requested.id).await.unwrap();
        assert_eq!(now.document.status, ApprovalStatus::Expired);
        if status == Status::Failed {
            assert_eq!(view.error.unwrap().code, "APPROVAL_TIMEOUT");
        }
    }
}

#[tokio::test]
async fn reminders_and_escalations_are_recorded() {
    let bench = Bench::new().await;
    let config = json!({"approvers": ["ada"], "remind_every": "100ms",
        "escalate": {"after": "250ms", "to": ["boss"]}});
    let (id, requested) = bench.requested(approval(&config)).await;
    let escalated = async {
        loop {
            let now = bench.app.approval(&bench.caller, requested.id).await.unwrap();
            if now.document.approvers.len() == 2 && now.document.reminders >= 2 {
                return now;
            }
            tokio::task::yield_now().await;
        }
    };
    let now = tokio::time::timeout(PATIENCE, escalated).await.expect("in time");
    assert_eq!(now.document.approvers, ["ada", "boss"]);
    bench.app.vote(&bench.caller, requested.id, vote("boss", Verdict::Approve)).await.unwrap();
    assert_eq!(bench.output_of(id).await, json!({"pay": "paid"}));
}

#[tokio::test]
async fn the_data_of_an_approval_fit_its_form() {
    let bench = Bench::new().await;
    let form = json!({"type": "object", "required": ["account"],
        "properties": {"account": {"type": "string"}}});
    let (id, requested) = bench.requested(approval(&json!({"form": form}))).await;
    assert_eq!(requested.document.form.as_deref(), Some(&form));
    let wrong = bench.app.vote(&bench.caller, requested.id, vote("ada", Verdict::Approve)).await;
    match wrong {
        Err(AppError::InvalidObject { problems, .. }) => {
            assert!(problems.to_string().contains("account"), "{problems}");
        }
        other => panic!("{other:?}"),
    }
    let right =
        NewVote { data: Arc::new(json!({"account": "7"})), ..vote("ada", Verdict::Approve) };
    bench.app.vote(&bench.caller, requested.id, right).await.unwrap();
    assert_eq!(bench.output_of(id).await, json!({"pay": "paid"}));
}

#[tokio::test]
async fn a_link_is_for_one_vote_of_one_approver() {
    let bench = Bench::new().await;
    let (id, requested) =
        bench.requested(approval(&json!({"approvers": ["ada", "bob"], "quorum": 2}))).await;
    let (app, caller) = (&bench.app, &bench.caller);
    let new = NewApprovalLink { approver: Some("ada".into()), validity: None };
    let link = app.create_approval_link(caller, requested.id, new).await.unwrap();
    let (shown, approver) = app.approval_of_link(&link.token).await.unwrap();
    assert_eq!((shown.id, approver.as_str()), (requested.id, "ada"));
    // The vote is that of the approver of the link, not of the one that is named.
    let voted = app.vote_by_link(&link.token, vote("bob", Verdict::Approve)).await.unwrap();
    assert_eq!(voted.document.votes[0].approver, "ada");
    let again = app.vote_by_link(&link.token, vote("ada", Verdict::Approve)).await;
    assert!(matches!(again, Err(AppError::Conflict(_))), "{again:?}");
    let mut forged = link.token.clone();
    forged.replace_range(0..1, if forged.starts_with('A') { "B" } else { "A" });
    for token in [forged.as_str(), "", "a.b", "x"] {
        let refused = app.approval_of_link(token).await;
        assert!(matches!(refused, Err(AppError::NotFound { .. })), "{token}");
    }
    let new =
        NewApprovalLink { approver: Some("bob".into()), validity: Some(Duration::from_nanos(1)) };
    let expired = app.create_approval_link(caller, requested.id, new).await.unwrap();
    let refused = app.vote_by_link(&expired.token, vote("bob", Verdict::Approve)).await;
    assert!(matches!(refused, Err(AppError::NotFound { .. })), "{refused:?}");
    app.vote(caller, requested.id, vote("bob", Verdict::Approve)).await.unwrap();
    assert_eq!(bench.output_of(id).await, json!({"pay": "paid"}));
}

#[tokio::test]
async fn approvals_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stepwell.db");
    let open = || Arc::new(SqliteStore::open(&path, SqliteOptions::default()).unwrap());
    let bench = Bench::over(open(), config()).await;
    let config = json!({"approvers": ["ada", "bob"], "quorum": 2});
    let (id, requested) = bench.requested(approval(&config)).await;
    bench.app.vote(&bench.caller, requested.id, vote("ada", Verdict::Approve)).await.unwrap();
    let mut bench = bench.restart().await;
    for _ in 0..3 {
        bench = bench.restart().await;
    }
    let now = bench.app.approval(&bench.caller, requested.id).await.unwrap();
    assert_eq!((now.document.status, now.document.votes.len()), (ApprovalStatus::Pending, 1));
    bench.app.vote(&bench.caller, requested.id, vote("bob", Verdict::Approve)).await.unwrap();
    assert_eq!(bench.output_of(id).await, json!({"pay": "paid"}));
    let filter = ApprovalFilter { approver: Some("bob".into()), ..ApprovalFilter::default() };
    let found = bench.app.approvals(&bench.caller, List::first_page(filter, 5)).await.unwrap();
    assert_eq!(found.items.len(), 1);
    let filter = ApprovalFilter { status: Some(ApprovalStatus::Pending), ..Default::default() };
    let found = bench.app.approvals(&bench.caller, List::first_page(filter, 5)).await.unwrap();
    assert_eq!(found.items.len(), 0);
}
