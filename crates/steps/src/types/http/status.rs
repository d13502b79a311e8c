//! Which statuses count as success.

use serde_json::Value;

use crate::StepFailure;
use crate::values::{integer_value, unfit_value};

/// Inclusive ranges of statuses.
pub(super) struct ExpectedStatus(Vec<(u16, u16)>);

impl ExpectedStatus {
    /// The `expected_status` of the configuration; 200 to 299 by default.
    pub fn new(config: &Value) -> Result<Self, StepFailure> {
        let Some(list) = config.get("expected_status").and_then(Value::as_array) else {
            return Ok(Self(vec![(200, 299)]));
        };
        let one = |entry: &Value| match entry {
            Value::String(text) => parse_range(text),
            other => integer_value(other).and_then(|n| u16::try_from(n).ok()).map(|n| (n, n)),
        };
        let ranges = list.iter().map(|entry| {
            let expected = "a list of statuses such as 201 or `2xx`";
            one(entry).ok_or_else(|| unfit_value("expected_status", expected, Some(entry)))
        });
        Ok(Self(ranges.collect::<Result<_, _>>()?))
    }

    /// Whether this status counts as success.
    pub fn is_expected(&self, status: u16) -> bool {
        self.0.iter().any(|(from, to)| (*from..=*to).contains(&status))
    }
}

fn parse_range(text: &str) -> Option<(u16, u16)> {
    let lower = text.to_ascii_lowercase();
    match lower.strip_suffix("xx") {
        Some(class) => {
            let class: u16 = class.parse().ok().filter(|class| (1..=5).contains(class))?;
            Some((class * 100, class * 100 + 99))
        }
        None => lower.parse().ok().map(|n| (n, n)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn knows_success() {
        for (config, good, bad) in [
            (json!({}), vec![200, 204, 299], vec![199, 300, 404]),
            (json!({"expected_status": [201.0, "404"]}), vec![201, 404], vec![200, 403]),
            (json!({"expected_status": ["2xx", "3XX"]}), vec![200, 399], vec![400]),
        ] {
            let expected = ExpectedStatus::new(&config).unwrap();
            assert!(good.into_iter().all(|status| expected.is_expected(status)), "{config}");
            assert!(!bad.into_iter().any(|status| expected.is_expected(status)), "{config}");
        }
        for entry in [json!("9xx"), json!("ok"), json!(70_000), json!(null)] {
            assert!(ExpectedStatus::new(&json!({"expected_status": [entry]})).is_err(), "{entry}");
        }
    }
}
