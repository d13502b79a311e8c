//! `WaitForSignal`: waits for a signal from outside.

use serde_json::{Value, json};
use stepwell_core::catalog::{ConfigCheck, StepAction, StepSpec};
use stepwell_core::{Map, names};

use crate::spec::{base_spec, block_fields, object_schema};
use crate::{StepBehaviour, StepType};

pub(crate) struct WaitForSignal;

impl StepType for WaitForSignal {
    fn type_spec(&self) -> StepSpec {
        let fields = json!({
            "signal": {
                "type": "string",
                "minLength": 1,
                "maxLength": 255,
                "description": "The name of the signal."
            },
            "key": {
                "type": ["string", "number"],
                "description": "The correlation key: a signal that is sent with this key reaches \
                                this step, without the id of the execution. 1 to 255 bytes."
            },
            "on_timeout": {
                "type": "string",
                "enum": ["fail", "port"],
                "default": "fail",
                "description": "What happens if the signal does not arrive within `timeout`: the \
                                step fails with `SIGNAL_TIMEOUT`, or leaves by its port `timeout` \
                                with the output `null`."
            }
        });
        StepSpec {
            doc: "A waiting execution uses no thread and no memory, and survives a restart of the \
                  server. `timeout` limits the wait; without it, the step waits until the signal \
                  arrives or the execution ends. See [signals](signals.md).",
            config: object_schema(fields.clone(), &["signal"]),
            block: block_fields(fields, &["signal"]),
            is_source: true,
            action: StepAction::WaitForSignal,
            check: Some(|known| check_names(&known.config)),
            ports: &["timeout"],
            examples: vec![
                json!({"type": "WaitForSignal", "signal": "payment", "timeout": "3d"}),
                json!({
                    "type": "WaitForSignal",
                    "signal": "payment",
                    "key": "{{ inputs.order_id }}",
                    "timeout": "3d",
                    "on_timeout": "port"
                }),
            ],
            ..base_spec(
                "WaitForSignal",
                "Flow",
                "Waits for a signal from outside and returns its data.",
            )
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Control
    }
}

fn check_names(config: &Map) -> ConfigCheck {
    for field in ["signal", "key"] {
        let Some(Value::String(text)) = config.get(field) else { continue };
        names::check_visible(text).map_err(|problem| (field, format!("`{field}` {problem}")))?;
        if text.is_empty() || text.len() > 255 {
            return Err((field, format!("`{field}` must have 1 to 255 bytes")));
        }
    }
    Ok(())
}
