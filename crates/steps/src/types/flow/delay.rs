//! `Delay`: waits, then outputs its input.

use serde_json::{Value, json};
use stepwell_core::catalog::{ConfigCheck, StepAction, StepSpec};
use stepwell_core::definition::parse_duration;
use stepwell_core::{Map, Timestamp};

use crate::spec::{base_spec, object_schema};
use crate::{StepBehaviour, StepType};

pub(crate) struct DelayStep;

impl StepType for DelayStep {
    fn type_spec(&self) -> StepSpec {
        let mut config = object_schema(
            json!({
                "for": {
                    "type": ["string", "number"],
                    "minimum": 0,
                    "description": "How long to wait: a duration such as `90s`, `5m` or `2h`, or \
                                    a number of seconds."
                },
                "until": {
                    "type": "string",
                    "description": "The time to wait for, in RFC 3339 with an offset: \
                                    `2026-01-31T09:00:00Z`. A time in the past does not wait."
                }
            }),
            &[],
        );
        config["oneOf"] = json!([{"required": ["for"]}, {"required": ["until"]}]);
        StepSpec {
            doc: "A waiting execution uses no thread and no memory, and survives a restart of the \
                  server.",
            config,
            action: StepAction::Delay,
            check: Some(|known| check_config(&known.config)),
            examples: vec![
                json!({"type": "Delay", "config": {"for": "5m"}}),
                json!({"type": "Delay", "config": {"until": "2026-01-31T09:00:00Z"}}),
            ],
            ..base_spec(
                "Delay",
                "Flow",
                "Waits for a duration or until a time, then returns its input.",
            )
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Control
    }
}

pub(super) fn check_config(config: &Map) -> ConfigCheck {
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
