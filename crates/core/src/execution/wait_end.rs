//! The end of the wait of a `Delay`, from its configuration.

use serde_json::Value;

use crate::Timestamp;
use crate::definition::parse_duration;
use crate::definition::plan::PlanStep;

/// When a wait that begins now ends.
pub(super) fn wait_end(config: &Value, now: Timestamp) -> Result<Timestamp, String> {
    if let Some(text) = config.get("until") {
        let parsed = text.as_str().and_then(Timestamp::parse);
        return parsed.ok_or_else(|| {
            format!("config.until: {text} is not an RFC 3339 time such as 2026-01-31T09:00:00Z")
        });
    }
    let length = config.get("for").unwrap_or(&Value::Null);
    match parse_duration(length) {
        Ok(duration) => Ok(now.after(duration)),
        Err(message) => Err(format!("config.for: {message}")),
    }
}

/// Whether a wait until `until` ends at the point in time that the configuration names.
pub(super) fn is_for_moment(config: &Value, until: Timestamp) -> bool {
    config.get("until").is_some() && wait_end(config, until) == Ok(until)
}

/// Whether the step's timeout shortened the wait that ends at `until`.
pub(super) fn is_cut_short(planned: &PlanStep, config: &Value, until: Timestamp) -> bool {
    let Some(timeout) = planned.timeout else { return false };
    if config.get("until").is_some() {
        return wait_end(config, until).is_ok_and(|wanted| wanted > until);
    }
    let length = parse_duration(config.get("for").unwrap_or(&Value::Null));
    length.is_ok_and(|length| length > timeout)
}
