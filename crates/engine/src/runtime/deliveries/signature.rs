//! Signing deliveries by the Standard Webhooks specification.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rand::RngExt;
use standardwebhooks::Webhook;
use stepwell_core::Timestamp;
use stepwell_core::ids::{DeliveryId, WorkspaceId};

/// The name under which a workspace's signing secret is kept.
pub(crate) fn setting_name(workspace: WorkspaceId) -> String {
    format!("webhook_secret/{workspace}")
}

/// A new signing secret: `whsec_` and 24 random bytes.
pub(crate) fn new_secret() -> String {
    let bytes: [u8; 24] = rand::rng().random();
    format!("whsec_{}", BASE64_STANDARD.encode(bytes))
}

/// The headers that prove where a delivery comes from.
///
/// # Errors
/// The stored secret is malformed.
pub(super) fn headers(
    secret: &str,
    id: DeliveryId,
    now: Timestamp,
    body: &str,
) -> Result<Vec<(String, String)>, String> {
    let seconds = now.as_millis().div_euclid(1000);
    let id = id.dataflow();
    let webhook = Webhook::new(secret).map_err(|e| e.to_string())?;
    let signature = webhook.sign(&id, seconds, body.as_bytes()).map_err(|e| e.to_string())?;
    Ok(vec![
        ("content-type".into(), "application/json".into()),
        ("webhook-id".into(), id),
        ("webhook-timestamp".into(), seconds.to_string()),
        ("webhook-signature".into(), signature),
    ])
}
