//! The dataflow dialect.

use super::Sees::{EmptyAt, Nothing, Own, Server};
use super::{Call, call, with};

const DEFINITION: &str = r#"{"name": "theirs", "steps": [{"type": "Echo", "input": 1}]}"#;

pub const CALLS: &[Call] = &[
    call("GET /workflows", "", EmptyAt("/workflows")),
    with("POST /workflows", "", DEFINITION, Own),
    call("GET /workflows/{workflow_id}", "/workflows/<workflow>", Nothing(404)),
    with("PUT /workflows/{workflow_id}", "/workflows/<workflow>", DEFINITION, Nothing(404)),
    call("DELETE /workflows/{workflow_id}", "/workflows/<workflow>", Nothing(404)),
    call("GET /workflows/{workflow_id}/stats", "/workflows/<workflow>/stats", Nothing(404)),
    call("POST /workflows/{workflow_id}/execute", "/workflows/<workflow>/execute", Nothing(404)),
    call(
        "POST /workflows/{workflow_id}/execute",
        "/workflows/<workflow>/execute?wait=true",
        Nothing(404),
    ),
    call(
        "GET /workflows/{workflow_id}/executions",
        "/workflows/<workflow>/executions",
        Nothing(404),
    ),
    call(
        "GET /workflows/{workflow_id}/executions/{execution_id}",
        "/workflows/<workflow>/executions/<execution>",
        Nothing(404),
    ),
    call(
        "POST /workflows/{workflow_id}/executions/{execution_id}/cancel",
        "/workflows/<workflow>/executions/<execution>/cancel",
        Nothing(404),
    ),
    call(
        "POST /workflows/{workflow_id}/executions/{execution_id}/pause",
        "/workflows/<workflow>/executions/<execution>/pause",
        Nothing(404),
    ),
    call(
        "POST /workflows/{workflow_id}/executions/{execution_id}/resume",
        "/workflows/<workflow>/executions/<execution>/resume",
        Nothing(404),
    ),
    call(
        "GET /workflows/{workflow_id}/executions/{execution_id}/events",
        "/workflows/<workflow>/executions/<ended>/events",
        Nothing(404),
    ),
    call(
        "GET /workflows/{workflow_id}/executions/{execution_id}/logs",
        "/workflows/<workflow>/executions/<execution>/logs",
        Nothing(404),
    ),
    call("GET /step-types", "", Server),
];
