//! Disables webhooks whose receivers fail for too long.

use std::time::Duration;

use stepwell_core::audit::AuditAction;
use stepwell_core::ids::WebhookId;
use stepwell_store::webhooks::{UpdateWebhook, WebhookRecord, WebhookStatus};
use stepwell_store::{Effects, StoreError};

use crate::Caller;
use crate::egress::origin;
use crate::runtime::engine::Engine;

/// How often a change is repeated because another one came first.
const ATTEMPTS: usize = 16;

/// Disables a webhook whose attempt just failed, if it has failed for too long or is `gone`.
pub(super) async fn disable_failing(engine: &Engine, webhook: WebhookId, gone: bool) {
    match disable(engine, webhook, gone).await {
        Ok(()) => {}
        // It was deleted meanwhile.
        Err(StoreError::Missing(_)) => {}
        // The next failure tries again.
        Err(error) => tracing::warn!(%webhook, %error, "a failing webhook cannot be disabled"),
    }
}

async fn disable(engine: &Engine, id: WebhookId, gone: bool) -> Result<(), StoreError> {
    for _ in 0..ATTEMPTS {
        match disable_once(engine, id, gone).await {
            Err(StoreError::Outdated(_)) => {}
            other => return other,
        }
    }
    Err(StoreError::Outdated("the webhook"))
}

async fn disable_once(engine: &Engine, id: WebhookId, gone: bool) -> Result<(), StoreError> {
    let Some(webhook) = engine.store.find_webhook(id).await? else { return Ok(()) };
    let Some(reason) = reason(engine, &webhook, gone) else { return Ok(()) };
    let status = WebhookStatus::Disabled { reason: reason.clone() };
    let caller = Caller::internal_to(webhook.workspace);
    let note =
        engine.audit_entry(&caller, AuditAction::WebhookDisabled, id).named(origin(&webhook.url));
    let after = WebhookRecord { status, ..webhook.clone() };
    let update = UpdateWebhook::of(&webhook, after, engine.now(), Effects::with_audit(note));
    engine.store.update_webhook(update).await?;
    tracing::warn!(webhook = %id, reason, "a webhook is disabled");
    engine.hooks.read(&*engine.store).await
}

fn reason(engine: &Engine, webhook: &WebhookRecord, gone: bool) -> Option<String> {
    if webhook.status != WebhookStatus::Active {
        return None;
    }
    if gone {
        return Some("the receiver returned 410 Gone".into());
    }
    let since = webhook.failing_since?;
    let patience = Duration::from_secs(engine.config.webhook_disable_seconds);
    (since.after(patience) <= engine.uncorrected_now())
        .then(|| format!("every delivery since {since} failed"))
}
