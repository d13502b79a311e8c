//! `WaitUntil`: waits until a time.

use serde_json::json;
use stepwell_core::catalog::{StepAction, StepSpec};

use super::delay::check_config;
use crate::spec::{base_spec, block_fields, object_schema};
use crate::{StepBehaviour, StepType};

pub(crate) struct WaitUntil;

impl StepType for WaitUntil {
    fn type_spec(&self) -> StepSpec {
        let fields = json!({
            "until": {
                "type": "string",
                "description": "The time to wait for, in RFC 3339 with an offset: \
                                `2026-01-31T09:00:00Z`. A time in the past does not wait."
            }
        });
        StepSpec {
            doc: "The output is `{at}`, the time in UTC. It waits as a [`Delay`](#delay) with \
                  `until` does, which returns its input instead.",
            config: object_schema(fields.clone(), &["until"]),
            block: block_fields(fields, &["until"]),
            output: object_schema(
                json!({"at": {"type": "string", "description": "The time, in UTC."}}),
                &["at"],
            ),
            is_source: true,
            action: StepAction::WaitUntil,
            check: Some(|known| check_config(&known.config)),
            examples: vec![json!({"type": "WaitUntil", "until": "2026-01-31T09:00:00Z"})],
            ..base_spec("WaitUntil", "Flow", "Waits until a time.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Control
    }
}
