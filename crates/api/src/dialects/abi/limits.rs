//! Limits in this dialect's bodies: `tier` and `rate_limits`, of keys and of workspaces.

use serde::Serialize;
use serde_json::Value;
use stepwell_core::Problem;
use stepwell_core::rate::{RateLimits as Limits, RateTier};
use utoipa::ToSchema;

use crate::error::shorten_text;
use crate::fields::{FieldType, Fields};
use crate::json::type_name;

/// How much may be used; `null`: as much as one likes.
#[derive(Debug, Serialize, ToSchema)]
pub struct RateLimits {
    /// Executions started in a second, by whatever call.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub executions_per_second: Option<u32>,
    /// Requests in a minute.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub requests_per_minute: Option<u32>,
    /// Executions that are accepted and not ended.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub concurrent_executions: Option<u32>,
}

impl FieldType for RateLimits {
    fn read(fields: &mut Fields, name: &'static str) -> Option<Self> {
        let mut given = fields.object(name)?;
        let mut take = |limit: &str| read_number(limit, given.shift_remove(limit), fields);
        let limits = Self {
            executions_per_second: take("executions_per_second"),
            requests_per_minute: take("requests_per_minute"),
            concurrent_executions: take("concurrent_executions"),
        };
        for name in given.keys() {
            let shown = shorten_text(name);
            let message = "there is no such limit; the limits are executions_per_second, \
                           requests_per_minute, concurrent_executions";
            fields.push(Problem::new(format!("rate_limits.{shown}"), message));
        }
        Some(limits)
    }
}

/// The limits of both fields; `None` if neither is there. Problems are added to `fields`.
pub fn choose_limits(
    fields: &mut Fields,
    tier: Option<String>,
    limits: Option<RateLimits>,
) -> Option<Limits> {
    let tier = tier.and_then(|name| {
        let tier = RateTier::ALL.into_iter().find(|tier| tier.name() == name);
        if tier.is_none() {
            let known = RateTier::ALL.map(RateTier::name).join(", ");
            let shown = shorten_text(&name);
            let message = format!("there is no tier `{shown}`; the tiers are {known}");
            fields.push(Problem::new("tier", message));
        }
        tier
    });
    let custom = limits.map(|limits| {
        let RateLimits { executions_per_second, requests_per_minute, concurrent_executions } =
            limits;
        Limits { tier: None, executions_per_second, requests_per_minute, concurrent_executions }
    });
    if tier.is_none() && custom.is_none() {
        return None;
    }
    Limits::choose_limits(tier, custom).map_err(|problem| fields.push(problem)).ok()
}

/// A limit that is there and not null; its range is not for this place to know.
fn read_number(name: &str, value: Option<Value>, fields: &mut Fields) -> Option<u32> {
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
pub fn write_limits(limits: &Limits) -> (Option<&'static str>, RateLimits) {
    let Limits { tier, executions_per_second, requests_per_minute, concurrent_executions } =
        *limits;
    let limits = RateLimits { executions_per_second, requests_per_minute, concurrent_executions };
    (tier.map(RateTier::name), limits)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_fields_are_read_or_every_problem_reported() {
        let read = |body| {
            let mut fields = Fields::of(body).unwrap();
            let tier = fields.text("tier");
            let limits = FieldType::read(&mut fields, "rate_limits");
            let limits = choose_limits(&mut fields, tier, limits);
            fields.finish().map(|()| limits).map_err(|error| {
                error.details().iter().map(|problem| problem.path.clone()).collect::<Vec<_>>()
            })
        };
        assert_eq!(read(json!({})), Ok(None));
        assert_eq!(read(json!({"rate_limits": {}})), Ok(Some(Limits::NONE)));
        let standard = Limits::choose_limits(Some(RateTier::Standard), None).unwrap();
        assert_eq!(read(json!({"tier": "standard"})), Ok(Some(standard)));
        let own = json!({"rate_limits": {"requests_per_minute": 9, "concurrent_executions": null}});
        let limits = Limits { requests_per_minute: Some(9), ..Limits::NONE };
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
