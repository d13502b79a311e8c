//! `Approval`: waits for the decision of people.

use serde_json::{Value, json};
use stepwell_core::Map;
use stepwell_core::catalog::{ConfigCheck, StepAction, StepSpec};
use stepwell_core::definition::parse_duration;

use crate::spec::{base_spec, object_schema};
use crate::{StepBehaviour, StepType};

pub(crate) struct ApprovalStep;

impl StepType for ApprovalStep {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            doc: "The step leaves by its port `approved` or `rejected`, with the decision as its \
                  output. A waiting execution uses no thread and no memory, and survives a restart \
                  of the server. `timeout` limits the wait. See [approvals](approvals.md).",
            config: config_schema(),
            output: output_schema(),
            is_source: true,
            action: StepAction::Approval,
            check: Some(|known| check_config(&known.config)),
            ports: &["approved", "rejected"],
            examples: vec![json!({
                "type": "Approval",
                "config": {
                    "title": "Refund {{ inputs.amount }} EUR",
                    "approvers": ["maria", "tom"],
                    "escalate": {"after": "1d", "to": ["head-of-sales"]},
                    "on_timeout": "reject"
                },
                "timeout": "3d"
            })],
            ..base_spec("Approval", "Flow", "Waits until people approve or reject something.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Control
    }
}

fn config_schema() -> Value {
    let names = |description: &str| {
        json!({
            "type": ["array", "string"],
            "items": {"type": "string", "minLength": 1, "maxLength": 200},
            "maxItems": 50,
            "description": description
        })
    };
    object_schema(
        json!({
            "title": {
                "type": "string",
                "minLength": 1,
                "maxLength": 300,
                "description": "What is to be approved, in one line."
            },
            "description": {
                "type": "string",
                "maxLength": 10000,
                "description": "What the approvers have to know."
            },
            "approvers": names(
                "The names of those who may decide, at most 50. Default: everyone with the scope \
                 `write:approvals`."
            ),
            "quorum": {
                "type": "integer",
                "minimum": 1,
                "maximum": 50,
                "default": 1,
                "description": "How many of them must approve. One rejection rejects."
            },
            "form": {
                "type": "object",
                "description": "JSON Schema of the data of a decision."
            },
            "remind_every": {
                "type": ["string", "number"],
                "description": "The time between two reminders: a duration such as `1d`. Each is \
                                an event `approval.reminded` for webhooks; at most 100."
            },
            "escalate": {
                "type": "object",
                "additionalProperties": false,
                "required": ["after", "to"],
                "properties": {
                    "after": {
                        "type": ["string", "number"],
                        "description": "A duration such as `1d`."
                    },
                    "to": names("The names of those who may decide as well from then on.")
                },
                "description": "Adds approvers if the approval is not decided after a time."
            },
            "on_timeout": {
                "type": "string",
                "enum": ["fail", "approve", "reject"],
                "default": "fail",
                "description": "What happens if it is not decided within `timeout`: the step fails \
                                with `APPROVAL_TIMEOUT`, or it counts as approved or rejected."
            }
        }),
        &["title"],
    )
}

fn output_schema() -> Value {
    object_schema(
        json!({
            "decision": {
                "type": "string",
                "enum": ["approved", "rejected"],
                "description": "The decision."
            },
            "timed_out": {
                "type": "boolean",
                "description": "Whether `on_timeout` decided it."
            },
            "data": {"description": "The data of the last vote for the decision."},
            "votes": {
                "type": "array",
                "description": "The votes in order: `approver`, `verdict` (`approve` or `reject`), \
                                `comment`, `data`, `at`.",
                "items": {"type": "object"}
            }
        }),
        &["decision", "timed_out", "data", "votes"],
    )
}

fn check_config(config: &Map) -> ConfigCheck {
    let escalate = config.get("escalate").and_then(|escalate| escalate.get("after"));
    for (field, length) in [("remind_every", config.get("remind_every")), ("escalate", escalate)] {
        let Some(length) = length.filter(|length| !length.is_null()) else { continue };
        parse_duration(length).map_err(|message| (field, message))?;
    }
    let count = config.get("approvers").and_then(Value::as_array).map(Vec::len);
    let quorum = config.get("quorum").and_then(Value::as_u64);
    if let (Some(count), Some(quorum)) = (count, quorum)
        && count > 0
        && quorum > count as u64
    {
        let message = format!(
            "{quorum} approvals are needed, but there are {count} approvers; write at most {count}"
        );
        return Err(("quorum", message));
    }
    if let Some(form) = config.get("form")
        && !form.is_null()
    {
        stepwell_core::definition::check_value_schema(form).map_err(|message| ("form", message))?;
    }
    Ok(())
}
