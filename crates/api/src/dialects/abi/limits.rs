//! Limits in this dialect's bodies: `tier` and `rate_limits`, of keys and of workspaces.

use serde_json::Value;
use stepwell_core::Problem;
use stepwell_core::rate::{RateLimits, RateTier};

use super::wire;
use crate::error::shortened;
use crate::json::{Fields, type_name};

/// Reads both fields; `None` where neither is there. What is wrong is noted in `fields`.
pub fn read(fields: &mut Fields) -> Option<RateLimits> {
    let tier = fields.text("tier").and_then(|text| {
        let tier = RateTier::ALL.into_iter().find(|tier| tier.name() == text);
        if tier.is_none() {
            let known = RateTier::ALL.map(RateTier::name).join(", ");
            let shown = shortened(&text);
            let message = format!("there is no tier `{shown}`; the tiers are {known}");
            fields.push(Problem::new("tier", message));
        }
        tier
    });
    let custom = fields.object("rate_limits").map(|mut given| {
        let mut take = |name: &str| number(name, given.shift_remove(name), fields);
        let limits = RateLimits {
            tier: None,
            executions_per_second: take("executions_per_second"),
            requests_per_minute: take("requests_per_minute"),
            concurrent_executions: take("concurrent_executions"),
        };
        for name in given.keys() {
            let shown = shortened(name);
            let message = "there is no such limit; the limits are executions_per_second, \
                           requests_per_minute, concurrent_executions";
            fields.push(Problem::new(format!("rate_limits.{shown}"), message));
        }
        limits
    });
    if tier.is_none() && custom.is_none() {
        return None;
    }
    RateLimits::choose_limits(tier, custom).map_err(|problem| fields.push(problem)).ok()
}

/// A limit that is there and not null; its range is not for this place to know.
fn number(name: &str, value: Option<Value>, fields: &mut Fields) -> Option<u32> {
    let value = value.filter(|value| !value.is_null())?;
    if let Some(whole) = value.as_u64() {
        return Some(u32::try_from(whole).unwrap_or(u32::MAX));
    }
    let problem = Problem::new(format!("rate_limits.{name}"), "must be a whole number, at least 1");
    let found = match &value {
        Value::Number(number) => number.to_string(),
        other => type_name(other).to_owned(),
    };
    fields.push(problem.with_expectation("integer", found));
    None
}

/// Both fields, as they are shown.
pub fn write(limits: &RateLimits) -> (Option<&'static str>, wire::RateLimits) {
    let RateLimits { tier, executions_per_second, requests_per_minute, concurrent_executions } =
        *limits;
    let limits =
        wire::RateLimits { executions_per_second, requests_per_minute, concurrent_executions };
    (tier.map(RateTier::name), limits)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_fields_are_read_or_every_problem_told() {
        let read = |body| {
            let mut fields = Fields::of(body).unwrap();
            let limits = super::read(&mut fields);
            fields.finish().map(|()| limits).map_err(|error| {
                error.details().iter().map(|problem| problem.path.clone()).collect::<Vec<_>>()
            })
        };
        assert_eq!(read(json!({})), Ok(None));
        assert_eq!(read(json!({"rate_limits": {}})), Ok(Some(RateLimits::NONE)));
        let standard = RateLimits::choose_limits(Some(RateTier::Standard), None).unwrap();
        assert_eq!(read(json!({"tier": "standard"})), Ok(Some(standard)));
        let own = json!({"rate_limits": {"requests_per_minute": 9, "concurrent_executions": null}});
        let limits = RateLimits { requests_per_minute: Some(9), ..RateLimits::NONE };
        assert_eq!(read(own), Ok(Some(limits)));
        for (body, path) in [
            (json!({"tier": "gold"}), "tier"),
            (json!({"tier": 1}), "tier"),
            (json!({"rate_limits": 5}), "rate_limits"),
            (json!({"tier": "standard", "rate_limits": {}}), "rate_limits"),
            (json!({"rate_limits": {"per_day": 5}}), "rate_limits.per_day"),
            (
                json!({"rate_limits": {"requests_per_minute": 1.5}}),
                "rate_limits.requests_per_minute",
            ),
            (
                json!({"rate_limits": {"requests_per_minute": -1}}),
                "rate_limits.requests_per_minute",
            ),
            (json!({"rate_limits": {"requests_per_minute": 0}}), "rate_limits.requests_per_minute"),
            (
                json!({"rate_limits": {"concurrent_executions": 99_999_999_999u64}}),
                "rate_limits.concurrent_executions",
            ),
            (
                json!({"rate_limits": {"executions_per_second": "5"}}),
                "rate_limits.executions_per_second",
            ),
        ] {
            assert_eq!(read(body.clone()), Err(vec![path.to_owned()]), "{body}");
        }
    }
}
