//! Every call of the API, and what a stranger sees of it. A new call gets a line here: with
//! objects in its path or body, a stranger sees nothing, as if they had never been.

/// A call, with objects (see `world.rs`) in the places of its parameters.
pub struct Call {
    /// Method and path as the API's description has them.
    pub call: &'static str,
    /// The path with objects in it; empty: the path has no parameters.
    at: &'static str,
    /// The body; empty: none.
    pub body: &'static str,
    /// What a stranger sees.
    pub sees: Sees,
    /// Whether only an admin of the default workspace is served.
    pub by_operator_only: bool,
}

/// What a stranger sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sees {
    /// This status, and the same words as of objects that never were.
    Nothing(u16),
    /// A list without anything in it.
    EmptyAt(&'static str),
    /// What is its own.
    Own,
    /// The same as everybody: it tells of the server.
    Server,
}

impl Call {
    pub fn method(&self) -> &'static str {
        self.call.split_once(' ').unwrap().0
    }

    /// The path to be filled.
    pub fn path(&self) -> &'static str {
        if self.at.is_empty() { self.call.split_once(' ').unwrap().1 } else { self.at }
    }
}

const fn call(call: &'static str, at: &'static str, sees: Sees) -> Call {
    Call { call, at, body: "", sees, by_operator_only: false }
}

const fn with(call: &'static str, at: &'static str, body: &'static str, sees: Sees) -> Call {
    Call { call, at, body, sees, by_operator_only: false }
}

use Sees::{EmptyAt, Nothing, Own, Server};

const DEFINITION: &str = r#"{"name": "theirs", "steps": [{"type": "Echo", "input": 1}]}"#;
const RELEASE: &str =
    r#"{"definition": {"name": "theirs", "steps": [{"type": "Echo", "input": 1}]}}"#;
const BY_ID: &str = r#"{"workflow_deployment_id": "<workflow>", "inputs": []}"#;
const BY_NAME: &str = r#"{"workflow_deployment_name": "<name>", "inputs": []}"#;
const BY_TAG: &str =
    r#"{"workflow_deployment_name": "<name>", "release_tag": "<tag>", "inputs": []}"#;
const ACTUALS: &str =
    r#"{"execution_id": "<ended>", "actuals": [{"output_key": "said", "quality": 1}]}"#;
const ACTUALS_BY_EXTERNAL_ID: &str =
    r#"{"external_id": "<external_id>", "actuals": [{"output_key": "said", "quality": 1}]}"#;

/// All of them, by dialect. A call that can name objects in several ways is there several times.
pub const CALLS: &[Call] = &[
    // dataflow
    // First, while a stranger has nothing of its own.
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
    // vellum
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
    // abi
    with("POST /api/v1/auth/api-keys", "", r#"{"name": "theirs", "role": "user"}"#, Own),
    with(
        "POST /api/v1/auth/api-keys",
        "",
        r#"{"name": "theirs", "role": "user", "workspace_id": "<workspace>"}"#,
        Nothing(403),
    ),
    call("GET /api/v1/auth/api-keys", "", Own),
    call(
        "GET /api/v1/auth/api-keys",
        "/api/v1/auth/api-keys?workspace_id=<workspace>",
        Nothing(403),
    ),
    call("DELETE /api/v1/auth/api-keys/{id}", "/api/v1/auth/api-keys/<key>", Nothing(404)),
    call("GET /api/v1/auth/me", "", Own),
    call("GET /api/v1/webhooks/signing-secret", "", Own),
    Call {
        by_operator_only: true,
        ..with("POST /api/v1/workspaces", "", r#"{"name": "theirs"}"#, Nothing(403))
    },
    call("GET /api/v1/workspaces", "", Own),
    call("GET /api/v1/audit_log", "", Own),
    call("GET /api/v1/audit_log", "/api/v1/audit_log?workspace_id=<workspace>", Nothing(403)),
    call("GET /api/v1/workspaces/{id}", "/api/v1/workspaces/<workspace>", Nothing(404)),
    with(
        "PATCH /api/v1/workspaces/{id}",
        "/api/v1/workspaces/<workspace>",
        r#"{"name": "theirs"}"#,
        Nothing(404),
    ),
    with(
        "PATCH /api/v1/workspaces/{id}",
        "/api/v1/workspaces/<workspace>",
        r#"{"rate_limits": {}}"#,
        Nothing(404),
    ),
    with(
        "POST /api/v1/workflows/{id}/releases",
        "/api/v1/workflows/<workflow>/releases",
        RELEASE,
        Nothing(404),
    ),
    call(
        "GET /api/v1/workflows/{id}/releases",
        "/api/v1/workflows/<workflow>/releases",
        Nothing(404),
    ),
    call(
        "GET /api/v1/workflows/{id}/release_tags",
        "/api/v1/workflows/<workflow>/release_tags",
        Nothing(404),
    ),
    call(
        "GET /api/v1/workflows/{id}/release_tags/{tag}",
        "/api/v1/workflows/<workflow>/release_tags/<tag>",
        Nothing(404),
    ),
    with(
        "PUT /api/v1/workflows/{id}/release_tags/{tag}",
        "/api/v1/workflows/<workflow>/release_tags/<tag>",
        r#"{"release": 1}"#,
        Nothing(404),
    ),
    call(
        "GET /api/v1/workflows/{id}/quality",
        "/api/v1/workflows/<workflow>/quality",
        Nothing(404),
    ),
    call(
        "GET /api/v1/workflow_executions/{id}/actuals",
        "/api/v1/workflow_executions/<ended>/actuals",
        Nothing(404),
    ),
    // service
    call("GET /healthz", "", Server),
    call("GET /readyz", "", Server),
    call("GET /metrics", "", Server),
    call("GET /openapi.json", "", Server),
    call("GET /api/v1/schema/definition", "", Server),
];
