//! The audit log where no request is: what the server itself does, and how long it is kept.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stepwell_core::TopicFilter;
use stepwell_core::audit::AuditAction;
use stepwell_core::ids::{SubjectId, WorkspaceId};
use stepwell_engine::EngineConfig;
use stepwell_engine::app::{Deletion, NewWebhook};
use stepwell_store::audit::{Actor, AuditFilter};
use stepwell_store::lists::List;
use stepwell_store::memory::MemoryStore;

use crate::receiver::Receiver;
use crate::simulated::{RuntimeClock, Simulated, at};
use crate::support::{Bench, PATIENCE, config, with_input};

#[tokio::test]
async fn the_server_notes_what_it_does_itself() {
    let receiver = Receiver::start(&[410]).await;
    let bench = Bench::new().await;
    let new = NewWebhook {
        url: receiver.url.clone(),
        topics: TopicFilter::Every,
        secret: None,
        description: None,
    };
    let hook = bench.app.create_webhook(&bench.caller, new).await.unwrap().record.id;
    bench.app.test_webhook(&bench.caller, hook).await.unwrap();
    let action = Some(AuditAction::WebhookDisabled);
    let list = List::first_page(AuditFilter { action, ..AuditFilter::default() }, 1);
    let looking = async {
        loop {
            let page = bench.app.audit_log(&bench.caller, None, list.clone()).await.unwrap();
            if let Some(entry) = page.items.into_iter().next() {
                return entry;
            }
            tokio::task::yield_now().await;
        }
    };
    let entry = tokio::time::timeout(PATIENCE, looking).await.expect("in time");
    assert_eq!(entry.actor, Actor::System);
    assert_eq!(entry.object.map(|object| object.id), Some(SubjectId::from(hook)));
    assert_eq!(entry.origin, Default::default());
    let name = entry.object_name.unwrap();
    assert!(receiver.url.starts_with(&name) && !name.contains("/hook"), "{name}");
}

#[tokio::test]
async fn a_deletion_that_cancels_notes_each_execution() {
    let bench = Bench::new().await;
    let workflow = bench.steps(json!([{"type": "Delay", "config": {"for": "1h"}}])).await;
    for _ in 0..3 {
        bench.app.execute(&bench.caller, workflow, with_input(json!({}))).durable().await.unwrap();
    }
    let deletion = Deletion { cancel_running: true, ..Deletion::default() };
    bench.app.delete_workflow(&bench.caller, workflow, deletion).await.unwrap();
    let all = List::first_page(AuditFilter::default(), 100);
    let found = bench.store.list_audit(WorkspaceId::DEFAULT, all).await.unwrap().items;
    let actions: Vec<_> = found.iter().map(|entry| entry.action.name()).collect();
    assert_eq!(
        actions,
        [
            "execution.cancelled",
            "execution.cancelled",
            "execution.cancelled",
            "workflow.deleted",
            "workflow.created"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn entries_are_kept_for_the_configured_time() {
    let now = "2026-05-02T00:00:00Z";
    for (seconds, left) in [(0, 1), (3600, 0)] {
        let config = EngineConfig { audit_retention_seconds: seconds, ..config() };
        let bench =
            Simulated::over(Arc::new(MemoryStore::new()), RuntimeClock::from(at(now)), config)
                .await;
        bench.quick().await;
        let count = async || {
            let all = List::first_page(AuditFilter::default(), 100);
            bench.store.list_audit(WorkspaceId::DEFAULT, all).await.unwrap().items.len()
        };
        tokio::time::sleep(Duration::from_secs(3500)).await;
        assert_eq!(count().await, 1, "{seconds}");
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert_eq!(count().await, left, "{seconds}");
    }
}
