//! Disables webhooks whose receivers fail for too long.

use std::time::Duration;

use stepwell_core::audit::AuditAction;
use stepwell_core::ids::WebhookId;
use stepwell_store::objects::ObjectBatch;
use stepwell_store::{Effects, StoreError};

use crate::Caller;
use crate::egress::url_origin;
use crate::objects::{self, Document, Object};
use crate::runtime::engine::Engine;
use crate::webhook::{Webhook, WebhookStatus};

/// How often a change is repeated because another one came first.
const ATTEMPTS: usize = 16;

/// Disables a webhook whose attempt just failed, if it has failed for too long or is `gone`.
pub(super) async fn disable_failing(engine: &Engine, webhook: WebhookId, gone: bool) {
    match disable_webhook(engine, webhook, gone).await {
        Ok(()) => {}
        // It was deleted meanwhile.
        Err(StoreError::Missing(_)) => {}
        // The next failure tries again.
        Err(error) => tracing::warn!(%webhook, %error, "a failing webhook cannot be disabled"),
    }
}

async fn disable_webhook(engine: &Engine, id: WebhookId, gone: bool) -> Result<(), StoreError> {
    for _ in 0..ATTEMPTS {
        match disable_once(engine, id, gone).await {
            Err(StoreError::Outdated(_)) => {}
            other => return other,
        }
    }
    Err(StoreError::Outdated(Webhook::KIND))
}

async fn disable_once(engine: &Engine, id: WebhookId, gone: bool) -> Result<(), StoreError> {
    let Some(webhook) = objects::find_object::<Webhook>(&*engine.store, id).await? else {
        return Ok(());
    };
    let Some(reason) = disable_reason(engine, &webhook, gone).await? else { return Ok(()) };
    let status = WebhookStatus::Disabled { reason: reason.clone() };
    let caller = Caller::internal_to(webhook.workspace);
    let entry = engine.audit_entry(&caller, AuditAction::WebhookDisabled, id);
    let effects = Effects::with_audit(entry.named(url_origin(&webhook.document.url)));
    let after = webhook.next(engine.now(), Webhook { status, ..webhook.document.clone() });
    engine.store.write_objects(ObjectBatch::put(after.to_stored()?, effects)).await?;
    tracing::warn!(webhook = %id, reason, "a webhook is disabled");
    engine.subscriptions.read(&*engine.store).await
}

async fn disable_reason(
    engine: &Engine,
    webhook: &Object<Webhook>,
    gone: bool,
) -> Result<Option<String>, StoreError> {
    if webhook.document.status != WebhookStatus::Active {
        return Ok(None);
    }
    if gone {
        return Ok(Some("the receiver returned 410 Gone".into()));
    }
    let failing = engine.store.failing_since(vec![webhook.id.into()]).await?;
    let Some(since) = failing.into_iter().next().flatten() else { return Ok(None) };
    let patience = Duration::from_secs(engine.config().webhook_disable_seconds);
    let is_over = since.after(patience) <= engine.uncorrected_now();
    Ok(is_over.then(|| format!("every delivery since {since} failed")))
}
