//! The abi dialect: workflows and their executions.

use super::Sees::{EmptyAt, Nothing, Own};
use super::{Call, call, with};

pub const CALLS: &[Call] = &[
    call("GET /api/v1/workflows", "", EmptyAt("/data/items")),
    call("GET /api/v1/workflows", "/api/v1/workflows?metadata.label=xyzzy", EmptyAt("/data/items")),
    with(
        "POST /api/v1/workflows",
        "",
        r#"{"name": "theirs of the abi dialect", "configuration": {"steps": [{"type": "Echo", "input": 1}]}}"#,
        Own,
    ),
    with(
        "POST /api/v1/workflows/validate",
        "",
        r#"{"name": "theirs", "steps": [{"type": "Echo", "input": 1}]}"#,
        Own,
    ),
    with("POST /api/v1/expressions/evaluate", "", r#"{"expression": "1 + 1"}"#, Own),
    with(
        "POST /api/v1/workflows/dry-run",
        "",
        r#"{"definition": {"name": "theirs", "steps": [{"type": "Echo", "input": 1}]}}"#,
        Own,
    ),
    call(
        "POST /api/v1/workflows/{id}/dry-run",
        "/api/v1/workflows/<workflow>/dry-run",
        Nothing(404),
    ),
    call("GET /api/v1/workflows/{id}", "/api/v1/workflows/<workflow>", Nothing(404)),
    with(
        "PUT /api/v1/workflows/{id}",
        "/api/v1/workflows/<workflow>",
        r#"{"description": "theirs"}"#,
        Nothing(404),
    ),
    with(
        "PATCH /api/v1/workflows/{id}",
        "/api/v1/workflows/<workflow>",
        r#"{"description": "theirs"}"#,
        Nothing(404),
    ),
    call("DELETE /api/v1/workflows/{id}", "/api/v1/workflows/<workflow>", Nothing(404)),
    call(
        "GET /api/v1/workflows/{id}/definition",
        "/api/v1/workflows/<workflow>/definition",
        Nothing(404),
    ),
    call(
        "POST /api/v1/workflows/{id}/activate",
        "/api/v1/workflows/<workflow>/activate",
        Nothing(404),
    ),
    call(
        "POST /api/v1/workflows/{id}/deactivate",
        "/api/v1/workflows/<workflow>/deactivate",
        Nothing(404),
    ),
    call(
        "POST /api/v1/workflows/{id}/execute",
        "/api/v1/workflows/<workflow>/execute",
        Nothing(404),
    ),
    with(
        "POST /api/v1/workflows/{id}/execute",
        "/api/v1/workflows/<workflow>/execute",
        r#"{"execution_options": {"timeout_seconds": 5}}"#,
        Nothing(404),
    ),
    call(
        "POST /api/v1/workflows/{id}/execute_async",
        "/api/v1/workflows/<workflow>/execute_async",
        Nothing(404),
    ),
    call(
        "DELETE /api/v1/workflows/{id}",
        "/api/v1/workflows/<workflow>?cancel_running=true",
        Nothing(404),
    ),
    call("GET /api/v1/operations", "", EmptyAt("/data/items")),
    call("GET /api/v1/operations", "/api/v1/operations?workflow_id=<workflow>", Nothing(404)),
    with(
        "POST /api/v1/operations",
        "",
        r#"{"action": "purge", "filter": {"workflow_id": "<workflow>"}}"#,
        Nothing(404),
    ),
    with(
        "POST /api/v1/operations",
        "/api/v1/operations?dry_run=true",
        r#"{"action": "cancel", "filter": {"workflow_id": "<workflow>"}}"#,
        Nothing(404),
    ),
    with(
        "POST /api/v1/operations",
        "",
        r#"{"action": "cancel", "filter": {"metadata": {"label": "xyzzy"}}}"#,
        Own,
    ),
    call("GET /api/v1/operations/{id}", "/api/v1/operations/<operation>", Nothing(404)),
    call(
        "POST /api/v1/operations/{id}/cancel",
        "/api/v1/operations/<operation>/cancel",
        Nothing(404),
    ),
    call("GET /api/v1/workflow_executions", "", EmptyAt("/data/items")),
    call(
        "GET /api/v1/workflow_executions",
        "/api/v1/workflow_executions?workflow_id=<workflow>",
        Nothing(404),
    ),
    call(
        "GET /api/v1/workflow_executions",
        "/api/v1/workflow_executions?external_id=<external_id>",
        EmptyAt("/data/items"),
    ),
    call(
        "GET /api/v1/workflow_executions/{id}",
        "/api/v1/workflow_executions/<execution>",
        Nothing(404),
    ),
    call(
        "GET /api/v1/workflow_executions/{id}",
        "/api/v1/workflow_executions/<ended>",
        Nothing(404),
    ),
    call(
        "POST /api/v1/workflow_executions/{id}/cancel",
        "/api/v1/workflow_executions/<execution>/cancel",
        Nothing(404),
    ),
    call(
        "POST /api/v1/workflow_executions/{id}/pause",
        "/api/v1/workflow_executions/<execution>/pause",
        Nothing(404),
    ),
    call(
        "POST /api/v1/workflow_executions/{id}/resume",
        "/api/v1/workflow_executions/<execution>/resume",
        Nothing(404),
    ),
    call(
        "POST /api/v1/workflow_executions/{id}/signals/{name}",
        "/api/v1/workflow_executions/<execution>/signals/go",
        Nothing(404),
    ),
    with("POST /api/v1/signals/{name}", "/api/v1/signals/go", r#"{"key": "<name>"}"#, Own),
    call(
        "POST /api/v1/workflow_executions/{id}/rerun",
        "/api/v1/workflow_executions/<ended>/rerun",
        Nothing(404),
    ),
    call(
        "GET /api/v1/workflow_executions/{id}/events",
        "/api/v1/workflow_executions/<ended>/events",
        Nothing(404),
    ),
    call(
        "GET /api/v1/workflow_executions/{id}/files",
        "/api/v1/workflow_executions/<ended>/files",
        Nothing(404),
    ),
    call(
        "GET /api/v1/workflow_executions/{id}/files/{name}",
        "/api/v1/workflow_executions/<ended>/files/rows",
        Nothing(404),
    ),
    call(
        "GET /api/v1/workflow_executions/{id}/logs",
        "/api/v1/workflow_executions/<ended>/logs",
        Nothing(404),
    ),
    call(
        "GET /api/v1/workflow_executions/{id}",
        "/api/v1/workflow_executions/<ended>?include=io",
        Nothing(404),
    ),
    with(
        "POST /api/v1/workflow_executions/{id}/rerun",
        "/api/v1/workflow_executions/<ended>/rerun",
        r#"{"from_step": "say", "input": {"text": "theirs"}}"#,
        Nothing(404),
    ),
];
