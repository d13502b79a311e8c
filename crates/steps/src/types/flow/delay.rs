//! `Delay`: waits, then passes its input on.

use serde_json::{Value, json};
use stepwell_core::catalog::{ConfigCheck, StepAction, StepSpec};
use stepwell_core::definition::parse_duration;
use stepwell_core::{Map, Timestamp};

use crate::spec::{base, object};
use crate::{Behaviour, StepType};

pub(crate) struct Delay;

impl StepType for Delay {
    fn spec(&self) -> StepSpec {
        let mut config = object(
            json!({
                "for": {
                    "type": ["string", "number"],
                    "minimum": 0,
                    "description": "How long to wait: a duration such as `90s`, `5m` or `2h`, or \
                                    a number of seconds."
                },
                "until": {
                    "type": "string",
                    "description": "The moment to wait for, in RFC 3339 with a zone: \
                                    `2026-01-31T09:00:00Z`. One that has passed does not wait."
                }
            }),
            &[],
        );
        config["oneOf"] = json!([{"required": ["for"]}, {"required": ["until"]}]);
        StepSpec {
            doc: "A waiting execution costs no thread and no memory, and outlives a restart of the \
                  server.",
            config,
            action: StepAction::Delay,
            check: Some(|known| check(&known.config)),
            examples: vec![
                json!({"type": "Delay", "config": {"for": "5m"}}),
                json!({"type": "Delay", "config": {"until": "2026-01-31T09:00:00Z"}}),
            ],
            ..base("Delay", "Flow", "Waits for a time or until a moment, then passes its input on.")
        }
    }

    fn behaviour(&self) -> Behaviour {
        Behaviour::Control
    }
}

fn check(config: &Map) -> ConfigCheck {
    if let Some(length) = config.get("for") {
        parse_duration(length).map_err(|message| ("for", message))?;
    }
    match config.get("until").and_then(Value::as_str) {
        Some(text) if Timestamp::parse(text).is_none() => Err((
            "until",
            format!("`{text}` is not an RFC 3339 time with a zone such as 2026-01-31T09:00:00Z"),
        )),
        _ => Ok(()),
    }
}
