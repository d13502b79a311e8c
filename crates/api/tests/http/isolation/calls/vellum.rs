//! The vellum dialect.

use super::Sees::{EmptyAt, Nothing, Own};
use super::{Call, call, with};

const BY_ID: &str = r#"{"workflow_deployment_id": "<workflow>", "inputs": []}"#;
const BY_NAME: &str = r#"{"workflow_deployment_name": "<name>", "inputs": []}"#;
const BY_TAG: &str =
    r#"{"workflow_deployment_name": "<name>", "release_tag": "<tag>", "inputs": []}"#;
const ACTUALS: &str =
    r#"{"execution_id": "<ended>", "actuals": [{"output_key": "text", "quality": 1}]}"#;
const ACTUALS_BY_EXTERNAL_ID: &str =
    r#"{"external_id": "<external_id>", "actuals": [{"output_key": "text", "quality": 1}]}"#;

pub const CALLS: &[Call] = &[
    with("POST /v1/execute-workflow", "", BY_ID, Nothing(404)),
    with("POST /v1/execute-workflow", "", BY_NAME, Nothing(404)),
    with("POST /v1/execute-workflow", "", BY_TAG, Nothing(404)),
    with("POST /v1/execute-workflow-async", "", BY_ID, Nothing(404)),
    with("POST /v1/execute-workflow-async", "", BY_NAME, Nothing(404)),
    with("POST /v1/execute-workflow-stream", "", BY_ID, Nothing(404)),
    with("POST /v1/execute-workflow-stream", "", BY_NAME, Nothing(404)),
    with("POST /v1/submit-workflow-execution-actuals", "", ACTUALS, Nothing(404)),
    with("POST /v1/submit-workflow-execution-actuals", "", ACTUALS_BY_EXTERNAL_ID, Nothing(404)),
    call(
        "GET /v1/workflows/executions/{execution_id}/status",
        "/v1/workflows/executions/<execution>/status",
        Nothing(404),
    ),
    call("GET /v1/workflow-deployments", "", EmptyAt("/results")),
    call("GET /v1/workflow-deployments/{id}", "/v1/workflow-deployments/<workflow>", Nothing(404)),
    call("GET /v1/workflow-deployments/{id}", "/v1/workflow-deployments/<name>", Nothing(404)),
    call(
        "GET /v1/workflow-deployments/{id}/releases",
        "/v1/workflow-deployments/<workflow>/releases",
        Nothing(404),
    ),
    call(
        "GET /v1/workflow-deployments/{id}/releases/{release}",
        "/v1/workflow-deployments/<workflow>/releases/<release>",
        Nothing(404),
    ),
    call(
        "GET /v1/workflow-deployments/{id}/releases/{release}",
        "/v1/workflow-deployments/<workflow>/releases/<tag>",
        Nothing(404),
    ),
    call(
        "GET /v1/workflow-deployments/{id}/history/{release}",
        "/v1/workflow-deployments/<workflow>/history/<release>",
        Nothing(404),
    ),
    call(
        "GET /v1/workflow-deployments/{id}/release-tags",
        "/v1/workflow-deployments/<workflow>/release-tags",
        Nothing(404),
    ),
    call(
        "GET /v1/workflow-deployments/{id}/release-tags/{name}",
        "/v1/workflow-deployments/<workflow>/release-tags/<tag>",
        Nothing(404),
    ),
    call(
        "GET /v1/workflow-deployments/{id}/execution-events",
        "/v1/workflow-deployments/<workflow>/execution-events",
        Nothing(404),
    ),
    call(
        "GET /v1/workflow-deployments/{id}/execution-events/{execution_id}",
        "/v1/workflow-deployments/<workflow>/execution-events/<ended>",
        Nothing(404),
    ),
    with(
        "PATCH /v1/workflow-deployments/{id}/release-tags/{name}",
        "/v1/workflow-deployments/<workflow>/release-tags/<tag>",
        r#"{"history_item_id": "<release>"}"#,
        Nothing(404),
    ),
    with(
        "POST /v1/workflow-deployments/{id}/execute-stream",
        "/v1/workflow-deployments/<workflow>/execute-stream",
        r#"{"inputs": {}}"#,
        Nothing(404),
    ),
    with(
        "POST /v1/workflow-deployments/{id}/execute-stream",
        "/v1/workflow-deployments/<workflow>/execute-stream",
        r#"{"inputs": {}, "release_tag": "<tag>"}"#,
        Nothing(404),
    ),
    call(
        "GET /v1/workflow-executions/{execution_id}/detail",
        "/v1/workflow-executions/<ended>/detail",
        Nothing(404),
    ),
    call("GET /v1/workflows/{span_id}/state", "/v1/workflows/<ended>/state", Nothing(404)),
    call("GET /v1/workspaces/identity", "", Own),
    call("GET /v1/environments/identity", "", Own),
    call("GET /v1/organizations/identity", "", Own),
];
