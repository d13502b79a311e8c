//! `SubWorkflow`: starts an execution of another workflow, and waits for its end.

use serde_json::json;
use stepwell_core::catalog::{ConfigCheck, StaticFields, StepAction, StepSpec};

use crate::spec::{base_spec, block_fields, object_schema};
use crate::{StepBehaviour, StepType};

pub(crate) struct SubWorkflow;

impl StepType for SubWorkflow {
    fn type_spec(&self) -> StepSpec {
        let fields = json!({
            "workflow": {
                "type": "string",
                "minLength": 1,
                "maxLength": 200,
                "description": "The name or the id of a workflow of the same workspace. It is \
                                looked up when the step starts."
            },
            "release": {
                "type": "integer",
                "minimum": 1,
                "description": "The number of the release to run."
            },
            "release_tag": {
                "type": "string",
                "minLength": 1,
                "maxLength": 100,
                "description": "The release tag that selects the release. Default: the newest \
                                release, when the step starts."
            },
            "wait": {
                "type": "boolean",
                "default": true,
                "description": "Whether the step waits for the end of the sub-workflow."
            }
        });
        StepSpec {
            doc: "The sub-workflow is an execution of its own, with the step's `input` as its \
                  input. The step's output is the output of that execution; if it fails, the step \
                  fails with the same error code. Cancelling, pausing and resuming the execution \
                  does the same with its sub-workflows. While it waits, the execution uses no \
                  thread and no memory. With `wait: false` the step completes as soon as the \
                  sub-workflow is started, with the output `{execution_id, workflow_id, release}`. \
                  [More](control-flow.md#sub-workflows)",
            config: object_schema(fields.clone(), &["workflow"]),
            check: Some(check_release),
            action: StepAction::SubWorkflow,
            block: block_fields(fields, &["workflow"]),
            examples: vec![
                json!({
                    "type": "SubWorkflow",
                    "workflow": "invoice",
                    "input": {"order": "{{ inputs.order }}"}
                }),
                json!({
                    "type": "SubWorkflow",
                    "workflow": "invoice",
                    "release_tag": "production",
                    "wait": false
                }),
            ],
            ..base_spec(
                "SubWorkflow",
                "Flow",
                "Starts an execution of another workflow and waits for its end.",
            )
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Control
    }
}

fn check_release(known: &StaticFields) -> ConfigCheck {
    let is_written = |field| known.config.contains_key(field) || known.prefixes.contains_key(field);
    match is_written("release") && is_written("release_tag") {
        true => Err(("release_tag", "write `release` or `release_tag`, not both".into())),
        false => Ok(()),
    }
}
