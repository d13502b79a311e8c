//! Signatures of deliveries, by the Standard Webhooks specification.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use rand::RngExt;
use standardwebhooks::Webhook;
use stepwell_core::Timestamp;
use stepwell_core::ids::WorkspaceId;

/// The prefix of every secret.
const PREFIX: &str = "whsec_";

/// The size of a secret in bytes.
const BYTES: std::ops::RangeInclusive<usize> = 16..=64;

/// Accepts base64 with an irregular end, because some users invent secrets.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The name of the setting that has a workspace's signing secret.
pub(crate) fn setting_name(workspace: WorkspaceId) -> String {
    format!("webhook_secret/{workspace}")
}

/// A new signing secret: `whsec_` and 24 random bytes.
pub(crate) fn new_secret() -> String {
    let bytes: [u8; 24] = rand::rng().random();
    format!("{PREFIX}{}", BASE64_STANDARD.encode(bytes))
}

/// Checks a secret.
///
/// # Errors
/// The message has what to change.
pub(crate) fn check_secret(secret: &str) -> Result<(), String> {
    let bytes = decode_secret(secret)?.len();
    if BYTES.contains(&bytes) {
        return Ok(());
    }
    let (least, most) = (BYTES.start(), BYTES.end());
    Err(format!("must be {least} to {most} bytes long before base64, not {bytes}"))
}

/// The bytes of a secret.
fn decode_secret(secret: &str) -> Result<Vec<u8>, String> {
    let encoded = secret.strip_prefix(PREFIX).ok_or("must be `whsec_` followed by base64")?;
    LENIENT.decode(encoded).map_err(|error| format!("must be base64 after `whsec_`: {error}"))
}

/// The headers of a delivery, with a signature for each of the secrets.
///
/// # Errors
/// A stored secret is malformed.
pub(super) fn signature_headers(
    secrets: &[String],
    id: String,
    now: Timestamp,
    body: &str,
) -> Result<Vec<(String, String)>, String> {
    let seconds = now.as_millis().div_euclid(1000);
    let mut signatures = Vec::with_capacity(secrets.len());
    for secret in secrets {
        let signer = Webhook::from_bytes(decode_secret(secret)?).map_err(|e| e.to_string())?;
        signatures.push(signer.sign(&id, seconds, body.as_bytes()).map_err(|e| e.to_string())?);
    }
    Ok(vec![
        ("content-type".into(), "application/json".into()),
        ("webhook-id".into(), id),
        ("webhook-timestamp".into(), seconds.to_string()),
        ("webhook-signature".into(), signatures.join(" ")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_base64_of_some_length() {
        for (secret, good) in [
            ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", true),
            ("whsec_abcdefghijklmnopqrstuvwxyz", true),
            ("whsec_abcdefghijklmnopqrstuvwxyz==", true),
            ("whsec_", false),
            ("whsec_c2hvcnQ=", false),
            ("whsec_not base64, but long enough", false),
            ("C2FVsBQIhrscChlQIMV+b5sSYspob7oD", false),
            ("", false),
        ] {
            assert_eq!(check_secret(secret).is_ok(), good, "{secret}");
        }
        assert!(check_secret(&format!("whsec_{}", "A".repeat(200))).is_err());
        assert!(check_secret(&new_secret()).is_ok());
        assert_eq!(
            decode_secret("whsec_abcdefghijklmnopqrstuvwxyz"),
            decode_secret("whsec_abcdefghijklmnopqrstuvwxyz==")
        );
    }

    /// The example of the specification's own libraries.
    #[test]
    fn the_example_of_the_specification_is_signed() {
        let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".to_owned();
        let body = r#"{"email":"test@example.com","username":"test_user"}"#;
        let (id, at) =
            ("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", Timestamp::from_millis(1_649_367_553_000));
        let both = [secret, "whsec_b2xkb2xkb2xkb2xkb2xkb2xk".to_owned()];
        let headers = signature_headers(&both, id.to_owned(), at, body).unwrap();
        assert_eq!(headers[1].1, id);
        assert_eq!(headers[2].1, "1649367553");
        let (first, second) = headers[3].1.split_once(' ').unwrap();
        assert_eq!(first, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
        assert!(second.starts_with("v1,") && second != first);
    }
}
